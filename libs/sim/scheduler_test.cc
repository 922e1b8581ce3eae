#include "sim/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/split_mix.h"

namespace groat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

// Notes what ran, and calls back.
class Recorder final : public EventHandler {
 public:
  explicit Recorder(Scheduler& scheduler) : EventHandler(scheduler), scheduler_(scheduler) {}
  void OnEvent(uint64_t argument) override {
    ran.emplace_back(scheduler_.Now(), argument);
    if (then) then(argument);
  }
  std::vector<uint64_t> Arguments() const {
    std::vector<uint64_t> arguments;
    for (const auto& [when, argument] : ran) arguments.push_back(argument);
    return arguments;
  }

  std::vector<std::pair<Instant, uint64_t>> ran;
  std::function<void(uint64_t)> then;

 private:
  Scheduler& scheduler_;
};

Instant At(int64_t ms) { return Instant(milliseconds(ms)); }

TEST(SchedulerTest, EventsRunInOrderOfTimeThenOfScheduling) {
  Scheduler scheduler;
  Recorder recorder(scheduler);
  scheduler.At(At(5), recorder, 1);
  scheduler.At(At(3), recorder, 2);
  scheduler.At(At(5), recorder, 3);
  scheduler.At(At(3), recorder, 4);
  EXPECT_EQ(scheduler.waiting(), 4);
  scheduler.RunFor(milliseconds(10));
  EXPECT_THAT(recorder.ran, ElementsAre(std::pair(At(3), 2), std::pair(At(3), 4),
                                        std::pair(At(5), 1), std::pair(At(5), 3)));
  EXPECT_EQ(scheduler.Now(), At(10));
  EXPECT_EQ(scheduler.events_run(), 4);
  EXPECT_EQ(scheduler.waiting(), 0);
  EXPECT_FALSE(scheduler.Step());
}

// What is scheduled for an instant before it has come runs before what is scheduled as it comes.
TEST(SchedulerTest, EventsDueAtOnceKeepTheirPlace) {
  Scheduler scheduler;
  Recorder recorder(scheduler);
  recorder.then = [&](uint64_t argument) {
    if (argument != 1) return;
    scheduler.At(scheduler.Now(), recorder, 10);
    scheduler.At(At(0), recorder, 11);  // The past is now.
    scheduler.At(At(6), recorder, 12);
  };
  scheduler.At(At(5), recorder, 1);
  scheduler.At(At(5), recorder, 2);
  scheduler.RunFor(milliseconds(10));
  EXPECT_THAT(recorder.Arguments(), ElementsAre(1, 2, 10, 11, 12));
  EXPECT_EQ(recorder.ran[3].first, At(5));
}

TEST(SchedulerTest, TheRingOfEventsDueAtOnceGrows) {
  Scheduler scheduler;
  Recorder recorder(scheduler);
  std::vector<uint64_t> want;
  for (uint64_t i = 0; i < 40; ++i) scheduler.At(At(0), recorder, i);
  for (uint64_t i = 0; i < 30; ++i) scheduler.Step();
  for (uint64_t i = 40; i < 1000; ++i) scheduler.At(At(0), recorder, i);
  for (uint64_t i = 0; i < 1000; ++i) want.push_back(i);
  scheduler.RunFor(milliseconds(0));
  EXPECT_EQ(recorder.Arguments(), want);
}

TEST(SchedulerTest, RunForStopsAtItsEnd) {
  Scheduler scheduler;
  Recorder recorder(scheduler);
  scheduler.At(At(5), recorder, 1);
  scheduler.At(At(6), recorder, 2);
  scheduler.RunFor(milliseconds(5));
  EXPECT_THAT(recorder.Arguments(), ElementsAre(1));
  EXPECT_EQ(scheduler.Now(), At(5));
  // A cancelled event in front must not pull one from beyond the end.
  scheduler.Cancel(scheduler.At(At(7), recorder, 3));
  scheduler.At(At(9), recorder, 4);
  scheduler.RunFor(milliseconds(3));
  EXPECT_THAT(recorder.Arguments(), ElementsAre(1, 2));
  EXPECT_EQ(scheduler.Now(), At(8));
}

TEST(SchedulerTest, RunUntilStopsWhenDoneOrAtTheLimit) {
  Scheduler scheduler;
  Recorder recorder(scheduler);
  for (int i = 1; i <= 10; ++i) scheduler.At(At(i), recorder, static_cast<uint64_t>(i));
  EXPECT_TRUE(scheduler.RunUntil([&] { return recorder.ran.size() == 3; }, seconds(1)));
  EXPECT_EQ(scheduler.Now(), At(3));
  EXPECT_FALSE(scheduler.RunUntil([&] { return recorder.ran.size() == 10; }, milliseconds(2)));
  EXPECT_EQ(scheduler.Now(), At(5));
  EXPECT_EQ(recorder.ran.size(), 5);
  EXPECT_TRUE(
      scheduler.RunUntil([&] { return recorder.ran.size() >= 8; }, seconds(1), milliseconds(2)));
  EXPECT_EQ(scheduler.Now(), At(9));
  EXPECT_FALSE(scheduler.RunUntil([] { return false; }, milliseconds(5), milliseconds(2)));
  EXPECT_EQ(scheduler.Now(), At(14));
}

