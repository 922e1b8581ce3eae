// The switch that stops a node for good when histories contradict each other.
//
// Thread-safe. Once tripped, the node takes no writes, gives no linearizable reads, signs nothing
// and is not healthy, until an operator restarts it with the cause removed.
#ifndef GROAT_SERVICES_LEDGER_HALT_H_
#define GROAT_SERVICES_LEDGER_HALT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace groat::ledger_service {

class Halt {
 public:
  // Called once each, on the thread that trips, without a lock held. Only before the first Trip.
  void OnTrip(std::function<void(const std::string& reason)> callback) {
    MutexLock lock(mutex_);
    callbacks_.push_back(std::move(callback));
  }

  // The first reason stands.
  void Trip(const std::string& reason) {
    std::vector<std::function<void(const std::string&)>> callbacks;
    {
      MutexLock lock(mutex_);
      if (!reason_.empty()) return;
      reason_ = reason;
      callbacks = callbacks_;
    }
    for (const auto& callback : callbacks) callback(reason);
  }

  bool tripped() const { return !status().ok(); }
  // OK, or DataLoss with the reason.
  absl::Status status() const {
    MutexLock lock(mutex_);
    return reason_.empty() ? absl::OkStatus() : absl::DataLossError(reason_);
  }

 private:
  mutable Mutex mutex_;
  std::string reason_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void(const std::string&)>> callbacks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_HALT_H_
