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

// Looks at the commands of the window before each moment.
void MeasureThroughput(const std::vector<SeenCommit>& commits, Time killed, Time until,
                       Recovery& out) {
  const uint64_t base = commits.empty() ? 0 : commits.front().commands;
  const auto between = [&](Time from, Time to) {
    return static_cast<double>(CommandsAt(commits, to, base) - CommandsAt(commits, from, base));
  };
  const double rate =
      between(killed - kRateBefore, killed) / std::chrono::duration<double>(kRateBefore).count();
  const double wanted = kRateShare * rate * std::chrono::duration<double>(kRateWindow).count();
  bool was_low = false;
  bool back = false;
  for (Time moment = killed; moment <= until; moment += kRateStep) {
    if (between(moment - kRateWindow, moment) < wanted) {
      was_low = true;
      out.throughput_settled = moment + kRateStep - killed;
      if (!back) out.throughput_back = out.throughput_settled;
    } else {
      back = was_low;
    }
  }
}

}  // namespace

Recovery MeasureRecovery(const std::vector<SeenCommit>& commits, const Killed& killed, Time until) {
  constexpr auto kZero = Recovery::Duration::zero();
  Recovery out{until - killed.at, {kZero, kZero}, {}, kZero, kZero};
  bool found = false;
  Time before = killed.at;
  uint64_t view_before = 0;
  const auto note_gap = [&](Time now, uint64_t view) {
    const Gap gap{before - killed.at, now - before, view_before, view};
    if (gap.length > out.longest.length) out.longest = gap;
    if (gap.length >= kLongGap) out.long_gaps.push_back(gap);
    before = now;
    view_before = view;
  };
  for (const SeenCommit& seen : commits) {
    if (seen.at <= killed.at) view_before = seen.view;
    if (seen.at <= killed.at || seen.at > until) continue;
    if (!found && seen.timestamp_us > killed.unix_us) {
      found = true;
      out.next_block = seen.at - killed.at;
    }
    note_gap(seen.at, seen.view);
  }
  note_gap(until, view_before);
  MeasureThroughput(commits, killed.at, until, out);
  return out;
}

}  // namespace groat::load
