// Replicas that are far behind: snapshots, pruned blocks, ended epochs, lost memories, and peers
// that lie about them.
#include "services/consensus/catch_up.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "services/consensus/testing/driver_test.h"
#include "sim/split_mix.h"
#include "sim/testing/seeds.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CatchUpTest : public testing::DriverTest {
 protected:
  CatchUpTest() { interval_ = 16; }

  void KeepBlocks(size_t nodes, uint64_t blocks) {
    options_.resize(nodes);
    for (DriverOptions& options : options_) options.keep_blocks = blocks;
  }
  void StartAll(const std::vector<size_t>& nodes) {
    for (const size_t node : nodes) cluster_->Start(node);
    ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(5)));
  }
  void Restart(const std::vector<size_t>& nodes) {
    for (const size_t node : nodes) {
      cluster_->Kill(node);
      cluster_->Start(node);
    }
    cluster_->RunFor(seconds(1));
  }
  void Wipe(size_t node) {
    GROAT_ASSERT_OK(disks_[node].Write(storage::StoreBatch().DeleteRange({}, Bytes{0xff}),
                                       storage::OrderedStore::Durability::kSynced));
  }
  bool Votes(size_t node) { return At(node).driver->core().status().may_vote; }
  Epoch EpochOf(size_t node) { return At(node).driver->core().status().epoch; }
  // At the same height all have the same state, and their newest snapshot the same digest.
  void ExpectSameState(const std::vector<size_t>& nodes) {
    for (const size_t node : nodes) {
      EXPECT_EQ(TableOf(node), TableOf(nodes[0])) << node;
      EXPECT_EQ(At(node).driver->core().committed_schedule().hash(),
                At(nodes[0]).driver->core().committed_schedule().hash());
      const auto offered = At(node).store->snapshots().Offered();
      ASSERT_FALSE(offered.empty()) << node;
      EXPECT_EQ(offered.back(), At(nodes[0]).store->snapshots().Offered().back()) << node;
    }
    ExpectOneChain();
  }
};

TEST_F(CatchUpTest, AllReplicasMakeTheSameSnapshotsAndPruneBelowThem) {
  KeepBlocks(4, 8);
  Build(1);
  StartAll({0, 1, 2, 3});
  CommitBlocks(0, 1, 1, 60);
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(10)));
  cluster_->RunFor(seconds(1));
  ExpectSameState({0, 1, 2, 3});
  for (size_t node = 0; node < 4; ++node) {
    const BlockStore& store = *At(node).store;
    const auto offered = store.snapshots().Offered();
    ASSERT_THAT(offered, SizeIs(2));
    EXPECT_EQ(offered[0].height.value() + 16, offered[1].height.value());
    EXPECT_EQ(store.first(), offered[0].height);
    GROAT_EXPECT_OK(store.CommittedAt(store.first()));
    EXPECT_THAT(store.At(store.first().Previous()),
                StatusIs(absl::StatusCode::kOutOfRange,
                         HasSubstr("want " + std::to_string(store.first().value()) + " to")));
  }
  // What a restart reads is enough.
  const Bytes table = TableOf(2);
  Restart({2});
  EXPECT_EQ(TableOf(2), table);
  EXPECT_TRUE(Votes(2));
}

