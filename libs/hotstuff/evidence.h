// Proof that a validator broke the rules: two blocks or two votes of one view under its signature.
//
// Pure. EvidenceLog: single owner, not thread-safe; bounded.
#ifndef GROAT_HOTSTUFF_EVIDENCE_H_
#define GROAT_HOTSTUFF_EVIDENCE_H_

#include <deque>
#include <set>
#include <tuple>
#include <variant>

#include "hotstuff/verification.h"

namespace groat::hotstuff {

struct SignedHeader {
  BlockHeader header;
  Ed25519Signature signature;
  friend bool operator==(const SignedHeader&, const SignedHeader&) = default;
};

struct ConflictingBlocks {
  SignedHeader first;
  SignedHeader second;
  friend bool operator==(const ConflictingBlocks&, const ConflictingBlocks&) = default;
};

struct ConflictingVotes {
  Vote first;
  Vote second;
  friend bool operator==(const ConflictingVotes&, const ConflictingVotes&) = default;
};

using Evidence = std::variant<ConflictingBlocks, ConflictingVotes>;

ReplicaIndex CulpritOf(const Evidence& evidence);
View ViewOf(const Evidence& evidence);

// kind u8 (1 blocks, 2 votes), then each part with its size u32 before it; a signed header is the
// header and its signature.
Bytes EncodeEvidence(const Evidence& evidence);
absl::StatusOr<Evidence> DecodeEvidence(ByteView bytes);
// InvalidArgument unless both parts are of one validator, epoch and view, differ, and carry right
// signatures. Needs no trust in whoever shows it.
absl::Status VerifyEvidence(const Evidence& evidence, const Verifier& verifier);

// Keeps the newest of them, one for each culprit, view and kind.
class EvidenceLog {
 public:
  static constexpr size_t kCapacity = 256;

  // False if the like is there already.
  bool Add(Evidence evidence);
  bool Has(ReplicaIndex culprit, View view, size_t kind) const {
    return keys_.contains({culprit, view, kind});
  }
  const std::deque<Evidence>& list() const { return list_; }
  uint64_t total() const { return total_; }

 private:
  std::deque<Evidence> list_;
  std::set<std::tuple<ReplicaIndex, View, size_t>> keys_;
  uint64_t total_ = 0;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_EVIDENCE_H_
