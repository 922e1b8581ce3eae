// What a rule set decides: when a block commits, what a certificate locks, what may be voted for.
//
// Pure, immutable and shared; everything else of the core is the same for both rule sets
// (two_chain.h, three_chain.h).
#ifndef GROAT_HOTSTUFF_COMMIT_RULE_H_
#define GROAT_HOTSTUFF_COMMIT_RULE_H_

#include <array>
#include <optional>

#include "hotstuff/ids.h"

namespace groat::hotstuff {

class CommitRule {
 public:
  virtual ~CommitRule() = default;

  // The views of a newly certified block, of its parent and of its grandparent. Returns which of
  // them commits (0, 1 or 2), or nothing. The root of an epoch stands for what is missing below it.
  virtual std::optional<size_t> CommittedBy(const std::array<View, 3>& views) const = 0;

  enum class Lock {
    kCertified,  // A certificate locks the block that it certifies.
    kJustified,  // It locks the block that the certified block's justify certifies.
  };
  virtual Lock lock() const = 0;

  // Whether the lock allows a vote for a block that is valid otherwise.
  virtual bool AllowsVote(View justify_view, View lock_view, bool extends_lock) const = 0;

  // How many blocks of consecutive views, each certified, make a commit.
  virtual size_t chain_length() const = 0;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_COMMIT_RULE_H_
