#include "asset/provenance.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "record/update.h"

namespace groat::asset {
namespace {

using record::Cycle;
using record::Period;
using record::PeriodOf;

// The last cycles of all periods that begin at or after that of `since` and end before `cycle`.
std::vector<Cycle> PeriodEnds(Cycle since, Cycle cycle, uint64_t period_cycles) {
  std::vector<Cycle> out;
  if (period_cycles == 0) return out;
  const Period last = PeriodOf(cycle, period_cycles);
  for (Period p = PeriodOf(since, period_cycles); p < last; p = p.Next()) {
    out.push_back(record::FirstCycleOf(p.Next(), period_cycles).Previous());
  }
  return out;
}

absl::Status CheckRoot(const record::SignedRoot& root, const Bytes32& key,
                       const RelayTrust& relay) {
  const record::RootStatement& statement = root.statement;
  if (statement.relay != relay.relay) {
    return absl::InvalidArgumentError(
        absl::StrCat(statement.Name(), ", want relay ", relay.relay.value()));
  }
  const record::Shard shard = record::ShardOf(key, relay.shard_bits);
  if (statement.shard != shard) {
    return absl::InvalidArgumentError(
        absl::StrCat(statement.Name(), ": key ", key.Hex(), " belongs to shard ", shard.value()));
  }
  const Period period = PeriodOf(statement.cycle, relay.period_cycles);
  if (statement.period != period) {
    return absl::InvalidArgumentError(absl::StrCat(
        statement.Name(), ": period ", statement.period.value(), ", want ", period.value()));
  }
  return record::VerifyRoot(root, relay.public_key);
}

absl::Status CheckNulls(const std::vector<NullProofAt>& nulls, const std::vector<Cycle>& cycles,
                        const Bytes32& key, const RelayTrust& relay) {
  if (nulls.size() != cycles.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(nulls.size(), " null proofs, want ", cycles.size()));
  }
  for (size_t i = 0; i < nulls.size(); ++i) {
    const record::RootStatement& statement = nulls[i].root.statement;
    if (statement.cycle != cycles[i]) {
      return absl::InvalidArgumentError(absl::StrCat("null proof ", i, " is at cycle ",
                                                     statement.cycle.value(), ", want ",
                                                     cycles[i].value()));
    }
    if (nulls[i].proof.key != key) {
      return absl::InvalidArgumentError(absl::StrCat(
          "null proof ", i, " is for key ", nulls[i].proof.key.Hex(), ", want ", key.Hex()));
    }
    GROAT_RETURN_IF_ERROR(CheckRoot(nulls[i].root, key, relay));
    if (absl::Status status = merkle::Verify(nulls[i].proof, statement.root); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("null proof at cycle ", statement.cycle.value(), ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

// Before anything is listed: a forged proof may name any cycles.
absl::Status CheckSince(Cycle since, Cycle cycle, uint64_t period_cycles) {
  const uint64_t most = kMaxNullProofs * std::max<uint64_t>(period_cycles, 1);
  if (period_cycles != 0 && since <= cycle && cycle.value() - since.value() >= most) {
    return absl::InvalidArgumentError(absl::StrCat("cycles ", since.value(), " to ", cycle.value(),
                                                   " span more than ", kMaxNullProofs, " periods"));
  }
  if (since == Cycle(0) || since > cycle) {
    return absl::InvalidArgumentError(
        absl::StrCat("since cycle ", since.value(), ", want 1 to ", cycle.value()));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<Cycle> NullCycles(Cycle since, Cycle cycle, uint64_t period_cycles) {
  std::vector<Cycle> out = PeriodEnds(since, cycle, period_cycles);
  if (cycle <= Cycle(1)) return out;
  const Cycle before = cycle.Previous();
  if (before >= since && PeriodOf(before, period_cycles) == PeriodOf(cycle, period_cycles)) {
    out.push_back(before);
  }
  return out;
}

std::vector<Cycle> AbsenceCycles(Cycle since, Cycle cycle, uint64_t period_cycles) {
  std::vector<Cycle> out = PeriodEnds(since, cycle, period_cycles);
  out.push_back(cycle);
  return out;
}

absl::Status Verify(const ProofOfProvenance& proof, const RelayTrust& relay) {
  const record::RootStatement& statement = proof.root.statement;
  GROAT_RETURN_IF_ERROR(CheckSince(proof.since, proof.cycle(), relay.period_cycles));
  if (statement.cycle < proof.cycle() || PeriodOf(statement.cycle, relay.period_cycles) !=
                                             PeriodOf(proof.cycle(), relay.period_cycles)) {
    return absl::InvalidArgumentError(
        absl::StrCat("leaf of cycle ", proof.cycle().value(), " in the root of cycle ",
                     statement.cycle.value(), ", want the same or a later cycle of its period"));
  }
  GROAT_RETURN_IF_ERROR(CheckRoot(proof.root, proof.key(), relay));
  GROAT_RETURN_IF_ERROR(merkle::Verify(proof.inclusion, statement.root));
  return CheckNulls(proof.nulls, NullCycles(proof.since, proof.cycle(), relay.period_cycles),
                    proof.key(), relay);
}

absl::Status Verify(const ProofOfAbsence& proof, const RelayTrust& relay) {
  GROAT_RETURN_IF_ERROR(CheckSince(proof.since, proof.cycle, relay.period_cycles));
  return CheckNulls(proof.nulls, AbsenceCycles(proof.since, proof.cycle, relay.period_cycles),
                    proof.key, relay);
}

}  // namespace groat::asset
