#include "loadtest/consensus/recovery.h"

#include <algorithm>

namespace groat::load {
namespace {

using Time = std::chrono::steady_clock::time_point;

// Commands that were seen up to a moment; `base` before the first commit.
uint64_t CommandsAt(const std::vector<SeenCommit>& commits, Time moment, uint64_t base) {
  const auto after = std::partition_point(
      commits.begin(), commits.end(), [&](const SeenCommit& seen) { return seen.at <= moment; });
  return after == commits.begin() ? base : std::prev(after)->commands;
}

// From the kill to the last moment with too few commands, looked at every kRateStep.
Recovery::Duration ThroughputBack(const std::vector<SeenCommit>& commits, Time killed, Time until) {
  const uint64_t base = commits.empty() ? 0 : commits.front().commands;
  const auto between = [&](Time from, Time to) {
    return static_cast<double>(CommandsAt(commits, to, base) - CommandsAt(commits, from, base));
  };
  const double rate =
      between(killed - kRateBefore, killed) / std::chrono::duration<double>(kRateBefore).count();
  const double wanted = kRateShare * rate * std::chrono::duration<double>(kRateWindow).count();
  Recovery::Duration back = Recovery::Duration::zero();
  for (Time moment = killed; moment <= until; moment += kRateStep) {
    if (between(moment - kRateWindow, moment) < wanted) back = moment - killed;
  }
  return back;
}

}  // namespace

Recovery MeasureRecovery(const std::vector<SeenCommit>& commits, const Killed& killed, Time until) {
  Recovery out;
  out.next_block = until - killed.at;
  out.longest_gap = out.gap_end = Recovery::Duration::zero();
  bool found = false;
  Time before = killed.at;
  const auto note_gap = [&](Time now) {
    if (now - before > out.longest_gap) {
      out.longest_gap = now - before;
      out.gap_end = now - killed.at;
    }
    before = now;
  };
  for (const SeenCommit& seen : commits) {
    if (seen.at <= killed.at || seen.at > until) continue;
    if (!found && seen.timestamp_ms > killed.unix_ms) {
      found = true;
      out.next_block = seen.at - killed.at;
    }
    note_gap(seen.at);
  }
  note_gap(until);
  out.throughput_back = ThroughputBack(commits, killed.at, until);
  return out;
}

}  // namespace groat::load
