// The parts of the core, each alone.
#include <gmock/gmock.h>

#include "hotstuff/batch_limit.h"
#include "hotstuff/block_sync.h"
#include "hotstuff/block_tree.h"
#include "hotstuff/certificate_cache.h"
#include "hotstuff/evidence.h"
#include "hotstuff/mempool.h"
#include "hotstuff/pacemaker.h"
#include "hotstuff/testing/fixture.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/vote_collector.h"
#include "hotstuff/vote_guard.h"

namespace groat::hotstuff {
namespace {

using testing::ChainMaker;
using testing::MakeCommand;
using testing::Replica;

TEST(VoteGuardTest, FollowsItsTable) {
  const BlockId a = HeaderDigest(AsBytes("a"));
  const BlockId b = HeaderDigest(AsBytes("b"));
  VoteGuard guard;
  using V = VoteGuard::Verdict;
  EXPECT_EQ(guard.Consider(View(1), a), V::kNew);
  guard.Voted(Vote{Epoch(0), View(3), a, Replica(0), {}});
  EXPECT_EQ(guard.Consider(View(3), a), V::kRepeated);
  EXPECT_EQ(guard.Consider(View(3), b), V::kRefused);
  EXPECT_EQ(guard.Consider(View(2), b), V::kRefused);
  EXPECT_EQ(guard.Consider(View(4), b), V::kNew);
  guard.GaveUp(View(4));
  EXPECT_EQ(guard.Consider(View(4), b), V::kRefused);
  EXPECT_EQ(guard.Consider(View(3), a), V::kRefused);
  guard.GaveUp(View(2));
  EXPECT_EQ(guard.timeout_view(), View(4));
  EXPECT_EQ(guard.Consider(View(5), b), V::kNew);
}

Evidence VotesOf(uint64_t epoch, uint16_t culprit, uint64_t view) {
  const auto vote = [&](std::string_view block) {
    return Vote{Epoch(epoch), View(view), HeaderDigest(AsBytes(block)), Replica(culprit), {}};
  };
  return ConflictingVotes{vote("a"), vote("b")};
}

TEST(EvidenceLogTest, KeepsOneOfAKindAndAFewOfACulprit) {
  EvidenceLog log;
  EXPECT_TRUE(log.Add(VotesOf(0, 1, 5)));
  EXPECT_FALSE(log.Wants(VotesOf(0, 1, 5)));
  EXPECT_FALSE(log.Add(VotesOf(0, 1, 5)));
  EXPECT_EQ(log.total(), 1u);
  ConflictingBlocks blocks;
  blocks.first.header.proposer = blocks.second.header.proposer = Replica(1);
  blocks.first.header.view = blocks.second.header.view = View(5);
  EXPECT_TRUE(log.Add(blocks));
  EXPECT_EQ(KindOf(log.list()[0]), "two votes");
  EXPECT_EQ(KindOf(log.list()[1]), "two blocks");
  for (uint64_t view = 6; view < 100; ++view) log.Add(VotesOf(0, 1, view));
  EXPECT_EQ(log.total(), EvidenceLog::kPerCulprit);
  EXPECT_TRUE(log.Wants(VotesOf(0, 2, 5)));
  EXPECT_TRUE(log.Add(VotesOf(1, 1, 5)));  // Its place in another epoch may be another's.
  EXPECT_EQ(EpochOf(log.list().back()), Epoch(1));
  EXPECT_EQ(log.total(), EvidenceLog::kPerCulprit + 1);
}

TEST(EvidenceLogTest, KeepsTheNewestAndCountsAll) {
  EvidenceLog log;
  const auto nth = [](uint64_t n) { return VotesOf(n / 100, static_cast<uint16_t>(n % 100), n); };
  for (uint64_t n = 0; n < EvidenceLog::kCapacity + 10; ++n) EXPECT_TRUE(log.Add(nth(n)));
  EXPECT_EQ(log.list().size(), EvidenceLog::kCapacity);
  EXPECT_EQ(log.list().front(), nth(10));
  EXPECT_EQ(log.total(), EvidenceLog::kCapacity + 10);
  EXPECT_TRUE(log.Wants(nth(9)));
  EXPECT_FALSE(log.Wants(nth(10)));
  const EvidenceLog restored({log.list().begin(), log.list().end()}, log.total());
  EXPECT_EQ(restored.list(), log.list());
  EXPECT_EQ(restored.total(), log.total());
  EXPECT_FALSE(restored.Wants(nth(10)));
}

TEST(CommitRuleTest, NeedsConsecutiveViews) {
  struct Case {
    std::array<View, 3> views;
    std::optional<size_t> two;
    std::optional<size_t> three;
  };
  const Case cases[] = {
      {{View(3), View(2), View(1)}, 1, 2},
      {{View(3), View(2), View(0)}, 1, std::nullopt},
      {{View(4), View(2), View(1)}, std::nullopt, std::nullopt},
      {{View(1), View(0), View(0)}, 1, std::nullopt},
  };
  for (const Case& item : cases) {
    EXPECT_EQ(TwoChain().CommittedBy(item.views), item.two);
    EXPECT_EQ(ThreeChain().CommittedBy(item.views), item.three);
  }
  EXPECT_TRUE(ThreeChain().AllowsVote(View(3), View(2), false));
  EXPECT_TRUE(ThreeChain().AllowsVote(View(1), View(2), true));
  EXPECT_FALSE(ThreeChain().AllowsVote(View(2), View(2), false));
}

TEST(PacemakerTest, BacksOffAndIsCapped) {
  EXPECT_EQ(Pacemaker::DurationMs(100, 0), 100u);
  EXPECT_EQ(Pacemaker::DurationMs(100, 1), 150u);
  EXPECT_EQ(Pacemaker::DurationMs(100, 2), 225u);
  EXPECT_EQ(Pacemaker::DurationMs(100, 60), Pacemaker::kLongestMs);
  EXPECT_EQ(Pacemaker::DurationMs(1, 1), 2u);
}

TEST(PacemakerTest, FollowsItsTable) {
  Pacemaker pacemaker(100, 2);
  using A = Pacemaker::Alarm;
  pacemaker.Enter(View(1), View(0), 0);
  EXPECT_EQ(pacemaker.deadline_ms(), std::nullopt);
  pacemaker.SetWork(true, 10);
  EXPECT_EQ(pacemaker.deadline_ms(), 110u);
  pacemaker.SetWork(false, 20);
  EXPECT_EQ(pacemaker.deadline_ms(), std::nullopt);
  pacemaker.SetWork(true, 30);
  EXPECT_EQ(pacemaker.OnTick(129), A::kNone);
  EXPECT_EQ(pacemaker.OnTick(130), A::kGiveUp);
  pacemaker.GaveUp(130);
  EXPECT_TRUE(pacemaker.given_up());
  EXPECT_EQ(pacemaker.OnTick(230), A::kRetransmit);
  EXPECT_EQ(pacemaker.deadline_ms(), 330u);
  pacemaker.SetWork(false, 240);
  EXPECT_EQ(pacemaker.OnTick(330), A::kRetransmit);
  pacemaker.SetWork(true, 330);
  pacemaker.Enter(View(10), View(2), 400);
  EXPECT_EQ(pacemaker.duration_ms(), Pacemaker::DurationMs(100, 4));
  EXPECT_FALSE(pacemaker.given_up());
}

TEST(SequenceWindowTest, RemembersOutOfOrder) {
  SequenceWindow window;
  using S = SequenceWindow::State;
  EXPECT_EQ(window.Look(Sequence(0)), S::kTooOld);
  window.Insert(Sequence(5));
  EXPECT_EQ(window.Look(Sequence(5)), S::kSeen);
  EXPECT_EQ(window.Look(Sequence(4)), S::kFresh);
  window.Insert(Sequence(4));
  EXPECT_EQ(window.Look(Sequence(4)), S::kSeen);
  window.Insert(Sequence(5 + SequenceWindow::kSize));
  EXPECT_EQ(window.Look(Sequence(5)), S::kTooOld);
  EXPECT_EQ(window.Look(Sequence(6)), S::kFresh);
  window.Insert(Sequence(1u << 20));
  EXPECT_EQ(window.Look(Sequence((1u << 20) - 1)), S::kFresh);
  EXPECT_EQ(window.Look(Sequence((1u << 20) - SequenceWindow::kSize)), S::kTooOld);
}

TEST(ClientTableTest, IsBoundedAndEncodes) {
  ClientTable table(2);
  using S = ClientTable::State;
  EXPECT_EQ(table.Commit({ClientId(7), Sequence(1)}), S::kFresh);
  EXPECT_EQ(table.Commit({ClientId(7), Sequence(1)}), S::kSeen);
  EXPECT_EQ(table.Commit({ClientId(3), Sequence(9)}), S::kFresh);
  EXPECT_EQ(table.Look({ClientId(8), Sequence(1)}), S::kNoRoom);
  EXPECT_EQ(table.Commit({ClientId(8), Sequence(1)}), S::kNoRoom);
  EXPECT_EQ(table.Commit({ClientId(7), Sequence(0)}), S::kTooOld);
  const auto again = ClientTable::Decode(table.Encode(), 2);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->Encode(), table.Encode());
  EXPECT_EQ(again->Look({ClientId(3), Sequence(9)}), S::kSeen);
  EXPECT_FALSE(ClientTable::Decode(table.Encode(), 1).ok());
}

TEST(BatchLimitTest, HalvesWithAFailedViewAndGrowsWithCommits) {
  BatchLimit limit({1000, 128'000});
  EXPECT_EQ(limit.bounds(), (CommandBounds{1000, 128'000}));
  limit.ViewFailed();
  EXPECT_EQ(limit.bounds(), (CommandBounds{500, 64'000}));
  limit.Committed();
  EXPECT_EQ(limit.bounds(), (CommandBounds{507, 65'000}));
  for (int i = 0; i < 20; ++i) limit.ViewFailed();
  EXPECT_EQ(limit.bounds(), (CommandBounds{7, 1000}));
  for (int i = 0; i < 200; ++i) limit.Committed();
  EXPECT_EQ(limit.bounds(), (CommandBounds{1000, 128'000}));
  EXPECT_EQ(BatchLimit({1, 100}).bounds().max_count, 1u);
  BatchLimit small({1, 100});
  small.ViewFailed();
  EXPECT_EQ(small.bounds().max_count, 1u);
}

TEST(MempoolTest, BoundsEachPeersShareAndKeepsUntilRemoved) {
  Mempool pool({10, 10000}, {3, 1000}, 4, Replica(0));
  using V = Mempool::Verdict;
  for (uint64_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(pool.Add(MakeCommand(1, i), Replica(1), 0), V::kAdded);
  }
  EXPECT_EQ(pool.Add(MakeCommand(1, 6), Replica(1), 0), V::kFull);
  EXPECT_EQ(pool.Add(MakeCommand(1, 1), Replica(2), 0), V::kPending);
  EXPECT_EQ(pool.Add(MakeCommand(9, 1, 1000), Replica(0), 0), V::kTooLarge);
  EXPECT_EQ(pool.Add(MakeCommand(2, 1), Replica(0), 5), V::kAdded);
  const CommandBounds block{3, 1000};
  EXPECT_EQ(pool.Select({}, block).size(), 3u);
  EXPECT_EQ(pool.Select({}, {2, 1000}).size(), 2u);
  EXPECT_EQ(pool.Select({}, {3, 1}).size(), 1u);  // One that fits into a block always goes.
  pool.MarkIncluded({ClientId(1), Sequence(1)}, BlockSerial(4));
  EXPECT_EQ(pool.Select({BlockSerial(4)}, block)[0].key.sequence, Sequence(2));
  EXPECT_EQ(pool.Select({BlockSerial(5)}, block)[0].key.sequence, Sequence(1));
  EXPECT_EQ(pool.size(), 6u);
  pool.Remove({ClientId(1), Sequence(1)});
  EXPECT_EQ(pool.size(), 5u);
  EXPECT_EQ(pool.Add(MakeCommand(1, 6), Replica(1), 0), V::kAdded);
  EXPECT_EQ(pool.own_count(), 1u);
  // Arrived at 5; repeated at the age of 10, and each time it has doubled.
  EXPECT_TRUE(pool.TakeOverdue(14, 10).empty());
  EXPECT_EQ(pool.TakeOverdue(15, 10).size(), 1u);
  EXPECT_TRUE(pool.TakeOverdue(24, 10).empty());
  EXPECT_EQ(pool.TakeOverdue(25, 10).size(), 1u);
  EXPECT_TRUE(pool.TakeOverdue(44, 10).empty());
  EXPECT_EQ(pool.TakeOverdue(45, 10).size(), 1u);
  EXPECT_TRUE(pool.WaitingFor({}).full);
}

TEST(SafetyStateTest, ARecordAllowsOneProposalBeyondWhatItKnows) {
  ChainMaker maker(4);
  SafetyState state;
  EXPECT_EQ(ProposalLimit(state), View(0));
  state.timeout_view = View(3);
  EXPECT_EQ(ProposalLimit(state), View(4));
  state.last_vote = maker.MakeVote(*maker.Extend(maker.genesis.Block0(), View(7)), 0);
  EXPECT_EQ(ProposalLimit(state), View(8));
  state.last_proposed_view = View(9);
  EXPECT_EQ(ProposalLimit(state), View(10));
}

// Whoever sent a command first may be gone; the clients that wait for it here are not.
TEST(MempoolTest, ACommandThatComesFromAnOwnClientTooIsOwn) {
  Mempool pool({10, 10000}, {3, 1000}, 4, Replica(0));
  using V = Mempool::Verdict;
  for (uint64_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(pool.Add(MakeCommand(1, i), Replica(1), 0), V::kAdded);
  }
  EXPECT_EQ(pool.Add(MakeCommand(1, 2), Replica(2), 0), V::kPending);
  EXPECT_THAT(pool.AllOwn(), ::testing::IsEmpty());
  EXPECT_EQ(pool.Add(MakeCommand(1, 2), Replica(0), 0), V::kPending);
  EXPECT_EQ(pool.Add(MakeCommand(1, 2), Replica(0), 0), V::kPending);
  EXPECT_THAT(pool.AllOwn(), ::testing::ElementsAre(MakeCommand(1, 2)));
  EXPECT_EQ(pool.own_count(), 1u);
  EXPECT_EQ(pool.size(), 5u);
  // It counts as its own, not as the other replica's.
  EXPECT_EQ(pool.Add(MakeCommand(1, 6), Replica(1), 0), V::kAdded);
  EXPECT_EQ(pool.Add(MakeCommand(1, 7), Replica(1), 0), V::kFull);
  pool.Remove({ClientId(1), Sequence(2)});
  EXPECT_EQ(pool.own_count(), 0u);
}

TEST(VoteCollectorTest, FormsDropsWrongAndNoticesConflicts) {
  ChainMaker maker(4);
  const BlockPtr block0 = maker.genesis.Block0();
  const BlockPtr a = maker.Extend(block0, View(1));
  const BlockPtr b = maker.Extend(block0, View(1), nullptr, {}, 2);
  VoteCollector collector(4, 3);
  EXPECT_TRUE(collector.Add(maker.MakeVote(*a, 0)).added);
  EXPECT_FALSE(collector.Add(maker.MakeVote(*a, 0)).added);
  const auto conflict = collector.Add(maker.MakeVote(*b, 0));
  ASSERT_TRUE(conflict.conflict.has_value());
  EXPECT_EQ(conflict.conflict->block, a->id());
  Vote wrong = maker.MakeVote(*a, 1);
  wrong.share[0] ^= 1;
  collector.Add(wrong);
  EXPECT_TRUE(collector.Add(maker.MakeVote(*a, 2)).quorum);
  AssembleJob job = collector.Take(View(1), a->id(), maker.chain);
  JobResult result = RunJob(job, maker.verifier);
  EXPECT_EQ(result.qc, nullptr);
  EXPECT_EQ(result.wrong, std::vector<ReplicaIndex>{Replica(1)});
  EXPECT_FALSE(collector.Drop(View(1), a->id(), result.wrong));
  EXPECT_FALSE(collector.Add(maker.MakeVote(*a, 1)).added);  // Ignored for the rest of the view.
  EXPECT_TRUE(collector.Add(maker.MakeVote(*a, 3)).quorum);
  result = RunJob(collector.Take(View(1), a->id(), maker.chain), maker.verifier);
  ASSERT_NE(result.qc, nullptr);
  EXPECT_TRUE(VerifyQc(*result.qc, maker.verifier).ok());
  collector.Forget(View(1));
  EXPECT_EQ(collector.view_count(), 0u);
}

TEST(BlockTreeTest, CommitDropsWhatDoesNotExtend) {
  ChainMaker maker(4);
  const BlockPtr block0 = maker.genesis.Block0();
  BlockTree tree(block0, LeaderSchedule(), nullptr, Epoch(0));
  const auto insert = [&](const BlockPtr& block) {
    return tree.Insert(block, tree.Find(block->parent()), maker.schedules[block->id()], nullptr);
  };
  const BlockPtr a1 = maker.Extend(block0, View(1), nullptr, {MakeCommand(1, 1)});
  const BlockPtr a2 = maker.Extend(a1, View(2));
  const BlockPtr b1 = maker.Extend(block0, View(3), maker.GiveUp(View(2), View(0)));
  const BlockPtr b2 = maker.Extend(b1, View(4));
  insert(a1);
  BlockNode* node_a2 = insert(a2);
  insert(b1);
  insert(b2);
  EXPECT_EQ(node_a2->payload_height, Height(1));
  EXPECT_EQ(tree.newest()->block, b2);
  EXPECT_TRUE(tree.Extends(node_a2, a1->id()));
  EXPECT_FALSE(tree.Extends(node_a2, b1->id()));
  EXPECT_EQ(tree.PathTo(node_a2).size(), 2u);
  tree.Commit(tree.Find(a1->id()));
  EXPECT_EQ(tree.size(), 2u);
  EXPECT_EQ(tree.Find(b2->id()), nullptr);
  EXPECT_EQ(tree.newest()->block, a2);
  EXPECT_EQ(tree.root().block, a1);
}

TEST(BlockSyncTest, FollowsItsTable) {
  ChainMaker maker(4);
  const QcPtr qc = maker.Certify(*maker.Extend(maker.genesis.Block0(), View(1)));
  BlockSync sync(Replica(3), 100);
  EXPECT_EQ(sync.Poll(0), std::nullopt);
  sync.Want(qc, 10);
  const auto first = sync.Poll(10);
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(sync.Expects(*first));
  EXPECT_EQ(sync.Poll(50), std::nullopt);
  sync.OnResponse(*first, true, 60);
  EXPECT_EQ(sync.Poll(60), first);
  sync.OnResponse(*first, false, 70);
  EXPECT_EQ(sync.Poll(80), std::nullopt);
  const auto second = sync.Poll(95);
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(second, first);
  const auto third = sync.Poll(195);
  EXPECT_NE(third, second);
  sync.Done();
  EXPECT_EQ(sync.deadline_ms(), std::nullopt);
}

TEST(CertificateCacheTest, ForgetsTheOldest) {
  CertificateCache cache(2);
  const Hash a = HeaderDigest(AsBytes("a"));
  const Hash b = HeaderDigest(AsBytes("b"));
  const Hash c = HeaderDigest(AsBytes("c"));
  cache.Insert(a);
  cache.Insert(b);
  cache.Insert(b);
  EXPECT_TRUE(cache.Contains(a));
  cache.Insert(c);
  EXPECT_FALSE(cache.Contains(a));
  EXPECT_TRUE(cache.Contains(b));
  EXPECT_EQ(cache.size(), 2u);
}

}  // namespace
}  // namespace groat::hotstuff
