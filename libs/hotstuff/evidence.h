// Proof that a validator broke the rules: two blocks or two votes of one view under its signature.
//
// Pure. EvidenceLog: single owner, not thread-safe; bounded.
#ifndef GROAT_HOTSTUFF_EVIDENCE_H_
#define GROAT_HOTSTUFF_EVIDENCE_H_

#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

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

ReplicaIndex CulpritOf(const Evidence& evidence);  // In the validators of its epoch.
Epoch EpochOf(const Evidence& evidence);
View ViewOf(const Evidence& evidence);
// "two blocks" or "two votes".
std::string_view KindOf(const Evidence& evidence);

// kind u8 (1 blocks, 2 votes), then each part with its size u32 before it; a signed header is the
// header and its signature.
Bytes EncodeEvidence(const Evidence& evidence);
absl::StatusOr<Evidence> DecodeEvidence(ByteView bytes);
// InvalidArgument unless both parts are of one validator, epoch and view, differ, and carry right
// signatures. Needs no trust in whoever shows it.
absl::Status VerifyEvidence(const Evidence& evidence, const Verifier& verifier);

// Keeps the newest of them, of all epochs: one for each culprit, view and kind, and of a culprit in
// an epoch only so many, since it could make more in each view, and they prove no more.
class EvidenceLog {
 public:
  static constexpr size_t kCapacity = 256;
  static constexpr size_t kPerCulprit = 16;

  EvidenceLog() = default;
  // What was kept, oldest first, of so many.
  EvidenceLog(const std::vector<Evidence>& kept, uint64_t total);

  // False if it is not wanted.
  bool Add(Evidence evidence);
  // Not if the like is there already, or enough against its culprit.
  bool Wants(const Evidence& evidence) const;
  const std::deque<Evidence>& list() const { return list_; }
  uint64_t total() const { return total_; }

 private:
  using Culprit = std::pair<Epoch, ReplicaIndex>;

  std::deque<Evidence> list_;
  std::set<std::tuple<Culprit, View, size_t>> keys_;  // Of the list; the last is the kind.
  std::map<Culprit, size_t> counts_;                  // Of the list.
  uint64_t total_ = 0;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_EVIDENCE_H_
