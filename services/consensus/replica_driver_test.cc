// Whole replicas, but for their clients, on simulated hosts: mesh, disks and time from a seed.
#include "services/consensus/replica_driver.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "hotstuff/digest.h"
#include "hotstuff/two_chain.h"
#include "services/consensus/testing/driver_test.h"
#include "sim/split_mix.h"
#include "sim/testing/seeds.h"

namespace groat::consensus_service {
namespace {

using consensus_service::testing::DriverTest;
using hotstuff::Command;
using hotstuff::SubmitVerdict;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST_F(DriverTest, FourReplicasCommitWhatClientsSubmit) {
  Build(1);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  for (size_t node = 0; node < 4; ++node) {
    EXPECT_THAT(Submit(node, node + 1, 1, 250), Each(SubmitVerdict::kAccepted));
  }
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 1000, seconds(10)));
  ExpectOneChain();
  EXPECT_THAT(Submit(0, 1, 250, 1), Each(SubmitVerdict::kCommitted));

  // The store shows what was committed, with proofs that need the validators' keys only.
  BlockStore& store = *At(2).store;
  const hotstuff::Verifier verifier = At(2).driver->core().verifier();
  for (Height height(1); height <= store.last(); height = height.Next()) {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto stored, store.ProofFor(height));
    GROAT_ASSERT_OK_AND_ASSIGN(const auto proof, hotstuff::CommitProof::Decode(stored.encoding));
    GROAT_ASSERT_OK_AND_ASSIGN(const auto proven, store.At(stored.height));
    GROAT_EXPECT_OK(VerifyCommit(proof, proven.id, hotstuff::TwoChain(), verifier));
  }
}

TEST_F(DriverTest, ACrashedReplicaRestartsAndCatchesUp) {
  Build(2);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  Submit(0, 1, 1, 500);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 500, seconds(10)));
  cluster_->PowerOff(3);
  disks_[3].Crash();
  for (uint64_t i = 0; i < 20; ++i) {
    Submit(0, 1, 501 + 50 * i, 50);
    cluster_->RunFor(milliseconds(50));
  }
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2}, 1500, seconds(20)));
  cluster_->Start(3);
  EXPECT_TRUE(cluster_->Run(3, [&] { return At(3).driver->core().status().may_vote; }));
  Submit(1, 2, 1, 10);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 1510, seconds(20)));
  ExpectOneChain();
  EXPECT_EQ(At(3).store->last(), At(0).store->last());
}

// Every process ends at once, and the machines lose what was not synced.
TEST_F(DriverTest, APowerCutOfAllLosesNothingThatWasCommitted) {
  Build(3);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  Submit(0, 1, 1, 2000);
  ASSERT_TRUE(RunUntilAllHave({0}, 500, seconds(10)));
  for (size_t node = 0; node < 4; ++node) {
    cluster_->PowerOff(node);
    disks_[node].Crash();
  }
  const size_t before = Effective(0);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(5)));
  Submit(1, 2, 1, 10);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, before + 10, seconds(20)));
  ExpectOneChain();
}

TEST_F(DriverTest, AReplicaWithoutItsMemoryFollowsAndDoesNotVote) {
  Build(4);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  Submit(0, 1, 1, 100);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 100, seconds(10)));
  cluster_->Kill(3);
  GROAT_ASSERT_OK(disks_[3].Write(storage::StoreBatch().Delete(AsBytes("s")),
                                  storage::OrderedStore::Durability::kSynced));
  cluster_->Start(3);
  Submit(0, 1, 101, 100);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 200, seconds(20)));
  EXPECT_FALSE(cluster_->Run(3, [&] { return At(3).driver->core().status().may_vote; }));
  EXPECT_EQ(At(3).driver->core().counters().votes, 0u);
}

TEST_F(DriverTest, AFullDiskStopsTheReplicaAndNobodyElse) {
  Build(5);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  disks_[1].FailWrites(absl::ResourceExhaustedError("disk full"));
  Submit(0, 1, 1, 100);
  ASSERT_TRUE(RunUntilAllHave({0, 2, 3}, 100, seconds(20)));
  EXPECT_EQ(At(1).fatal.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Effective(1), 0u);
}

TEST_F(DriverTest, TheSameSeedGivesTheSameRun) {
  std::vector<std::pair<uint64_t, hotstuff::BlockId>> runs;
  for (int run = 0; run < 2; ++run) {
    Build(6);
    cluster_->StartAll();
    ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
    Submit(0, 1, 1, 300);
    cluster_->RunFor(milliseconds(60));
    cluster_->Kill(2);
    Submit(1, 2, 1, 300);
    cluster_->RunFor(seconds(1));
    cluster_->Start(2);
    cluster_->RunFor(seconds(3));
    EXPECT_EQ(Effective(2), 600u);
    runs.emplace_back(cluster_->scheduler().digest(),
                      At(0).driver->core().status().committed_block);
    cluster_.reset();
  }
  EXPECT_EQ(runs[0], runs[1]);
}

