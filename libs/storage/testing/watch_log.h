// Collects what a watch reports and waits for it. Tests only. Thread-safe.
#ifndef GROAT_STORAGE_TESTING_WATCH_LOG_H_
#define GROAT_STORAGE_TESTING_WATCH_LOG_H_

#include <functional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "storage/register.h"

namespace groat::storage::testing {

class WatchLog {
 public:
  // To be given to WatchPrefix; the log must outlive the watch.
  WatchCallback Callback() {
    return [this](const WatchUpdate& update) {
      MutexLock lock(mutex_);
      updates_.push_back(update);
      changed_.NotifyAll();
    };
  }

  // Waits until `enough` holds for the updates so far and returns them; after 20 s returns them
  // anyway, for the caller's assertion to fail on.
  std::vector<WatchUpdate> WaitUntil(
      const std::function<bool(const std::vector<WatchUpdate>&)>& enough) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(mutex_);
    while (!enough(updates_) && changed_.WaitUntil(mutex_, deadline)) {
    }
    return updates_;
  }

  // The first `count` events, whatever updates they came in.
  std::vector<WatchEvent> WaitForEvents(size_t count) {
    const auto updates = WaitUntil([count](const std::vector<WatchUpdate>& so_far) {
      size_t events = 0;
      for (const WatchUpdate& update : so_far) events += update.events.size();
      return events >= count;
    });
    std::vector<WatchEvent> out;
    for (const WatchUpdate& update : updates) {
      out.insert(out.end(), update.events.begin(), update.events.end());
    }
    return out;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<WatchUpdate> updates_ ABSL_GUARDED_BY(mutex_);
};

// A flag that one thread raises and another waits for.
class Signal {
 public:
  void Raise() {
    MutexLock lock(mutex_);
    raised_ = true;
    changed_.NotifyAll();
  }
  // False if it was not raised within 20 s.
  bool Wait() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(mutex_);
    while (!raised_ && changed_.WaitUntil(mutex_, deadline)) {
    }
    return raised_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool raised_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::storage::testing

#endif  // GROAT_STORAGE_TESTING_WATCH_LOG_H_
