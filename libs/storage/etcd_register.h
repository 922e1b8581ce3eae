// The register on an etcd cluster, through its client API v3 (3.4 or newer; production wants 3.5.12
// or newer, see etcd_admin.h).
//
// Thread-safe. Trusts etcd for the order of comparisons and nothing more: linearizable reads are
// transactions that write, and a commit whose answer was lost is never sent again. Compact concerns
// the whole cluster.
#ifndef GROAT_STORAGE_ETCD_REGISTER_H_
#define GROAT_STORAGE_ETCD_REGISTER_H_

#include <atomic>
#include <memory>

#include "absl/status/statusor.h"
#include "storage/etcd_channels.h"
#include "storage/etcd_keys.h"
#include "storage/etcd_reads.h"
#include "storage/register.h"
#include "storage/thread_shelf.h"

namespace groat::storage {

class EtcdRegister : public Register {
 public:
  // InvalidArgument for bad options. Does not wait for a connection.
  static absl::StatusOr<std::unique_ptr<EtcdRegister>> Connect(const EtcdOptions& options);

  absl::StatusOr<CommitResult> Commit(const Transaction& transaction) override;
  absl::StatusOr<ReadResult> ReadRanges(const std::vector<RangeRead>& ranges,
                                        Consistency consistency) override;
  std::unique_ptr<Watch> WatchPrefix(std::string_view prefix, int64_t from_revision,
                                     WatchCallback callback) override;
  absl::StatusOr<std::unique_ptr<Lease>> GrantLease(absl::Duration ttl,
                                                    std::function<void()> on_lost) override;
  absl::Status Compact(int64_t revision) override;

 private:
  EtcdRegister(std::unique_ptr<EtcdChannels> channels, std::string_view prefix);

  const std::unique_ptr<EtcdChannels> channels_;
  const EtcdKeys keys_;
  std::atomic<uint64_t> commits_{0};
  EtcdReads reads_;
  ThreadShelf shelf_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ETCD_REGISTER_H_
