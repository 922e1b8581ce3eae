// Several nodes around one register: agreement, idempotence, faults, forks.
#include "services/ledger/ledger_node.h"

#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <thread>

#include "base/status_matchers.h"
#include "services/ledger/restore.h"
#include "services/ledger/testing/test_ledger.h"

namespace groat::ledger_service {
namespace {

using ::groat::testing::StatusIs;
using record::Block;
using record::Height;
using record::NodeIndex;
using storage::CommitFault;
using ::testing::Contains;
using testing::Eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TestLedger;
using testing::TestLedgerOptions;
using testing::TrieRelay;

class LedgerNodeTest : public ::testing::Test {
 protected:
  // Every node has the same blocks up to the height.
  static void ExpectAgreement(TestLedger& ledger, uint64_t height) {
    for (size_t i = 0; i < ledger.size(); ++i) {
      ASSERT_TRUE(ledger.WaitForApplied(i, height)) << "node " << i;
      GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> blocks,
                                 ledger.store(i).Range(Height(1), height));
      GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> first,
                                 ledger.store(0).Range(Height(1), height));
      EXPECT_EQ(blocks, first) << "node " << i;
    }
  }
  static void ExpectCheckpoints(TestLedger& ledger, uint64_t height) {
    for (size_t i = 0; i < ledger.size(); ++i) {
      ASSERT_TRUE(ledger.WaitForCheckpoint(i, height)) << "node " << i;
      const record::SignedCheckpoint checkpoint = *ledger.node(i).checkpoint();
      GROAT_EXPECT_OK(
          ledger.node_keys().VerifyQuorum(checkpoint.checkpoint.Encode(), checkpoint.quorum));
      GROAT_ASSERT_OK_AND_ASSIGN(const ledger::SignMark point,
                                 ledger.store(i).PointAt(checkpoint.checkpoint.height));
      EXPECT_EQ(point.block_id, checkpoint.checkpoint.block_id);
      EXPECT_EQ(point.log_root, checkpoint.checkpoint.log_root);
    }
  }

  TrieRelay relay_{1};
  TrieRelay other_{2};
};

TEST_F(LedgerNodeTest, ThreeNodesAgreeAndSign) {
  TestLedger ledger({.relays = {&relay_, &other_}});
  ledger.StartAll();
  uint64_t height = 0;
  for (size_t round = 0; round < 10; ++round) {
    GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> one,
                               ledger.Append(round % 3, {relay_.Next(5)}));
    GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> two,
                               ledger.Append((round + 1) % 3, other_.Next(3, round % 2)));
    height = std::max(one.back().height, two.back().height).value();
  }
  EXPECT_EQ(height, 40u);
  ExpectAgreement(ledger, height);
  ExpectCheckpoints(ledger, height);
  EXPECT_THAT(ledger.errors(), IsEmpty());
}

TEST_F(LedgerNodeTest, OneNodeIsALedgerToo) {
  TestLedger ledger({.nodes = 1, .relays = {&relay_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(3, 2)));
  ExpectCheckpoints(ledger, 3);
}

TEST_F(LedgerNodeTest, EveryNodeGivesRepeatedRootsTheSameBlocks) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  const std::vector<record::SignedRoot> roots = relay_.Next(3, 1);
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> first, ledger.Append(0, roots));
  for (size_t i = 0; i < 3; ++i) {
    GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> again, ledger.Append(i, roots));
    EXPECT_EQ(again, first) << "node " << i;
  }
}

TEST_F(LedgerNodeTest, ConcurrentCallsForOneCycleMakeOneBlock) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  for (int round = 0; round < 20; ++round) {
    const record::SignedRoot root = relay_.Next();
    std::vector<std::thread> threads;
    std::vector<absl::StatusOr<std::vector<Block>>> answers(6);
    for (size_t i = 0; i < answers.size(); ++i) {
      threads.emplace_back([&, i] { answers[i] = ledger.Append(i % 3, {root}); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& answer : answers) {
      GROAT_ASSERT_OK(answer);
      EXPECT_EQ(*answer, *answers[0]);
    }
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const Height head, ledger.ReadHead(1));
  EXPECT_EQ(head, Height(20));
}

TEST_F(LedgerNodeTest, RefusalsHaveTheirCodes) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  const record::SignedRoot first = relay_.Next();
  GROAT_ASSERT_OK(ledger.Append(0, {first}));
  relay_.Next();
  const record::SignedRoot third = relay_.Next();
  record::SignedRoot forged = third;
  forged.signature[0] ^= 1;
  record::RootStatement rival = first.statement;
  rival.root[0] ^= 1;
  for (size_t node = 0; node < 3; ++node) {
    EXPECT_THAT(ledger.Append(node, {third}),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("want cycle 2")));
    EXPECT_THAT(ledger.Append(node, {forged}),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("signature")));
    EXPECT_THAT(ledger.Append(node, {relay_.Sign(rival)}),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("but block 1 records")));
    EXPECT_THAT(ledger.Append(node, {other_.Next()}),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("relay 2 shard 0 is unknown")));
    EXPECT_THAT(ledger.Append(node, {}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 roots")));
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const Height head, ledger.ReadHead(2));
  EXPECT_EQ(head, Height(1)) << "nothing of a refused call was appended";
}

