// Both executors with threads of their own.
#include "p2p/live/threaded_executor.h"

#include <gmock/gmock.h>
#include <grpcpp/alarm.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "p2p/grpc/completion_executor.h"
#include "p2p/tls/event_loop.h"

namespace groat::p2p {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

// Something that happens once. Not Abseil's, whose locks ThreadSanitizer does not see.
class Signal {
 public:
  void Notify() {
    MutexLock lock(mutex_);
    happened_ = true;
    changed_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mutex_);
    while (!happened_) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool happened_ ABSL_GUARDED_BY(mutex_) = false;
};

// Threads of a completion queue; 0 stands for the event loop.
std::unique_ptr<ThreadedExecutor> ExecutorWith(int threads) {
  if (threads == 0) return std::make_unique<EventLoop>("executor-und-0");
  return std::make_unique<CompletionExecutor>(std::make_unique<grpc::CompletionQueue>(),
                                              "executor-under-test", threads);
}

class ThreadedExecutorTest : public ::testing::TestWithParam<int> {
 protected:
  ThreadedExecutorTest() : made_(ExecutorWith(GetParam())), executor_(*made_) {}
  ~ThreadedExecutorTest() override { executor_.Stop(); }

  int threads() const { return std::max(1, GetParam()); }

 private:
  const std::unique_ptr<ThreadedExecutor> made_;

 protected:
  ThreadedExecutor& executor_;
};

std::string NameOf(const ::testing::TestParamInfo<int>& tested) {
  return tested.param == 0 ? "EventLoop" : std::to_string(tested.param) + "Threads";
}
INSTANTIATE_TEST_SUITE_P(Forms, ThreadedExecutorTest, ::testing::Values(0, 1, 4), NameOf);

// Ends when the executor has nothing left that was posted before.
void Settle(ThreadedExecutor& executor) {
  executor.RunAndWait([] {});
}

std::multiset<std::string> ThreadNames() {
  std::multiset<std::string> names;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    names.insert(name);
  }
  return names;
}

TEST_P(ThreadedExecutorTest, TasksOfOneThreadRunInTheirOrder) {
  executor_.Start();
  std::vector<int> ran;  // Of the executor.
  for (int i = 0; i < 1000; ++i) {
    executor_.Post([this, &ran, i] {
      EXPECT_TRUE(executor_.IsCurrent());
      ran.push_back(i);
    });
  }
  Settle(executor_);
  ASSERT_EQ(ran.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ran[static_cast<size_t>(i)], i);
  EXPECT_FALSE(executor_.IsCurrent());
}

