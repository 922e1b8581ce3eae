// One of three ledger nodes is down, then one of three etcd members, the sequencer and etcd's
// leader among them: appends and checkpoints go on, and what comes back catches up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/status_matchers.h"
#include "rpc/status.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/run.h"
#include "tests/e2e/update_load.h"
#include "wire/common.h"

namespace groat::e2e {
namespace {

using ledger::v1::GetClusterStatusResponse;
using ::testing::IsEmpty;

// Blocks, and checkpoints over them, that must come while a process is down.
constexpr uint64_t kBlocksMeanwhile = 10;
// Anchored batches that must come meanwhile: through relay, ledger and a checkpoint.
constexpr int kAnchoredMeanwhile = 3;

// A node that is not `name`.
uint32_t NodeOtherThan(const std::string& name) { return name == "ledger-0" ? 1 : 0; }

class OutageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GROAT_ASSERT_OK_AND_ASSIGN(cluster_, Cluster::Make({}));
    GROAT_ASSERT_OK(cluster_->StartAll());
    ledger_ = cluster_->NewLedgerClient();
  }

  // Kills `victim`, checks that the platform goes on without it, brings it back, and waits until it
  // has caught up.
  void TakeOut(const std::string& victim, const UpdateLoad& load) {
    SCOPED_TRACE(victim);
    const uint32_t other = NodeOtherThan(victim);
    GROAT_ASSERT_OK(cluster_->Kill(victim));
    const Clock::time_point killed = Clock::now();
    GROAT_ASSERT_OK(load.WaitForFreshAnswer());
    answering_ms_.Record(static_cast<uint64_t>(Since(killed).count()));
    for (int i = 1; i < kAnchoredMeanwhile; ++i) GROAT_ASSERT_OK(load.WaitForFreshAnswer());
    GROAT_ASSERT_OK_AND_ASSIGN(const client::Head head,
                               ledger_->GetHead(ledger::v1::READ_MODE_LINEARIZABLE));
    ASSERT_TRUE(head.block.has_value());
    const record::Height meanwhile(head.block->height.value() + kBlocksMeanwhile);
    GROAT_ASSERT_OK(ledger_->WaitCheckpoint(meanwhile, kPatience));
    CheckUnreachable(victim, other);
    if (HasFatalFailure()) return;

    const Clock::time_point restarted = Clock::now();
    GROAT_ASSERT_OK(cluster_->Revive(victim));
    GROAT_ASSERT_OK(WaitCaughtUp(victim, meanwhile, other));
    catch_up_ms_.Record(static_cast<uint64_t>(Since(restarted).count()));
  }

  // What an operator sees while it is down.
  void CheckUnreachable(const std::string& victim, uint32_t ask) {
    GROAT_ASSERT_OK_AND_ASSIGN(const GetClusterStatusResponse status, cluster_->LedgerStatus(ask));
    for (const ledger::v1::RegisterMember& member : status.members()) {
      EXPECT_EQ(member.reachable(), member.name() != victim) << member.ShortDebugString();
    }
    ASSERT_EQ(status.nodes_size(), 3);
    for (const ledger::v1::NodeStatus& node : status.nodes()) {
      if (absl::StrCat("ledger-", node.node()) != victim) continue;
      EXPECT_GE(node.lag_blocks(), kBlocksMeanwhile) << status.ShortDebugString();
    }
  }

  absl::Status WaitCaughtUp(const std::string& victim, record::Height height, uint32_t ask) {
    const bool is_node = victim.rfind("ledger-", 0) == 0;
    GROAT_RETURN_IF_ERROR(Eventually([&]() -> absl::Status {
      GROAT_ASSIGN_OR_RETURN(const GetClusterStatusResponse status, cluster_->LedgerStatus(ask));
      return is_node ? NodeCaughtUp(status, victim, height) : MemberCaughtUp(status, victim);
    }));
    if (!is_node) return absl::OkStatus();
    // Its own words: checkpoints that it has seen, and blocks that it has.
    const auto node = static_cast<uint32_t>(victim.back() - '0');
    GROAT_RETURN_IF_ERROR(Eventually([&]() -> absl::Status {
      PatientContext context(kPatience);
      ledger::v1::GetCheckpointRequest request;
      request.set_min_height(height.value());
      ledger::v1::GetCheckpointResponse response;
      return rpc::FromGrpc(cluster_->ledger(node).GetCheckpoint(&context, request, &response));
    }));
    return cluster_->Chain(node, ledger::v1::READ_MODE_LINEARIZABLE).status();
  }