// A commit whose answer is lost is decided by the cycle: the roots are there once, whatever became
// of the first transaction.
TEST_F(LedgerNodeTest, LostAnswersAppendOnce) {
  for (const CommitFault fault : {CommitFault::kAnswerLost, CommitFault::kRequestLost,
                                  CommitFault::kRequestDelayed, CommitFault::kUnavailable}) {
    TrieRelay relay(1);
    TestLedger ledger({.nodes = 1, .relays = {&relay}});
    ledger.StartAll();
    GROAT_ASSERT_OK(ledger.Append(0, {relay.Next()}));
    ASSERT_TRUE(ledger.WaitForCheckpoint(0, 1));
    ledger.faults(0).FailCommits({fault, fault});
    GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> blocks, ledger.Append(0, relay.Next(2, 1)));
    EXPECT_EQ(blocks[1].height, Height(3)) << static_cast<int>(fault);
    ledger.faults(0).ReleaseDelayed();
    GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> next, ledger.Append(0, {relay.Next()}));
    EXPECT_EQ(next[0].height, Height(4)) << static_cast<int>(fault);
    GROAT_EXPECT_OK(ledger.node(0).health());
  }
}

TEST_F(LedgerNodeTest, WithoutTheRegisterCallsFailUntilItIsBack) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, {relay_.Next()}));
  for (size_t i = 0; i < 3; ++i) ledger.faults(i).SetUnavailable(true);
  const record::SignedRoot root = relay_.Next();
  EXPECT_THAT(ledger.Append(0, {root}, std::chrono::milliseconds(100)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("register does not answer")));
  EXPECT_THAT(ledger.ReadHead(1),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("register does not answer")));
  for (size_t i = 0; i < 3; ++i) ledger.faults(i).SetUnavailable(false);
  GROAT_ASSERT_OK(ledger.Append(0, {root}));
  ExpectAgreement(ledger, 2);
}

TEST_F(LedgerNodeTest, ANodeThatIsCutOffDoesNotStopTheOthers) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  ledger.faults(2).SetUnavailable(true);
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(5, 1)));
  ASSERT_TRUE(ledger.WaitForCheckpoint(0, 5));
  ASSERT_TRUE(ledger.WaitForCheckpoint(1, 5));
  ledger.faults(2).SetUnavailable(false);
  ExpectCheckpoints(ledger, 5);
}

TEST_F(LedgerNodeTest, AnAppendSurvivesTheSequencersEnd) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  ASSERT_TRUE(Eventually([&] { return ledger.node(2).sequencer().has_value(); }));
  const size_t sequencer = ledger.node(2).sequencer()->value();
  const size_t other = (sequencer + 1) % 3;
  ledger.Stop(sequencer);
  GROAT_ASSERT_OK(ledger.Append(other, {relay_.Next()}));
  EXPECT_TRUE(Eventually([&] {
    const auto now = ledger.node(other).sequencer();
    return now.has_value() && now->value() != sequencer;
  })) << "the lease ends with its holder";
}

// Losing the sequencer's lease at any moment is harmless: leases end at random moments while every
// node appends for a relay of its own.
TEST_F(LedgerNodeTest, LeasesMayBeLostAtAnyMoment) {
  std::vector<std::unique_ptr<TrieRelay>> relays;
  std::vector<TrieRelay*> pointers;
  for (uint32_t i = 1; i <= 3; ++i) {
    relays.push_back(std::make_unique<TrieRelay>(i));
    pointers.push_back(relays.back().get());
  }
  TestLedger ledger({.relays = pointers});
  ledger.StartAll();
  std::vector<std::thread> clients;
  std::atomic<int> running{3};
  for (size_t i = 0; i < 3; ++i) {
    clients.emplace_back([&, i] {
      for (int cycle = 0; cycle < 60; ++cycle) {
        GROAT_EXPECT_OK(ledger.Append(i, {relays[i]->Next()}));
      }
      --running;
    });
  }
  while (running > 0) {
    ledger.reg().ExpireAllLeases();
    std::this_thread::yield();
  }
  for (std::thread& client : clients) client.join();
  ExpectAgreement(ledger, 180);
  ExpectCheckpoints(ledger, 180);
  EXPECT_THAT(ledger.errors(), IsEmpty());
}

