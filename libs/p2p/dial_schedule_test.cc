#include "p2p/dial_schedule.h"

#include <gmock/gmock.h>

#include <array>
#include <random>

#include "sim/node_executor.h"

namespace groat::p2p {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using namespace std::chrono_literals;

PeerId Peer(uint8_t number) {
  PeerId peer;
  peer[0] = number;
  return peer;
}

class DialScheduleTest : public ::testing::Test {
 protected:
  void Make(size_t max_at_once) {
    schedule_ = std::make_unique<DialSchedule>(executor_, max_at_once, [this](const PeerId& peer) {
      dialled_.emplace_back(executor_.Now().time_since_epoch() / 1ms, peer[0]);
      if (on_dial_) on_dial_(peer);
    });
  }
  void Set(uint8_t number, Duration after) {
    executor_.Run([&] { schedule_->Set(Peer(number), executor_.Now() + after); });
  }
  void Forget(uint8_t number) {
    executor_.Run([&] { schedule_->Forget(Peer(number)); });
  }
  void End() {
    executor_.Run([&] { schedule_->Ended(); });
  }
  // What was dialled since the last call: milliseconds and peer.
  std::vector<std::pair<int64_t, int>> RunFor(Duration time) {
    scheduler_.RunFor(time);
    return std::exchange(dialled_, {});
  }

