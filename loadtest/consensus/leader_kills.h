// Leaders killed with -9 one after another, and how long it takes until all is well again.
//
// Not thread-safe.
#ifndef GROAT_LOADTEST_CONSENSUS_LEADER_KILLS_H_
#define GROAT_LOADTEST_CONSENSUS_LEADER_KILLS_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/consensus/chain_follower.h"
#include "loadtest/consensus/cluster.h"
#include "loadtest/consensus/recovery.h"

namespace groat::load {

// What one kill did.
struct LeaderKill {
  uint32_t victim = 0;
  uint64_t view = 0;  // That it led at the kill, as far as a subscriber can know.
  Recovery recovery;
  std::chrono::milliseconds serving{0};    // From its start until it served.
  std::chrono::milliseconds caught_up{0};  // Until its subscriber had what others had had then.

  // "consensus-2, leader of view 812: 214 ms without a commit, ...".
  std::string Text() const;
};

// A subscriber of each replica.
using Followers = std::vector<std::unique_ptr<ChainFollower>>;
absl::StatusOr<Followers> FollowAll(const ConsensusCluster& cluster);
std::vector<ChainFollower*> Pointers(const Followers& followers);

// Who leads now, and in which view.
struct LeaderNow {
  uint32_t replica = 0;
  uint64_t view = 0;
};
// Told by the newest commits of a subscriber: the block after a committed one is certified, so the
// view after that is under way, and `replicas` views before it had the same leader unless one was
// passed over. (GetStatus is older.) Waits for more commits while those of the last minutes do not
// tell, as on a machine that has no time for the replicas; then DeadlineExceeded.
absl::StatusOr<LeaderNow> FindLeader(const ChainFollower& follower, uint32_t replicas);

// How long a killed replica stays down, and how long all have been there before the next kill; both
// are also what recovery is measured by.
struct KillRhythm {
  std::chrono::milliseconds down{3000};
  std::chrono::milliseconds up{2500};
};

class LeaderKills {
 public:
  // Both must outlive this object.
  LeaderKills(ConsensusCluster& cluster, const Followers& followers, const KillRhythm& rhythm)
      : cluster_(cluster), followers_(followers), rhythm_(rhythm) {}

  // Kills the leader once all have been up for a while, measures, starts it again and waits until
  // it has caught up. Blocks for `up` and `down` and what the restart takes. DeadlineExceeded if
  // the others do not go on without it, or if it does not come back.
  absl::StatusOr<LeaderKill> KillOne();

 private:
  absl::Status Revive(LeaderKill& kill);

  ConsensusCluster& cluster_;
  const Followers& followers_;
  const KillRhythm rhythm_;
  uint32_t asked_ = 0;  // Whose subscriber told the last leader.
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_LEADER_KILLS_H_
