// Random schedules: chaos from a seed, then healing, with safety and liveness as verdict. Tests
// only.
#ifndef GROAT_HOTSTUFF_TESTING_SCHEDULE_H_
#define GROAT_HOTSTUFF_TESTING_SCHEDULE_H_

#include <string>

#include "hotstuff/testing/cluster.h"

namespace groat::hotstuff::testing {

enum class Profile {
  kMixed,        // Loss, delay, reordering, duplication, crashes, partitions, skew, f Byzantine.
  kTwins,        // n = 4, one or two nodes doubled, partitions that change all the time.
  kCrash,        // Every replica crashes again and again, at every point of a turn.
  kByzantine,    // f Byzantine replicas on a network that only delays.
  kLagging,      // One replica is cut off for long.
  kDeadLeaders,  // f replicas are dead from the start.
  kStorm,        // Delays longer than timers, loss and partitions, and one Byzantine replica.
  kLateLeader,   // n = 4, delays near the timers, and one replica as in late_leader.h.
  kClocks,       // A tight bound on times, clocks that differ, pauses, and f with false times.
};
std::string_view NameOf(Profile profile);
std::optional<Profile> ProfileOf(std::string_view name);

struct ScheduleSettings {
  Profile profile = Profile::kMixed;
  std::optional<RuleSet> rules;        // From the seed if not set.
  std::optional<Behaviour> behaviour;  // Of all Byzantine replicas.
  std::optional<size_t> n;
  Defects defects;
  bool forget_on_restart = false;
  bool proposals_wait_for_nothing = false;
};

struct Verdict {
  bool safe = true;
  bool live = true;
  std::string problem;         // Empty if all is well.
  uint64_t views_to_heal = 0;  // From the end of chaos until everyone had committed the probe.
  uint64_t views = 0;
  uint64_t blocks = 0;
  bool ok() const { return safe && live; }
};

// After healing, everything accepted by replicas that never crashed must be committed by everyone
// within this many views: the exclusions and back-off of the chaos run out in the first round, and
// two rounds of leaders hold a run of honest ones.
uint64_t ViewsToHealBound(size_t n);

Verdict RunSchedule(uint64_t seed, const ScheduleSettings& settings);

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_SCHEDULE_H_