TEST(SchedulerTest, CancelledEventsDoNotRun) {
  Scheduler scheduler;
  Recorder recorder(scheduler);
  const EventId later = scheduler.At(At(5), recorder, 1);
  const EventId at_once = scheduler.At(At(0), recorder, 2);
  const EventId kept = scheduler.At(At(5), recorder, 3);
  scheduler.Cancel(later);
  scheduler.Cancel(at_once);
  scheduler.Cancel(later);
  scheduler.Cancel(0);
  EXPECT_EQ(scheduler.waiting(), 1);
  scheduler.RunFor(milliseconds(10));
  EXPECT_THAT(recorder.Arguments(), ElementsAre(3));
  // The names of events that are gone mean nothing, also when their places are taken again.
  const EventId next = scheduler.At(At(20), recorder, 4);
  scheduler.Cancel(kept);
  scheduler.Cancel(later);
  EXPECT_NE(next, kept);
  scheduler.RunFor(milliseconds(10));
  EXPECT_THAT(recorder.Arguments(), ElementsAre(3, 4));
}

// A timeout that is set and cancelled a million times takes no place until it would be due.
TEST(SchedulerTest, CancelledEventsDoNotPileUp) {
  Scheduler scheduler;
  Recorder recorder(scheduler);
  EventId highest = 0;
  for (uint64_t i = 0; i < 1'000'000; ++i) {
    const EventId event = scheduler.At(At(1'000'000), recorder, i);
    highest = std::max(highest, event & 0xffffffff);
    scheduler.Cancel(event);
  }
  EXPECT_LT(highest, 2000);
  EXPECT_EQ(scheduler.waiting(), 0);
}

// Beside a slow and obvious queue, on random calls.
TEST(SchedulerTest, DoesWhatAnOrderedMapDoes) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SplitMix64 random(seed);
    Scheduler scheduler;
    Recorder recorder(scheduler);
    std::map<std::pair<Instant, uint64_t>, EventId> model;
    std::vector<uint64_t> want;
    uint64_t next = 0;
    for (int step = 0; step < 5000; ++step) {
      const uint64_t choice = random.Below(10);
      if (choice < 5) {
        const Instant when = scheduler.Now() + milliseconds(random.Below(50));
        const EventId event = scheduler.At(when, recorder, next);
        model[{when, next++}] = event;
      } else if (choice < 8 && !model.empty()) {
        auto victim = model.begin();
        std::advance(victim, random.Below(model.size()));
        scheduler.Cancel(victim->second);
        model.erase(victim);
      } else if (choice < 9) {
        if (!model.empty()) {
          want.push_back(model.begin()->first.second);
          model.erase(model.begin());
        }
        scheduler.Step();
      } else {
        const Instant end = scheduler.Now() + milliseconds(random.Below(20));
        while (!model.empty() && model.begin()->first.first <= end) {
          want.push_back(model.begin()->first.second);
          model.erase(model.begin());
        }
        scheduler.RunFor(end - scheduler.Now());
      }
      ASSERT_EQ(scheduler.waiting(), model.size()) << "seed " << seed << ", step " << step;
    }
    ASSERT_EQ(recorder.Arguments(), want) << "seed " << seed;
  }
}

TEST(SchedulerTest, TheDigestAndTheTraceTellRunsApart) {
  const auto run = [](std::vector<std::pair<int64_t, uint64_t>> events, uint64_t observed) {
    Scheduler scheduler;
    Bytes trace;
    scheduler.SetTrace([&](const TraceRecord& record) { record.AppendTo(trace); });
    Recorder recorder(scheduler);
    for (const auto& [ms, argument] : events) scheduler.At(At(ms), recorder, argument);
    scheduler.RunFor(seconds(1));
    scheduler.Observe(recorder.source(), observed, 0);
    return std::pair(scheduler.digest(), trace);
  };
  const auto first = run({{1, 1}, {2, 2}}, 5);
  EXPECT_EQ(run({{1, 1}, {2, 2}}, 5), first);
  EXPECT_EQ(first.second.size(), 3 * TraceRecord::kBytes);
  std::vector<std::pair<uint64_t, Bytes>> others = {
      run({{1, 2}, {2, 1}}, 5), run({{1, 1}, {3, 2}}, 5), run({{1, 1}, {2, 2}}, 6),
      run({{1, 1}}, 5), run({{2, 1}, {2, 2}}, 5)};
  for (const auto& other : others) {
    EXPECT_NE(other.first, first.first);
    EXPECT_NE(other.second, first.second);
  }
}

TEST(SchedulerTest, TraceRecordsHaveFixedBytes) {
  Bytes out;
  TraceRecord{Instant(Duration(0x0102)), 3, 0x0405, 0x0607}.AppendTo(out);
  EXPECT_EQ(ToHex(out),
            "0000000000000102"
            "00000003"
            "0000000000000405"
            "0000000000000607");
}

}  // namespace
}  // namespace groat::sim