TEST_F(LedgerNodeTest, TheSequencersPlaceMovesOnRequest) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  for (const uint32_t target : {2u, 0u, 1u}) {
    GROAT_ASSERT_OK(ledger.node(0).housekeeper().Wish(NodeIndex(target)));
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(Eventually([&] { return ledger.node(i).sequencer() == NodeIndex(target); }));
    }
  }
  GROAT_EXPECT_OK(ledger.Append(0, {relay_.Next()}));
}

// --- Growth.

TEST_F(LedgerNodeTest, WithoutGrowthProofsNothingIsSigned) {
  TestLedger ledger({.relays = {&relay_}});
  for (size_t i = 0; i < 3; ++i) ledger.growth(i).SetUnavailable(true);
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(3, 1)));
  ExpectAgreement(ledger, 3);
  ASSERT_TRUE(Eventually([&] { return ledger.metrics(0).growth_retries.Value() > 3; }));
  EXPECT_FALSE(ledger.node(0).checkpoint().has_value());
  GROAT_EXPECT_OK(ledger.node(0).health());
  for (size_t i = 0; i < 2; ++i) ledger.growth(i).SetUnavailable(false);
  ExpectCheckpoints(ledger, 3);
  EXPECT_EQ(ledger.node(2).signed_height(), Height(0)) << "it could not verify";
}

TEST_F(LedgerNodeTest, AShrinkingTrieIsNeverSigned) {
  TestLedger ledger({.relays = {&relay_, &other_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(3, 2)));
  ExpectCheckpoints(ledger, 3);
  GROAT_ASSERT_OK(ledger.Append(0, {relay_.NextForgetting()}));
  GROAT_ASSERT_OK(ledger.Append(0, other_.Next(2, 1)));
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(Eventually([&] { return !ledger.node(i).health().ok(); }));
    EXPECT_THAT(ledger.node(i).health(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("block 4, relay 1")));
    EXPECT_EQ(ledger.node(i).verified(), Height(3));
    EXPECT_EQ(ledger.node(i).checkpoint()->checkpoint.height, Height(3));
    GROAT_EXPECT_OK(ledger.node(i).halted()) << "the order of blocks is not in doubt";
  }
  EXPECT_THAT(ledger.errors(), Contains(HasSubstr("did not only grow")));
  // Nor after a restart.
  ledger.Stop(1);
  ledger.Start(1);
  ASSERT_TRUE(Eventually([&] { return !ledger.node(1).health().ok(); }));
  // The two others may have made the checkpoint of height 3 without it.
  EXPECT_LE(ledger.node(1).signed_height(), Height(3));
}

TEST_F(LedgerNodeTest, ARightProofFromAnotherEndpointOutweighsAWrongOne) {
  TestLedger ledger({.relays = {&relay_}, .growth_endpoints = 2});
  for (size_t i = 0; i < 3; ++i) ledger.growth(i).Corrupt(0);
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(3, 1)));
  ExpectCheckpoints(ledger, 3);
  GROAT_EXPECT_OK(ledger.node(0).health());
  EXPECT_GT(ledger.metrics(0).growth_failures.Value(), 0);
}

TEST_F(LedgerNodeTest, PeriodsStartFromAnEmptyTrie) {
  TrieRelay relay(3, 0, /*period_cycles=*/2);
  TestLedger ledger({.nodes = 1, .relays = {&relay}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay.Next(5, 3)));
  ExpectCheckpoints(ledger, 5);
}

// --- Falling behind, restarting.

TEST_F(LedgerNodeTest, ANodeBehindTheWindowCatchesUpFromItsPeers) {
  TestLedger ledger({.window_blocks = 100, .relays = {&relay_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(5, 1)));
  ExpectAgreement(ledger, 5);
  ledger.Stop(2);
  for (int i = 0; i < 8; ++i) GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(100, 0)));
  const RegisterKeys keys("test/");
  ASSERT_TRUE(Eventually([&] {
    const auto runs = ledger.reg().ReadRange(keys.BlockRunsFrom(Height(0)), 1);
    return runs.ok() && keys.Parse(runs->items[0].key)->height > Height(300);
  })) << "the window moves";
  ledger.Start(2);
  ExpectAgreement(ledger, 805);
  EXPECT_GT(ledger.metrics(2).peer_fetches.Value(), 0);
  ledger.Wipe(2);
  ledger.Start(2);
  ExpectAgreement(ledger, 805);
  ExpectCheckpoints(ledger, 805);
  EXPECT_THAT(ledger.errors(), IsEmpty());
}