// The tasks share what no lock guards; ThreadSanitizer sees whether two ever meet.
TEST_P(ThreadedExecutorTest, TasksOfAllThreadsRunOneAtATime) {
  executor_.Start();
  int ran = 0;
  bool inside = false;
  std::vector<std::thread> posters;
  for (int i = 0; i < 8; ++i) {
    posters.emplace_back([&] {
      for (int task = 0; task < 500; ++task) {
        executor_.Post([&] {
          EXPECT_FALSE(inside);
          inside = true;
          ++ran;
          inside = false;
        });
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  Settle(executor_);
  EXPECT_EQ(ran, 8 * 500);
}

TEST_P(ThreadedExecutorTest, WhatIsPostedBeforeTheStartRuns) {
  int ran = 0;
  executor_.Post([&] { ++ran; });
  EXPECT_EQ(executor_.waiting_tasks(), 1U);
  executor_.Start();
  Settle(executor_);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(executor_.waiting_tasks(), 0U);
}

TEST_P(ThreadedExecutorTest, TimersRunByTimeAndThenByOrder) {
  executor_.Start();
  std::vector<int> ran;
  Signal last;
  executor_.RunAndWait([&] {
    const Instant now = executor_.Now();
    executor_.PostAt(now + milliseconds(20), [&] { ran.push_back(4); });
    executor_.PostAt(now + milliseconds(20), [&] { last.Notify(); });
    executor_.PostAt(now + milliseconds(5), [&] { ran.push_back(2); });
    executor_.PostAt(now + milliseconds(5), [&] { ran.push_back(3); });
    executor_.PostAt(now - hours(1), [&] { ran.push_back(1); });
    EXPECT_TRUE(ran.empty());  // Not inside the call.
  });
  last.Wait();
  executor_.RunAndWait([&] { EXPECT_THAT(ran, ElementsAre(1, 2, 3, 4)); });
}

TEST_P(ThreadedExecutorTest, ATimerIsNotEarlyAndKnowsItsTime) {
  executor_.Start();
  Signal fired;
  Instant due;
  executor_.RunAndWait([&] {
    due = executor_.Now() + milliseconds(30);
    executor_.PostAt(due, [&] {
      EXPECT_GE(executor_.Now(), due);
      fired.Notify();
    });
  });
  fired.Wait();
}

// A thread that already waits, for ever or for a later timer, learns of an earlier one.
TEST_P(ThreadedExecutorTest, AnEarlierTimerOvertakesALaterOne) {
  executor_.Start();
  executor_.RunAndWait([&] { executor_.PostAfter(hours(1), [] { ADD_FAILURE(); }); });
  for (int i = 0; i < 20; ++i) {
    Signal fired;
    executor_.Post([&] { executor_.PostAfter(milliseconds(1), [&] { fired.Notify(); }); });
    fired.Wait();
  }
}

TEST_P(ThreadedExecutorTest, ACancelledTimerNeverRuns) {
  executor_.Start();
  Signal last;
  executor_.RunAndWait([&] {
    const TimerId cancelled = executor_.PostAfter(milliseconds(1), [] { ADD_FAILURE(); });
    const auto own = std::make_shared<TimerId>();
    *own = executor_.PostAfter(milliseconds(2), [this, own] {
      executor_.Cancel(*own);  // It has fired: no effect.
    });
    executor_.PostAfter(milliseconds(10), [&] { last.Notify(); });
    executor_.Cancel(cancelled);
    executor_.Cancel(cancelled);
    executor_.Cancel(0);
  });
  last.Wait();
}

// Timers do not wait for the end of tasks that post each other for ever.
TEST_P(ThreadedExecutorTest, TasksWithoutEndHoldUpNothing) {
  executor_.Start();
  Signal timer_fired;
  std::atomic<bool> stop = false;
  std::function<void()> again = [&] {
    if (!stop) executor_.Post([&] { again(); });
  };
  executor_.RunAndWait([&] {
    again();
    executor_.PostAfter(milliseconds(5), [&] { timer_fired.Notify(); });
  });
  timer_fired.Wait();
  stop = true;
  Settle(executor_);
}

TEST_P(ThreadedExecutorTest, StopRunsWhatWasPostedAndDropsTimers) {
  executor_.Start();
  int ran = 0;
  const auto held = std::make_shared<int>();
  executor_.RunAndWait(
      [&] { executor_.PostAfter(milliseconds(1000), [held] { ADD_FAILURE() << *held; }); });
  for (int i = 0; i < 100; ++i) executor_.Post([&] { ++ran; });
  executor_.Stop();
  EXPECT_EQ(ran, 100);
  EXPECT_EQ(held.use_count(), 1);
  // Dropped, and with it what the task holds.
  executor_.Post([held] { ADD_FAILURE(); });
  EXPECT_EQ(held.use_count(), 1);
  executor_.Stop();
}

TEST_P(ThreadedExecutorTest, ItsThreadsAreCountedNamedAndItsOwn) {
  executor_.Start();
  EXPECT_EQ(executor_.threads(), threads());
  // Names are given by the threads themselves: wait for all of them.
  const auto all_named = [&] {
    const std::multiset<std::string> names = ThreadNames();
    for (int i = 0; i < threads(); ++i) {
      if (names.count("executor-und-" + std::to_string(i)) != 1) return false;
    }
    return true;
  };
  while (!all_named()) std::this_thread::yield();
  executor_.Stop();
  EXPECT_EQ(ThreadNames().count("executor-und-0"), 0U);
}

TEST_P(ThreadedExecutorTest, CountsItsWork) {
  executor_.Start();
  Signal entered;
  Signal go_on;
  executor_.Post([&] {
    entered.Notify();
    go_on.Wait();
  });
  entered.Wait();
  for (int i = 0; i < 3; ++i) executor_.Post([] {});
  EXPECT_EQ(executor_.waiting_tasks(), 3U);
  const Instant began = executor_.Now();
  while (executor_.Now() < began + milliseconds(5)) {
  }
  go_on.Notify();
  Settle(executor_);
  Settle(executor_);
  EXPECT_EQ(executor_.waiting_tasks(), 0U);
  EXPECT_GE(executor_.tasks_run(), 5U);
  EXPECT_GE(executor_.busy_ns(), 5'000'000U);
}

TEST_P(ThreadedExecutorTest, RandomNumbersDiffer) {
  const auto other = ExecutorWith(GetParam());
  EXPECT_NE(executor_.Random(), other->Random());
  EXPECT_NE(executor_.Random(), executor_.Random());
}

// Also if it never ran.
TEST_P(ThreadedExecutorTest, OneThatNeverRanMayGo) {
  const auto held = std::make_shared<int>();
  executor_.Post([held] { ADD_FAILURE(); });
}

// What completes, beside tasks and timers.
class CompletionTest : public ::testing::TestWithParam<int> {
 protected:
  CompletionTest() : executor_(std::make_unique<grpc::CompletionQueue>(), "test", GetParam()) {
    executor_.Start();
  }
  ~CompletionTest() override { executor_.Stop(); }
  CompletionExecutor executor_;
};
INSTANTIATE_TEST_SUITE_P(Forms, CompletionTest, ::testing::Values(1, 4), NameOf);

class Ended final : public Completion {
 public:
  void OnComplete(bool) override {
    ended = true;
    signal.Notify();
  }
  bool ended = false;
  Signal signal;
};

TEST_P(CompletionTest, TasksWithoutEndHoldUpNoCompletion) {
  std::atomic<bool> stop = false;
  std::function<void()> again = [&] {
    if (!stop) executor_.Post([&] { again(); });
  };
  Ended operation;
  grpc::Alarm alarm;
  executor_.RunAndWait([&] {
    again();
    alarm.Set(&executor_.completion_queue(), gpr_time_0(GPR_CLOCK_MONOTONIC),
              static_cast<Completion*>(&operation));
  });
  operation.signal.Wait();
  stop = true;
  Settle(executor_);
}

TEST_P(CompletionTest, StopWaitsForOperationsUnderWay) {
  Ended operation;
  grpc::Alarm alarm;
  alarm.Set(&executor_.completion_queue(), gpr_time_from_millis(100, GPR_TIMESPAN),
            static_cast<Completion*>(&operation));
  executor_.Stop();
  EXPECT_TRUE(operation.ended);
}

}  // namespace
}  // namespace groat::p2p
