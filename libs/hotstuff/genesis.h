// What all replicas of a chain agree on before its first block.
//
// Pure value. Its digest is the chain id, which everything signed contains; so replicas whose
// genesis differs in a single bit never accept each other's signatures.
#ifndef GROAT_HOTSTUFF_GENESIS_H_
#define GROAT_HOTSTUFF_GENESIS_H_

#include <optional>
#include <string>
#include <vector>

#include "bls/key_directory.h"
#include "crypto/ed25519.h"
#include "hotstuff/block.h"

namespace groat::hotstuff {

struct Validator {
  Ed25519PublicKey key;  // Signs blocks; with Ed25519 lists, votes too.
  // For votes with BLS certificates; the proof of possession is checked before the key is used.
  std::optional<bls::Registration> bls;

  friend bool operator==(const Validator&, const Validator&) = default;
};

enum class RuleSet : uint8_t { kTwoChain = 1, kThreeChain = 2 };
enum class CertificateKind : uint8_t { kEd25519List = 1, kBls = 2 };
enum class VoteSpread : uint8_t { kNextLeader = 1, kAll = 2 };

struct Genesis {
  std::string name;           // 1 to 64 bytes; keeps chains apart that are alike otherwise.
  uint64_t timestamp_us = 0;  // Unix time of block 0, in microseconds.
  RuleSet rules = RuleSet::kTwoChain;
  CertificateKind certificates = CertificateKind::kEd25519List;
  VoteSpread votes = VoteSpread::kNextLeader;
  CommandBounds block{10000, 4u << 20};
  uint32_t base_timeout_ms = 500;       // 1 to 10,000.
  uint32_t max_clock_drift_ms = 10000;  // 1 to 3,600,000.
  uint32_t max_clients = 65536;         // Whose sequences are remembered; 1 to 2^20.
  // Heights that are divisible by it have a snapshot; 1 to 2^24.
  uint32_t snapshot_interval_blocks = 8192;
  std::vector<Validator> validators;  // 1 to 256.

  // Version u8 = 4 ‖ name size u8 ‖ name ‖ timestamp u64 ‖ rules u8 ‖ certificates u8 ‖ votes u8 ‖
  // block count u32 ‖ block bytes u32 ‖ base timeout u32 ‖ clock drift u32 ‖ clients u32 ‖
  // snapshot interval u32 ‖ validators (EncodeValidators).
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes; runs Validate.
  static absl::StatusOr<Genesis> Decode(ByteView bytes);
  // InvalidArgument names the first value out of its range, a repeated key, a missing or wrong
  // proof of possession, and a configuration that cannot make progress with f replicas crashed.
  absl::Status Validate() const;

  uint64_t max_clock_drift_us() const { return uint64_t{max_clock_drift_ms} * 1000; }

  ChainId Chain() const;
  BlockPtr Block0() const;

  friend bool operator==(const Genesis&, const Genesis&) = default;
};

// count u16, then each: key 32 ‖ BLS flag u8 ‖ (BLS key 48 ‖ proof of possession 96).
void EncodeValidators(const std::vector<Validator>& validators, ByteWriter& writer);
absl::StatusOr<std::vector<Validator>> DecodeValidators(ByteReader& reader);

// InvalidArgument unless there are 1 to kMaxReplicas with distinct keys, and with BLS certificates
// each has a key with a right proof of possession.
absl::Status CheckValidators(const std::vector<Validator>& validators, CertificateKind kind);

// InvalidArgument if with f of n replicas crashed no block might ever commit under round robin. A
// commit needs a run of live leaders: the certified blocks of the rule set, and one more leader to
// collect the last votes if they go to the next leader alone. In the worst order of n replicas the
// longest run of live ones is ceil((n - f) / f).
absl::Status CheckCanProgress(size_t replicas, RuleSet rules, VoteSpread votes);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_GENESIS_H_
