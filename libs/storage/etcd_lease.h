// One lease of etcd and the thread that keeps it alive.
//
// It counts as lost as soon as it may have run out: a time to live after the last successful
// request was SENT, by this process' steady clock.
#ifndef GROAT_STORAGE_ETCD_LEASE_H_
#define GROAT_STORAGE_ETCD_LEASE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "storage/etcd_channels.h"
#include "storage/register.h"
#include "storage/thread_shelf.h"

namespace groat::storage {

class EtcdLease : public Lease {
 public:
  // `channels` and `shelf` must outlive the lease. Errors as Register::GrantLease.
  static absl::StatusOr<std::unique_ptr<Lease>> Grant(const EtcdChannels* channels,
                                                      ThreadShelf* shelf, absl::Duration ttl,
                                                      std::function<void()> on_lost);
  ~EtcdLease() override;

  LeaseId id() const override;
  bool lost() const override;
  absl::Status Revoke() override;

 private:
  // What the thread works with; it may outlive the lease if `on_lost` destroys that.
  class Worker;
  EtcdLease(ThreadShelf* shelf, std::shared_ptr<Worker> worker);

  ThreadShelf& shelf_;
  const std::shared_ptr<Worker> worker_;
  const std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
  std::thread thread_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ETCD_LEASE_H_
