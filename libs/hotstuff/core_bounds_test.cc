// What peers cannot make a core do or keep.
#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "hotstuff/core.h"
#include "hotstuff/digest.h"
#include "hotstuff/testing/fixture.h"

namespace groat::hotstuff {
namespace {

using testing::ChainMaker;
using testing::MakeCommand;
using testing::MockValidators;
using testing::Replica;
using testing::SentOf;
using testing::SoloCore;

class CoreBoundsTest : public ::testing::Test {
 protected:
  CoreBoundsTest() : maker_(4), block0_(maker_.genesis.Block0()) {}

  // Of the next epoch, with so many right approvals of the three that are wanted.
  Command Change(uint64_t last_height, size_t right) {
    const ValidatorChange change{Epoch(1), Height(last_height), MockValidators(4)};
    const Hash digest = ChangeDigest(change, maker_.chain);
    std::vector<SignedShare> shares;
    for (size_t i = 0; i < 3; ++i) {
      shares.push_back({Replica(i), digest, testing::MockSigner(Replica(i)).SignShare(digest)});
    }
    Command command = *MakeChangeCommand(change, shares, maker_.verifier);
    if (right < 3) command.payload.back() ^= 1;
    return command;
  }
  size_t Pool(const SoloCore& solo) { return solo.core->status().mempool_count; }

