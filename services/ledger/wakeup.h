// How a component's own thread sleeps and is woken.
//
// Thread-safe.
#ifndef GROAT_SERVICES_LEDGER_WAKEUP_H_
#define GROAT_SERVICES_LEDGER_WAKEUP_H_

#include <chrono>

#include "base/mutex.h"

namespace groat::ledger_service {

class Wakeup {
 public:
  void Wake() {
    MutexLock lock(mutex_);
    woken_ = true;
    changed_.NotifyAll();
  }
  // For good: every sleep from now on ends at once.
  void Stop() {
    MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  bool stopped() const {
    MutexLock lock(mutex_);
    return stopped_;
  }
  // Until the next Wake (one since the last sleep counts), Stop, or the end of `longest`.
  // False once stopped.
  bool Sleep(std::chrono::milliseconds longest) {
    const auto deadline = std::chrono::steady_clock::now() + longest;
    MutexLock lock(mutex_);
    while (!woken_ && !stopped_ && changed_.WaitUntil(mutex_, deadline)) {
    }
    woken_ = false;
    return !stopped_;
  }
  // The whole time, whatever wakes, for back-off. False once stopped.
  bool Pause(std::chrono::milliseconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    MutexLock lock(mutex_);
    while (!stopped_ && changed_.WaitUntil(mutex_, deadline)) {
    }
    return !stopped_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_WAKEUP_H_
