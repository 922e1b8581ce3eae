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
  uint64_t unix_ms = 0;
};

struct Recovery {
  using Duration = std::chrono::steady_clock::duration;
  // From the kill to the first commit of a block that was proposed after it.
  Duration next_block;
  // The longest time without a commit that ended after the kill, counted from the kill at the
  // earliest; and when it ended, from the kill. Leaders rotate, so it may begin a few views later.
  Duration longest_gap;
  Duration gap_end;
  // From the kill to the last moment at which fewer commands had been committed in the 250 ms
  // before it than 70 % of the rate of the 2 s before the kill; zero if there is none.
  Duration throughput_back;
};

inline constexpr std::chrono::milliseconds kRateBefore{2000};
inline constexpr std::chrono::milliseconds kRateWindow{250};
inline constexpr std::chrono::milliseconds kRateStep{5};
inline constexpr double kRateShare = 0.7;

// `commits` in order, from at least kRateBefore before the kill; those after `until` are not looked
// at, and what has not happened by then counts up to then.
Recovery MeasureRecovery(const std::vector<SeenCommit>& commits, const Killed& killed,
                         std::chrono::steady_clock::time_point until);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_RECOVERY_H_
