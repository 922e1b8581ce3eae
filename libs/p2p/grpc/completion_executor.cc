#include "p2p/grpc/completion_executor.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::p2p {

CompletionExecutor::CompletionExecutor(std::unique_ptr<grpc::CompletionQueue> queue,
                                       std::string name, int threads)
    : queue_(std::move(queue)), name_(std::move(name)), thread_count_(threads), alarmed_(*this) {
  GROAT_CHECK(threads >= 1 && threads <= 8) << threads;
}

CompletionExecutor::~CompletionExecutor() {
  GROAT_CHECK(threads_.empty());
  // A queue must be shut down and drained before it goes, also if it never ran.
  queue_->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<Completion*>(tag)->OnComplete(ok);
}

void CompletionExecutor::Start() {
  for (int i = 0; i < thread_count_; ++i) threads_.emplace_back([this, i] { Run(i); });
}

void CompletionExecutor::Stop() {
  if (threads_.empty()) return;
  RefuseTasks();
  queue_->Shutdown();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  DropTasks();
}

// Never once tasks are refused: a queue that is shut down takes no alarm.
void CompletionExecutor::Wake() {
  if (alarm_pending_.exchange(true)) return;
  alarm_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_MONOTONIC), &alarmed_);
}

gpr_timespec CompletionExecutor::NextDeadline() const {
  constexpr int64_t kSecondNs = 1'000'000'000;
  if (has_posted()) return gpr_time_0(GPR_CLOCK_MONOTONIC);
  if (next_timer_ns() == kNever) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  // gRPC's monotonic clock is the one that Now() has, but for where it begins.
  const int64_t at_ns = began().time_since_epoch().count() + std::max<int64_t>(0, next_timer_ns());
  return {.tv_sec = at_ns / kSecondNs,
          .tv_nsec = static_cast<int32_t>(at_ns % kSecondNs),
          .clock_type = GPR_CLOCK_MONOTONIC};
}

void CompletionExecutor::Run(int index) {
  pthread_setname_np(pthread_self(), absl::StrCat(name_.substr(0, 12), "-", index).c_str());
  void* tag = nullptr;
  bool ok = false;
  while (true) {
    const auto status = queue_->AsyncNext(&tag, &ok, NextDeadline());
    if (status == grpc::CompletionQueue::SHUTDOWN) return;
    MutexLock turn(turn_);
    BeginTurn();
    if (status == grpc::CompletionQueue::GOT_EVENT) {
      CountTask();
      static_cast<Completion*>(tag)->OnComplete(ok);
    }
    RunDue();
    EndTurn();
  }
}

}  // namespace groat::p2p
