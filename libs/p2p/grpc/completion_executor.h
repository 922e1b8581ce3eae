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
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "p2p/live/threaded_executor.h"

namespace groat::p2p {

// What a completion queue gives back: one operation that has ended.
class Completion {
 public:
  virtual ~Completion() = default;
  // A task of the executor. `ok` as gRPC says for the operation.
  virtual void OnComplete(bool ok) = 0;
};

class CompletionExecutor final : public ThreadedExecutor {
 public:
  // `name` is the threads' name in the system, cut to 15 characters. `threads` is 1 to 8.
  CompletionExecutor(std::unique_ptr<grpc::CompletionQueue> queue, std::string name, int threads);
  // Stopped before.
  ~CompletionExecutor() override;

  grpc::CompletionQueue& completion_queue() { return *queue_; }
  void Start() override;
  // Also waits for the operations under way.
  void Stop() override;
  int threads() const override { return thread_count_; }

 private:
  // Tells a thread that polls that tasks were posted.
  class Alarmed final : public Completion {
   public:
    explicit Alarmed(CompletionExecutor& executor) : executor_(executor) {}
    void OnComplete(bool) override { executor_.alarm_pending_ = false; }

   private:
    CompletionExecutor& executor_;
  };

  void Wake() override;
  void Run(int index);
  // How long a thread may wait for completions.
  gpr_timespec NextDeadline() const;

  const std::unique_ptr<grpc::CompletionQueue> queue_;
  const std::string name_;
  const int thread_count_;
  Mutex turn_;  // Held while a task runs; it orders the threads, and guards no data of its own.
  std::vector<std::thread> threads_;

  std::atomic<bool> alarm_pending_ = false;
  Alarmed alarmed_;
  grpc::Alarm alarm_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_GRPC_COMPLETION_EXECUTOR_H_