TEST_F(LedgerNodeTest, AllNodesRestart) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(5, 1)));
  ExpectCheckpoints(ledger, 5);
  for (size_t i = 0; i < 3; ++i) ledger.Stop(i);
  ledger.StartAll();
  ExpectCheckpoints(ledger, 5);
  GROAT_ASSERT_OK(ledger.Append(1, relay_.Next(5, 1)));
  ExpectCheckpoints(ledger, 10);
}

TEST_F(LedgerNodeTest, MetricsShowAfterARestartWhatWasSignedBefore) {
  TestLedger ledger({.nodes = 1, .relays = {&relay_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(5, 1)));
  ExpectCheckpoints(ledger, 5);
  EXPECT_EQ(ledger.metrics(0).signed_height.Value(), 5);
  ledger.Stop(0);
  ledger.Start(0);
  EXPECT_EQ(ledger.metrics(0).signed_height.Value(), 5);
  EXPECT_EQ(ledger.metrics(0).verified_height.Value(), 5);
  EXPECT_EQ(ledger.metrics(0).checkpoint_height.Value(), 5);
  EXPECT_EQ(ledger.metrics(0).applied_height.Value(), 5);
}

// --- Forks.

TEST_F(LedgerNodeTest, AnOlderRegisterStopsTheNodesAndBothHistoriesAreShown) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(3, 1)));
  ExpectCheckpoints(ledger, 3);
  const storage::RegisterState old = ledger.reg().Snapshot();
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> lost, ledger.Append(0, relay_.Next(2, 1)));
  ExpectCheckpoints(ledger, 5);
  ledger.reg().Restore(old);

  const record::SignedRoot next = relay_.Next();
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(Eventually([&] { return !ledger.node(i).halted().ok(); })) << "node " << i;
    const absl::Status want = ledger.node(i).halted();
    EXPECT_THAT(want, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("went back")));
    // Ours up to 5, theirs up to 3, the last common one, and what was signed.
    EXPECT_THAT(want, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("5:" + lost[1].Id().Hex())));
    EXPECT_THAT(want, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("last in common 3")));
    // A node need not have signed: two of three make a checkpoint.
    if (ledger.node(i).signed_height() > Height(0)) {
      EXPECT_THAT(want, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("signed up to")));
    }
    EXPECT_EQ(ledger.Append(i, {next}).status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ledger.ReadHead(i).status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ledger.store(i).applied(), Height(5)) << "stale reads still show our history";
  }
  EXPECT_THAT(ledger.errors(), Contains(HasSubstr("histories contradict each other")));
}

// The register is restored behind the nodes' backs, and goes on with other blocks while one node
// that signed the lost ones is away. When it returns it stops, and signs nothing of the new
// history.
TEST_F(LedgerNodeTest, ANodeNeverFollowsBackBehindWhatItSigned) {
  TestLedger ledger({.relays = {&relay_, &other_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(3, 1)));
  ExpectCheckpoints(ledger, 3);
  const storage::RegisterState old = ledger.reg().Snapshot();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(2, 1)));
  ExpectCheckpoints(ledger, 5);
  ASSERT_TRUE(Eventually([&] {
    return ledger.node(0).signed_height() == Height(5) ||
           ledger.node(1).signed_height() == Height(5);
  }));
  const size_t signer = ledger.node(0).signed_height() == Height(5) ? 0 : 1;
  const size_t fresh = 1 - signer;
  for (size_t i = 0; i < 3; ++i) ledger.Stop(i);
  ledger.reg().Restore(old);
  ledger.Wipe(fresh);
  ledger.Start(fresh);
  GROAT_ASSERT_OK(ledger.Append(fresh, other_.Next(4, 1)));
  ASSERT_TRUE(ledger.WaitForApplied(fresh, 7));

  ledger.Start(signer);
  ASSERT_TRUE(Eventually([&] { return !ledger.node(signer).halted().ok(); }));
  EXPECT_THAT(ledger.node(signer).halted(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("another history")));
  EXPECT_THAT(ledger.node(signer).halted(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("last in common 3")));
  EXPECT_EQ(ledger.node(signer).signed_height(), Height(5));
  EXPECT_EQ(ledger.store(signer).applied(), Height(5));
}

