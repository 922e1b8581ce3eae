// The disk of one replica of consensus is full: the replica stops rather than go on with what is
// not durable, the others go on without it, and it comes back once there is room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/status_matchers.h"
#include "tests/e2e/consensus_run.h"
#include "tests/e2e/small_disk.h"

namespace groat::e2e {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kVictim = 3;
constexpr uint32_t kWitness = 0;
// Less than what RocksDB sets aside for its log where there is room: it would go on in there.
constexpr size_t kDiskBytes = size_t{12} << 20;
constexpr uint64_t kBlocksMeanwhile = 20;
// More would fill the disk by themselves.
constexpr int kMaxRounds = 20;

TEST(ConsensusFullDiskTest, ReplicaStopsAndComesBack) {
  if (const absl::Status entered = EnterMountNamespace(); !entered.ok()) {
    GTEST_SKIP() << "no small disk here: " << entered;
  }
  const int rounds = std::min(Rounds(2), kMaxRounds);
  ConsensusRunOptions options;
  options.commands_per_second = 200;
  GROAT_ASSERT_OK_AND_ASSIGN(const auto run, ConsensusRun::Make(options));
  load::ConsensusCluster& cluster = run->cluster();
  SmallDisk disk;  // Detached before the run ends, which removes the folder below it.
  if (const absl::Status mounted = disk.Mount(cluster.DataOf(kVictim), kDiskBytes); !mounted.ok()) {
    GTEST_SKIP() << "no small disk here: " << mounted;
  }
  GROAT_ASSERT_OK(run->Start());

  telemetry::LatencyHistogram stopped_ms, serving_ms, caught_up_ms;
  for (int round = 0; round < rounds; ++round) {
    cluster.ExpectEnd(kVictim);
    GROAT_ASSERT_OK(disk.Fill());
    const Clock::time_point full = Clock::now();
    GROAT_ASSERT_OK_AND_ASSIGN(const std::string how, cluster.WaitEnded(kVictim));
    stopped_ms.Record(static_cast<uint64_t>(Since(full).count()));
    EXPECT_EQ(how, "exit status 65");
    EXPECT_THAT(cluster.LogTail(kVictim), HasSubstr("No space left on device"));
    GROAT_ASSERT_OK(run->WaitForMore(kWitness, kBlocksMeanwhile));

    GROAT_ASSERT_OK(disk.MakeRoom());
    GROAT_ASSERT_OK_AND_ASSIGN(const milliseconds serving, cluster.Revive(kVictim));
    serving_ms.Record(static_cast<uint64_t>(serving.count()));
    GROAT_ASSERT_OK_AND_ASSIGN(const milliseconds behind, run->WaitCaughtUp(kVictim));
    caught_up_ms.Record(static_cast<uint64_t>((serving + behind).count()));
    GROAT_ASSERT_OK(run->WaitForMore(kVictim, kBlocksMeanwhile));
  }
  run->ExpectNothingLost();
  Report("disk of one replica of consensus full")
      .Add("times", static_cast<uint64_t>(rounds))
      .Add("acknowledged commands", run->result().acknowledged)
      .Add("blocks", run->audit().blocks)
      .Add("lost", HasFailure() ? "see above" : "0")
      .Add("full to stopped, p50 / max ms", MedianAndMax(stopped_ms))
      .Add("start to serving, p50 / max ms", MedianAndMax(serving_ms))
      .Add("start to caught up, p50 / max ms", MedianAndMax(caught_up_ms))
      .Print();
}

}  // namespace
}  // namespace groat::e2e