// Nobody has the blocks any more that a replica missed: it takes a snapshot over, keeps its memory,
// and votes.
TEST_F(CatchUpTest, ALongAbsenceEndsWithASnapshot) {
  KeepBlocks(4, 8);
  Build(2);
  StartAll({0, 1, 2, 3});
  CommitBlocks(0, 1, 1, 10);
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(5)));
  cluster_->PowerOff(3);
  disks_[3].Crash();
  CommitBlocks(0, 1, 11, 80);
  ASSERT_GT(At(0).store->first(), Height(20));
  cluster_->Start(3);
  EXPECT_THAT(installed_[3], IsEmpty());
  Submit(1, 2, 1, 5);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2}, 95, seconds(10)));
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(20)));
  EXPECT_THAT(installed_[3], SizeIs(1));
  EXPECT_EQ(At(3).driver->installed_snapshots(), 1u);
  EXPECT_EQ(At(3).store->first(), installed_[3][0]);
  EXPECT_TRUE(Votes(3));
  // It is needed for a quorum, and so votes.
  cluster_->Kill(2);
  Submit(0, 3, 1, 40);
  CommitBlocks(0, 4, 1, 20);
  ASSERT_TRUE(RunUntilLevel({0, 1, 3}, seconds(20)));
  EXPECT_GT(At(3).driver->core().counters().votes, 0u);
  cluster_->RunFor(seconds(1));
  ExpectSameState({0, 1, 3});
  // It answers what its chain did before it was there.
  EXPECT_THAT(Submit(3, 1, 30, 1), Each(hotstuff::SubmitVerdict::kCommitted));
  // And again after a restart.
  const Bytes table = TableOf(3);
  Restart({3});
  EXPECT_EQ(TableOf(3), table);
  EXPECT_TRUE(Votes(3));
}

// Only one of three others keeps everything: blocks are preferred to a snapshot.
TEST_F(CatchUpTest, BlocksComeFromWhoKeepsThem) {
  KeepBlocks(4, 8);
  options_[1].keep_blocks = 0;
  Build(3);
  StartAll({0, 1, 2, 3});
  CommitBlocks(0, 1, 1, 10);
  cluster_->Kill(3);
  CommitBlocks(0, 1, 11, 80);
  ASSERT_GT(At(0).store->first(), Height(50));
  EXPECT_EQ(At(1).store->first(), Height(1));
  cluster_->Start(3);
  Submit(0, 2, 1, 5);
  ASSERT_TRUE(RunUntilAllHave({3}, 95, seconds(20)));
  EXPECT_THAT(installed_[3], IsEmpty());
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(10)));
  ExpectSameState({0, 1, 2, 3});
}

struct Way {
  const char* name;
  uint64_t keep_blocks;
  int epochs;
  bool restart_others;
};

class EpochsTest : public CatchUpTest, public ::testing::WithParamInterface<Way> {};

// A validator slept through the ends of epochs, in which the others changed places.
TEST_P(EpochsTest, AValidatorThatWasAwayFindsIntoTheNewestOne) {
  const Way& way = GetParam();
  KeepBlocks(4, way.keep_blocks);
  Build(4);
  StartAll({0, 1, 2, 3});
  CommitBlocks(0, 1, 1, 10);
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(5)));
  cluster_->Kill(3);
  for (int epoch = 0; epoch < way.epochs; ++epoch) {
    const std::vector<std::vector<size_t>> orders = {{1, 2, 0, 3}, {2, 0, 1, 3}, {0, 2, 1, 3}};
    HandOver(orders[epoch % 3], {0, 1, 2}, 100 + static_cast<uint64_t>(epoch));
    CommitBlocks(1, 200 + static_cast<uint64_t>(epoch), 1, 40);
  }
  ASSERT_TRUE(RunUntilLevel({0, 1, 2}, seconds(5)));
  if (way.restart_others) Restart({0, 1, 2});
  cluster_->Start(3);
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(60)));
  EXPECT_EQ(EpochOf(3), Epoch(static_cast<uint64_t>(way.epochs)));
  EXPECT_EQ(installed_[3].empty(), way.keep_blocks == 0);
  EXPECT_TRUE(Votes(3));
  // With it a quorum is there though another one is not.
  cluster_->Kill(2);
  CommitBlocks(0, 7, 1, 40);
  ASSERT_TRUE(RunUntilLevel({0, 1, 3}, seconds(20)));
  EXPECT_GT(At(3).driver->core().counters().votes, 0u);
  cluster_->RunFor(seconds(1));
  ExpectSameState({0, 1, 3});
  // Every handover is kept.
  for (uint64_t epoch = 0; epoch < static_cast<uint64_t>(way.epochs); ++epoch) {
    GROAT_EXPECT_OK(At(3).store->HandoverOf(Epoch(epoch)));
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, EpochsTest,
                         ::testing::Values(Way{"OneEpoch", 0, 1, true},
                                           Way{"TwoEpochs", 0, 2, false},
                                           Way{"TwoEpochsAllRestarted", 0, 2, true},
                                           Way{"TwoEpochsPruned", 8, 2, false},
                                           Way{"ThreeEpochsPrunedAllRestarted", 8, 3, true},
                                           Way{"ThreeEpochsAllRestarted", 0, 3, true}),
                         [](const auto& instance) { return instance.param.name; });

