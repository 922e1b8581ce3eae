// The rule set of the paper and of the dissertation: b0 commits when b2 is certified, in a chain
// b0 <- b1 <- b2 of direct parents in consecutive views.
//
// Source: HotStuff (arXiv:1803.05069), section 5, algorithms 4 and 5.
// Difference from the paper: none in lock and commit. Blocks after a failed view must also show a
// timeout certificate and a justify as high as it says, as with two chains: then honest leaders are
// never refused by a lock that they did not know of, without the paper's wait for n - f new-views.
#ifndef GROAT_HOTSTUFF_THREE_CHAIN_H_
#define GROAT_HOTSTUFF_THREE_CHAIN_H_

#include "hotstuff/commit_rule.h"

namespace groat::hotstuff {

class ThreeChain final : public CommitRule {
 public:
  std::optional<size_t> CommittedBy(const std::array<View, 3>& views) const override {
    if (views[0] == views[1].Next() && views[1] == views[2].Next()) return 2;
    return std::nullopt;
  }
  Lock lock() const override { return Lock::kJustified; }
  // Safety: the block extends the lock. Liveness: its justify is above the lock.
  bool AllowsVote(View justify_view, View lock_view, bool extends_lock) const override {
    return extends_lock || justify_view > lock_view;
  }
  size_t chain_length() const override { return 3; }
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_THREE_CHAIN_H_
