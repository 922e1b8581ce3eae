// What an append costs etcd alone: transactions of the same bytes and comparisons, nothing else.
//
// Blocks the caller; owns threads while it runs.
#ifndef GROAT_LOADTEST_GROAT_LOAD_BARE_ETCD_H_
#define GROAT_LOADTEST_GROAT_LOAD_BARE_ETCD_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/groat_load/ledger_load.h"
#include "storage/etcd_register.h"
#include "tools/groat/platform/platform.h"

namespace groat::load {

class BareEtcd {
 public:
  // On the members that the ledger uses, under a prefix of its own.
  static absl::StatusOr<std::unique_ptr<BareEtcd>> Connect(const platform::Platform& platform);

  // `callers` chains of transactions, each with a head of its own, so that none fails because of
  // another; a caller sends its next one when the last is answered. All share one connection,
  // where etcd answers many callers with fewer writes than on a connection for each.
  absl::StatusOr<LedgerLoadResult> Run(std::chrono::milliseconds duration, size_t callers);

 private:
  struct Chain {
    uint64_t height = 0;
    int64_t head_revision = 0;
  };

  explicit BareEtcd(std::unique_ptr<storage::EtcdRegister> etcd) : etcd_(std::move(etcd)) {}
  absl::StatusOr<LedgerLoadResult> RunChain(std::chrono::milliseconds duration, size_t number);

  const std::unique_ptr<storage::EtcdRegister> etcd_;
  std::vector<Chain> chains_;  // By caller; kept from run to run.
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_BARE_ETCD_H_
