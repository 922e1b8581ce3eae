// A height that only grows, and threads that wait for it.
//
// Thread-safe.
#ifndef GROAT_SERVICES_LEDGER_HEIGHT_GATE_H_
#define GROAT_SERVICES_LEDGER_HEIGHT_GATE_H_

#include <algorithm>
#include <chrono>

#include "base/mutex.h"
#include "record/ids.h"

namespace groat::ledger_service {

class HeightGate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // No effect below the present height.
  void Raise(record::Height height) {
    MutexLock lock(mutex_);
    height_ = std::max(height_, height);
    changed_.NotifyAll();
  }
  record::Height height() const {
    MutexLock lock(mutex_);
    return height_;
  }
  // False if `deadline` passed or the gate was closed before.
  bool WaitFor(record::Height height, TimePoint deadline) const {
    MutexLock lock(mutex_);
    while (height_ < height && !closed_ && changed_.WaitUntil(mutex_, deadline)) {
    }
    return height_ >= height;
  }
  // Ends all waiting, now and later.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
  }

 private:
  mutable Mutex mutex_;
  mutable CondVar changed_;
  record::Height height_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_HEIGHT_GATE_H_
