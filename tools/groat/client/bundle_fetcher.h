// Gathers a proof bundle: the proof of provenance from the relay, blocks, log paths and a
// checkpoint from the ledger.
//
// What it returns is complete but not verified: that is asset::Verify's. Blocks the caller; not
// thread-safe (it remembers blocks, which never change).
#ifndef GROAT_TOOLS_GROAT_CLIENT_BUNDLE_FETCHER_H_
#define GROAT_TOOLS_GROAT_CLIENT_BUNDLE_FETCHER_H_

#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "asset/bundle.h"
#include "tools/groat/client/ledger_client.h"
#include "tools/groat/client/relay_client.h"

namespace groat::client {

class BundleFetcher {
 public:
  // Both must outlive the fetcher.
  BundleFetcher(const RelayClient& relay, const LedgerClient& ledger)
      : relay_(relay), ledger_(ledger) {}

  // Waits up to `timeout` until a checkpoint covers every block (DeadlineExceeded). NotFound if the
  // key is not set; errors of both contracts.
  absl::StatusOr<asset::ProofBundle> Fetch(const relay::v1::GetProofRequest& request,
                                           std::chrono::milliseconds timeout);

  // A block that need not be fetched.
  void Remember(const record::Block& block);

 private:
  using CycleName = std::pair<uint32_t, uint64_t>;  // Shard and cycle; the relay is one.
  absl::StatusOr<record::Block> BlockOf(const record::SignedRoot& root,
                                        std::chrono::milliseconds timeout);
  absl::Status FillLogPaths(asset::ProofBundle& bundle) const;

  const RelayClient& relay_;
  const LedgerClient& ledger_;
  std::map<CycleName, record::Block> blocks_;
  // The last one that was fetched: it serves any block that it covers.
  std::optional<record::SignedCheckpoint> checkpoint_;
};

}  // namespace groat::client

#endif  // GROAT_TOOLS_GROAT_CLIENT_BUNDLE_FETCHER_H_
