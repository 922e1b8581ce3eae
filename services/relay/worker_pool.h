// A fixed number of threads behind a bounded queue, for work that needs no order: proofs and
// answers.
//
// Thread-safe.
#ifndef GROAT_SERVICES_RELAY_WORKER_POOL_H_
#define GROAT_SERVICES_RELAY_WORKER_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace groat::relay_service {

class WorkerPool {
 public:
  using Task = std::function<void()>;

  WorkerPool(size_t threads, size_t max_queued);
  // Runs what is queued, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False if the queue is full: for requests, which can be refused.
  bool TryPost(Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  // Queues over the bound: for answers that are owed, whose number is bounded elsewhere.
  void Post(Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  size_t queued() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  const size_t max_queued_;
  mutable Mutex mutex_;
  CondVar work_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_WORKER_POOL_H_