TEST_F(LedgerNodeTest, ABlockThatBreaksTheRulesStopsTheNodes) {
  TestLedger ledger({.relays = {&relay_}});
  ledger.StartAll();
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> blocks, ledger.Append(0, {relay_.Next()}));
  // Somebody with access to the register writes a block for a root that no relay signed.
  Block forged{Height(2), blocks[0].Id(), blocks[0].timestamp_ms, relay_.Next()};
  forged.root.signature[0] ^= 1;
  const RegisterKeys keys("test/");
  storage::Transaction transaction;
  transaction.puts = {
      {keys.Head(), EncodeHead(ledger.ledger_id(), ledger::ChainHead::Of(forged)), {}},
      {keys.BlockRun(Height(2)), EncodeBlockRun({forged}), {}}};
  GROAT_ASSERT_OK(ledger.reg().Commit(transaction));
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(Eventually([&] { return !ledger.node(i).halted().ok(); }));
    EXPECT_THAT(ledger.node(i).halted(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("breaks the rules: block 2")));
    EXPECT_EQ(ledger.store(i).applied(), Height(1));
  }
}

TEST_F(LedgerNodeTest, ARegisterOfAnotherLedgerStopsTheNode) {
  TestLedger ledger({.nodes = 1, .relays = {&relay_}});
  const RegisterKeys keys("test/");
  storage::Transaction transaction;
  transaction.puts = {{keys.Head(), EncodeHead(testing::Filled(9), {Height(1), {}, 1}), {}}};
  GROAT_ASSERT_OK(ledger.reg().Commit(transaction));
  ledger.StartAll();
  ASSERT_TRUE(Eventually([&] { return !ledger.node(0).halted().ok(); }));
  EXPECT_THAT(ledger.node(0).halted(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the register holds ledger 0909")));
}

// --- Backup and restore.

TEST_F(LedgerNodeTest, ALostRegisterIsRestoredFromABackup) {
  TestLedger ledger({.relays = {&relay_, &other_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(30, 1)));
  GROAT_ASSERT_OK(ledger.Append(0, other_.Next(5, 1)));
  ExpectCheckpoints(ledger, 35);
  const std::string backup_folder = ledger.scratch() + "/backup";
  GROAT_ASSERT_OK(ledger.store(1).Backup(backup_folder));
  for (size_t i = 0; i < 3; ++i) ledger.Stop(i);

  GROAT_ASSERT_OK_AND_ASSIGN(const auto backup,
                             BlockStore::Open(backup_folder, ledger.ledger_id()));
  const RegisterKeys keys("test/");
  EXPECT_THAT(RestoreRegister(*backup, ledger.ledger_id(), keys, 1000, ledger.reg()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not empty")));
  ledger.reg().Restore(storage::RegisterState());
  GROAT_ASSERT_OK_AND_ASSIGN(const Height height,
                             RestoreRegister(*backup, ledger.ledger_id(), keys, 20, ledger.reg()));
  EXPECT_EQ(height, Height(35));
  EXPECT_THAT(RestoreRegister(*backup, ledger.ledger_id(), keys, 20, ledger.reg()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not empty")));

  ledger.Wipe(2);
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(2, relay_.Next(3, 1)));
  ExpectAgreement(ledger, 38);
  ExpectCheckpoints(ledger, 38);
  EXPECT_THAT(ledger.errors(), IsEmpty());
}

TEST_F(LedgerNodeTest, AnInterruptedRestoreGoesOnAndAnEmptyBackupIsRefused) {
  TestLedger ledger({.nodes = 1, .relays = {&relay_}});
  ledger.StartAll();
  GROAT_ASSERT_OK(ledger.Append(0, relay_.Next(10, 1)));
  ASSERT_TRUE(ledger.WaitForApplied(0, 10));
  const RegisterKeys keys("test/");
  storage::MemoryRegister fresh;
  storage::FaultyRegister faulty(&fresh);
  faulty.FailCommits({CommitFault::kNone, CommitFault::kUnavailable});
  EXPECT_THAT(RestoreRegister(ledger.store(0), ledger.ledger_id(), keys, 1000, faulty),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("")));
  GROAT_EXPECT_OK(RestoreRegister(ledger.store(0), ledger.ledger_id(), keys, 1000, faulty));
  GROAT_ASSERT_OK_AND_ASSIGN(const auto empty,
                             BlockStore::Open(ledger.scratch() + "/empty", ledger.ledger_id()));
  storage::MemoryRegister target;
  EXPECT_THAT(RestoreRegister(*empty, ledger.ledger_id(), keys, 1000, target),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no blocks")));
}

}  // namespace
}  // namespace groat::ledger_service
