// Which blocks to fetch, and from whom.
//
// Pure: time arrives as values. Single owner; not thread-safe. Bounded: one target, one request.
//
// A certificate for a block that is not here makes it the target. Its signers voted for it, so they
// hold it and everything below; they are asked one after another, each from the height that is
// committed here. What they send is verified by hashes below the certified block, so no signature
// inside is checked again.
//
//   state       event                        next state
//   resting     Want                         asking
//   asking      response that helped         asking the same peer, or resting if the target is here
//   asking      no help, or deadline         asking the next signer
//   any         target is here               resting
//   any         WantFromAnyone               asking whoever the driver finds, until Done
//
// Of an epoch that is over everybody may have the blocks, and its validators may be gone; and to a
// replica that is no validator nobody shows certificates.
#ifndef GROAT_HOTSTUFF_BLOCK_SYNC_H_
#define GROAT_HOTSTUFF_BLOCK_SYNC_H_

#include <optional>

#include "hotstuff/certificate.h"

namespace groat::hotstuff {

class BlockSync {
 public:
  BlockSync(ReplicaIndex self, uint64_t retry_ms) : self_(self), retry_ms_(retry_ms) {}

  // Keeps the target of the highest view.
  void Want(const QcPtr& qc, uint64_t now_ms);
  // All that follows is wanted from now on; `anyone` stands for whom is asked.
  void WantFromAnyone(ReplicaIndex anyone, uint64_t now_ms);
  // The target is here, or nothing is wanted any more.
  void Done();
  // `helped`: new blocks came of it. Without help the next signer is asked.
  void OnResponse(ReplicaIndex from, bool helped, uint64_t now_ms);
  // Whom to ask now, if it is time to.
  std::optional<ReplicaIndex> Poll(uint64_t now_ms);

  // Null after WantFromAnyone.
  const QcPtr& target() const { return target_; }
  bool wants() const { return target_ != nullptr || anyone_.has_value(); }
  bool wants_from_anyone() const { return anyone_.has_value(); }
  std::optional<uint64_t> deadline_ms() const {
    return wants() ? std::optional(next_ms_) : std::nullopt;
  }
  // Whether this peer was asked and has not answered.
  bool Expects(ReplicaIndex peer) const { return asked_ == peer; }

 private:
  const ReplicaIndex self_;
  const uint64_t retry_ms_;
  QcPtr target_;
  std::optional<ReplicaIndex> anyone_;
  std::optional<ReplicaIndex> asked_;
  uint64_t attempt_ = 0;
  uint64_t next_ms_ = 0;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_BLOCK_SYNC_H_
