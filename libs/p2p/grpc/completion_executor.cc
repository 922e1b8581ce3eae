#include "p2p/grpc/completion_executor.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "crypto/random.h"

namespace groat::p2p {
namespace {

constexpr int64_t kNoTimer = std::numeric_limits<int64_t>::max();
constexpr int64_t kSecondNs = 1'000'000'000;
static_assert(std::chrono::steady_clock::period::den == kSecondNs);

thread_local const CompletionExecutor* current_executor = nullptr;

uint64_t RandomSeed() {
  const auto seed = RandomBytes<8>();
  return LoadBigEndian(seed.data(), 8);
}

}  // namespace

CompletionExecutor::CompletionExecutor(std::unique_ptr<grpc::CompletionQueue> queue,
                                       std::string name, int threads)
    : queue_(std::move(queue)),
      name_(std::move(name)),
      thread_count_(threads),
      began_(std::chrono::steady_clock::now()),
      wake_(*this),
      random_(RandomSeed()),
      next_timer_ns_(kNoTimer) {
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
  RunAndWait([this] {
    timers_.clear();
    timer_times_.clear();
    NoteFirstTimer();
  });
  {
    MutexLock lock(posted_mutex_);
    stopping_ = true;
  }
  queue_->Shutdown();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  // Posted since, and never to run: what the tasks hold goes now.
  std::vector<Task> dropped;
  {
    MutexLock lock(posted_mutex_);
    dropped.swap(posted_);
    has_posted_ = false;
  }
}

void CompletionExecutor::RunAndWait(Task task) {
  GROAT_CHECK(!IsCurrent());
  Mutex mutex;
  CondVar done_changed;
  bool done = false;
  Post([&] {
    task();
    // Told with the lock held: the waiter's variables are gone as soon as it sees `done`.
    MutexLock lock(mutex);
    done = true;
    done_changed.NotifyOne();
  });
  MutexLock lock(mutex);
  while (!done) done_changed.Wait(mutex);
}

size_t CompletionExecutor::waiting_tasks() const {
  MutexLock lock(posted_mutex_);
  return posted_.size();
}

int64_t CompletionExecutor::NowNs() const {
  return (std::chrono::steady_clock::now() - began_).count();
}

Instant CompletionExecutor::Now() const { return Instant(Duration(NowNs())); }

int64_t CompletionExecutor::WallClockMs() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool CompletionExecutor::IsCurrent() const { return current_executor == this; }

void CompletionExecutor::Post(Task task) {
  {
    MutexLock lock(posted_mutex_);
    if (stopping_) return;
    posted_.push_back(std::move(task));
    has_posted_ = true;
    // Our own threads look before they poll. With the lock, since a queue that is shut down takes
    // no alarm.
    if (IsCurrent() || wake_pending_.exchange(true)) return;
    alarm_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_MONOTONIC), &wake_);
  }
}

TimerId CompletionExecutor::PostAt(Instant when, Task task) {
  const TimerId id = ++last_timer_;
  timers_.emplace(std::pair(when, id), std::move(task));
  timer_times_.emplace(id, when);
  NoteFirstTimer();
  return id;
}

void CompletionExecutor::Cancel(TimerId timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, timer});
  timer_times_.erase(found);
  NoteFirstTimer();
}

void CompletionExecutor::NoteFirstTimer() {
  next_timer_ns_.store(
      timers_.empty() ? kNoTimer : timers_.begin()->first.first.time_since_epoch().count(),
      std::memory_order_relaxed);
}

void CompletionExecutor::CountTask() {
  tasks_run_.store(tasks_run() + 1, std::memory_order_relaxed);
}

bool CompletionExecutor::TakePosted() {
  if (!has_posted_.load(std::memory_order_acquire)) return false;
  MutexLock lock(posted_mutex_);
  running_.swap(posted_);
  has_posted_ = false;
  return true;
}

void CompletionExecutor::RunDue(int64_t now_ns) {
  // Timers first: posted tasks may go on for ever, timers are set for later.
  while (next_timer_ns_.load(std::memory_order_relaxed) <= now_ns) {
    auto first = timers_.extract(timers_.begin());
    timer_times_.erase(first.key().second);
    NoteFirstTimer();
    CountTask();
    first.mapped()();
  }
  if (!TakePosted()) return;
  for (Task& task : running_) {
    CountTask();
    task();
  }
  running_.clear();
}

gpr_timespec CompletionExecutor::NextDeadline() const {
  if (has_posted_.load(std::memory_order_acquire)) return gpr_time_0(GPR_CLOCK_MONOTONIC);
  const int64_t next_timer_ns = next_timer_ns_.load(std::memory_order_relaxed);
  if (next_timer_ns == kNoTimer) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  // gRPC's monotonic clock is the one that Now() has, but for where it begins.
  const int64_t at_ns = began_.time_since_epoch().count() + std::max<int64_t>(0, next_timer_ns);
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
    current_executor = this;
    const int64_t began_ns = NowNs();
    if (status == grpc::CompletionQueue::GOT_EVENT) {
      CountTask();
      static_cast<Completion*>(tag)->OnComplete(ok);
    }
    RunDue(began_ns);
    // One thread has the turn, so nobody else writes.
    busy_ns_.store(busy_ns() + static_cast<uint64_t>(NowNs() - began_ns),
                   std::memory_order_relaxed);
    current_executor = nullptr;
  }
}

}  // namespace groat::p2p
