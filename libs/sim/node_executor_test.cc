#include "sim/node_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace groat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NodeExecutorTest : public ::testing::Test {
 protected:
  p2p::Task Note(std::string what) {
    return [this, what = std::move(what)] { notes_.push_back(what); };
  }

  Scheduler scheduler_;
  std::vector<std::string> notes_;
};

TEST_F(NodeExecutorTest, TasksRunInOrderAndTimersAtTheirTime) {
  NodeExecutor executor(scheduler_, 1);
  executor.PostAfter(milliseconds(5), Note("late"));
  executor.Post(Note("a"));
  executor.PostAt(executor.Now() - seconds(1), Note("past"));
  executor.Post(Note("b"));
  EXPECT_THAT(notes_, IsEmpty()) << "nothing runs inside a call";
  scheduler_.RunFor(milliseconds(4));
  EXPECT_THAT(notes_, ElementsAre("a", "past", "b"));
  scheduler_.RunFor(milliseconds(1));
  EXPECT_THAT(notes_, ElementsAre("a", "past", "b", "late"));
}

TEST_F(NodeExecutorTest, TimeBeginsWithTheExecutor) {
  scheduler_.RunFor(seconds(7));
  NodeExecutor executor(scheduler_, 1);
  EXPECT_EQ(executor.Now(), p2p::Instant());
  Instant ran;
  executor.PostAt(p2p::Instant(seconds(2)), [&] { ran = scheduler_.Now(); });
  scheduler_.RunFor(seconds(3));
  EXPECT_EQ(ran, Instant(seconds(9)));
  EXPECT_EQ(executor.Now(), p2p::Instant(seconds(3)));
}

TEST_F(NodeExecutorTest, CancelledTimersDoNotRun) {
  NodeExecutor executor(scheduler_, 1);
  const p2p::TimerId timer = executor.PostAfter(milliseconds(5), Note("cancelled"));
  EXPECT_NE(timer, 0);
  executor.Cancel(timer);
  executor.Cancel(timer);
  executor.Cancel(0);
  const p2p::TimerId fired = executor.PostAfter(milliseconds(1), Note("fired"));
  scheduler_.RunFor(milliseconds(2));
  // Its place is taken by another timer, which an old name must not cancel.
  executor.PostAfter(milliseconds(1), Note("second"));
  executor.Cancel(fired);
  scheduler_.RunFor(milliseconds(10));
  EXPECT_THAT(notes_, ElementsAre("fired", "second"));
}

