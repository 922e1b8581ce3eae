#include "p2p/live/threaded_executor.h"

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/random.h"

namespace groat::p2p {
namespace {

static_assert(std::chrono::steady_clock::period::den == 1'000'000'000);

thread_local const ThreadedExecutor* current_executor = nullptr;

uint64_t RandomSeed() {
  const auto seed = RandomBytes<8>();
  return LoadBigEndian(seed.data(), 8);
}

}  // namespace

ThreadedExecutor::ThreadedExecutor()
    : began_(std::chrono::steady_clock::now()), random_(RandomSeed()) {}

void ThreadedExecutor::RunAndWait(Task task) {
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

size_t ThreadedExecutor::waiting_tasks() const {
  MutexLock lock(posted_mutex_);
  return posted_.size();
}

int64_t ThreadedExecutor::WallClockUs() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool ThreadedExecutor::IsCurrent() const { return current_executor == this; }

void ThreadedExecutor::Post(Task task) {
  MutexLock lock(posted_mutex_);
  if (stopping_) return;
  posted_.push_back(std::move(task));
  // Who set it before has woken a thread, and our own threads look before they wait. With the lock,
  // so that none is woken once they may have ended.
  if (!has_posted_.exchange(true, std::memory_order_release) && !IsCurrent()) Wake();
}

TimerId ThreadedExecutor::PostAt(Instant when, Task task) {
  const TimerId id = ++last_timer_;
  timers_.emplace(std::pair(when, id), std::move(task));
  timer_times_.emplace(id, when);
  NoteFirstTimer();
  return id;
}

void ThreadedExecutor::Cancel(TimerId timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, timer});
  timer_times_.erase(found);
  NoteFirstTimer();
}

void ThreadedExecutor::NoteFirstTimer() {
  next_timer_ns_.store(
      timers_.empty() ? kNever : timers_.begin()->first.first.time_since_epoch().count(),
      std::memory_order_relaxed);
}

bool ThreadedExecutor::TakePosted() {
  if (!has_posted()) return false;
  MutexLock lock(posted_mutex_);
  running_.swap(posted_);
  has_posted_ = false;
  return true;
}

void ThreadedExecutor::BeginTurn() {
  current_executor = this;
  turn_began_ns_ = NowNs();
}

void ThreadedExecutor::EndTurn() {
  // One thread has the turn, so nobody else writes.
  busy_ns_.store(busy_ns() + static_cast<uint64_t>(NowNs() - turn_began_ns_),
                 std::memory_order_relaxed);
  current_executor = nullptr;
}

void ThreadedExecutor::RunDue() {
  // Timers first: posted tasks may go on for ever, timers are set for later.
  while (next_timer_ns() <= turn_began_ns_) {
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

void ThreadedExecutor::RefuseTasks() {
  RunAndWait([this] {
    timers_.clear();
    timer_times_.clear();
    NoteFirstTimer();
  });
  MutexLock lock(posted_mutex_);
  stopping_ = true;
}

void ThreadedExecutor::DropTasks() {
  std::vector<Task> dropped;
  MutexLock lock(posted_mutex_);
  dropped.swap(posted_);
  has_posted_ = false;
}

}  // namespace groat::p2p