  sim::Scheduler scheduler_;
  sim::NodeExecutor executor_{scheduler_, 1};
  std::vector<std::pair<int64_t, int>> dialled_;
  std::function<void(const PeerId&)> on_dial_;
  std::unique_ptr<DialSchedule> schedule_;
};

TEST_F(DialScheduleTest, DialsInOrderOfTime) {
  Make(10);
  Set(1, 30ms);
  Set(2, 10ms);
  Set(3, 20ms);
  Set(4, 0ms);
  EXPECT_TRUE(schedule_->IsSet(Peer(1)));
  EXPECT_THAT(dialled_, IsEmpty());  // Never inside the call.
  EXPECT_THAT(RunFor(25ms), ElementsAre(Pair(0, 4), Pair(10, 2), Pair(20, 3)));
  EXPECT_FALSE(schedule_->IsSet(Peer(3)));
  EXPECT_THAT(RunFor(1s), ElementsAre(Pair(30, 1)));
}

TEST_F(DialScheduleTest, PeersOfTheSameTimeGoInOrderOfTheirKeys) {
  Make(10);
  for (const uint8_t peer : std::array<uint8_t, 3>{3, 1, 2}) Set(peer, 5ms);
  EXPECT_THAT(RunFor(1s), ElementsAre(Pair(5, 1), Pair(5, 2), Pair(5, 3)));
}

TEST_F(DialScheduleTest, ATimeThatHasPassedIsNow) {
  Make(10);
  scheduler_.RunFor(50ms);
  Set(1, -20ms);
  EXPECT_THAT(RunFor(1s), ElementsAre(Pair(50, 1)));
}

TEST_F(DialScheduleTest, SettingAgainMoves) {
  Make(10);
  Set(1, 10ms);
  Set(1, 40ms);  // Later: the timer that was set for 10 ms finds nothing.
  Set(2, 50ms);
  Set(2, 20ms);  // Earlier.
  EXPECT_THAT(RunFor(1s), ElementsAre(Pair(20, 2), Pair(40, 1)));
}

TEST_F(DialScheduleTest, ForgottenPeersAreNotDialled) {
  Make(10);
  Set(1, 10ms);
  Set(2, 20ms);
  Forget(1);
  Forget(7);
  EXPECT_FALSE(schedule_->IsSet(Peer(1)));
  EXPECT_THAT(RunFor(1s), ElementsAre(Pair(20, 2)));
}

TEST_F(DialScheduleTest, BoundsDialsAtOnce) {
  Make(2);
  for (uint8_t peer = 1; peer <= 4; ++peer) Set(peer, peer * 1ms);
  EXPECT_THAT(RunFor(100ms), ElementsAre(Pair(1, 1), Pair(2, 2)));
  End();
  EXPECT_THAT(dialled_, IsEmpty());  // Not inside the call.
  EXPECT_THAT(RunFor(100ms), ElementsAre(Pair(100, 3)));
  EXPECT_THAT(RunFor(100ms), IsEmpty());
  End();
  End();
  EXPECT_THAT(RunFor(100ms), ElementsAre(Pair(300, 4)));
  Set(5, 0ms);
  Set(6, 0ms);
  EXPECT_THAT(RunFor(100ms), ElementsAre(Pair(400, 5)));
}

// The bound holds among those that are due at the same time, and an attempt that is over inside
// the callback makes room for the next.
TEST_F(DialScheduleTest, AnAttemptMayEndInsideTheCallback) {
  Make(1);
  on_dial_ = [this](const PeerId&) { schedule_->Ended(); };
  for (uint8_t peer = 1; peer <= 3; ++peer) Set(peer, 5ms);
  EXPECT_THAT(RunFor(1s), ElementsAre(Pair(5, 1), Pair(5, 2), Pair(5, 3)));
}

TEST_F(DialScheduleTest, TheCallbackMayForgetAndSetOthers) {
  Make(10);
  on_dial_ = [this](const PeerId& peer) {
    if (peer != Peer(1)) return;
    schedule_->Forget(Peer(2));                       // Due now.
    schedule_->Forget(Peer(1));                       // Itself: nothing is set.
    schedule_->Set(Peer(4), executor_.Now());         // Also now.
    schedule_->Set(Peer(3), executor_.Now() + 10ms);  // Moved.
    schedule_->Set(Peer(1), executor_.Now() + 20ms);  // Again.
  };
  for (uint8_t peer = 1; peer <= 3; ++peer) Set(peer, 5ms);
  EXPECT_THAT(RunFor(16ms), ElementsAre(Pair(5, 1), Pair(5, 4), Pair(15, 3)));
  on_dial_ = nullptr;
  EXPECT_THAT(RunFor(1s), ElementsAre(Pair(25, 1)));
}

TEST_F(DialScheduleTest, NothingIsDialledOnceItIsDestroyed) {
  Make(10);
  Set(1, 5ms);
  schedule_.reset();
  EXPECT_THAT(RunFor(1s), IsEmpty());
}

TEST_F(DialScheduleTest, EndingWhatDidNotBeginIsABug) {
  Make(10);
  EXPECT_DEATH(schedule_->Ended(), "under_way_");
}

// Model: random calls; whoever is set is dialled when due, unless the bound holds it back.
TEST_F(DialScheduleTest, DialsWhoeverIsDue) {
  Make(3);
  std::mt19937 random(2);
  size_t under_way = 0;
  std::map<uint8_t, Instant> due;
  on_dial_ = [&](const PeerId& peer) {
    const auto found = due.find(peer[0]);
    ASSERT_NE(found, due.end());
    EXPECT_LE(found->second, executor_.Now());
    for (const auto& [other, when] : due) EXPECT_LE(found->second, when);
    due.erase(found);
    EXPECT_LT(under_way++, 3U);
  };
  for (int step = 0; step < 5000; ++step) {
    const auto peer = static_cast<uint8_t>(random() % 20);
    switch (random() % 4) {
      case 0:
      case 1: {
        const auto after = std::chrono::milliseconds(random() % 30);
        due[peer] = executor_.Now() + after;
        Set(peer, after);
        break;
      }
      case 2:
        due.erase(peer);
        Forget(peer);
        break;
      case 3:
        if (under_way > 0) {
          --under_way;
          End();
        }
        break;
    }
    scheduler_.RunFor(std::chrono::milliseconds(random() % 5));
    EXPECT_TRUE(under_way == 3 || due.empty() ||
                std::min_element(due.begin(), due.end(), [](const auto& a, const auto& b) {
                  return a.second < b.second;
                })->second > executor_.Now());
  }
  EXPECT_GT(dialled_.size(), 500U);
}

TEST(RedialWaitTest, DoublesUpToItsBound) {
  const struct {
    uint32_t failures;
    Duration wait;
  } kCases[] = {
      {0, 50ms}, {1, 50ms}, {2, 100ms}, {3, 200ms}, {4, 400ms}, {5, 400ms}, {1'000'000'000, 400ms}};
  for (const auto& c : kCases) {
    EXPECT_EQ(RedialWait(50ms, 400ms, c.failures, 0), c.wait) << c.failures;
  }
  EXPECT_EQ(RedialWait(300ms, 500ms, 2, 0), 500ms);
  EXPECT_EQ(RedialWait(1ms, 1ms, 9, 0), 1ms);
}

TEST(RedialWaitTest, ChanceTakesUpToHalf) {
  const auto half = static_cast<uint64_t>(Duration(50ms).count());
  EXPECT_EQ(RedialWait(100ms, 100ms, 1, half), 50ms);
  EXPECT_EQ(RedialWait(100ms, 100ms, 1, half + 1), 100ms);
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const Duration wait = RedialWait(100ms, 100ms, 1, random());
    EXPECT_GE(wait, 50ms);
    EXPECT_LE(wait, 100ms);
  }
}

}  // namespace
}  // namespace groat::p2p
