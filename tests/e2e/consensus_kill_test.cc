// Leaders of consensus are killed with -9, one after another, under load. No acknowledged command
// may be lost, repeated or elsewhere than was told; all replicas end with one chain.
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "tests/e2e/consensus_run.h"

namespace groat::e2e {
namespace {

void Record(load::Recovery::Duration duration, telemetry::LatencyHistogram& histogram) {
  histogram.Record(static_cast<uint64_t>(duration.count()));
}

TEST(ConsensusKillTest, NothingIsLostWhenLeadersAreKilled) {
  const int rounds = Rounds(4);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto run, ConsensusRun::Make({}));
  GROAT_ASSERT_OK(run->Start());
  load::LeaderKills kills(run->cluster(), run->followers(), {});
  telemetry::LatencyHistogram gap, throughput, serving, caught_up;
  for (int round = 0; round < rounds; ++round) {
    GROAT_ASSERT_OK_AND_ASSIGN(const load::LeaderKill kill, kills.KillOne());
    std::cout << "kill " << round + 1 << ": " << kill.Text() << std::endl;
    Record(kill.recovery.longest.length, gap);
    Record(kill.recovery.throughput_settled, throughput);
    Record(kill.serving, serving);
    Record(kill.caught_up, caught_up);
  }
  run->ExpectNothingLost();
  Report("leaders of consensus killed")
      .Add("kills", static_cast<uint64_t>(rounds))
      .Add("acknowledged commands", run->result().acknowledged)
      .Add("blocks", run->audit().blocks)
      .Add("lost", ::testing::Test::HasFailure() ? "see above" : "0")
      .Add("longest time without a commit, p50 / max ms", MedianAndMaxOfNanoseconds(gap))
      .Add("kill to 70 % of the commands for good, p50 / max ms",
           MedianAndMaxOfNanoseconds(throughput))
      .Add("start to serving, p50 / max ms", MedianAndMaxOfNanoseconds(serving))
      .Add("start to caught up, p50 / max ms", MedianAndMaxOfNanoseconds(caught_up))
      .Add("latency of clients, p50 / max ms", MedianAndMaxOfNanoseconds(run->result().latency))
      .Print();
}

}  // namespace
}  // namespace groat::e2e
