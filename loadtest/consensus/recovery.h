// How long commits stayed away after a replica was killed, as a subscriber of another one saw it.
//
// Pure.
#ifndef GROAT_LOADTEST_CONSENSUS_RECOVERY_H_
#define GROAT_LOADTEST_CONSENSUS_RECOVERY_H_

#include <chrono>
#include <vector>

#include "loadtest/consensus/chain_follower.h"

namespace groat::load {

// When a replica was killed, by both clocks.
struct Killed {
  std::chrono::steady_clock::time_point at;
  uint64_t unix_us = 0;
};

// A time without a commit.
struct Gap {
  using Duration = std::chrono::steady_clock::duration;
  Duration begin;  // From the kill.
  Duration length;
  // Of the block before and of the first one after it; in between views failed if there are any.
  uint64_t view_before = 0;
  uint64_t view_after = 0;
};

struct Recovery {
  using Duration = Gap::Duration;
  // From the kill to the first commit of a block that was proposed after it.
  Duration next_block;
  // The longest time without a commit that ended after the kill, counted from the kill at the
  // earliest. Leaders rotate, so it may begin a few views later.
  Gap longest;
  // Those of kLongGap or more, in order: a dead leader is tried again and again, ever more rarely.
  std::vector<Gap> long_gaps;
  // From the kill until the commands of the last 250 ms are 70 % of the rate of the 2 s before it
  // again, after they were fewer for the first time; and after the last time. Zero if they never
  // were fewer.
  Duration throughput_back;
  Duration throughput_settled;
};

inline constexpr std::chrono::milliseconds kRateBefore{2000};
inline constexpr std::chrono::milliseconds kRateWindow{250};
inline constexpr std::chrono::milliseconds kRateStep{5};
inline constexpr std::chrono::milliseconds kLongGap{100};
inline constexpr double kRateShare = 0.7;

// `commits` in order, from at least kRateBefore before the kill; those after `until` are not looked
// at, and what has not happened by then counts up to then.
Recovery MeasureRecovery(const std::vector<SeenCommit>& commits, const Killed& killed,
                         std::chrono::steady_clock::time_point until);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_RECOVERY_H_
