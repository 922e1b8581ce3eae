// Votes of a bounded number of views, on their way to quorum certificates.
//
// Pure; single owner, not thread-safe. Shares are not verified here: when a block has a quorum of
// them, they are assembled and checked together (verification.h), and wrong ones are dropped, whose
// senders are ignored for the rest of the view.
#ifndef GROAT_HOTSTUFF_VOTE_COLLECTOR_H_
#define GROAT_HOTSTUFF_VOTE_COLLECTOR_H_

#include <map>
#include <optional>
#include <vector>

#include "hotstuff/message.h"
#include "hotstuff/verification.h"

namespace groat::hotstuff {

class VoteCollector {
 public:
  // n validators, of which `threshold` make a certificate.
  VoteCollector(size_t n, size_t threshold) : n_(n), threshold_(threshold) {}

  struct AddResult {
    bool added = false;
    bool quorum = false;           // The block has a quorum of shares that is not being assembled.
    std::optional<Vote> conflict;  // An earlier vote of the same validator for another block.
  };
  // The caller bounds how far ahead a vote's view may be.
  AddResult Add(const Vote& vote);

  // The shares for a block, ascending by signer; marks them as being assembled.
  AssembleJob Take(View view, const BlockId& block, const ChainId& chain);
  // After assembly gave nothing. True if there still is a quorum: assemble again.
  bool Drop(View view, const BlockId& block, const std::vector<ReplicaIndex>& wrong);

  // Forgets views up to and including this one.
  void Forget(View view) { views_.erase(views_.begin(), views_.upper_bound(view)); }
  size_t view_count() const { return views_.size(); }

 private:
  struct Slot {
    std::optional<Vote> vote;
    bool banned = false;
  };
  struct ViewVotes {
    std::vector<Slot> slots;
    BlockId block;  // Of the last vote counted, to save the search.
    size_t count = 0;
    std::map<BlockId, bool> assembling;
  };
  size_t Count(const ViewVotes& votes, const BlockId& block) const;

  size_t n_;
  size_t threshold_;
  std::map<View, ViewVotes> views_;
};

// Timeouts of the current view, on their way to a timeout certificate. Likewise.
class TimeoutCollector {
 public:
  TimeoutCollector(size_t n, size_t threshold) : threshold_(threshold), slots_(n) {}

  // False if the signer has one in this view already, or was banned.
  bool Add(ReplicaIndex signer, View high_qc_view, const Bytes& share);
  size_t count() const { return count_; }
  bool has_quorum() const { return count_ >= threshold_ && !assembling_; }

  AssembleJob Take(const ChainId& chain, Epoch epoch, View view);
  bool Drop(const std::vector<ReplicaIndex>& wrong);
  // Starts the next view.
  void Clear();

 private:
  struct Slot {
    bool present = false;
    bool banned = false;
    View high_qc_view;
    Bytes share;
  };
  size_t threshold_;
  std::vector<Slot> slots_;
  size_t count_ = 0;
  bool assembling_ = false;
  bool used_ = false;  // Since the view started; most views have no timeouts.
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_VOTE_COLLECTOR_H_
