// Another validator set: ordered as a command, in force after a block of known height.
//
// Pure values. The validators of the epoch approve the change with a quorum of signatures over it;
// the approved change is submitted as a command of kChangeClient. Once a block holds it, every
// later header names it (BlockHeader::handover). The block of height `last_height` is the epoch's
// last: blocks above it are empty and never commit, they only certify it. The next epoch starts at
// that block with views from 1, the new validators and no strikes.
//
//   state of a chain    a block brings                 next state
//   no change           an approved change in time     change ordered
//   change ordered      any other change               ignored (the first one stands)
//   change ordered      height = last_height           closed: only empty blocks follow
//   closed              commit of height last_height   the epoch ends, with a handover proof
//
// The papers have a fixed set of replicas (arXiv:1803.05069, section 3).
#ifndef GROAT_HOTSTUFF_VALIDATOR_CHANGE_H_
#define GROAT_HOTSTUFF_VALIDATOR_CHANGE_H_

#include <memory>
#include <vector>

#include "hotstuff/commit_proof.h"

namespace groat::hotstuff {

// No client may use this id for anything else.
inline constexpr ClientId kChangeClient{UINT64_MAX};
// A change must be ordered at least so many blocks below its last height.
inline constexpr uint64_t kChangeNoticeBlocks = 8;
// And at most so many: a change that stands cannot be taken back, no other one can be ordered until
// its epoch ends, and the replicas make blocks up to its last height even if there is nothing to
// order.
inline constexpr uint64_t kChangeLeadBlocks = 10'000;

struct ValidatorChange {
  Epoch next;          // The epoch that starts.
  Height last_height;  // Of the epoch that ends.
  std::vector<Validator> validators;

  // epoch u64 ‖ last height u64 ‖ validators.
  Bytes Encode() const;
  static absl::StatusOr<ValidatorChange> Decode(ByteView bytes);
};

// The digest that validators sign, and that headers name.
Hash ChangeDigest(const ValidatorChange& change, const ChainId& chain);

struct ApprovedChange {
  ValidatorChange change;
  Proof approval;
  Hash digest;

  // change size u32 ‖ change ‖ members u16 ‖ bitmap ‖ signature.
  Bytes Encode() const;
  static absl::StatusOr<ApprovedChange> Decode(ByteView bytes, const ChainId& chain);
};
using ApprovedChangePtr = std::shared_ptr<const ApprovedChange>;

// How the command that orders a change is named: by kChangeClient and the first 8 bytes of the
// change's digest. So whoever orders something else under a change's name must find another change
// with the same ones, and a change cannot be kept out by a command that only has its name.
CommandKey ChangeKey(const Hash& digest);

// InvalidArgument unless the new set is sound (CheckValidators) and can make progress under the
// genesis' rules. With BLS certificates it costs a check of two pairings for each validator.
absl::Status CheckNewValidators(const ValidatorChange& change, const Genesis& genesis);

// FailedPrecondition unless a block of this height may order the change: its last height is
// kChangeNoticeBlocks to kChangeLeadBlocks above.
absl::Status CheckChangeHeight(const ValidatorChange& change, Height height);

// InvalidArgument unless the next epoch is the one after the verifier's, n - f validators of that
// approved, and CheckNewValidators holds.
absl::Status VerifyChange(const ApprovedChange& approved, const Genesis& genesis,
                          const Verifier& verifier);

// Makes the command that orders the change. InvalidArgument if there are fewer right shares (over
// ChangeDigest) than a quorum; it names how many were right.
absl::StatusOr<Command> MakeChangeCommand(const ValidatorChange& change,
                                          const std::vector<SignedShare>& shares,
                                          const Verifier& verifier);

// The change in a command of kChangeClient, if a block of this height may order it. InvalidArgument
// if the command is none, has another name than ChangeKey, or VerifyChange refuses it;
// FailedPrecondition as CheckChangeHeight. Its validators are not looked at before a quorum's
// signatures are verified, so what others make up costs little.
absl::StatusOr<ApprovedChange> ChangeOf(const Command& command, Height height,
                                        const Genesis& genesis, const Verifier& verifier);

// The change that a block of this height brings to a chain that has none: the first one among its
// commands that ChangeOf gives. Null without one.
ApprovedChangePtr FindChange(const std::vector<Command>& commands, Height height,
                             const Genesis& genesis, const Verifier& verifier);

// Shows to anyone who knows an epoch's validators who the next ones are.
struct HandoverProof {
  ApprovedChange approved;
  CommitProof commit;  // Of the epoch's last block, whose header names the change.

  Epoch ended() const { return approved.change.next.Previous(); }
  // The epoch's last block.
  BlockId last() const { return commit.headers.front().Id(); }

  // change size u32 ‖ approved change ‖ commit proof; at most kMaxEncodedSize bytes.
  static constexpr size_t kMaxEncodedSize = size_t{2} << 20;
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes. Signatures are not checked.
  static absl::StatusOr<HandoverProof> Decode(ByteView bytes, const ChainId& chain);
};
absl::Status VerifyHandover(const HandoverProof& proof, const Genesis& genesis,
                            const CommitRule& rule, const Verifier& verifier);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_VALIDATOR_CHANGE_H_
