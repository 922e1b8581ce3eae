// Allows at most one vote a view, and none in a view that was given up, also across restarts.
//
// Pure: no I/O, clock, thread or randomness. Single owner; not thread-safe.
// Source: HotStuff (arXiv:1803.05069), algorithm 5, variable vheight; Jolteon (arXiv:2106.10362),
// "stop voting for the round". Difference from HotStuff: views, not heights, are compared, since
// blocks carry views; after a restart the identical vote may be sent again, nothing else.
//
//   state                      vote for block b of view v       timeout of view v
//   v > last vote, timeout     new; last vote := (v, b)         timeout := v
//   v = last vote's view, b    repeated, if not given up        timeout := v
//   anything else              refused                          v < timeout: refused
#ifndef GROAT_HOTSTUFF_VOTE_GUARD_H_
#define GROAT_HOTSTUFF_VOTE_GUARD_H_

#include <optional>

#include "hotstuff/message.h"

namespace groat::hotstuff {

class VoteGuard {
 public:
  VoteGuard() = default;
  // As last persisted.
  VoteGuard(std::optional<Vote> last_vote, View timeout_view)
      : last_vote_(std::move(last_vote)), timeout_view_(timeout_view) {}

  enum class Verdict { kNew, kRepeated, kRefused };
  // Considers a vote that every other rule allows.
  Verdict Consider(View view, const BlockId& block) const {
    if (view <= timeout_view_) return Verdict::kRefused;
    if (!last_vote_.has_value() || view > last_vote_->view) return Verdict::kNew;
    const bool same = view == last_vote_->view && block == last_vote_->block;
    return same ? Verdict::kRepeated : Verdict::kRefused;
  }

  // Persist these before the message that depends on them is sent.
  void Voted(Vote vote) { last_vote_ = std::move(vote); }
  void GaveUp(View view) {
    if (view > timeout_view_) timeout_view_ = view;
  }

  const std::optional<Vote>& last_vote() const { return last_vote_; }
  View timeout_view() const { return timeout_view_; }

 private:
  std::optional<Vote> last_vote_;
  View timeout_view_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_VOTE_GUARD_H_
