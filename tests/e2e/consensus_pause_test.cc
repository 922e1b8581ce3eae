// The leader of consensus is stopped with SIGSTOP under load and goes on later with what it knew:
// others commit meanwhile, it catches up, and nothing is lost or repeated.
#include <gtest/gtest.h>

#include <thread>

#include "base/status_matchers.h"
#include "tests/e2e/consensus_run.h"

namespace groat::e2e {
namespace {

// Longer than many views, and than clients of the paused replica wait for an answer.
constexpr milliseconds kPaused{3000};
constexpr uint64_t kBlocksMeanwhile = 10;

TEST(ConsensusPauseTest, NothingIsLostWhenLeadersStandStill) {
  const int rounds = Rounds(3);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto run, ConsensusRun::Make({}));
  GROAT_ASSERT_OK(run->Start());
  load::ConsensusCluster& cluster = run->cluster();
  telemetry::LatencyHistogram gap, caught_up_ms;
  for (int round = 0; round < rounds; ++round) {
    const load::ChainFollower& any = *run->followers()[static_cast<size_t>(round) % cluster.size()];
    GROAT_ASSERT_OK_AND_ASSIGN(const load::LeaderNow leader, load::FindLeader(any, cluster.size()));
    const uint32_t victim = leader.replica;
    const uint32_t witness = (victim + 1) % cluster.size();
    SCOPED_TRACE(victim);
    const Clock::time_point paused = Clock::now();
    GROAT_ASSERT_OK(cluster.Pause(victim));
    GROAT_ASSERT_OK(run->WaitForMore(witness, kBlocksMeanwhile));
    // The pause is so long because the others' recovery is measured in it; nothing waits for it.
    std::this_thread::sleep_until(paused + kPaused);
    const auto commits = run->followers()[witness]->CommitsSince(paused - load::kRateBefore);
    const load::Recovery recovery = load::MeasureRecovery(commits, {paused, 0}, paused + kPaused);
    gap.Record(static_cast<uint64_t>(recovery.longest.length.count()));
    GROAT_ASSERT_OK(cluster.Resume(victim));
    GROAT_ASSERT_OK_AND_ASSIGN(const milliseconds took, run->WaitCaughtUp(victim));
    caught_up_ms.Record(static_cast<uint64_t>(took.count()));
    // It takes part again before the next one stands still.
    GROAT_ASSERT_OK(run->WaitForMore(victim, kBlocksMeanwhile));
  }
  run->ExpectNothingLost();
  Report("leaders of consensus stopped for 3 s")
      .Add("pauses", static_cast<uint64_t>(rounds))
      .Add("acknowledged commands", run->result().acknowledged)
      .Add("blocks", run->audit().blocks)
      .Add("lost", ::testing::Test::HasFailure() ? "see above" : "0")
      .Add("longest time without a commit, p50 / max ms", MedianAndMaxOfNanoseconds(gap))
      .Add("resumed to caught up, p50 / max ms", MedianAndMax(caught_up_ms))
      .Add("latency of clients, p50 / max ms", MedianAndMaxOfNanoseconds(run->result().latency))
      .Print();
}

}  // namespace
}  // namespace groat::e2e