// What a task holds is destroyed with it, and may use the executor as it goes.
TEST_F(NodeExecutorTest, TasksThatAreDestroyedMayCancelOthers) {
  struct CancelsAsItGoes {
    NodeExecutor& executor;
    p2p::TimerId other;
    ~CancelsAsItGoes() {
      executor.Cancel(other);
      executor.Post([] { FAIL() << "posted to an executor that has stopped"; });
    }
  };
  NodeExecutor executor(scheduler_, 1);
  const p2p::TimerId other = executor.PostAfter(seconds(1), Note("other"));
  auto held = std::make_shared<CancelsAsItGoes>(CancelsAsItGoes{executor, other});
  const p2p::TimerId timer = executor.PostAfter(seconds(1), [held] {});
  executor.PostAfter(seconds(1), [held] {});
  held.reset();
  executor.Cancel(timer);
  executor.Stop();
  scheduler_.RunFor(seconds(2));
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(NodeExecutorTest, WhatIsStoppedNeverRuns) {
  auto executor = std::make_unique<NodeExecutor>(scheduler_, 1);
  auto alive = std::make_shared<int>(0);
  executor->Post([alive] { FAIL() << "ran after the end"; });
  executor->PostAfter(seconds(1), [alive] { FAIL() << "ran after the end"; });
  EXPECT_EQ(alive.use_count(), 3);
  executor->Stop();
  EXPECT_EQ(alive.use_count(), 1);
  executor->Post([alive] { FAIL() << "ran after the end"; });
  EXPECT_EQ(executor->PostAfter(seconds(1), Note("never")), 0);
  scheduler_.RunFor(seconds(2));
  executor = std::make_unique<NodeExecutor>(scheduler_, 1);
  executor->Post(Note("anew"));
  scheduler_.RunFor(seconds(1));
  EXPECT_THAT(notes_, ElementsAre("anew"));
}

TEST_F(NodeExecutorTest, AFrozenExecutorGoesOnWhereItStood) {
  NodeExecutor executor(scheduler_, 1);
  executor.PostAfter(milliseconds(2), Note("second"));
  executor.PostAfter(milliseconds(1), Note("first"));
  const p2p::TimerId cancelled = executor.PostAfter(milliseconds(3), Note("cancelled"));
  executor.PostAfter(seconds(2), Note("last"));
  executor.Freeze(true);
  scheduler_.RunFor(seconds(1));
  EXPECT_THAT(notes_, IsEmpty());
  executor.Post(Note("posted"));
  scheduler_.RunFor(milliseconds(1));
  executor.Cancel(cancelled);
  executor.Freeze(false);
  EXPECT_THAT(notes_, IsEmpty());
  scheduler_.RunFor(milliseconds(0));
  EXPECT_THAT(notes_, ElementsAre("first", "second", "posted"));
  scheduler_.RunFor(seconds(1));
  EXPECT_THAT(notes_, ElementsAre("first", "second", "posted", "last"));
}

TEST_F(NodeExecutorTest, ItsTasksAndRunsAreCurrent) {
  NodeExecutor executor(scheduler_, 1);
  NodeExecutor other(scheduler_, 2);
  EXPECT_FALSE(executor.IsCurrent());
  bool ran = false;
  executor.Post([&] {
    EXPECT_TRUE(executor.IsCurrent());
    EXPECT_FALSE(other.IsCurrent());
    other.Run([&] { EXPECT_TRUE(other.IsCurrent()); });
    EXPECT_FALSE(other.IsCurrent());
    ran = true;
  });
  scheduler_.RunFor(seconds(1));
  EXPECT_TRUE(ran);
  EXPECT_FALSE(executor.IsCurrent());
  EXPECT_EQ(executor.Run([&] { return executor.IsCurrent() ? 7 : 0; }), 7);
}

TEST_F(NodeExecutorTest, RandomNumbersComeFromTheSeed) {
  NodeExecutor a(scheduler_, 1);
  NodeExecutor same(scheduler_, 1);
  NodeExecutor other(scheduler_, 2);
  const uint64_t first = a.Random();
  EXPECT_EQ(same.Random(), first);
  EXPECT_NE(other.Random(), first);
  EXPECT_NE(a.Random(), first);
}

TEST_F(NodeExecutorTest, WallClocksAreSkewedAndDrift) {
  NodeExecutor executor(scheduler_, 1);
  EXPECT_EQ(executor.WallClockMs(), kEpochMs);
  scheduler_.RunFor(seconds(10));
  EXPECT_EQ(executor.WallClockMs(), kEpochMs + 10'000);
  scheduler_.RunFor(std::chrono::microseconds(7));
  EXPECT_EQ(executor.WallClockUs(), kEpochUs + 10'000'007);
  executor.SetWallClock({.skew = milliseconds(-500), .drift = 0.01});
  EXPECT_EQ(executor.WallClockMs(), kEpochMs + 9'500);
  scheduler_.RunFor(seconds(100));
  EXPECT_EQ(executor.WallClockMs(), kEpochMs + 109'500 + 1'000);
  // Another process on the same machine, later.
  NodeExecutor later(scheduler_, 1);
  EXPECT_EQ(later.WallClockMs(), kEpochMs + 110'000);
}

}  // namespace
}  // namespace groat::sim
