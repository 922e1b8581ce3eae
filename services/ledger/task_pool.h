// A fixed number of threads behind a bounded queue: signature checks and reads of the store.
//
// Thread-safe.
#ifndef GROAT_SERVICES_LEDGER_TASK_POOL_H_
#define GROAT_SERVICES_LEDGER_TASK_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace groat::ledger_service {

class TaskPool {
 public:
  TaskPool(size_t threads, size_t max_queued) : max_queued_(max_queued) {
    for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }
  ~TaskPool() { Stop(); }
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  // False, and the task is dropped, if the queue is full or the pool is stopping.
  bool TryPost(std::function<void()> task) {
    MutexLock lock(mutex_);
    if (stopping_ || tasks_.size() >= max_queued_) return false;
    tasks_.push_back(std::move(task));
    work_.NotifyOne();
    return true;
  }

  // Runs what is queued, then joins. Not from a task.
  void Stop() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      work_.NotifyAll();
    }
    for (std::thread& thread : std::exchange(threads_, {})) thread.join();
  }

 private:
  void Run() {
    while (true) {
      std::function<void()> task;
      {
        MutexLock lock(mutex_);
        while (tasks_.empty() && !stopping_) work_.Wait(mutex_);
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  const size_t max_queued_;
  Mutex mutex_;
  CondVar work_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_TASK_POOL_H_
