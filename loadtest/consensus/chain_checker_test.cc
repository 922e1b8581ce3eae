#include "loadtest/consensus/chain_checker.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "hotstuff/testing/fixture.h"

namespace groat::load {
namespace {

namespace v1 = ::groat::consensus::v1;
using ::groat::testing::StatusIs;
using hotstuff::BlockPtr;
using hotstuff::View;
using hotstuff::testing::ChainMaker;
using hotstuff::testing::MakeCommand;
using ::testing::HasSubstr;

// Blocks 1 to 4 in views 1 to 4, each with a command of client 7, and what shows that they are
// committed.
class ChainCheckerTest : public ::testing::Test {
 protected:
  ChainCheckerTest()
      : checker_(maker_.genesis, std::make_unique<hotstuff::testing::MockScheme>(4)) {
    BlockPtr parent = maker_.genesis.Block0();
    for (uint64_t view = 1; view <= 4; ++view) {
      parent = maker_.Extend(parent, View(view), nullptr, {MakeCommand(7, view)});
      blocks_.push_back(parent);
    }
  }

  static void Add(const BlockPtr& block, v1::SubscribeResponse& response) {
    v1::Block* const out = response.add_blocks();
    out->set_header(ToString(block->header().Encode()));
    out->set_commands(ToString(hotstuff::EncodeCommands(block->commands())));
  }
  // By block i + 1 and its certificate.
  std::string ProofOf(size_t i) const {
    const hotstuff::CommitProof proof{{blocks_[i]->header(), blocks_[i + 1]->header()},
                                      maker_.Certify(*blocks_[i + 1])};
    return ToString(proof.Encode());
  }
  // Blocks first to last, with a proof for the last one.
  v1::SubscribeResponse Response(size_t first, size_t last) const {
    v1::SubscribeResponse response;
    for (size_t i = first; i <= last; ++i) Add(blocks_[i], response);
    response.set_commit_proof(ProofOf(last));
    return response;
  }
  absl::StatusOr<std::vector<SeenCommit>> Take(const v1::SubscribeResponse& response) {
    return checker_.Take(response, ChainChecker::Time());
  }

  ChainMaker maker_{4};
  std::vector<BlockPtr> blocks_;
  ChainChecker checker_;
};

TEST_F(ChainCheckerTest, TakesWhatIsRight) {
  GROAT_ASSERT_OK_AND_ASSIGN(const auto first, Take(Response(0, 1)));
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[1].height, 2u);
  EXPECT_EQ(first[1].view, 2u);
  EXPECT_EQ(first[1].commands, 2u);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto second, Take(Response(2, 2)));
  EXPECT_EQ(second[0].commands, 3u);
  EXPECT_EQ(checker_.next_height(), 4u);
  EXPECT_EQ(checker_.chain().ids[2], blocks_[2]->id());
  EXPECT_EQ(*checker_.chain().places.Find(7, 3), (Place{3, 0}));
}

// A proof may come with a later block; until then nothing counts, and it comes again after a break.
TEST_F(ChainCheckerTest, CountsNothingBeforeItsProof) {
  v1::SubscribeResponse unproven;
  Add(blocks_[0], unproven);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto none, Take(unproven));
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(checker_.next_height(), 1u);
  checker_.Forget();
  GROAT_ASSERT_OK_AND_ASSIGN(const auto again, Take(Response(0, 0)));
  EXPECT_EQ(again.size(), 1u);
}

TEST_F(ChainCheckerTest, RefusesAGapAndARepeat) {
  EXPECT_THAT(Take(Response(1, 1)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("block of height 2, want 1")));
  checker_.Forget();
  GROAT_ASSERT_OK(Take(Response(0, 0)));
  EXPECT_THAT(Take(Response(0, 0)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("block of height 1, want 2")));
}

TEST_F(ChainCheckerTest, RefusesABlockOfAnotherBranch) {
  GROAT_ASSERT_OK(Take(Response(0, 0)));
  const BlockPtr other = maker_.Extend(maker_.genesis.Block0(), View(1), nullptr, {}, 5);
  v1::SubscribeResponse response;
  Add(maker_.Extend(other, View(2)), response);
  EXPECT_THAT(Take(response), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("block 2 is on")));
}

TEST_F(ChainCheckerTest, RefusesAProofOfAnotherBlock) {
  v1::SubscribeResponse response = Response(0, 0);
  response.set_commit_proof(ProofOf(1));
  EXPECT_THAT(Take(response),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("commit proof for")));
}

TEST_F(ChainCheckerTest, RefusesAForgedCertificate) {
  v1::SubscribeResponse response = Response(0, 0);
  std::string proof = response.commit_proof();
  proof.back() = static_cast<char>(proof.back() ^ 1);
  response.set_commit_proof(proof);
  EXPECT_FALSE(Take(response).ok());
}

TEST_F(ChainCheckerTest, RefusesOtherCommands) {
  v1::SubscribeResponse response = Response(0, 0);
  response.mutable_blocks(0)->set_commands(ToString(hotstuff::EncodeCommands({MakeCommand(7, 2)})));
  EXPECT_THAT(Take(response),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("commands: their hash")));
}

TEST_F(ChainCheckerTest, RefusesASecondEffect) {
  const BlockPtr first = maker_.Extend(maker_.genesis.Block0(), View(1), nullptr,
                                       {MakeCommand(7, 1), MakeCommand(7, 1)});
  const BlockPtr second = maker_.Extend(first, View(2));
  v1::SubscribeResponse response;
  Add(first, response);
  const hotstuff::CommitProof proof{{first->header(), second->header()}, maker_.Certify(*second)};
  response.set_commit_proof(ToString(proof.Encode()));
  EXPECT_THAT(Take(response), StatusIs(absl::StatusCode::kDataLoss,
                                       HasSubstr("command 1 of client 7 took effect")));
  // Said to be a repetition, it is one.
  ChainChecker fresh(maker_.genesis, std::make_unique<hotstuff::testing::MockScheme>(4));
  response.mutable_blocks(0)->add_repeated_indexes(1);
  GROAT_EXPECT_OK(fresh.Take(response, ChainChecker::Time()).status());
}

// A replica that hides a command behind the word that it was committed before.
TEST_F(ChainCheckerTest, RefusesARepetitionOfNothing) {
  v1::SubscribeResponse response = Response(0, 0);
  response.mutable_blocks(0)->add_repeated_indexes(0);
  EXPECT_THAT(Take(response),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is said to be committed before")));
}

}  // namespace
}  // namespace groat::load