// A validator that joins has nothing but the genesis.
class NewcomerTest : public CatchUpTest, public ::testing::WithParamInterface<uint64_t> {};

TEST_P(NewcomerTest, StartsFromTheGenesisAlone) {
  KeepBlocks(5, GetParam());
  Build(5, 5);
  StartAll({0, 1, 2, 3});
  CommitBlocks(0, 1, 1, 60);
  HandOver({0, 1, 2, 4}, {0, 1, 2}, 100);
  CommitBlocks(0, 200, 1, 40);
  HandOver({4, 0, 1, 2}, {0, 1, 2}, 101);
  CommitBlocks(0, 201, 1, 20);
  cluster_->Start(4);
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 4}, seconds(60)));
  EXPECT_EQ(EpochOf(4), Epoch(2));
  EXPECT_EQ(installed_[4].empty(), GetParam() == 0);
  EXPECT_TRUE(Votes(4));
  EXPECT_EQ(At(4).driver->self(), hotstuff::ReplicaIndex(0));
  cluster_->Kill(1);
  CommitBlocks(2, 9, 1, 30);
  ASSERT_TRUE(RunUntilLevel({0, 2, 4}, seconds(20)));
  cluster_->RunFor(seconds(1));
  ExpectSameState({0, 2, 4});
}

INSTANTIATE_TEST_SUITE_P(KeepBlocks, NewcomerTest, ::testing::Values(0, 8),
                         [](const auto& instance) {
                           return instance.param == 0 ? "All" : "Pruned";
                         });

// A validator that was removed stays at the last block of its last epoch, and says so.
TEST_F(CatchUpTest, ARemovedValidatorStartsAgainAndFollows) {
  Build(6, 5);
  StartAll({0, 1, 2, 3});
  CommitBlocks(0, 1, 1, 10);
  HandOver({0, 1, 2, 4}, {0, 1, 2, 3}, 100);
  const Height last = At(3).store->last();
  for (const bool others_restarted : {false, true}) {
    if (others_restarted) Restart({0, 1, 2});
    Restart({3});
    GROAT_EXPECT_OK(At(3).fatal);
    EXPECT_EQ(EpochOf(3), Epoch(1));
    EXPECT_EQ(At(3).driver->self(), hotstuff::ReplicaIndex(4));
    EXPECT_FALSE(Votes(3));
    EXPECT_GE(At(3).store->last(), last);
    GROAT_EXPECT_OK(At(3).store->CommittedAt(last));
    // It follows, a block or two and some seconds behind: nobody shows it certificates.
    CommitBlocks(0, others_restarted ? 8 : 7, 1, 20);
    cluster_->RunFor(seconds(15));
    EXPECT_GE(At(3).store->last().value() + 2, At(0).store->last().value());
    EXPECT_GT(At(3).store->last(), last);
  }
}

// The folder is gone: with memory_lost the replica catches up, and votes only in an epoch that
// began after.
TEST_F(CatchUpTest, LostMemoryIsRememberedUntilALaterEpoch) {
  drift_ms_ = 2000;
  Build(7);
  StartAll({0, 1, 2, 3});
  CommitBlocks(0, 1, 1, 20);
  cluster_->Kill(3);
  Wipe(3);
  options_[3].memory_lost = true;
  cluster_->Start(3);
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(20)));
  EXPECT_FALSE(Votes(3));
  options_[3].memory_lost = false;
  Restart({3});
  CommitBlocks(0, 2, 1, 20);
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(20)));
  EXPECT_FALSE(Votes(3));
  EXPECT_EQ(At(3).driver->core().counters().votes, 0u);
  cluster_->RunFor(seconds(5));
  HandOver({1, 0, 2, 3}, {0, 1, 2, 3}, 100);
  EXPECT_TRUE(Votes(3));
  Restart({3});
  EXPECT_TRUE(Votes(3));
}

