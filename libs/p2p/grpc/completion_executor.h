// An executor on gRPC completion queue threads: a network's own, bounded number of threads.
//
// The threads poll one completion queue, and so do gRPC's reading, writing, encryption and
// decryption for the calls on it; what completes, posted tasks and timers are run one at a time,
// by whichever thread has the turn. With one thread, the default, nobody ever waits for the turn.
//
// Threads as executor.h says. Life: make it, give completion_queue() to calls, Start; at the end
// finish all calls, then Stop from a thread that is none of its own.
#ifndef GROAT_P2P_GRPC_COMPLETION_EXECUTOR_H_
#define GROAT_P2P_GRPC_COMPLETION_EXECUTOR_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "p2p/executor.h"

namespace groat::p2p {

// What a completion queue gives back: one operation that has ended.
class Completion {
 public:
  virtual ~Completion() = default;
  // A task of the executor. `ok` as gRPC says for the operation.
  virtual void OnComplete(bool ok) = 0;
};

class CompletionExecutor final : public Executor {
 public:
  // `name` is the threads' name in the system, cut to 15 characters. `threads` is 1 to 8.
  CompletionExecutor(std::unique_ptr<grpc::CompletionQueue> queue, std::string name, int threads);
  // Stopped before.
  ~CompletionExecutor() override;

  grpc::CompletionQueue& completion_queue() { return *queue_; }
  void Start();
  // Runs what was posted, drops timers, waits for the operations under way, joins the threads.
  void Stop();
  // Runs the task and waits for its end. From a thread that is none of the executor's.
  void RunAndWait(Task task);

  int threads() const { return thread_count_; }
  // Tasks and completions that were run, and the time that they took. From any thread.
  uint64_t tasks_run() const { return tasks_run_.load(std::memory_order_relaxed); }
  uint64_t busy_ns() const { return busy_ns_.load(std::memory_order_relaxed); }
  size_t waiting_tasks() const ABSL_LOCKS_EXCLUDED(posted_mutex_);

  Instant Now() const override;
  int64_t WallClockMs() const override;
  // Dropped once the executor stops.
  void Post(Task task) override ABSL_LOCKS_EXCLUDED(posted_mutex_);
  TimerId PostAt(Instant when, Task task) override;
  void Cancel(TimerId timer) override;
  uint64_t Random() override { return random_(); }
  bool IsCurrent() const override;

 private:
  // Tells a thread that polls that tasks were posted.
  class Wake final : public Completion {
   public:
    explicit Wake(CompletionExecutor& executor) : executor_(executor) {}
    void OnComplete(bool) override { executor_.wake_pending_ = false; }

   private:
    CompletionExecutor& executor_;
  };

  void Run(int index);
  // How long a thread may wait for completions.
  gpr_timespec NextDeadline() const;
  int64_t NowNs() const;
  // With the turn, as all below.
  void RunDue(int64_t now_ns);
  bool TakePosted() ABSL_LOCKS_EXCLUDED(posted_mutex_);
  void NoteFirstTimer();
  void CountTask();

  const std::unique_ptr<grpc::CompletionQueue> queue_;
  const std::string name_;
  const int thread_count_;
  const std::chrono::steady_clock::time_point began_;
  Mutex turn_;  // Held while a task runs; it orders the threads, and guards no data of its own.
  std::vector<std::thread> threads_;

  mutable Mutex posted_mutex_;
  std::vector<Task> posted_ ABSL_GUARDED_BY(posted_mutex_);
  bool stopping_ ABSL_GUARDED_BY(posted_mutex_) = false;
  std::atomic<bool> has_posted_ = false;
  std::atomic<bool> wake_pending_ = false;
  Wake wake_;
  grpc::Alarm alarm_;

  // With the turn.
  std::vector<Task> running_;
  std::map<std::pair<Instant, TimerId>, Task> timers_;
  std::map<TimerId, Instant> timer_times_;
  TimerId last_timer_ = 0;
  std::mt19937_64 random_;
  std::atomic<int64_t> next_timer_ns_;  // Of the first timer, for threads about to poll.
  std::atomic<uint64_t> tasks_run_ = 0;
  std::atomic<uint64_t> busy_ns_ = 0;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_GRPC_COMPLETION_EXECUTOR_H_
