// What a replica must not forget: it is durable before any message that depends on it leaves.
//
// Pure value. One record a turn; the newest replaces all earlier ones.
// Source: HotStuff (arXiv:1803.05069), section 6 names vheight and b_lock; the dissertation keeps
// nothing, so a restart lets a replica vote twice.
#ifndef GROAT_HOTSTUFF_SAFETY_STATE_H_
#define GROAT_HOTSTUFF_SAFETY_STATE_H_

#include <optional>

#include "hotstuff/message.h"

namespace groat::hotstuff {

struct SafetyState {
  ChainId chain;
  Epoch epoch;
  std::optional<Vote> last_vote;
  View timeout_view;        // The highest view given up.
  View last_proposed_view;  // The highest view a block was proposed in.
  QcPtr high_qc;            // Never null.
  QcPtr lock;               // Never null. With two chains the same as `high_qc`.
  TcPtr high_tc;            // May be null.

  // Version u8 = 1 ‖ chain 32 ‖ epoch u64 ‖ timeout view u64 ‖ last proposed view u64, then each
  // with its size u32 before it: vote, high QC, lock, high TC (0 without).
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes.
  static absl::StatusOr<SafetyState> Decode(ByteView bytes);
};

// The highest view in which a replica with this durable record may have sent a proposal: the one
// after the last view that it knows of. Up to there a proposal need not wait for a record of its
// own, and after a restart the replica proposes only above it, so it never proposes twice in a
// view. 0 for a first record.
View ProposalLimit(const SafetyState& durable);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_SAFETY_STATE_H_