  static absl::Status NodeCaughtUp(const GetClusterStatusResponse& status,
                                   const std::string& victim, record::Height height) {
    for (const ledger::v1::NodeStatus& node : status.nodes()) {
      if (absl::StrCat("ledger-", node.node()) != victim) continue;
      // Blocks come all the time, and the others know what a node last reported.
      if (node.applied_height() >= height.value() && node.signed_height() >= height.value()) {
        return absl::OkStatus();
      }
    }
    return absl::UnavailableError(
        absl::StrCat(victim, " has not caught up: ", status.ShortDebugString()));
  }

  static absl::Status MemberCaughtUp(const GetClusterStatusResponse& status,
                                     const std::string& victim) {
    // A member answers about itself a moment before or after the others.
    constexpr uint64_t kEntriesApart = 100;
    uint64_t highest = 0;
    uint64_t own = 0;
    for (const ledger::v1::RegisterMember& member : status.members()) {
      highest = std::max(highest, member.raft_index());
      if (member.name() == victim && member.reachable()) own = member.raft_index();
    }
    if (own + kEntriesApart >= highest) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat(victim, " has not caught up: ", status.ShortDebugString()));
  }

  // Once nothing is appended any more, nobody lags.
  void CheckNoLag() {
    GROAT_ASSERT_OK(cluster_->Kill("relay"));
    GROAT_ASSERT_OK(Eventually([&]() -> absl::Status {
      GROAT_ASSIGN_OR_RETURN(const GetClusterStatusResponse status, cluster_->LedgerStatus(0));
      bool level = status.checkpoint_height() == status.head_height();
      for (const ledger::v1::NodeStatus& node : status.nodes()) {
        level = level && node.lag_blocks() == 0;
      }
      return level ? absl::OkStatus() : absl::UnavailableError(status.ShortDebugString());
    }));
    GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<record::Block> chain,
                               cluster_->Chain(0, ledger::v1::READ_MODE_LINEARIZABLE));
    for (uint32_t node = 1; node < 3; ++node) {
      GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<record::Block> other,
                                 cluster_->Chain(node, ledger::v1::READ_MODE_STALE));
      EXPECT_EQ(other, chain) << "node " << node;
    }
  }

  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<client::LedgerClient> ledger_;
  telemetry::LatencyHistogram answering_ms_;
  telemetry::LatencyHistogram catch_up_ms_;
};

TEST_F(OutageTest, OneProcessOfEachKindDownAndBack) {
  const uint64_t seed = Seed();
  const int rounds = Rounds(1);
  Random random(seed);
  UpdateLoad::Options options;
  options.seed = seed;
  options.clients = 2;
  options.waits = {relay::v1::WAIT_LEVEL_ANCHORED};
  UpdateLoad load(*cluster_, options);
  GROAT_ASSERT_OK(load.WaitForFreshAnswer());
  uint64_t kills = 0;
  for (int round = 0; round < rounds; ++round) {
    // By what they do at that moment, not by number.
    GROAT_ASSERT_OK_AND_ASSIGN(const std::string sequencer, cluster_->SequencerName(0));
    TakeOut(sequencer, load);
    if (HasFatalFailure()) return;
    GROAT_ASSERT_OK_AND_ASSIGN(const std::string successor, cluster_->SequencerName(0));
    TakeOut(absl::StrCat("ledger-", successor == "ledger-2" ? 1 : 2), load);
    if (HasFatalFailure()) return;
    GROAT_ASSERT_OK_AND_ASSIGN(const std::string leader, cluster_->EtcdLeaderName(0));
    TakeOut(leader, load);
    if (HasFatalFailure()) return;
    GROAT_ASSERT_OK_AND_ASSIGN(const std::string new_leader, cluster_->EtcdLeaderName(0));
    const std::string follower =
        absl::StrCat("etcd-", (new_leader.back() - '0' + 1 + Pick(random, 0, 1)) % 3);
    TakeOut(follower, load);
    if (HasFatalFailure()) return;
    kills += 4;
  }
  load.Stop();
  GROAT_ASSERT_OK(load.status());
  CheckNoLag();
  EXPECT_THAT(cluster_->unexpected_ends(), IsEmpty());
  Report("one process down: sequencer, other node, etcd's leader, other member")
      .Add("rounds", static_cast<uint64_t>(rounds))
      .Add("kills", kills)
      .Add("acknowledged updates", load.acknowledged_count())
      .Add("lost", HasFailure() ? "see above" : "0")
      .Add("kill to next anchored answer, p50 / max ms", MedianAndMax(answering_ms_))
      .Add("start to caught up, p50 / max ms", MedianAndMax(catch_up_ms_))
      .Print();
}

}  // namespace
}  // namespace groat::e2e
