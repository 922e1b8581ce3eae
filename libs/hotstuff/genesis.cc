#include "hotstuff/genesis.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"
#include "hotstuff/leader_schedule.h"

namespace groat::hotstuff {
namespace {

constexpr uint8_t kVersion = 4;
constexpr size_t kMaxNameBytes = 64;

absl::Status CheckRange(std::string_view name, uint64_t value, uint64_t low, uint64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(name), " ", value, ", want ", low, " to ", high));
}

absl::StatusOr<Validator> DecodeValidator(ByteReader& reader) {
  Validator validator;
  validator.key = reader.Fixed<32>();
  const uint8_t has_bls = reader.U8();
  if (has_bls > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("validator's BLS flag ", has_bls, ", want 0 or 1"));
  }
  if (has_bls == 1) {
    GROAT_ASSIGN_OR_RETURN(const bls::PublicKey key,
                           bls::PublicKey::Decode(reader.Raw(bls::PublicKey::kSize)));
    GROAT_ASSIGN_OR_RETURN(
        const bls::ProofOfPossession proof,
        bls::ProofOfPossession::Decode(reader.Raw(bls::ProofOfPossession::kSize)));
    validator.bls = bls::Registration{key, proof};
  }
  return validator;
}

}  // namespace

void EncodeValidators(const std::vector<Validator>& validators, ByteWriter& writer) {
  writer.U16(static_cast<uint16_t>(validators.size()));
  for (const Validator& validator : validators) {
    writer.Raw(validator.key).U8(validator.bls.has_value() ? 1 : 0);
    if (validator.bls.has_value()) {
      writer.Raw(validator.bls->key.Encode()).Raw(validator.bls->proof.Encode());
    }
  }
}

absl::StatusOr<std::vector<Validator>> DecodeValidators(ByteReader& reader) {
  const size_t count = reader.U16();
  GROAT_RETURN_IF_ERROR(CheckRange("validators", count, 1, kMaxReplicas));
  std::vector<Validator> validators;
  for (size_t i = 0; i < count; ++i) {
    GROAT_ASSIGN_OR_RETURN(Validator validator, DecodeValidator(reader));
    validators.push_back(std::move(validator));
  }
  return validators;
}

absl::Status CheckValidators(const std::vector<Validator>& validators, CertificateKind kind) {
  GROAT_RETURN_IF_ERROR(CheckRange("validators", validators.size(), 1, kMaxReplicas));
  std::set<Ed25519PublicKey> seen;
  std::vector<bls::Registration> registrations;
  for (size_t i = 0; i < validators.size(); ++i) {
    if (!seen.insert(validators[i].key).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("two validators have the key ", validators[i].key.Hex()));
    }
    if (validators[i].bls.has_value()) {
      registrations.push_back(*validators[i].bls);
    } else if (kind == CertificateKind::kBls) {
      return absl::InvalidArgumentError(
          absl::StrCat("validator ", i, " has no BLS key, which the certificates need"));
    }
  }
  if (kind == CertificateKind::kEd25519List) return absl::OkStatus();
  return bls::KeyDirectory::Create(registrations).status();
}

absl::Status CheckCanProgress(size_t replicas, RuleSet rules, VoteSpread votes) {
  const size_t faults = FaultsOf(replicas);
  if (faults == 0) return absl::OkStatus();
  const size_t run = (replicas - faults + faults - 1) / faults;
  const size_t need =
      (rules == RuleSet::kTwoChain ? 2u : 3u) + (votes == VoteSpread::kNextLeader ? 1u : 0u);
  if (run >= need) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "with ", faults, " of ", replicas, " replicas crashed there may never be more than ", run,
      " live leaders in a row, want ", need,
      " for a commit: send votes to all, use the two-chain rules, or add replicas"));
}

Bytes Genesis::Encode() const {
  ByteWriter writer;
  writer.U8(kVersion)
      .U8(static_cast<uint8_t>(name.size()))
      .Text(name)
      .U64(timestamp_us)
      .U8(static_cast<uint8_t>(rules))
      .U8(static_cast<uint8_t>(certificates))
      .U8(static_cast<uint8_t>(votes))
      .U32(block.max_count)
      .U32(block.max_bytes)
      .U32(base_timeout_ms)
      .U32(max_clock_drift_ms)
      .U32(max_clients)
      .U32(snapshot_interval_blocks);
  EncodeValidators(validators, writer);
  return writer.Take();
}

absl::StatusOr<Genesis> Genesis::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  GROAT_RETURN_IF_ERROR(CheckRange("genesis version", version, kVersion, kVersion));
  Genesis genesis;
  genesis.name = ToString(reader.Raw(reader.U8()));
  genesis.timestamp_us = reader.U64();
  genesis.rules = static_cast<RuleSet>(reader.U8());
  genesis.certificates = static_cast<CertificateKind>(reader.U8());
  genesis.votes = static_cast<VoteSpread>(reader.U8());
  genesis.block.max_count = reader.U32();
  genesis.block.max_bytes = reader.U32();
  genesis.base_timeout_ms = reader.U32();
  genesis.max_clock_drift_ms = reader.U32();
  genesis.max_clients = reader.U32();
  genesis.snapshot_interval_blocks = reader.U32();
  GROAT_ASSIGN_OR_RETURN(genesis.validators, DecodeValidators(reader));
  GROAT_RETURN_IF_ERROR(reader.Finish("genesis"));
  GROAT_RETURN_IF_ERROR(genesis.Validate());
  return genesis;
}

absl::Status Genesis::Validate() const {
  GROAT_RETURN_IF_ERROR(CheckRange("size of the chain's name", name.size(), 1, kMaxNameBytes));
  GROAT_RETURN_IF_ERROR(CheckRange("rule set", static_cast<uint8_t>(rules), 1, 2));
  GROAT_RETURN_IF_ERROR(CheckRange("certificate kind", static_cast<uint8_t>(certificates), 1, 2));
  GROAT_RETURN_IF_ERROR(CheckRange("vote spread", static_cast<uint8_t>(votes), 1, 2));
  GROAT_RETURN_IF_ERROR(
      CheckRange("commands of a block", block.max_count, 1, kLargestCommandBounds.max_count));
  GROAT_RETURN_IF_ERROR(CheckRange("bytes of a block", block.max_bytes, Command::kOverheadBytes,
                                   kLargestCommandBounds.max_bytes));
  GROAT_RETURN_IF_ERROR(CheckRange("base timeout in ms", base_timeout_ms, 1, 10000));
  GROAT_RETURN_IF_ERROR(CheckRange("clock drift in ms", max_clock_drift_ms, 1, 3600000));
  GROAT_RETURN_IF_ERROR(CheckRange("clients", max_clients, 1, 1u << 20));
  GROAT_RETURN_IF_ERROR(
      CheckRange("snapshot interval in blocks", snapshot_interval_blocks, 1, 1u << 24));
  GROAT_RETURN_IF_ERROR(CheckValidators(validators, certificates));
  return CheckCanProgress(validators.size(), rules, votes);
}

ChainId Genesis::Chain() const { return GenesisDigest(Encode()); }

BlockPtr Genesis::Block0() const {
  return Block::MakeGenesis(Chain(), timestamp_us, LeaderSchedule().hash());
}

}  // namespace groat::hotstuff