// Processes and machines die at any point of a turn, at most f at a time, and come back with what
// was synced; one chain, and every command once.
TEST_F(DriverTest, CrashesAtAnyTimeLoseNothing) {
  sim::testing::ForEachSeed(30, [this](uint64_t seed) {
    Build(seed);
    sim::SplitMix64 random(seed);
    // Worse than TLS ever is, every other time.
    if (seed % 2 == 0) {
      cluster_->wires().SetDefaultLink(
          {.success_rate = 0.99, .reorder_rate = 0.05, .duplicate_rate = 0.01});
    }
    cluster_->StartAll();
    ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(20)));
    for (size_t round = 0; round < 12; ++round) {
      const size_t victim = random.Below(4);
      const size_t submitter = (victim + 1 + random.Below(3)) % 4;
      Submit(submitter, submitter + 1, 1 + round * 40, 40);
      cluster_->RunFor(std::chrono::microseconds(random.Below(60'000)));
      if (random.Below(2) == 0) {
        cluster_->Kill(victim);
      } else {
        cluster_->PowerOff(victim);
        disks_[victim].Crash();
      }
      cluster_->RunFor(milliseconds(random.Below(1000)));
      cluster_->Start(victim);
      cluster_->RunFor(milliseconds(random.Below(500)));
    }
    cluster_->wires().SetDefaultLink({});
    // What a replica took and forgot before anybody else had it is its clients' to send again.
    for (size_t round = 0; round < 12; ++round) {
      for (size_t client = 1; client <= 4; ++client) Submit(0, client, 1 + round * 40, 40);
    }
    ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 12 * 40 * 4, seconds(60)));
    EXPECT_EQ(Effective(0), size_t{12 * 40 * 4});
    ExpectOneChain();
  });
}

// Handover: the validators change places, and the chain goes on.
TEST_F(DriverTest, AChangeOfValidatorsStartsTheNextEpoch) {
  Build(7);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  Submit(0, 1, 1, 100);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 100, seconds(10)));

  hotstuff::ValidatorChange change;
  change.next = Epoch(1);
  change.last_height = Height(At(0).store->last().value() + 20);
  for (const size_t node : {3, 2, 1, 0}) {
    change.validators.push_back({cluster_->id(node), std::nullopt});
  }
  const Hash digest = hotstuff::ChangeDigest(change, genesis_.Chain());
  std::vector<hotstuff::SignedShare> shares;
  for (size_t node = 0; node < 3; ++node) {
    shares.push_back({hotstuff::ReplicaIndex(static_cast<uint16_t>(node)), digest,
                      hotstuff::Ed25519Signer(KeyOf(node)).SignShare(digest)});
  }
  GROAT_ASSERT_OK_AND_ASSIGN(
      const Command command,
      hotstuff::MakeChangeCommand(change, shares, At(0).driver->core().verifier()));
  EXPECT_THAT(cluster_->Run(0, [&] { return At(0).driver->Submit({command}); }),
              Each(SubmitVerdict::kAccepted));
  for (uint64_t i = 0; i < 60; ++i) {
    Submit(0, 1, 101 + i, 1);
    cluster_->RunFor(milliseconds(50));
  }
  // With the change itself.
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 161, seconds(20)));
  for (const size_t node : {0, 1, 2, 3}) {
    EXPECT_EQ(At(node).driver->core().status().epoch, Epoch(1)) << node;
  }
  ExpectOneChain();

  // A restart finds the epoch again.
  cluster_->Kill(3);
  cluster_->Start(3);
  EXPECT_EQ(At(3).driver->core().status().epoch, Epoch(1));
  Submit(1, 3, 1, 10);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 171, seconds(20)));
  GROAT_ASSERT_OK_AND_ASSIGN(const auto handover, At(3).store->HandoverOf(Epoch(0)));
  const auto scheme = *hotstuff::MakeScheme(genesis_.validators, genesis_.certificates);
  GROAT_EXPECT_OK(VerifyHandover(handover, genesis_, hotstuff::TwoChain(),
                                 {genesis_.Chain(), Epoch(0), 4, scheme.get()}));
}

// A validator that says one thing as often as its links carry it, and nothing else.
class FloodTest : public DriverTest {
 protected:
  static constexpr size_t kFlooder = 3;

