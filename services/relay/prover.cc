#include "services/relay/prover.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::relay_service {

using record::Cycle;
using record::Period;
using record::PeriodOf;

namespace {

absl::Status CheckCount(size_t null_proofs) {
  if (null_proofs <= asset::kMaxNullProofs) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the proof would span ", null_proofs,
                                                 " periods, want at most ", asset::kMaxNullProofs,
                                                 ": raise since_cycle"));
}

// The number of periods touched from `since` to `cycle`, without listing them.
uint64_t PeriodSpan(Cycle since, Cycle cycle, uint64_t period_cycles) {
  return PeriodOf(cycle, period_cycles).value() - PeriodOf(since, period_cycles).value() + 1;
}

}  // namespace

Prover::Prover(uint64_t period_cycles, TrieShelf& shelf, const CycleStore& cycles, CycleOf cycle_of)
    : period_cycles_(period_cycles),
      shelf_(shelf),
      cycles_(cycles),
      cycle_of_(std::move(cycle_of)) {}

absl::StatusOr<std::optional<Cycle>> Prover::Locate(const Hash& key) {
  ReaderMutexLock lock(shelf_.open_mutex());
  return cycle_of_(key);
}

absl::Status Prover::CheckSpan(const Span& span, Cycle newest) const {
  if (span.at > newest || newest == Cycle(0)) {
    return absl::OutOfRangeError(absl::StrCat(
        "cycle ", span.at.value(), " has not been closed; the last is ", newest.value()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<asset::NullProofAt>> Prover::Nulls(const Hash& key,
                                                              const std::vector<Cycle>& cycles) {
  std::vector<asset::NullProofAt> out;
  out.reserve(cycles.size());
  for (const Cycle cycle : cycles) {
    asset::NullProofAt null;
    GROAT_ASSIGN_OR_RETURN(const ClosedCycle closed, cycles_.Get(cycle));
    null.root = closed.root;
    GROAT_RETURN_IF_ERROR(
        shelf_.Read(PeriodOf(cycle, period_cycles_), [&](const merkle::Trie& trie) -> absl::Status {
          GROAT_ASSIGN_OR_RETURN(null.proof, trie.ProveNull(key, cycle.value()));
          return absl::OkStatus();
        }));
    out.push_back(std::move(null));
  }
  return out;
}

absl::StatusOr<asset::ProofOfProvenance> Prover::Prove(const Hash& key, const Span& span) {
  const Cycle newest = cycles_.last();
  GROAT_RETURN_IF_ERROR(CheckSpan(span, newest));
  GROAT_ASSIGN_OR_RETURN(const std::optional<Cycle> set, Locate(key));
  const Cycle by = span.at == Cycle(0) ? newest : span.at;
  if (!set.has_value() || *set > by) {
    return absl::NotFoundError(
        absl::StrCat("key ", key.Hex(), " is not set up to cycle ", by.value()));
  }
  const Cycle at = span.at == Cycle(0) ? *set : span.at;
  const Period period = PeriodOf(*set, period_cycles_);
  if (PeriodOf(at, period_cycles_) != period) {
    return absl::OutOfRangeError(absl::StrCat(
        "at_cycle ", at.value(), " lies after the period of the key's cycle ", set->value(),
        ", want at most ", record::FirstCycleOf(period.Next(), period_cycles_).value() - 1));
  }
  asset::ProofOfProvenance out;
  out.since = std::max(span.since, Cycle(1));
  if (out.since > *set) {
    return absl::InvalidArgumentError(absl::StrCat(
        "since_cycle ", out.since.value(), ", but the key was set in cycle ", set->value()));
  }
  GROAT_RETURN_IF_ERROR(CheckCount(PeriodSpan(out.since, *set, period_cycles_)));
  GROAT_ASSIGN_OR_RETURN(const ClosedCycle closed, cycles_.Get(at));
  out.root = closed.root;
  GROAT_RETURN_IF_ERROR(shelf_.Read(period, [&](const merkle::Trie& trie) -> absl::Status {
    GROAT_ASSIGN_OR_RETURN(out.inclusion, trie.ProveInclusion(key, at.value()));
    return absl::OkStatus();
  }));
  GROAT_ASSIGN_OR_RETURN(out.nulls, Nulls(key, asset::NullCycles(out.since, *set, period_cycles_)));
  return out;
}

absl::StatusOr<asset::ProofOfAbsence> Prover::ProveAbsence(const Hash& key, const Span& span) {
  const Cycle newest = cycles_.last();
  GROAT_RETURN_IF_ERROR(CheckSpan(span, newest));
  asset::ProofOfAbsence out;
  out.key = key;
  out.cycle = span.at == Cycle(0) ? newest : span.at;
  out.since = std::max(span.since, Cycle(1));
  if (out.since > out.cycle) {
    return absl::InvalidArgumentError(
        absl::StrCat("since_cycle ", out.since.value(), ", want at most ", out.cycle.value()));
  }
  GROAT_RETURN_IF_ERROR(CheckCount(PeriodSpan(out.since, out.cycle, period_cycles_)));
  GROAT_ASSIGN_OR_RETURN(out.nulls,
                         Nulls(key, asset::AbsenceCycles(out.since, out.cycle, period_cycles_)));
  return out;
}

absl::StatusOr<Bytes32> Prover::ValueOf(const Hash& key, Cycle cycle) {
  Bytes32 value;
  GROAT_RETURN_IF_ERROR(
      shelf_.Read(PeriodOf(cycle, period_cycles_), [&](const merkle::Trie& trie) -> absl::Status {
        const std::optional<merkle::TrieLeaf> leaf = trie.Find(key);
        if (!leaf.has_value()) return absl::NotFoundError("key " + key.Hex() + " is not set");
        value = leaf->value;
        return absl::OkStatus();
      }));
  return value;
}

}  // namespace groat::relay_service
