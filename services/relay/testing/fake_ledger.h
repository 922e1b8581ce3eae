// A ledger in this process for tests of the relay: takes roots, makes blocks and signs checkpoints
// with one node's key, all at once. Can hold back checkpoints and answer that it is not there.
//
// Thread-safe.
#ifndef GROAT_SERVICES_RELAY_TESTING_FAKE_LEDGER_H_
#define GROAT_SERVICES_RELAY_TESTING_FAKE_LEDGER_H_

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "asset/trust.h"
#include "base/mutex.h"
#include "bls/key_directory.h"
#include "groat/ledger/v1/ledger.grpc.pb.h"
#include "merkle/block_log.h"
#include "record/block.h"
#include "record/checkpoint.h"

namespace groat::relay_service {

class FakeLedger final : public ledger::v1::LedgerService::Service {
 public:
  FakeLedger();
  ~FakeLedger() override;

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  // Trusts this ledger and the given relay.
  asset::Trust TrustFor(const asset::RelayTrust& relay) const;

  void SetAvailable(bool available) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetCheckpoints(bool checkpoints) ABSL_LOCKS_EXCLUDED(mutex_);
  // As if another relay had written: the next compare or append finds it.
  void Forge(const record::SignedRoot& root) ABSL_LOCKS_EXCLUDED(mutex_);
  // As if it had been restored from a backup of that height.
  void Forget(record::Height height) ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<record::Block> blocks() const ABSL_LOCKS_EXCLUDED(mutex_);
  // The path of a block into the log of all blocks.
  std::vector<merkle::LogHash> PathOf(record::Height height, record::Height log_height) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  grpc::Status AppendRoot(grpc::ServerContext* context,
                          const ledger::v1::AppendRootRequest* request,
                          ledger::v1::AppendRootResponse* response) override;
  grpc::Status GetBlock(grpc::ServerContext* context, const ledger::v1::GetBlockRequest* request,
                        ledger::v1::GetBlockResponse* response) override;
  grpc::Status WatchCheckpoints(
      grpc::ServerContext* context, const ledger::v1::WatchCheckpointsRequest* request,
      grpc::ServerWriter<ledger::v1::WatchCheckpointsResponse>* writer) override;

 private:
  record::Block Append(const record::SignedRoot& root) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  record::SignedCheckpoint Sign() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bls::SecretKey key_;
  const bls::Registration registration_{key_.public_key(), bls::PopProve(key_)};
  Bytes32 ledger_id_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool available_ ABSL_GUARDED_BY(mutex_) = true;
  bool checkpoints_ ABSL_GUARDED_BY(mutex_) = true;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<record::Block> blocks_ ABSL_GUARDED_BY(mutex_);
  merkle::BlockLog log_ ABSL_GUARDED_BY(mutex_);
  merkle::MemoryLogNodes nodes_ ABSL_GUARDED_BY(mutex_);
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_TESTING_FAKE_LEDGER_H_
