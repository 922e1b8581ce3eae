// Ledger nodes and etcd members are killed with -9, one at a time, while clients append roots of
// several relays and read the head through all nodes. What the clients saw must be possible for one
// ledger that never failed, and all nodes must end with the same chain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/status_matchers.h"
#include "merkle/block_log.h"
#include "rpc/status.h"
#include "tests/e2e/append_load.h"
#include "tests/e2e/chain_history.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/root_source.h"
#include "tests/e2e/run.h"
#include "wire/common.h"

namespace groat::e2e {
namespace {

using ::testing::IsEmpty;

constexpr uint32_t kNodes = 3;
constexpr uint32_t kSources = 4;
// Relay 1 is that of the network's keys; it is not running.
constexpr uint32_t kFirstSource = 2;

class LedgerKillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ClusterOptions options;
    options.relay = false;
    GROAT_ASSERT_OK_AND_ASSIGN(cluster_, Cluster::Make(options));
    for (uint32_t i = 0; i < kSources; ++i) {
      GROAT_ASSERT_OK_AND_ASSIGN(auto source, RootSource::Start(record::RelayId(kFirstSource + i),
                                                                cluster_->Tls("relay")));
      cluster_->AddRelay(source->trust(), source->endpoint());
      sources_.push_back(std::move(source));
    }
    GROAT_ASSERT_OK(cluster_->StartAll());
  }

  std::string RandomVictim() {
    const uint64_t index = Pick(random_, 0, 2 * kNodes - 1);
    return index < kNodes ? absl::StrCat("ledger-", index) : absl::StrCat("etcd-", index - kNodes);
  }

  void KillAndRevive(AppendLoad& load) {
    GROAT_ASSERT_OK(load.WaitForAcknowledged(load.acknowledged_count() + Pick(random_, 1, 60)));
    const std::string victim = RandomVictim();
    SCOPED_TRACE(victim);
    GROAT_ASSERT_OK(cluster_->Kill(victim));
    const Clock::time_point killed = Clock::now();
    // The others go on without it, for a while that is different each time.
    GROAT_ASSERT_OK(load.WaitForFreshAnswer());
    answering_ms_.Record(static_cast<uint64_t>(Since(killed).count()));
    GROAT_ASSERT_OK(load.WaitForAcknowledged(load.acknowledged_count() + Pick(random_, 0, 40)));
    GROAT_ASSERT_OK_AND_ASSIGN(const milliseconds took, cluster_->Revive(victim));
    serving_ms_.Record(static_cast<uint64_t>(took.count()));
  }

  // Nodes that hold the chain, each by itself.
  void CheckSameChain(const std::vector<record::Block>& chain) {
    for (uint32_t node = 0; node < kNodes; ++node) {
      SCOPED_TRACE(absl::StrCat("node ", node));
      GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<record::Block> linearizable,
                                 cluster_->Chain(node, ledger::v1::READ_MODE_LINEARIZABLE));
      EXPECT_EQ(linearizable, chain);
      // Now that it has applied everything, its own copy is no older.
      GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<record::Block> own,
                                 cluster_->Chain(node, ledger::v1::READ_MODE_STALE));
      EXPECT_EQ(own, chain);
    }
  }

  // Every node's newest checkpoint comes to cover the chain and is right.
  void CheckCheckpoints(const std::vector<record::Block>& chain) {
    merkle::BlockLog log;
    for (const record::Block& block : chain) log.Append(block.Id());
    GROAT_ASSERT_OK_AND_ASSIGN(const record::NodeKeys keys,
                               record::NodeKeys::Create(cluster_->trust().ledger_nodes));
    for (uint32_t node = 0; node < kNodes; ++node) {
      SCOPED_TRACE(absl::StrCat("node ", node));
      PatientContext context(kPatience);
      ledger::v1::WatchCheckpointsRequest request;
      request.set_above_height(chain.size() - 1);
      const auto reader = cluster_->ledger(node).WatchCheckpoints(&context, request);
      ledger::v1::WatchCheckpointsResponse response;
      ASSERT_TRUE(reader->Read(&response)) << rpc::FromGrpc(reader->Finish());
      context.TryCancel();
      GROAT_ASSERT_OK_AND_ASSIGN(const record::SignedCheckpoint signed_checkpoint,
                                 wire::FromProto(response.checkpoint()));
      const record::Checkpoint& checkpoint = signed_checkpoint.checkpoint;
      GROAT_EXPECT_OK(keys.VerifyQuorum(checkpoint.Encode(), signed_checkpoint.quorum));
      EXPECT_EQ(checkpoint.ledger_id, cluster_->trust().ledger_id);
      EXPECT_EQ(checkpoint.height.value(), chain.size());
      EXPECT_EQ(checkpoint.block_id, chain.back().Id());
      EXPECT_EQ(checkpoint.log_root, log.Root());
    }
  }

  Random random_;
  std::unique_ptr<Cluster> cluster_;
  std::vector<std::unique_ptr<RootSource>> sources_;
  ChainHistory history_;
  telemetry::LatencyHistogram serving_ms_;
  telemetry::LatencyHistogram answering_ms_;
};

TEST_F(LedgerKillTest, HistoryIsLinearizableAndNothingIsLost) {
  const uint64_t seed = Seed();
  const int rounds = Rounds(6);
  random_.seed(seed);
  AppendLoad::Options options;
  options.seed = seed;
  AppendLoad load(*cluster_, sources_, options, history_);
  for (int round = 0; round < rounds && !HasFatalFailure(); ++round) KillAndRevive(load);
  load.Stop();
  GROAT_ASSERT_OK(load.status());

  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<record::Block> chain,
                             cluster_->Chain(0, ledger::v1::READ_MODE_LINEARIZABLE));
  EXPECT_EQ(history_.FindViolation(chain), std::nullopt);
  ASSERT_FALSE(chain.empty());
  CheckSameChain(chain);
  CheckCheckpoints(chain);
  EXPECT_THAT(cluster_->unexpected_ends(), IsEmpty());
  Report("ledger nodes and etcd members killed")
      .Add("rounds", static_cast<uint64_t>(rounds))
      .Add("kills", static_cast<uint64_t>(rounds))
      .Add("acknowledged appends", history_.acknowledged_appends())
      .Add("reads of the head", history_.reads())
      .Add("lost", HasFailure() ? "see above" : "0")
      .Add("start to serving, p50 / max ms", MedianAndMax(serving_ms_))
      .Add("kill to next answer, p50 / max ms", MedianAndMax(answering_ms_))
      .Print();
}

}  // namespace
}  // namespace groat::e2e
