// What a verifier has to trust, and all that it has to: the keys of a network, in one file.
//
// Pure: parses and prints text; reading the file is the caller's.
#ifndef GROAT_ASSET_TRUST_H_
#define GROAT_ASSET_TRUST_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "record/checkpoint.h"
#include "record/ids.h"

namespace groat::asset {

struct RelayTrust {
  record::RelayId relay;
  uint32_t shard_bits = 0;      // The key space is cut into 2^shard_bits shards; 0 to 16.
  uint64_t period_cycles = 0;   // Cycles a period has; 0: the first one never ends.
  Ed25519PublicKey public_key;  // Signs the relay's roots.
};

struct Trust {
  Bytes32 ledger_id;
  std::vector<bls::Registration> ledger_nodes;  // By index; ParseTrust has verified their proofs.
  std::vector<RelayTrust> relays;

  // NotFound names the relay id.
  absl::StatusOr<RelayTrust> Relay(record::RelayId relay) const;
};

// JSON:
//   {"ledger_id": HEX32,
//    "ledger_nodes": [{"public_key": HEX48, "proof_of_possession": HEX96}, ...],
//    "relays": [{"relay_id": 1, "shard_bits": 0, "period_cycles": 0, "public_key": HEX32}, ...]}
// InvalidArgument names the first missing, unknown, repeated or malformed field, or the ledger node
// that has not proven possession of its key.
absl::StatusOr<Trust> ParseTrust(std::string_view json);
std::string FormatTrust(const Trust& trust);

}  // namespace groat::asset

#endif  // GROAT_ASSET_TRUST_H_