// The folder is gone and nobody says so: an empty one is the beginning only for who is told that it
// is. A node that has its folder back empty follows, and votes from a later epoch on.
TEST_F(CatchUpTest, AnEmptyFolderIsALostOneUnlessItIsTheFirstStart) {
  drift_ms_ = 2000;
  Build(11);
  StartAll({0, 1, 2, 3});
  EXPECT_TRUE(At(3).driver->began_empty());
  EXPECT_TRUE(Votes(3));
  CommitBlocks(0, 1, 1, 20);
  cluster_->Kill(3);
  Wipe(3);
  cluster_->Start(3);
  EXPECT_TRUE(At(3).driver->began_empty());
  EXPECT_FALSE(Votes(3));
  Submit(0, 2, 1, 20);
  ASSERT_TRUE(RunUntilAllHave({0, 1, 2, 3}, 40, seconds(20)));
  // Nor does a first start forget that: the folder holds when it was lost.
  for (const bool first_start : {false, true}) {
    if (first_start) first_starts_.erase(3);
    Restart({3});
    EXPECT_FALSE(At(3).driver->began_empty());
    CommitBlocks(0, first_start ? 4 : 3, 1, 10);
    ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(20)));
    EXPECT_FALSE(Votes(3));
    EXPECT_EQ(At(3).driver->core().counters().votes, 0u);
  }
  cluster_->RunFor(seconds(5));
  HandOver({1, 0, 2, 3}, {0, 1, 2, 3}, 100);
  EXPECT_TRUE(Votes(3));
}

// All folders are new and nobody is told that they are: nobody votes, also after a restart, before
// anything could be fetched.
TEST_F(CatchUpTest, WithoutAFirstStartNobodyVotes) {
  Build(12);
  first_starts_ = {0, 1, 2, 3};
  StartAll({0, 1, 2, 3});
  Submit(0, 1, 1, 5);
  cluster_->RunFor(seconds(3));
  Restart({0, 1, 2, 3});
  first_starts_.clear();
  Restart({0, 1, 2, 3});
  Submit(0, 1, 1, 5);
  cluster_->RunFor(seconds(3));
  for (size_t node = 0; node < 4; ++node) {
    EXPECT_FALSE(Votes(node)) << node;
    EXPECT_EQ(At(node).driver->core().counters().votes, 0u) << node;
    EXPECT_EQ(At(node).store->last(), Height(0)) << node;
  }
}

// The epoch changed while the folder was being lost: what the replica signed may be of the epoch
// that the others are in already.
TEST_F(CatchUpTest, LostMemoryCoversEpochsThatHadBegun) {
  Build(8);  // Clocks may differ by ten seconds.
  StartAll({0, 1, 2, 3});
  CommitBlocks(0, 1, 1, 10);
  HandOver({1, 0, 2, 3}, {0, 1, 2, 3}, 100);
  cluster_->Kill(3);
  Wipe(3);
  options_[3].memory_lost = true;
  cluster_->Start(3);
  CommitBlocks(0, 2, 1, 10);
  ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(30)));
  EXPECT_EQ(EpochOf(3), Epoch(1));
  EXPECT_FALSE(Votes(3));
  EXPECT_EQ(At(3).driver->core().counters().votes, 0u);
}

TEST_F(CatchUpTest, TheSameSeedGivesTheSameRun) {
  std::vector<std::pair<uint64_t, Bytes>> runs;
  for (int run = 0; run < 2; ++run) {
    KeepBlocks(4, 8);
    Build(9);
    StartAll({0, 1, 2, 3});
    CommitBlocks(0, 1, 1, 10);
    cluster_->Kill(3);
    CommitBlocks(0, 1, 11, 60);
    HandOver({1, 2, 0, 3}, {0, 1, 2}, 100);
    CommitBlocks(0, 2, 1, 60);
    cluster_->Start(3);
    ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(30)));
    EXPECT_THAT(installed_[3], SizeIs(1));
    runs.emplace_back(cluster_->scheduler().digest(), TableOf(3));
  }
  EXPECT_EQ(runs[0], runs[1]);
}

