// A relay network that a test plays itself: it closes cycles of a growing trie, signs their roots,
// and proves their growth to ledger nodes over gRPC, as the relay process does. Tests only.
//
// So a ledger can be given roots of several relays, one call at a time, and still form checkpoints.
// Thread-safe.
#ifndef GROAT_TESTS_E2E_ROOT_SOURCE_H_
#define GROAT_TESTS_E2E_ROOT_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "asset/trust.h"
#include "base/mutex.h"
#include "groat/relay/v1/relay.grpc.pb.h"
#include "merkle/trie.h"
#include "record/root_statement.h"
#include "rpc/server.h"

namespace groat::e2e {

class RootSource final : private relay::v1::RelayService::CallbackService {
 public:
  // Serves growth proofs on a free port. Errors as rpc::Server::Start.
  static absl::StatusOr<std::unique_ptr<RootSource>> Start(record::RelayId relay,
                                                           const rpc::TlsConfig& tls);
  ~RootSource() override;

  std::string endpoint() const;
  asset::RelayTrust trust() const;

  // The root of the next cycle, which adds one leaf.
  record::SignedRoot CloseCycle() ABSL_LOCKS_EXCLUDED(mutex_);
  const Ed25519PrivateKey& key() const { return key_; }

 private:
  explicit RootSource(record::RelayId relay) : relay_(relay) {}
  grpc::ServerWriteReactor<relay::v1::GetGrowthProofResponse>* GetGrowthProof(
      grpc::CallbackServerContext* context,
      const relay::v1::GetGrowthProofRequest* request) override;
  absl::StatusOr<relay::v1::GetGrowthProofResponse> Prove(uint64_t cycle)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const record::RelayId relay_;
  const Ed25519PrivateKey key_ = Ed25519PrivateKey::Generate();
  Mutex mutex_;
  merkle::Trie trie_ ABSL_GUARDED_BY(mutex_);
  std::vector<record::SignedRoot> roots_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<rpc::Server> server_;  // Last: it ends first.
};

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_ROOT_SOURCE_H_
