// Replicas whose folders are gone: they follow, and vote only where they cannot have voted before.
#include <gmock/gmock.h>

#include "services/consensus/testing/catch_up_test.h"

namespace groat::consensus_service {
namespace {

using std::chrono::seconds;

class LostMemoryTest : public testing::CatchUpTest {};

// The folder is gone: with memory_lost the replica catches up, and votes only in an epoch that
// began after.
TEST_F(LostMemoryTest, IsRememberedUntilALaterEpoch) {
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
TEST_F(LostMemoryTest, AnEmptyFolderIsALostOneUnlessItIsTheFirstStart) {
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
TEST_F(LostMemoryTest, WithoutAFirstStartNobodyVotes) {
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
TEST_F(LostMemoryTest, CoversEpochsThatHadBegun) {
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

}  // namespace
}  // namespace groat::consensus_service
