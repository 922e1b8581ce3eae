// Joins threads whose owner may end on the very thread that is to be joined.
//
// Thread-safe. A watch may be destroyed by its own callback; its thread is then kept here.
#ifndef GROAT_STORAGE_THREAD_SHELF_H_
#define GROAT_STORAGE_THREAD_SHELF_H_

#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace groat::storage {

class ThreadShelf {
 public:
  ThreadShelf() = default;
  ThreadShelf(const ThreadShelf&) = delete;
  ThreadShelf& operator=(const ThreadShelf&) = delete;
  // Joins what was kept; not to be called on one of those threads.
  ~ThreadShelf() { JoinKept(); }

  // `thread` is about to end. Joins it, or keeps it for later if it is the calling thread.
  void Join(std::thread thread) {
    if (thread.get_id() != std::this_thread::get_id()) {
      thread.join();
      return;
    }
    MutexLock lock(mutex_);
    kept_.push_back(std::move(thread));
  }

 private:
  void JoinKept() {
    std::vector<std::thread> kept;
    {
      MutexLock lock(mutex_);
      kept.swap(kept_);
    }
    for (std::thread& thread : kept) thread.join();
  }

  Mutex mutex_;
  std::vector<std::thread> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_THREAD_SHELF_H_
