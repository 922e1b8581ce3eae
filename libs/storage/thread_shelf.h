// Joins threads whose owner may end on the very thread that is to be joined.
//
// Thread-safe. A watch may be destroyed by its own callback; its thread is then kept here.
#ifndef GROAT_STORAGE_THREAD_SHELF_H_
#define GROAT_STORAGE_THREAD_SHELF_H_

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace groat::storage {

class ThreadShelf {
 public:
  // Set by the thread as the last thing that it does.
  using Ended = std::shared_ptr<const std::atomic<bool>>;

  ThreadShelf() = default;
  ThreadShelf(const ThreadShelf&) = delete;
  ThreadShelf& operator=(const ThreadShelf&) = delete;
  // Joins what was kept; not to be called on one of those threads.
  ~ThreadShelf() {
    for (Kept& kept : Take(false)) kept.thread.join();
  }

  // `thread` was told to end. Joins it, or keeps it for later if it is the calling thread. Also
  // joins those kept earlier that have ended since.
  void Join(std::thread thread, Ended ended) {
    for (Kept& kept : Take(true)) kept.thread.join();
    if (thread.get_id() != std::this_thread::get_id()) {
      thread.join();
      return;
    }
    MutexLock lock(mutex_);
    kept_.push_back({std::move(thread), std::move(ended)});
  }

 private:
  struct Kept {
    std::thread thread;
    Ended ended;
  };

  std::vector<Kept> Take(bool only_ended) {
    std::vector<Kept> out;
    std::vector<Kept> rest;
    MutexLock lock(mutex_);
    for (Kept& kept : kept_) {
      (only_ended && !*kept.ended ? rest : out).push_back(std::move(kept));
    }
    kept_ = std::move(rest);
    return out;
  }

  Mutex mutex_;
  std::vector<Kept> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_THREAD_SHELF_H_
