#include "loadtest/consensus/leader_kills.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace groat::load {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{120'000};
constexpr uint64_t kBlocksMeanwhile = 5;

int64_t Ms(Recovery::Duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration).count();
}

uint64_t UnixUs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

absl::Status WaitForHeight(const ChainFollower& follower, uint64_t height) {
  if (follower.WaitForHeight(height, Clock::now() + kPatience)) return absl::OkStatus();
  GROAT_RETURN_IF_ERROR(follower.status());
  return absl::DeadlineExceededError(absl::StrCat("a subscriber was shown ", follower.height(),
                                                  " blocks, want ", height, " within ",
                                                  kPatience.count(), " ms"));
}

std::optional<LeaderNow> LeaderAfter(const std::vector<SeenCommit>& commits, uint32_t replicas) {
  if (commits.empty()) return std::nullopt;
  const uint64_t now = commits.back().view + 2;
  for (auto seen = commits.rbegin(); seen != commits.rend(); ++seen) {
    if (seen->view % replicas == now % replicas) return LeaderNow{seen->proposer, now};
  }
  return std::nullopt;
}

}  // namespace

std::string LeaderKill::Text() const {
  std::string text = absl::StrFormat(
      "consensus-%d, leader of view %d: next block's commit after %d ms, 70 %% of the commands "
      "after "
      "%d ms, for good after %d ms; without a commit:",
      victim, view, Ms(recovery.next_block), Ms(recovery.throughput_back),
      Ms(recovery.throughput_settled));
  for (const Gap& gap : recovery.long_gaps) {
    absl::StrAppend(&text, absl::StrFormat(" %d ms from %d ms on (views %d to %d),", Ms(gap.length),
                                           Ms(gap.begin), gap.view_before, gap.view_after));
  }
  absl::StrAppend(&text,
                  absl::StrFormat(" at most %d ms; serves %d ms after its start, caught up "
                                  "after %d ms",
                                  Ms(recovery.longest.length), serving.count(), caught_up.count()));
  return text;
}

absl::StatusOr<Followers> FollowAll(const ConsensusCluster& cluster) {
  Followers followers;
  for (const std::string& endpoint : cluster.endpoints()) {
    GROAT_ASSIGN_OR_RETURN(std::unique_ptr<ChainFollower> follower,
                           ChainFollower::Start(endpoint, cluster.tls(), cluster.genesis()));
    followers.push_back(std::move(follower));
  }
  return followers;
}

std::vector<ChainFollower*> Pointers(const Followers& followers) {
  std::vector<ChainFollower*> out;
  for (const auto& follower : followers) out.push_back(follower.get());
  return out;
}

absl::StatusOr<LeaderNow> FindLeader(const ChainFollower& follower, uint32_t replicas) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (true) {
    const std::optional<LeaderNow> leader =
        LeaderAfter(follower.CommitsSince(Clock::now() - kPatience), replicas);
    if (leader.has_value()) return *leader;
    if (Clock::now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("the blocks up to height ", follower.height(), " do not tell who leads"));
    }
    GROAT_RETURN_IF_ERROR(WaitForHeight(follower, follower.height() + 1));
  }
}

absl::StatusOr<LeaderKill> LeaderKills::KillOne() {
  std::this_thread::sleep_for(rhythm_.up);
  LeaderKill kill;
  asked_ = (asked_ + 1) % cluster_.size();
  GROAT_ASSIGN_OR_RETURN(const LeaderNow leader, FindLeader(*followers_[asked_], cluster_.size()));
  kill.victim = leader.replica;
  kill.view = leader.view;
  const Killed killed{Clock::now(), UnixUs()};
  GROAT_RETURN_IF_ERROR(cluster_.Kill(kill.victim));
  const Clock::time_point until = killed.at + rhythm_.down;
  const ChainFollower& witness = *followers_[(kill.victim + 1) % cluster_.size()];
  const uint64_t height = witness.height();
  std::this_thread::sleep_until(until);
  // However slow the machine is, the others go on without it.
  GROAT_RETURN_IF_ERROR(WaitForHeight(witness, height + kBlocksMeanwhile));
  kill.recovery = MeasureRecovery(witness.CommitsSince(killed.at - kRateBefore), killed, until);
  GROAT_RETURN_IF_ERROR(Revive(kill));
  return kill;
}

absl::Status LeaderKills::Revive(LeaderKill& kill) {
  const Clock::time_point started = Clock::now();
  const auto since = [started] {
    return std::chrono::duration_cast<milliseconds>(Clock::now() - started);
  };
  GROAT_ASSIGN_OR_RETURN(kill.serving, cluster_.Revive(kill.victim));
  uint64_t height = 0;
  for (const auto& follower : followers_) height = std::max(height, follower->height());
  GROAT_RETURN_IF_ERROR(WaitForHeight(*followers_[kill.victim], height));
  kill.caught_up = since();
  return absl::OkStatus();
}

}  // namespace groat::load
