// Answers with proofs: finds the tries and roots that a proof needs and puts it together.
//
// Thread-safe. Calls may read an old period from disk (trie_shelf.h).
#ifndef GROAT_SERVICES_RELAY_PROVER_H_
#define GROAT_SERVICES_RELAY_PROVER_H_

#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "asset/provenance.h"
#include "services/relay/cycle_store.h"
#include "services/relay/trie_shelf.h"

namespace groat::relay_service {

class Prover {
 public:
  // `cycle_of` gives the cycle in which a key entered a trie, of any period; called with the
  // shelf's open mutex held for reading.
  using CycleOf = std::function<std::optional<record::Cycle>(const Hash& key)>;

  Prover(uint64_t period_cycles, TrieShelf& shelf, const CycleStore& cycles, CycleOf cycle_of);

  // Which cycles a proof speaks of; a zero cycle stands for the default of the contract.
  struct Span {
    record::Cycle since;
    record::Cycle at;
  };

  // NotFound if the key was not set by the end of span.at, or of the last closed cycle;
  // OutOfRange for a cycle that has not been closed, or `at` in a later period than the key's;
  // InvalidArgument if `since` is above the key's cycle or more than kMaxNullProofs would be
  // needed.
  absl::StatusOr<asset::ProofOfProvenance> Prove(const Hash& key, const Span& span);
  // AlreadyExists if the key was set by then.
  absl::StatusOr<asset::ProofOfAbsence> ProveAbsence(const Hash& key, const Span& span);
  // The value that a key was set to in `cycle`, closed or not.
  absl::StatusOr<Bytes32> ValueOf(const Hash& key, record::Cycle cycle);

 private:
  absl::StatusOr<std::vector<asset::NullProofAt>> Nulls(const Hash& key,
                                                        const std::vector<record::Cycle>& cycles);
  absl::StatusOr<std::optional<record::Cycle>> Locate(const Hash& key);
  absl::Status CheckSpan(const Span& span, record::Cycle newest) const;

  const uint64_t period_cycles_;
  TrieShelf& shelf_;
  const CycleStore& cycles_;
  const CycleOf cycle_of_;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_PROVER_H_
