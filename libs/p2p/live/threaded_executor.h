// An executor with threads of its own: tasks from any thread, timers, and what it did.
//
// Two forms, by what their threads wait for: gRPC's completions (grpc/completion_executor.h) and
// sockets (tls/event_loop.h).
//
// Threads as executor.h says. Life: make it, Start; at the end Stop, from a thread that is none of
// its own.
#ifndef GROAT_P2P_LIVE_THREADED_EXECUTOR_H_
#define GROAT_P2P_LIVE_THREADED_EXECUTOR_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "p2p/executor.h"

namespace groat::p2p {

class ThreadedExecutor : public Executor {
 public:
  virtual void Start() = 0;
  // Runs what was posted, drops timers, joins the threads.
  virtual void Stop() = 0;
  virtual int threads() const = 0;
  // Runs the task and waits for its end. From a thread that is none of the executor's.
  void RunAndWait(Task task);

  // Tasks and events that were run, and the time that they took. From any thread.
  uint64_t tasks_run() const { return tasks_run_.load(std::memory_order_relaxed); }
  uint64_t busy_ns() const { return busy_ns_.load(std::memory_order_relaxed); }
  size_t waiting_tasks() const ABSL_LOCKS_EXCLUDED(posted_mutex_);

  Instant Now() const override { return Instant(Duration(NowNs())); }
  int64_t WallClockUs() const override;
  // Dropped once the executor stops.
  void Post(Task task) override ABSL_LOCKS_EXCLUDED(posted_mutex_);
  TimerId PostAt(Instant when, Task task) override;
  void Cancel(TimerId timer) override;
  uint64_t Random() override { return random_(); }
  bool IsCurrent() const override;

 protected:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  ThreadedExecutor();

  // Makes a thread that waits look for posted tasks. From any thread, one at a time.
  virtual void Wake() = 0;

  // For the threads, with the turn to run tasks.
  void BeginTurn();
  void EndTurn();
  // Posted tasks and timers that are due.
  void RunDue();
  void CountTask() { tasks_run_.store(tasks_run() + 1, std::memory_order_relaxed); }

  // For threads about to wait: whether tasks are there, and when the first timer is due.
  bool has_posted() const { return has_posted_.load(std::memory_order_acquire); }
  int64_t next_timer_ns() const { return next_timer_ns_.load(std::memory_order_relaxed); }
  int64_t NowNs() const { return (std::chrono::steady_clock::now() - began_).count(); }
  std::chrono::steady_clock::time_point began() const { return began_; }

  // Stop, in two steps. Waits for what was posted; from then on Post drops.
  void RefuseTasks() ABSL_LOCKS_EXCLUDED(posted_mutex_);
  // Once the threads have ended: what was posted and never ran goes now.
  void DropTasks() ABSL_LOCKS_EXCLUDED(posted_mutex_);

 private:
  bool TakePosted() ABSL_LOCKS_EXCLUDED(posted_mutex_);
  void NoteFirstTimer();

  const std::chrono::steady_clock::time_point began_;

  mutable Mutex posted_mutex_;
  std::vector<Task> posted_ ABSL_GUARDED_BY(posted_mutex_);
  bool stopping_ ABSL_GUARDED_BY(posted_mutex_) = false;
  std::atomic<bool> has_posted_ = false;

  // With the turn.
  std::vector<Task> running_;
  std::map<std::pair<Instant, TimerId>, Task> timers_;
  std::map<TimerId, Instant> timer_times_;
  TimerId last_timer_ = 0;
  int64_t turn_began_ns_ = 0;
  std::mt19937_64 random_;
  std::atomic<int64_t> next_timer_ns_ = kNever;
  std::atomic<uint64_t> tasks_run_ = 0;
  std::atomic<uint64_t> busy_ns_ = 0;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_LIVE_THREADED_EXECUTOR_H_