// The machine dies before each write from its start to the end of the installation, and comes back.
TEST_F(CatchUpTest, ACrashAtAnyWriteOfTheInstallationLosesNothing) {
  bool finished = false;
  size_t crashes = 0;
  for (uint64_t writes = 1; !finished; ++writes) {
    ASSERT_LT(writes, 200u);
    SCOPED_TRACE(writes);
    KeepBlocks(4, 8);
    Build(10);
    StartAll({0, 1, 2, 3});
    CommitBlocks(0, 1, 1, 10);
    cluster_->Kill(3);
    CommitBlocks(0, 1, 11, 70);
    HandOver({1, 2, 0, 3}, {0, 1, 2}, 100);
    CommitBlocks(0, 2, 1, 60);
    writes_left_[3] = writes;
    cluster_->Start(3);
    cluster_->scheduler().RunUntil([&] { return !At(3).fatal.ok() || !installed_[3].empty(); },
                                   seconds(30), milliseconds(1));
    finished = At(3).fatal.ok();
    EXPECT_TRUE(finished || installed_[3].empty());
    crashes += !finished;
    cluster_->PowerOff(3);
    disks_[3].Crash();
    writes_left_.clear();
    cluster_->Start(3);
    CommitBlocks(0, 3, 1, 10);
    ASSERT_TRUE(RunUntilLevel({0, 1, 2, 3}, seconds(30)));
    EXPECT_TRUE(Votes(3));
    EXPECT_EQ(TableOf(3), TableOf(0));
    ExpectOneChain();
  }
  EXPECT_GE(crashes, 3u);  // The piece, what decides, and the writes around.
}

// What a liar says on the channel of transfers; else it is silent.
struct Liar {
  std::optional<ReplicaChannels> channels;
  std::function<std::optional<hotstuff::TransferMessage>(const hotstuff::TransferMessage&)> answer;
  size_t answered = 0;
};

class LiarTest : public CatchUpTest {
 protected:
  std::shared_ptr<void> Make(const sim::MeshCluster::Process& on) override {
    if (on.node != liar_) return CatchUpTest::Make(on);
    auto liar = std::make_shared<Liar>();
    liar->channels.emplace(*ReplicaChannels::Register(on.network, genesis_.block));
    liar->answer = answer_;
    liar->channels->OnReady([raw = liar.get()] {
      while (raw->channels->Poll().has_value()) {
      }
      while (auto incoming = raw->channels->PollTransfer()) {
        const auto answer = raw->answer(incoming->message);
        if (!answer.has_value()) continue;
        ++raw->answered;
        raw->channels->SendTransfer(incoming->from, *answer);
      }
    });
    return liar;
  }
  // Node 3 was away for long, and node 2 lies from now on.
  void Prepare(uint64_t seed) {
    KeepBlocks(4, 8);
    Build(seed);
    StartAll({0, 1, 2, 3});
    CommitBlocks(0, 1, 1, 10);
    cluster_->Kill(3);
    CommitBlocks(0, 1, 11, 70);
    ASSERT_TRUE(RunUntilLevel({0, 1, 2}, seconds(5)));
    newest_ = At(0).store->snapshots().Offered();
    ASSERT_THAT(newest_, SizeIs(2));
    cluster_->Kill(2);
    liar_ = 2;
    cluster_->Start(2);
  }
  // Node 3 comes back, and has the state of the honest ones in the end.
  void ExpectCatchesUp() {
    cluster_->Start(3);
    CommitBlocks(0, 2, 1, 20);
    ASSERT_TRUE(RunUntilLevel({0, 1, 3}, seconds(120)));
    EXPECT_THAT(installed_[3], SizeIs(1));
    cluster_->RunFor(seconds(1));
    ExpectSameState({0, 1, 3});
    EXPECT_TRUE(Votes(3));
  }

