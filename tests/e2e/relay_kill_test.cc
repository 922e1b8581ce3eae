// The relay is killed with -9 again and again while clients submit updates to it. Whatever it
// acknowledged must be there afterwards, and nothing that it published may change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "asset/provenance.h"
#include "base/status_macros.h"
#include "base/status_matchers.h"
#include "merkle/block_log.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/run.h"
#include "tests/e2e/update_load.h"
#include "wire/common.h"
#include "wire/provenance.h"

namespace groat::e2e {
namespace {

using relay::v1::CycleInfo;
using ::testing::IsEmpty;

// Updates that are sent again after each kill: those acknowledged last before it.
constexpr size_t kCheckedAfterKill = 100;
// Of all acknowledged updates, those whose proofs are verified at the end.
constexpr size_t kMaxVerifiedProofs = 20'000;
constexpr size_t kResubmitBatch = 1000;
constexpr size_t kProofBatch = 200;

// Sends acknowledged updates again; each must be known, with the cycle of its acknowledgement.
absl::Status CheckStillThere(const client::RelayClient& relay, const std::vector<Acknowledged>& all,
                             size_t first, size_t last) {
  relay::v1::SubmitUpdatesRequest request;
  for (size_t i = first; i < last; ++i) {
    relay::v1::Update* update = request.add_updates();
    wire::SetBytes(all[i].update.unlock, update->mutable_unlock());
    wire::SetBytes(all[i].update.value, update->mutable_value());
  }
  GROAT_ASSIGN_OR_RETURN(const auto response, relay.Submit(request));
  for (size_t i = first; i < last; ++i) {
    const relay::v1::UpdateResult& result = response.results(static_cast<int>(i - first));
    if (result.outcome() == relay::v1::UPDATE_OUTCOME_REPEATED &&
        result.cycle() == all[i].cycle.value()) {
      continue;
    }
    return absl::DataLossError(absl::StrCat("update ", all[i].update.unlock.Hex(),
                                            ", acknowledged in cycle ", all[i].cycle.value(),
                                            ", is now ", result.ShortDebugString()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CycleInfo>> AllCycles(const client::RelayClient& relay) {
  std::vector<CycleInfo> cycles;
  for (;;) {
    GROAT_ASSIGN_OR_RETURN(const auto page, relay.ListCycles(cycles.size() + 1, 1000));
    if (page.cycles().empty()) return cycles;
    cycles.insert(cycles.end(), page.cycles().begin(), page.cycles().end());
  }
}

// A root that was once told, by cycle.
using Roots = std::map<uint64_t, std::string>;

// Watches cycles from the first on; the stream breaks with each kill and is resumed.
class CycleWatch {
 public:
  explicit CycleWatch(Cluster& cluster)
      : cluster_(cluster), relay_(cluster.NewRelayClient()), thread_([this] { Run(); }) {}
  ~CycleWatch() {
    if (!thread_.joinable()) return;
    cluster_.cancellation().Cancel();  // The test has failed.
    thread_.join();
  }
  // The roots of the cycles 1 to `last`, once it is closed.
  Roots StopAfter(uint64_t last) {
    last_.store(last);
    thread_.join();
    return roots_;
  }

 private:
  void Run() {
    const absl::Status status = relay_->WatchCycles(1, [this](const CycleInfo& info) {
      const uint64_t cycle = info.root().statement().cycle();
      EXPECT_EQ(cycle, roots_.size() + 1) << "the watch skipped or repeated a cycle";
      roots_[cycle] = info.root().statement().root();
      return cycle < last_.load();
    });
    GROAT_EXPECT_OK(status);
  }
  Cluster& cluster_;
  const std::unique_ptr<client::RelayClient> relay_;
  std::atomic<uint64_t> last_{UINT64_MAX};
  Roots roots_;  // Of the thread until StopAfter.
  std::thread thread_;
};

class RelayKillTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override {
    ClusterOptions options;
    options.period_cycles = GetParam();
    GROAT_ASSERT_OK_AND_ASSIGN(cluster_, Cluster::Make(options));
    GROAT_ASSERT_OK(cluster_->StartAll());
    relay_ = cluster_->NewRelayClient();
    ledger_ = cluster_->NewLedgerClient();
  }

  void KillAndCheck(UpdateLoad& load) {
    // Right behind an acknowledgement, wherever in its cycle that happens to be.
    GROAT_ASSERT_OK(load.WaitForAcknowledged(load.acknowledged_count() + Pick(random_, 1, 300)));
    GROAT_ASSERT_OK(cluster_->Kill("relay"));
    const size_t known = load.acknowledged_count();
    const std::vector<Acknowledged> last =
        load.AcknowledgedFrom(known - std::min(known, kCheckedAfterKill));
    const Clock::time_point killed = Clock::now();
    GROAT_ASSERT_OK_AND_ASSIGN(const milliseconds took, cluster_->Revive("relay"));
    serving_ms_.Record(static_cast<uint64_t>(took.count()));
    GROAT_ASSERT_OK(load.WaitForFreshAnswer());
    answering_ms_.Record(static_cast<uint64_t>(Since(killed).count()));
    GROAT_ASSERT_OK(CheckStillThere(*relay_, last, 0, last.size()));
  }

  // Every acknowledged update is known with its cycle, and no cycle has more than these.
  void CheckUpdates(const std::vector<Acknowledged>& all, const std::vector<CycleInfo>& cycles) {
    for (size_t first = 0; first < all.size(); first += kResubmitBatch) {
      GROAT_ASSERT_OK(
          CheckStillThere(*relay_, all, first, std::min(all.size(), first + kResubmitBatch)));
    }
    std::map<uint64_t, uint64_t> acknowledged;
    for (const Acknowledged& one : all) ++acknowledged[one.cycle.value()];
    for (const CycleInfo& info : cycles) {
      const common::v1::RootStatement& root = info.root().statement();
      EXPECT_EQ(root.new_leaf_count(), acknowledged[root.cycle()]) << "cycle " << root.cycle();
    }
  }

  void CheckProofs(std::vector<Acknowledged> all) {
    GROAT_ASSERT_OK_AND_ASSIGN(const asset::RelayTrust trust,
                               cluster_->trust().Relay(record::RelayId(1)));
    std::shuffle(all.begin(), all.end(), random_);
    all.resize(std::min(all.size(), kMaxVerifiedProofs));
    std::sort(all.begin(), all.end(),
              [](const Acknowledged& a, const Acknowledged& b) { return a.cycle < b.cycle; });
    for (size_t first = 0; first < all.size(); first += kProofBatch) {
      const size_t last = std::min(all.size(), first + kProofBatch);
      relay::v1::GetProofsRequest request;
      for (size_t i = first; i < last; ++i) {
        wire::SetBytes(record::KeyOfUnlock(record::RelayId(1), all[i].update.unlock),
                       request.add_keys());
      }
      // Three periods back; from the first one on, long runs would ask for thousands of proofs.
      const uint64_t cycle = all[first].cycle.value();
      const uint64_t back = trust.period_cycles == 0 ? cycle : 3 * trust.period_cycles;
      request.set_since_cycle(cycle - std::min(cycle - 1, back));
      GROAT_ASSERT_OK_AND_ASSIGN(const auto response, relay_->GetProofs(request));
      for (size_t i = first; i < last; ++i) {
        GROAT_ASSERT_OK_AND_ASSIGN(const asset::ProofOfProvenance proof,
                                   wire::FromProto(response.proofs(static_cast<int>(i - first))));
        GROAT_ASSERT_OK(asset::Verify(proof, trust));
        ASSERT_EQ(proof.value(), all[i].update.value);
        ASSERT_EQ(proof.cycle(), all[i].cycle);
      }
    }
  }

  // The ledger has exactly the relay's cycles, and a checkpoint covers them all.
  void CheckLedger(const std::vector<CycleInfo>& cycles) {
    GROAT_ASSERT_OK_AND_ASSIGN(const record::SignedRoot last,
                               wire::FromProto(cycles.back().root()));
    GROAT_ASSERT_OK_AND_ASSIGN(const record::Block last_block,
                               ledger_->WaitBlockOfCycle(last.statement, kPatience));
    GROAT_ASSERT_OK_AND_ASSIGN(const record::SignedCheckpoint checkpoint,
                               ledger_->WaitCheckpoint(last_block.height, kPatience));
    GROAT_ASSERT_OK_AND_ASSIGN(const record::NodeKeys nodes,
                               record::NodeKeys::Create(cluster_->trust().ledger_nodes));
    GROAT_ASSERT_OK(nodes.VerifyQuorum(checkpoint.checkpoint.Encode(), checkpoint.quorum));

    GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<record::Block> chain,
                               cluster_->Chain(0, ledger::v1::READ_MODE_LINEARIZABLE));
    ASSERT_GE(chain.size(), checkpoint.checkpoint.height.value());
    EXPECT_EQ(chain[checkpoint.checkpoint.height.value() - 1].Id(), checkpoint.checkpoint.block_id);
    ASSERT_GE(chain.size(), cycles.size());
    for (size_t i = 0; i < cycles.size(); ++i) {
      GROAT_ASSERT_OK_AND_ASSIGN(const record::SignedRoot root, wire::FromProto(cycles[i].root()));
      ASSERT_EQ(root.statement.cycle.value(), i + 1) << "a cycle is missing";
      ASSERT_EQ(chain[i].root.statement, root.statement) << "block " << i + 1;
    }
  }

  Random random_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<client::RelayClient> relay_;
  std::unique_ptr<client::LedgerClient> ledger_;
  telemetry::LatencyHistogram serving_ms_;
  telemetry::LatencyHistogram answering_ms_;
};

TEST_P(RelayKillTest, NothingAcknowledgedIsLost) {
  const uint64_t seed = Seed();
  const int rounds = Rounds(4);
  random_.seed(seed);
  UpdateLoad::Options options;
  options.seed = seed;
  options.clients = 6;
  UpdateLoad load(*cluster_, options);
  CycleWatch watch(*cluster_);
  for (int round = 0; round < rounds && !HasFatalFailure(); ++round) KillAndCheck(load);
  load.Stop();
  GROAT_ASSERT_OK(load.status());

  const std::vector<Acknowledged> all = load.acknowledged();
  uint64_t last_cycle = 0;
  for (const Acknowledged& one : all) last_cycle = std::max(last_cycle, one.cycle.value());
  const Roots watched = watch.StopAfter(last_cycle);
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<CycleInfo> cycles, AllCycles(*relay_));
  ASSERT_GE(cycles.size(), last_cycle);
  Roots roots = load.roots();
  roots.insert(watched.begin(), watched.end());
  for (const auto& [cycle, root] : roots) {
    EXPECT_EQ(ToHex(AsBytes(root)), ToHex(AsBytes(cycles[cycle - 1].root().statement().root())))
        << "the root of cycle " << cycle << " has changed since it was told";
  }
  CheckUpdates(all, cycles);
  CheckProofs(all);
  CheckLedger(cycles);
  EXPECT_THAT(cluster_->unexpected_ends(), IsEmpty());
  Report(absl::StrCat("relay killed, periods of ", GetParam(), " cycles"))
      .Add("rounds", static_cast<uint64_t>(rounds))
      .Add("kills", static_cast<uint64_t>(rounds))
      .Add("acknowledged updates", all.size())
      .Add("lost", HasFailure() ? "see above" : "0")
      .Add("batches sent again", load.repeated_batches())
      .Add("cycles", cycles.size())
      .Add("start to serving, p50 / max ms", MedianAndMax(serving_ms_))
      .Add("kill to next answer, p50 / max ms", MedianAndMax(answering_ms_))
      .Print();
}

// One trie for ever, and a new one every few cycles, so that kills meet changes of period.
INSTANTIATE_TEST_SUITE_P(Periods, RelayKillTest, ::testing::Values(0, 7));

}  // namespace
}  // namespace groat::e2e
