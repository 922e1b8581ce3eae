// One core at a time: what it answers to hand-made messages.
#include "hotstuff/core.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "hotstuff/testing/defect_injector.h"
#include "hotstuff/testing/fixture.h"

namespace groat::hotstuff {
namespace {

using ::groat::testing::StatusIs;
using testing::ChainMaker;
using ::testing::HasSubstr;
using testing::MakeCommand;
using testing::Replica;
using testing::SentOf;
using testing::SoloCore;

class CoreTest : public ::testing::Test {
 protected:
  CoreTest() : maker_(4), block0_(maker_.genesis.Block0()) {}
  ChainMaker maker_;
  BlockPtr block0_;
};

TEST_F(CoreTest, VotesForTheLeadersBlockAfterPersistingIt) {
  SoloCore solo(maker_, 0);
  const BlockPtr block = maker_.Extend(block0_, View(1));
  const Effects effects = solo.Propose(block);
  ASSERT_EQ(SentOf<Vote>(effects).size(), 1u);
  EXPECT_EQ(SentOf<Vote>(effects)[0].block, block->id());
  EXPECT_EQ(effects.sends[0].to, Replica(2));  // The leader of view 2.
  ASSERT_TRUE(effects.persist.has_value());
  EXPECT_EQ(effects.persist->state.last_vote->block, block->id());
  ASSERT_EQ(effects.persist->blocks.size(), 1u);
  EXPECT_EQ(effects.persist->blocks[0]->id(), block->id());
}

TEST_F(CoreTest, VotesOnceAViewAndKeepsEvidenceOfTwoBlocks) {
  SoloCore solo(maker_, 0);
  const BlockPtr first = maker_.Extend(block0_, View(1));
  const BlockPtr second = maker_.Extend(block0_, View(1), nullptr, {}, 2);
  EXPECT_EQ(SentOf<Vote>(solo.Propose(first)).size(), 1u);
  EXPECT_EQ(SentOf<Vote>(solo.Propose(second)).size(), 0u);
  ASSERT_EQ(solo.core->evidence().list().size(), 1u);
  const Evidence& evidence = solo.core->evidence().list().front();
  EXPECT_EQ(CulpritOf(evidence), first->header().proposer);
  GROAT_EXPECT_OK(VerifyEvidence(evidence, maker_.verifier));

  // Another core has it from the start, and does not find it again.
  Restored restored;
  restored.evidence = solo.core->evidence();
  SoloCore after(maker_, 0, restored);
  EXPECT_EQ(after.core->evidence().list().size(), 1u);
  after.Propose(first);
  after.Propose(second);
  EXPECT_EQ(after.core->evidence().total(), 1u);
}

TEST_F(CoreTest, NeverVotesForARivalAfterARestartButRepeatsItsVote) {
  SoloCore before(maker_, 0);
  const BlockPtr first = maker_.Extend(block0_, View(1));
  const BlockPtr rival = maker_.Extend(block0_, View(1), nullptr, {}, 2);
  const Effects effects = before.Propose(first);
  Restored restored;
  restored.memory = Restored::Memory::kKept;
  restored.safety = effects.persist->state;

  SoloCore after(maker_, 0, restored);
  EXPECT_EQ(SentOf<Vote>(after.Propose(rival)).size(), 0u);
  SoloCore again(maker_, 0, restored);
  const std::vector<Vote> repeated = SentOf<Vote>(again.Propose(first));
  ASSERT_EQ(repeated.size(), 1u);
  EXPECT_EQ(repeated[0], SentOf<Vote>(effects)[0]);
}

TEST_F(CoreTest, FollowsButDoesNotVoteIfItsMemoryIsLost) {
  Restored restored;
  restored.memory = Restored::Memory::kLost;
  SoloCore solo(maker_, 0, restored);
  const BlockPtr block = maker_.Extend(block0_, View(1));
  EXPECT_TRUE(solo.Propose(block).sends.empty());
  EXPECT_EQ(solo.core->status().view, View(1));
  solo.Propose(maker_.Extend(block, View(2)));
  EXPECT_EQ(solo.core->status().view, View(2));
  EXPECT_FALSE(solo.core->status().may_vote);
}

TEST_F(CoreTest, SaysWhyACommittedCommandHasNoEffect) {
  Genesis genesis = testing::SmallGenesis(4);
  genesis.max_clients = 2;
  ChainMaker maker(genesis);
  SoloCore solo(maker, 0);
  const BlockPtr b1 = maker.Extend(genesis.Block0(), View(1), nullptr,
                                   {MakeCommand(1, 10'000), MakeCommand(1, 1), MakeCommand(2, 1),
                                    MakeCommand(1, 10'000), MakeCommand(3, 1)});
  const BlockPtr b2 = maker.Extend(b1, View(2));
  solo.Propose(b1);
  solo.Propose(b2);
  const Effects effects = solo.Propose(maker.Extend(b2, View(3)));
  ASSERT_EQ(effects.commits.size(), 1u);
  const CommittedBlock& committed = effects.commits[0];
  EXPECT_EQ(committed.fresh, (std::vector<bool>{true, false, true, false, false}));
  using S = ClientTable::State;
  const std::vector<std::pair<uint32_t, S>> want = {
      {1, S::kTooOld}, {3, S::kSeen}, {4, S::kNoRoom}};
  std::vector<std::pair<uint32_t, S>> got;
  for (const auto& one : committed.ineffective) got.emplace_back(one.index, one.why);
  EXPECT_EQ(got, want);
}

TEST_F(CoreTest, CommitsWithTwoChainsAndProvesIt) {
  SoloCore solo(maker_, 0);
  const BlockPtr b1 = maker_.Extend(block0_, View(1), nullptr, {MakeCommand(1, 1)});
  const BlockPtr b2 = maker_.Extend(b1, View(2));
  const BlockPtr b3 = maker_.Extend(b2, View(3));
  EXPECT_TRUE(solo.Propose(b1).commits.empty());
  EXPECT_TRUE(solo.Propose(b2).commits.empty());
  const Effects effects = solo.Propose(b3);
  ASSERT_EQ(effects.commits.size(), 1u);
  EXPECT_EQ(effects.commits[0].block->id(), b1->id());
  EXPECT_EQ(effects.commits[0].fresh, std::vector<bool>{true});
  ASSERT_TRUE(effects.commit_proof.has_value());
  GROAT_EXPECT_OK(VerifyCommit(*effects.commit_proof, b1->id(), TwoChain(), maker_.verifier));
  EXPECT_THAT(VerifyCommit(*effects.commit_proof, b2->id(), TwoChain(), maker_.verifier),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(b2->id().Hex())));
}

TEST_F(CoreTest, AGapBetweenViewsDoesNotCommit) {
  SoloCore solo(maker_, 0);
  const BlockPtr b1 = maker_.Extend(block0_, View(1));
  const BlockPtr b3 = maker_.Extend(b1, View(3), maker_.GiveUp(View(2), View(1)));
  const BlockPtr b4 = maker_.Extend(b3, View(4));
  const BlockPtr b5 = maker_.Extend(b4, View(5));
  solo.Propose(b1);
  solo.Propose(b3);
  EXPECT_TRUE(solo.Propose(b4).commits.empty());
  const Effects effects = solo.Propose(b5);
  ASSERT_EQ(effects.commits.size(), 2u);
  EXPECT_EQ(effects.commits[1].block->id(), b3->id());
}

TEST_F(CoreTest, RefusesWithAReason) {
  const BlockPtr good = maker_.Extend(block0_, View(1));
  const auto vary = [&](auto change) {
    BlockHeader header = good->header();
    change(header);
    return maker_.Sign(Block::Make(header, good->justify(), nullptr, {}, Ed25519Signature()));
  };
  const BlockPtr b1 = maker_.Extend(block0_, View(1));
  struct Case {
    const char* name;
    MessagePtr message;
    size_t from;
    Refusal reason;
  };
  Vote vote = maker_.MakeVote(*good, 2);
  Vote far = vote;
  far.view = View(1000);
  Vote other_epoch = vote;
  other_epoch.epoch = Epoch(3);
  const std::vector<Case> cases = {
      {"other chain", MakeMessage(Proposal{vary([](auto& h) { h.chain = Hash(); })}), 1,
       Refusal::kWrongChain},
      {"not the sender", MakeMessage(Proposal{good}), 2, Refusal::kWrongSender},
      {"not the leader", MakeMessage(Proposal{vary([](auto& h) { h.proposer = Replica(3); })}), 3,
       Refusal::kWrongLeader},
      {"no such validator", MakeMessage(vote), 9, Refusal::kUnknownValidator},
      {"not on what it justifies", MakeMessage(Proposal{vary([](auto& h) { h.parent = Hash(); })}),
       1, Refusal::kInconsistent},
      {"wrong height", MakeMessage(Proposal{vary([](auto& h) { h.height = Height(5); })}), 1,
       Refusal::kInvalidBlock},
      {"time stands still",
       MakeMessage(Proposal{vary([](auto& h) { h.timestamp_us = 1'000'000; })}), 1,
       Refusal::kInvalidBlock},
      {"wrong schedule", MakeMessage(Proposal{vary([](auto& h) { h.schedule = Hash(); })}), 1,
       Refusal::kInvalidBlock},
      {"handover from nothing",
       MakeMessage(Proposal{vary([](auto& h) { h.handover = h.schedule; })}), 1,
       Refusal::kInvalidBlock},
      {"far clock", MakeMessage(Proposal{vary([](auto& h) { h.timestamp_us = 11'010'001; })}), 1,
       Refusal::kClock},
      {"view without certificate", MakeMessage(Proposal{vary([](auto& h) { h.view = View(5); })}),
       1, Refusal::kUnjustified},
      {"unsigned", MakeMessage(Proposal{Block::Sign(good, Ed25519Signature())}), 1,
       Refusal::kBadSignature},
      {"vote of another", MakeMessage(vote), 3, Refusal::kWrongSender},
      {"vote far ahead", MakeMessage(far), 2, Refusal::kFarAhead},
      {"vote of another epoch", MakeMessage(other_epoch), 2, Refusal::kWrongChain},
      {"unasked response", MakeMessage(BlockResponse{Epoch(0), {good}, nullptr, Height(0)}), 2,
       Refusal::kUnasked},
      {"too many commands", MakeMessage(CommandBatch{std::vector<Command>(11, MakeCommand(1, 1))}),
       2, Refusal::kTooLarge},
  };
  for (const Case& item : cases) {
    SoloCore solo(maker_, 0);
    const Effects effects = solo.Receive(item.from, item.message);
    EXPECT_EQ(solo.core->counters().of(item.reason), 1u)
        << item.name << ", want " << NameOf(item.reason);
    EXPECT_TRUE(effects.sends.empty()) << item.name;
    EXPECT_FALSE(effects.persist.has_value()) << item.name;
    EXPECT_EQ(solo.core->status().view, View(1)) << item.name;
  }
}

// A microsecond further and it does not vote.
TEST_F(CoreTest, VotesWithinTheDriftOfItsClockBothWays) {
  Genesis genesis = testing::SmallGenesis(4);
  genesis.max_clock_drift_ms = 500;
  ChainMaker maker(genesis);
  const BlockPtr block = maker.Extend(genesis.Block0(), View(1));
  const uint64_t time_us = block->header().timestamp_us;
  const std::pair<uint64_t, bool> cases[] = {{time_us - 500'001, false},
                                             {time_us - 500'000, true},
                                             {time_us + 500'000, true},
                                             {time_us + 500'001, false}};
  for (const auto& [wall_us, votes] : cases) {
    SoloCore solo(maker, 0);
    solo.now.wall_us = wall_us;
    EXPECT_EQ(SentOf<Vote>(solo.Propose(block)).size(), votes ? 1u : 0u) << wall_us;
    EXPECT_EQ(solo.core->counters().of(Refusal::kClock), votes ? 0u : 1u) << wall_us;
  }
}

// Replicas with different high certificates may take different ones for a view's leader. What the
// block of that view on another branch holds is not in the branch that goes on.
TEST_F(CoreTest, ProposesWhatOnlyAnotherBlockOfTheSameViewHolds) {
  const BlockPtr b2 = maker_.Extend(block0_, View(2), maker_.GiveUp(View(1), View(0)));
  const BlockPtr b3 = maker_.Extend(b2, View(3));
  const BlockPtr b4 = maker_.Extend(b3, View(4));
  const BlockPtr b5 = maker_.Extend(b4, View(5));
  const BlockPtr rival =
      maker_.Extend(b2, View(5), maker_.GiveUp(View(4), View(2)), {MakeCommand(1, 1)});
  ASSERT_NE(rival->header().proposer, b5->header().proposer);
  const ReplicaIndex leader = maker_.schedules[b5->id()].LeaderOf(View(6), 4);
  SoloCore solo(maker_, leader.value());
  solo.Receive((leader.value() + 1) % 4, MakeMessage(CommandBatch{{MakeCommand(1, 1)}}));
  for (const BlockPtr& block : {b2, b3, b4, rival, b5}) solo.Propose(block);
  const Effects effects = solo.Receive(b5->header().proposer.value(),
                                       MakeMessage(Advance{maker_.Certify(*b5), nullptr}));
  ASSERT_EQ(solo.core->status().committed_height, b4->height());
  const std::vector<Proposal> proposals = SentOf<Proposal>(effects);
  ASSERT_EQ(proposals.size(), 1u);
  EXPECT_EQ(proposals[0].block->commands(), rival->commands());
}

TEST_F(CoreTest, ProposesHalfABlockAfterAViewThatFailed) {
  const std::array<uint32_t, 2> wanted = {maker_.genesis.block.max_count,
                                          maker_.genesis.block.max_count / 2};
  for (const bool failed : {false, true}) {
    const BlockPtr b1 = maker_.Extend(maker_.genesis.Block0(), View(1));
    const View view(failed ? 3 : 2);
    const ReplicaIndex leader = maker_.schedules[b1->id()].LeaderOf(view, 4);
    SoloCore solo(maker_, leader.value());
    std::vector<Command> commands;
    for (uint64_t i = 1; i <= maker_.genesis.block.max_count + 1; ++i) {
      commands.push_back(MakeCommand(1, i));
    }
    solo.Receive((leader.value() + 1) % 4, MakeMessage(CommandBatch{{commands.back()}}));
    commands.pop_back();
    solo.Receive((leader.value() + 1) % 4, MakeMessage(CommandBatch{commands}));
    solo.Propose(b1);
    const TcPtr tc = failed ? maker_.GiveUp(View(2), View(1)) : nullptr;
    const std::vector<Proposal> proposals = SentOf<Proposal>(
        solo.Receive((leader.value() + 1) % 4, MakeMessage(Advance{maker_.Certify(*b1), tc})));
    ASSERT_EQ(proposals.size(), 1u);
    EXPECT_EQ(proposals[0].block->view(), view);
    EXPECT_EQ(proposals[0].block->commands().size(), wanted[failed ? 1 : 0]);
    EXPECT_EQ(solo.core->status().batch_limit, wanted[failed ? 1 : 0]);
  }
}

TEST_F(CoreTest, CertificateWithTooFewOrForgedSignersChangesNothing) {
  SoloCore solo(maker_, 0);
  const BlockPtr b1 = maker_.Extend(block0_, View(1));
  Proof few = maker_.Certify(*b1)->proof();
  few.signers.Remove(0);
  Proof forged = maker_.Certify(*b1)->proof();
  forged.signature.assign(8, 1);
  for (const Proof& proof : {few, forged}) {
    const QcPtr qc = QuorumCertificate::Make(Epoch(0), View(1), b1->id(), proof);
    solo.Receive(2, MakeMessage(Advance{qc, nullptr}));
    EXPECT_EQ(solo.core->status().view, View(1));
    solo.now.monotonic_ms += 10;
  }
  EXPECT_EQ(solo.core->counters().of(Refusal::kBadSignature), 2u);
}

TEST_F(CoreTest, WhoSendsWrongSignaturesIsCheckedEverMoreRarely) {
  SoloCore solo(maker_, 0);
  const BlockPtr b1 = maker_.Extend(block0_, View(1));
  Proof forged = maker_.Certify(*b1)->proof();
  forged.signature.assign(8, 1);
  const MessagePtr wrong =
      MakeMessage(Advance{QuorumCertificate::Make(Epoch(0), View(1), b1->id(), forged), nullptr});
  for (int ms = 0; ms < 1000; ++ms) {
    solo.Receive(2, wrong);
    ++solo.now.monotonic_ms;
  }
  // After 0, 10, 30, 70, 150, 310, 630 ms.
  EXPECT_EQ(solo.core->counters().of(Refusal::kBadSignature), 7u);
  EXPECT_EQ(solo.core->counters().of(Refusal::kBusy), 993u);
  // Nobody else is.
  solo.Receive(3, MakeMessage(Advance{maker_.Certify(*b1), nullptr}));
  EXPECT_EQ(solo.core->status().view, View(2));
}

TEST_F(CoreTest, GivesUpAfterTheTimerJoinsFPlusOneAndForms) {
  SoloCore solo(maker_, 0);
  solo.Step(Submitted{{MakeCommand(1, 1)}});
  solo.now.monotonic_ms = 99;
  EXPECT_TRUE(SentOf<Timeout>(solo.Step(Tick{})).empty());
  solo.now.monotonic_ms = 100;
  const Effects gave_up = solo.Step(Tick{});
  ASSERT_EQ(SentOf<Timeout>(gave_up).size(), 1u);
  ASSERT_TRUE(gave_up.persist.has_value());
  EXPECT_EQ(gave_up.persist->state.timeout_view, View(1));
  // No vote in a view that was given up.
  EXPECT_TRUE(SentOf<Vote>(solo.Propose(maker_.Extend(block0_, View(1)))).empty());

  SoloCore joiner(maker_, 3);
  const auto timeout_of = [&](size_t i) {
    Timeout timeout = SentOf<Timeout>(gave_up)[0];
    timeout.signer = Replica(i);
    timeout.share = testing::MockSigner(Replica(i))
                        .SignShare(TimeoutDigest(maker_.chain, Epoch(0), View(1), View(0)));
    return MakeMessage(timeout);
  };
  EXPECT_TRUE(joiner.Receive(0, timeout_of(0)).sends.empty());
  const Effects joined = joiner.Receive(1, timeout_of(1));
  EXPECT_EQ(SentOf<Timeout>(joined).size(), 1u);
  const std::vector<Advance> advances = SentOf<Advance>(joined);
  ASSERT_EQ(advances.size(), 1u);
  EXPECT_EQ(advances[0].timeout->view(), View(1));
  EXPECT_EQ(joiner.core->status().view, View(2));
}

TEST_F(CoreTest, AnswersAStalePeerAtABoundedRate) {
  SoloCore solo(maker_, 0);
  const BlockPtr b1 = maker_.Extend(block0_, View(1));
  solo.Propose(b1);
  solo.Propose(maker_.Extend(b1, View(2)));
  Timeout stale{
      Epoch(0), View(1),     Replica(3), {}, QuorumCertificate::MakeRoot(Epoch(0), block0_->id()),
      nullptr,  std::nullopt};
  solo.now.monotonic_ms = 50;
  const std::vector<Advance> answer = SentOf<Advance>(solo.Receive(3, MakeMessage(stale)));
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].high_qc->view(), View(1));
  EXPECT_TRUE(SentOf<Advance>(solo.Receive(3, MakeMessage(stale))).empty());
}

TEST_F(CoreTest, FetchesAMissingBlockFromASigner) {
  SoloCore solo(maker_, 3);
  const BlockPtr b1 = maker_.Extend(block0_, View(1));
  const BlockPtr b2 = maker_.Extend(b1, View(2));
  const Effects effects = solo.Propose(b2);
  EXPECT_TRUE(SentOf<Vote>(effects).empty());
  ASSERT_EQ(SentOf<BlockRequest>(effects).size(), 1u);
  EXPECT_EQ(SentOf<BlockRequest>(effects)[0].target, b1->id());
  const size_t asked = effects.sends.back().to->value();
  const Effects filled =
      solo.Receive(asked, MakeMessage(BlockResponse{Epoch(0), {b1}, nullptr, Height(0)}));
  ASSERT_EQ(SentOf<Vote>(filled).size() + solo.core->counters().votes, 1u);
  EXPECT_FALSE(solo.core->status().syncing);
}

TEST_F(CoreTest, AsksTheNextSignerIfOneIsSilent) {
  SoloCore solo(maker_, 3);
  const BlockPtr b1 = maker_.Extend(block0_, View(1));
  const Effects effects = solo.Receive(2, MakeMessage(Advance{maker_.Certify(*b1), nullptr}));
  ASSERT_EQ(effects.sends.size(), 1u);
  solo.now.monotonic_ms = 200;
  const Effects second = solo.Step(Tick{});
  ASSERT_EQ(SentOf<BlockRequest>(second).size(), 1u);
  std::optional<ReplicaIndex> next;
  for (const Send& send : second.sends) {
    if (std::holds_alternative<BlockRequest>(*send.message)) next = send.to;
  }
  EXPECT_NE(next, effects.sends[0].to);
}

TEST_F(CoreTest, SubmitTellsWhatBecameOfEachCommand) {
  SoloCore solo(maker_, 0);
  const Effects effects = solo.Step(Submitted{
      {MakeCommand(1, 1), MakeCommand(1, 1), MakeCommand(1, 2, 2000), MakeCommand(1, 0)}});
  using V = SubmitVerdict;
  EXPECT_EQ(effects.verdicts,
            (std::vector<V>{V::kAccepted, V::kPending, V::kTooLarge, V::kTooOld}));
  ASSERT_EQ(SentOf<CommandBatch>(effects).size(), 1u);
  EXPECT_EQ(SentOf<CommandBatch>(effects)[0].commands.size(), 1u);
}

TEST_F(CoreTest, AnIdleReplicaIsSilentButForItsStatus) {
  SoloCore solo(maker_, 0);
  Effects effects = solo.Step(Tick{});
  EXPECT_TRUE(effects.sends.empty());
  EXPECT_EQ(effects.wake_at_ms, 1000u);
  solo.now.monotonic_ms = 1000;
  effects = solo.Step(Tick{});
  EXPECT_EQ(effects.sends.size(), 1u);
  EXPECT_EQ(SentOf<Advance>(effects).size(), 1u);
}

TEST_F(CoreTest, RefusesAStartThatContradictsItself) {
  CoreConfig config;
  config.genesis = maker_.genesis;
  config.replicas = 4;
  testing::MockSigner signer(Replica(0));
  Restored restored;
  restored.memory = Restored::Memory::kKept;
  EXPECT_THAT(Core::Create(config, &maker_.scheme, &signer, restored, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("safety state")));
  restored = Restored();
  restored.root = maker_.Extend(block0_, View(1));
  EXPECT_THAT(Core::Create(config, &maker_.scheme, &signer, restored, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("certificate and schedule")));
  config.genesis.rules = RuleSet::kThreeChain;
  EXPECT_THAT(Core::Create(config, &maker_.scheme, &signer, Restored(), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("live leaders in a row")));
}

// The fork that line 23 of the dissertation's Algorithm 1 allows: a replica that helped to commit
// b1 votes for a rival of it. Without the views of timeout certificates, as there, the lock alone
// stands in the way.
TEST(LockTest, RefusesARivalOfWhatItIsLockedOn) {
  Genesis genesis = testing::SmallGenesis(4);
  genesis.rules = RuleSet::kThreeChain;
  genesis.votes = VoteSpread::kAll;
  ChainMaker maker(genesis);
  const BlockPtr block0 = genesis.Block0();
  const BlockPtr b1 = maker.Extend(block0, View(1));
  const BlockPtr b2 = maker.Extend(b1, View(2));
  const BlockPtr b3 = maker.Extend(b2, View(3));
  const BlockPtr rival = maker.Extend(block0, View(5), maker.GiveUp(View(4), View(3)));
  for (const bool broken : {false, true}) {
    SoloCore solo(maker, 0);
    Defects defects;
    defects.no_timeout_view_check = true;
    defects.lock_always_passes = broken;
    testing::DefectInjector::Inject(*solo.core, defects);
    for (const BlockPtr& block : {b1, b2, b3}) {
      EXPECT_EQ(SentOf<Vote>(solo.Propose(block)).size(), 1u);
    }
    EXPECT_EQ(SentOf<Vote>(solo.Propose(rival)).size(), broken ? 1u : 0u);
    EXPECT_EQ(solo.core->status().view, View(5));
  }
}

// With the check of the views, the rival is not even looked at.
TEST(LockTest, ABlockMustBeAsHighAsItsTimeoutCertificate) {
  ChainMaker maker(4);
  const BlockPtr block0 = maker.genesis.Block0();
  const BlockPtr b1 = maker.Extend(block0, View(1));
  const BlockPtr rival = maker.Extend(block0, View(3), maker.GiveUp(View(2), View(1)));
  for (const bool broken : {false, true}) {
    SoloCore solo(maker, 2);
    Defects defects;
    defects.no_timeout_view_check = broken;
    // The lock, which the certificate in the rival's own timeouts raises, would refuse it as well.
    defects.lock_always_passes = broken;
    testing::DefectInjector::Inject(*solo.core, defects);
    solo.Propose(b1);
    EXPECT_EQ(SentOf<Vote>(solo.Propose(rival)).size(), broken ? 1u : 0u);
    EXPECT_EQ(solo.core->counters().of(Refusal::kUnjustified), broken ? 0u : 1u);
  }
}

// A late vote could certify a block that the timeouts, sent before, know nothing of.
TEST(LockTest, NoVoteInAViewThatWasGivenUp) {
  ChainMaker maker(4);
  const BlockPtr b1 = maker.Extend(maker.genesis.Block0(), View(1));
  for (const bool broken : {false, true}) {
    SoloCore solo(maker, 0);
    Defects defects;
    defects.votes_after_timeout = broken;
    testing::DefectInjector::Inject(*solo.core, defects);
    solo.Step(Submitted{{MakeCommand(1, 1)}});
    solo.now.monotonic_ms = 100;
    EXPECT_EQ(SentOf<Timeout>(solo.Step(Tick{})).size(), 1u);
    EXPECT_EQ(SentOf<Vote>(solo.Propose(b1)).size(), broken ? 1u : 0u);
  }
}

}  // namespace
}  // namespace groat::hotstuff
