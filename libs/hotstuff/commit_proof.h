// Proof that a block is committed, for those who take part in nothing.
//
// Pure. The headers of a chain of direct parents from the block upwards, of which the last ones are
// in consecutive views, as many as the rule set asks for, and the certificate of the last one: its
// voters saw all certificates below.
#ifndef GROAT_HOTSTUFF_COMMIT_PROOF_H_
#define GROAT_HOTSTUFF_COMMIT_PROOF_H_

#include <vector>

#include "hotstuff/commit_rule.h"
#include "hotstuff/verification.h"

namespace groat::hotstuff {

struct CommitProof {
  std::vector<BlockHeader> headers;  // The committed block first.
  QcPtr certificate;                 // Of the last header. Never null.

  static constexpr size_t kMaxHeaders = 4096;

  // count u16 ‖ headers of 263 bytes ‖ certificate.
  Bytes Encode() const;
  static absl::StatusOr<CommitProof> Decode(ByteView bytes);
};

// InvalidArgument unless the proof shows that the block is committed in the verifier's epoch.
absl::Status VerifyCommit(const CommitProof& proof, const BlockId& block, const CommitRule& rule,
                          const Verifier& verifier);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_COMMIT_PROOF_H_
