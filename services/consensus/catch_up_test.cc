// Replicas that are far behind: snapshots, pruned blocks, ended epochs.
#include "services/consensus/catch_up.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "services/consensus/testing/catch_up_test.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::CatchUpTest;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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
    HandOver(orders[static_cast<size_t>(epoch) % 3], {0, 1, 2}, 100 + static_cast<uint64_t>(epoch));
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

}  // namespace
}  // namespace groat::consensus_service
