// The default rule set: b0 commits when b1 is certified, b1 being b0's child in the next view.
//
// Source: Jolteon (arXiv:2106.10362), figure 2; HotStuff-2 (ePrint 2023/397).
// Difference from the HotStuff paper (arXiv:1803.05069): one certificate less before a commit, a
// third of the latency. The price is that a leader after a failed view must show, by the timeout
// certificate in its block, that its justify is as high as the highest certificate of n - f
// validators; with that rule for valid blocks, the lock itself need not be asked.
#ifndef GROAT_HOTSTUFF_TWO_CHAIN_H_
#define GROAT_HOTSTUFF_TWO_CHAIN_H_

#include "hotstuff/commit_rule.h"

namespace groat::hotstuff {

class TwoChain final : public CommitRule {
 public:
  std::optional<size_t> CommittedBy(const std::array<View, 3>& views) const override {
    if (views[0] == views[1].Next()) return 1;
    return std::nullopt;
  }
  Lock lock() const override { return Lock::kCertified; }
  bool AllowsVote(View, View, bool) const override { return true; }
  size_t chain_length() const override { return 2; }
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_TWO_CHAIN_H_