  std::shared_ptr<void> Make(const sim::MeshCluster::Process& on) override {
    if (on.node != kFlooder) return DriverTest::Make(on);
    p2p::ChannelOptions unlimited{.name = "votes", .priority = p2p::Priority::kUrgent};
    unlimited.backlog_messages = 1'000'000;
    votes_ = *on.network.Register(p2p::ChannelId(1), unlimited);
    return std::make_shared<int>();
  }
  uint64_t CutOffAt(size_t node) {
    for (const p2p::ChannelStats& channel : cluster_->mesh(node).Stats().channels) {
      if (channel.name == "votes") {
        return channel.drops[static_cast<size_t>(p2p::Drop::kRateExceeded)];
      }
    }
    return 0;
  }
  p2p::Channel votes_;
};

TEST_F(FloodTest, APeerThatFloodsIsCutOffAndTheOthersGoOn) {
  Build(7);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  const Bytes request =
      hotstuff::EncodeMessage(hotstuff::BlockRequest{Epoch(0), Height(1), hotstuff::BlockId()});
  cluster_->Run(kFlooder, [&] {
    for (int i = 0; i < 100'000; ++i) votes_.sender->Send(p2p::Recipients::All(), request);
  });
  Submit(0, 1, 1, 500);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2}, 500, seconds(10)));
  ASSERT_TRUE(cluster_->scheduler().RunUntil(
      [&] { return CutOffAt(0) > 0 && CutOffAt(1) > 0 && CutOffAt(2) > 0; }, seconds(10),
      milliseconds(5)));
  ExpectOneChain();
}

// Node 3 says nothing but what it is told to.
struct TwoFaced {
  std::optional<ReplicaChannels> channels;
};

class TwoFacedTest : public DriverTest {
 protected:
  std::shared_ptr<void> Make(const sim::MeshCluster::Process& on) override {
    if (on.node != 3) return DriverTest::Make(on);
    auto program = std::make_shared<TwoFaced>();
    program->channels.emplace(*ReplicaChannels::Register(on.network, genesis_.block));
    return program;
  }
  // Two votes of node 3, which is validator 3 of the epoch, for two blocks in one view, to a node.
  void VoteTwice(size_t node, Epoch epoch, hotstuff::View view) {
    const hotstuff::Ed25519Signer signer(KeyOf(3));
    cluster_->Run(3, [&] {
      for (const uint8_t face : {uint8_t{1}, uint8_t{2}}) {
        hotstuff::BlockId block;
        block[0] = face;
        const Hash digest = hotstuff::VoteDigest(genesis_.Chain(), epoch, view, block);
        const hotstuff::Message vote =
            hotstuff::Vote{epoch, view, block, hotstuff::ReplicaIndex(3), signer.SignShare(digest)};
        const p2p::PeerId to = cluster_->id(node);
        cluster_->program<TwoFaced>(3).channels->Send(LaneOf(vote), {&to, 1},
                                                      hotstuff::EncodeMessage(vote));
      }
    });
    cluster_->RunFor(milliseconds(100));
  }
  const hotstuff::EvidenceLog& EvidenceAt(size_t node) {
    return At(node).driver->core().evidence();
  }
};

// What is held against a validator is there after a power cut and in the next epoch, and told once.
TEST_F(TwoFacedTest, EvidenceIsKeptOverRestartsAndEpochs) {
  Build(8);
  cluster_->StartAll();
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  VoteTwice(0, Epoch(0), hotstuff::View(1));
  ASSERT_THAT(EvidenceAt(0).list(), SizeIs(1));
  const hotstuff::Evidence first = EvidenceAt(0).list()[0];
  EXPECT_EQ(hotstuff::CulpritOf(first), hotstuff::ReplicaIndex(3));
  GROAT_EXPECT_OK(hotstuff::VerifyEvidence(first, At(0).driver->core().verifier()));
  EXPECT_EQ(EvidenceAt(1).total(), 0u);

  cluster_->PowerOff(0);
  disks_[0].Crash();
  cluster_->Start(0);
  ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(5)));
  EXPECT_THAT(EvidenceAt(0).list(), ElementsAre(first));
  VoteTwice(0, Epoch(0), hotstuff::View(1));
  EXPECT_EQ(EvidenceAt(0).total(), 1u);

  HandOver({1, 0, 2, 3}, {0, 1, 2}, 100);
  EXPECT_THAT(EvidenceAt(0).list(), ElementsAre(first));
  VoteTwice(0, Epoch(1), At(0).driver->core().view());
  ASSERT_THAT(EvidenceAt(0).list(), SizeIs(2));
  const hotstuff::Evidence second = EvidenceAt(0).list()[1];
  EXPECT_EQ(hotstuff::EpochOf(second), Epoch(1));
  cluster_->Kill(0);
  cluster_->Start(0);
  EXPECT_THAT(EvidenceAt(0).list(), ElementsAre(first, second));
  EXPECT_EQ(EvidenceAt(0).total(), 2u);
  EXPECT_THAT(found_[0], ElementsAre(first, second));
}

}  // namespace
}  // namespace groat::consensus_service
