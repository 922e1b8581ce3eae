// Proofs of provenance and of absence, and what makes them valid.
//
// A proof of provenance says of a key k and a cycle c: the update is in the trie of c, and k was
// unused in every cycle from the asset's birth to c - 1. Earlier periods are covered by a null
// proof in their last root, since a trie only grows within its period; the cycles of c's own
// period by one in the root of c - 1.
//
// Pure. Source: Comet's proof of provenance; section "Provenance" of docs/formats.md.
#ifndef GROAT_ASSET_PROVENANCE_H_
#define GROAT_ASSET_PROVENANCE_H_

#include <vector>

#include "absl/status/status.h"
#include "asset/trust.h"
#include "merkle/trie_proof.h"
#include "record/root_statement.h"

namespace groat::asset {

// At most so many earlier periods in one proof; more are asked for in parts, by since-cycle.
inline constexpr size_t kMaxNullProofs = 4097;

struct NullProofAt {
  record::SignedRoot root;
  merkle::NullProof proof;
};

struct ProofOfProvenance {
  record::SignedRoot root;  // What `inclusion` is against: its cycle is that of the leaf, or
  merkle::InclusionProof inclusion;  // a later one of the same period.
  std::vector<NullProofAt> nulls;    // In the order of NullCycles.
  record::Cycle since{1};

  const Bytes32& key() const { return inclusion.leaf.key; }
  const Bytes32& value() const { return inclusion.leaf.value; }
  record::Cycle cycle() const { return record::Cycle(inclusion.leaf.cycle); }
};

struct ProofOfAbsence {
  Bytes32 key;
  record::Cycle cycle;             // The last one covered.
  std::vector<NullProofAt> nulls;  // In the order of AbsenceCycles.
  record::Cycle since{1};
};

// The cycles in whose roots a key must be absent for a leaf of `cycle`, ascending: the last of each
// period from that of `since` on, then cycle - 1 if it is in the same period and not before
// `since`. Empty if since >= cycle.
std::vector<record::Cycle> NullCycles(record::Cycle since, record::Cycle cycle,
                                      uint64_t period_cycles);

// As NullCycles, for a key that is absent up to and including `cycle`.
std::vector<record::Cycle> AbsenceCycles(record::Cycle since, record::Cycle cycle,
                                         uint64_t period_cycles);

// InvalidArgument names the first thing that is wrong: a root of another relay, shard or period, a
// wrong signature, a proof that does not lead to its root, a missing, superfluous or misplaced null
// proof. It says nothing about the ledger; bundle.h does.
absl::Status Verify(const ProofOfProvenance& proof, const RelayTrust& relay);
absl::Status Verify(const ProofOfAbsence& proof, const RelayTrust& relay);

}  // namespace groat::asset

#endif  // GROAT_ASSET_PROVENANCE_H_