  size_t liar_ = SIZE_MAX;
  std::function<std::optional<hotstuff::TransferMessage>(const hotstuff::TransferMessage&)>
      answer_ = [](const auto&) { return std::nullopt; };
  std::vector<hotstuff::SnapshotName> newest_;
  int heads_ = 0;
};

TEST_F(LiarTest, ASilentPeerDoesNotStopIt) {
  Prepare(20);
  ExpectCatchesUp();
}

TEST_F(LiarTest, OffersOfWhatNobodyElseHasAreNotBelieved) {
  answer_ =
      [](const hotstuff::TransferMessage& message) -> std::optional<hotstuff::TransferMessage> {
    if (!std::holds_alternative<hotstuff::OfferRequest>(message)) return std::nullopt;
    const Hash digest = Hash::FromHexText(std::string(64, 'e'), "digest").value();
    return hotstuff::Offer{Epoch(0),
                           Height(1'000'000),
                           Height(999'000),
                           {{Height(999'984), digest}, {Height(1'000'000), digest}}};
  };
  Prepare(21);
  ExpectCatchesUp();
  EXPECT_GT(cluster_->program<Liar>(2).answered, 0u);
}

TEST_F(LiarTest, ClaimsOfLaterEpochsAndOfBlocksThatDoNotComeCostTimeAlone) {
  answer_ =
      [](const hotstuff::TransferMessage& message) -> std::optional<hotstuff::TransferMessage> {
    if (const auto* request = std::get_if<hotstuff::HandoverRequest>(&message)) {
      return hotstuff::HandoverResponse{request->first, {}};
    }
    return hotstuff::Offer{Epoch(1'000'000), Height(1'000'000), Height(1), {}};
  };
  Prepare(22);
  ExpectCatchesUp();
}

TEST_F(LiarTest, WrongHeadsAndPiecesAreNotedAtOnce) {
  answer_ =
      [this](const hotstuff::TransferMessage& message) -> std::optional<hotstuff::TransferMessage> {
    if (std::holds_alternative<hotstuff::OfferRequest>(message)) {
      return hotstuff::Offer{Epoch(0), Height(90), Height(60), newest_};
    }
    if (const auto* request = std::get_if<hotstuff::HeadRequest>(&message)) {
      // Now and then the right one, so that it is asked for pieces.
      if (++heads_ % 2 == 0) return hotstuff::HeadResponse{request->snapshot, Bytes(100, 7)};
      const auto head = At(0).store->snapshots().Head(request->snapshot);
      return hotstuff::HeadResponse{request->snapshot, head.value_or(Bytes())};
    }
    if (const auto* request = std::get_if<hotstuff::PieceRequest>(&message)) {
      return hotstuff::PieceResponse{request->snapshot, request->index, Bytes(1 << 20, 0xff)};
    }
    return std::nullopt;
  };
  for (uint64_t seed = 23; seed < 29; ++seed) {
    liar_ = SIZE_MAX;
    Prepare(seed);
    ExpectCatchesUp();
  }
}

// Who asks more than it may gets no more than it may, and holds up nobody.
TEST_F(LiarTest, AnswersToOnePeerAreBounded) {
  size_t offers = 0;
  answer_ =
      [&offers](
          const hotstuff::TransferMessage& message) -> std::optional<hotstuff::TransferMessage> {
    offers += std::holds_alternative<hotstuff::Offer>(message);
    return std::nullopt;
  };
  Prepare(30);
  cluster_->RunFor(seconds(2));
  offers = 0;
  cluster_->Run(2, [&] {
    for (int i = 0; i < 1000; ++i) {
      cluster_->program<Liar>(2).channels->SendTransfer(cluster_->id(0), hotstuff::OfferRequest());
    }
  });
  cluster_->RunFor(milliseconds(500));
  EXPECT_GE(offers, 32u);
  EXPECT_LE(offers, 32u + 50u + 2u);
  ExpectCatchesUp();
}

}  // namespace
}  // namespace groat::consensus_service