  ChainMaker maker_;
  BlockPtr block0_;
};

TEST_F(CoreBoundsTest, ThePoolTakesNoChangeOfValidatorsThatIsNotApproved) {
  SoloCore solo(maker_, 0);
  solo.Receive(2, MakeMessage(CommandBatch{{Change(50, 2)}}));
  EXPECT_EQ(Pool(solo), 0u);
  EXPECT_EQ(solo.core->counters().of(Refusal::kBadSignature), 1u);
  solo.Receive(3, MakeMessage(CommandBatch{{Change(50, 3), MakeCommand(1, 1)}}));
  EXPECT_EQ(Pool(solo), 2u);
  Command misnamed = Change(50, 3);
  misnamed.key.sequence = misnamed.key.sequence.Next();
  solo.Receive(3, MakeMessage(CommandBatch{{misnamed}}));
  EXPECT_EQ(solo.core->counters().of(Refusal::kStale), 1u);
  solo.Receive(3, MakeMessage(CommandBatch{{Change(51, 3), Change(52, 3)}}));
  EXPECT_EQ(solo.core->counters().of(Refusal::kFlood), 1u);
  EXPECT_EQ(Pool(solo), 2u);
}

TEST_F(CoreBoundsTest, ABlockHasOneChangeOfValidatorsAtMost) {
  SoloCore solo(maker_, 0);
  solo.Propose(maker_.Extend(block0_, View(1), nullptr, {Change(50, 2), Change(51, 2)}));
  EXPECT_EQ(solo.core->counters().of(Refusal::kInvalidBlock), 1u);
  EXPECT_EQ(solo.core->status().tree_blocks, 1u);
}

TEST_F(CoreBoundsTest, AFullTreeKeepsTheCertifiedBranchAndGoesOn) {
  CoreOptions options;
  options.max_tree_blocks = 8;
  SoloCore solo(maker_, 4, {}, options);  // A follower, which proposes nothing itself.
  // Views 2, 4, 6, ...: certified blocks that never commit, and in the views between blocks that
  // nobody certifies.
  BlockPtr certified = block0_;
  for (uint64_t view = 1; view <= 41; view += 2) {
    const BlockPtr stray = maker_.Extend(certified, View(view));
    const BlockPtr good =
        maker_.Extend(certified, View(view + 1), maker_.GiveUp(View(view), certified->view()));
    solo.Propose(stray);
    solo.Propose(good);
    certified = good;
    ASSERT_EQ(solo.core->status().view, View(view + 1));
  }
  EXPECT_EQ(solo.core->status().committed_height, Height(0));
  EXPECT_LE(solo.core->status().tree_blocks, 24u);  // 21 certified ones, the newest, the root.
  // What commits them is still taken.
  const BlockPtr next = maker_.Extend(certified, View(certified->view().Next()));
  const BlockPtr last = maker_.Extend(next, next->view().Next());
  solo.Propose(next);
  EXPECT_EQ(solo.Propose(last).commits.size(), 21u);
  EXPECT_EQ(solo.core->status().committed_height, certified->height());
}

TEST_F(CoreBoundsTest, MessagesThatWaitForChecksAreBoundedByBytes) {
  Genesis genesis = maker_.genesis;
  genesis.block = {100, 1000};
  ChainMaker maker(genesis);
  SoloCore solo(maker, 0);
  // Checks that nobody runs.
  size_t jobs = 0;
  for (uint64_t i = 0; i < 20; ++i) {
    const BlockPtr block =
        maker.Extend(genesis.Block0(), View(1), nullptr, {MakeCommand(1, 1 + i, 900)}, 1 + i);
    jobs +=
        solo.core->Step(Received{block->header().proposer, MakeMessage(Proposal{block})}, solo.now)
            .jobs.size();
  }
  EXPECT_EQ(jobs, 4u);
  EXPECT_EQ(solo.core->counters().of(Refusal::kBusy), 16u);
}

TEST_F(CoreBoundsTest, WhoProposesOutOfTurnOrForTheThirdTimeGetsNoCheck) {
  SoloCore solo(maker_, 0);
  const auto jobs = [&](const BlockPtr& block) {
    return solo.core
        ->Step(Received{block->header().proposer, MakeMessage(Proposal{block})}, solo.now)
        .jobs.size();
  };
  const BlockPtr first = maker_.Extend(block0_, View(1));
  solo.Propose(first);
  solo.Propose(maker_.Extend(block0_, View(1), nullptr, {}, 2));
  ASSERT_EQ(solo.core->evidence().list().size(), 1u);
  EXPECT_EQ(jobs(maker_.Extend(block0_, View(1), nullptr, {}, 3)), 0u);
  EXPECT_EQ(solo.core->counters().of(Refusal::kInconsistent), 1u);

  BlockHeader header = maker_.Extend(first, View(2))->header();
  header.proposer = first->header().proposer;
  EXPECT_EQ(jobs(Block::Make(header, maker_.Certify(*first), nullptr, {}, {})), 0u);
  EXPECT_EQ(solo.core->counters().of(Refusal::kWrongLeader), 1u);
}

TEST_F(CoreBoundsTest, ABlockThatIsFetchedConvictsALeaderOfTwoProposals) {
  SoloCore solo(maker_, 0);
  const BlockPtr shown = maker_.Extend(block0_, View(1));
  const BlockPtr other = maker_.Extend(block0_, View(1), nullptr, {}, 2);
  const BlockPtr next = maker_.Extend(other, View(2));
  solo.Propose(shown);
  // The certificate is of a block that this replica never saw: it asks, and gets it.
  const Effects asked = solo.Propose(next);
  ASSERT_EQ(SentOf<BlockRequest>(asked).size(), 1u);
  size_t to = 0;
  for (const Send& send : asked.sends) {
    if (std::holds_alternative<BlockRequest>(*send.message)) to = send.to->value();
  }
  const BlockResponse right{Epoch(0), {other}, maker_.Certify(*other), Height(0)};
  // With a signature that is not the proposer's it is not taken.
  BlockResponse forged = right;
  forged.blocks[0] = Block::Sign(other, Ed25519Signature());
  solo.Receive(to, MakeMessage(forged));
  EXPECT_EQ(solo.core->counters().of(Refusal::kBadSignature), 1u);
  EXPECT_TRUE(solo.core->evidence().list().empty());
  solo.now.monotonic_ms += 10;
  solo.Receive(to, MakeMessage(right));
  ASSERT_EQ(solo.core->evidence().list().size(), 1u);
  EXPECT_EQ(CulpritOf(solo.core->evidence().list().front()), shown->header().proposer);
  GROAT_EXPECT_OK(VerifyEvidence(solo.core->evidence().list().front(), maker_.verifier));
}

}  // namespace
}  // namespace groat::hotstuff
