#include "services/consensus/block_store.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "services/consensus/command_search.h"
#include "services/consensus/testing/block_store_test.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using hotstuff::BlockPtr;
using hotstuff::CommittedBlock;
using hotstuff::Restored;
using hotstuff::View;
using hotstuff::testing::MakeCommand;
using testing::BlockStoreTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SharedStore;
using ::testing::SizeIs;
using Durability = storage::OrderedStore::Durability;

hotstuff::Evidence VotesOf(uint64_t epoch, uint16_t culprit, uint64_t view) {
  const auto vote = [&](uint8_t block) {
    hotstuff::BlockId id;
    id[0] = block;
    return hotstuff::Vote{Epoch(epoch), View(view), id, hotstuff::ReplicaIndex(culprit),
                          Bytes(64, block)};
  };
  return hotstuff::ConflictingVotes{vote(1), vote(2)};
}

TEST_F(BlockStoreTest, StartsEmpty) {
  const auto store = Open();
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, store->Load());
  EXPECT_EQ(loaded.restored.memory, Restored::Memory::kFirstStart);
  EXPECT_EQ(loaded.restored.root, nullptr);
  EXPECT_EQ(loaded.validators, maker_.genesis.validators);
  EXPECT_THAT(store->At(Height(0)), StatusIs(absl::StatusCode::kOutOfRange, ::testing::_));
  EXPECT_THAT(store->At(Height(1)), StatusIs(absl::StatusCode::kOutOfRange, ::testing::_));
}

// A replica whose process ends finds its memory, its chain and the blocks above it again.
TEST_F(BlockStoreTest, RestoresWhatItWrote) {
  const std::vector<BlockPtr> chain = Chain();
  const BlockPtr rival =
      maker_.Extend(chain[0], View(9), maker_.GiveUp(View(8), chain[0]->view()), {});
  {
    const auto store = Open();
    StoreTurn turn;
    turn.safety = Safety(View(3));
    for (const BlockPtr& block : {chain[0], chain[1], rival}) turn.blocks.push_back({block, {}});
    GROAT_ASSERT_OK(store->Write(turn));
    GROAT_ASSERT_OK(store->Write(Commit(chain[0])));
    EXPECT_EQ(store->last(), Height(1));
  }
  const auto store = Open();
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, store->Load());
  const Restored& restored = loaded.restored;
  EXPECT_EQ(restored.memory, Restored::Memory::kKept);
  EXPECT_EQ(restored.safety->timeout_view, View(3));
  EXPECT_EQ(restored.root->id(), chain[0]->id());
  EXPECT_EQ(restored.root_certificate->block(), chain[0]->id());
  EXPECT_THAT(restored.blocks, SizeIs(2));
  EXPECT_EQ(restored.clients->Look(MakeCommand(7, 1).key), hotstuff::ClientTable::State::kSeen);
  EXPECT_EQ(restored.clients->Look(MakeCommand(7, 2).key), hotstuff::ClientTable::State::kFresh);

  // The branch that lost goes with the commit at its height.
  GROAT_ASSERT_OK(store->Write(Commit(chain[1])));
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded later, Open()->Load());
  EXPECT_THAT(later.restored.blocks, IsEmpty());
}

TEST_F(BlockStoreTest, ShowsBlocksTheirProofsAndWhatIsRepeated) {
  const std::vector<BlockPtr> chain = Chain();
  const auto store = Open();
  StoreTurn turn = Commit(chain[2], false);
  turn.commits.insert(turn.commits.begin(), {{chain[0], maker_.Certify(*chain[0]), {true}},
                                             {chain[1], maker_.Certify(*chain[1]), {true}}});
  GROAT_ASSERT_OK(store->Write(turn));
  GROAT_ASSERT_OK_AND_ASSIGN(const StoredBlock stored, store->At(Height(3)));
  EXPECT_EQ(Bytes(stored.header().begin(), stored.header().end()), chain[2]->header().Encode());
  EXPECT_EQ(Bytes(stored.commands().begin(), stored.commands().end()),
            hotstuff::EncodeCommands(chain[2]->commands()));
  EXPECT_EQ(stored.repeated, std::vector<uint32_t>{0});
  GROAT_ASSERT_OK_AND_ASSIGN(const CommittedBlock committed, store->CommittedAt(Height(3)));
  EXPECT_EQ(committed.block->id(), chain[2]->id());
  EXPECT_EQ(committed.fresh, std::vector<bool>{false});
  // The proof of the third block serves for the first.
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::StoredProof proof, store->ProofFor(Height(1)));
  EXPECT_EQ(proof.height, Height(3));
}

TEST_F(BlockStoreTest, FindsCommandsWhereTheyTookEffect) {
  const std::vector<BlockPtr> chain = Chain();
  const auto store = Open();
  for (size_t i = 0; i < 3; ++i) GROAT_ASSERT_OK(store->Write(Commit(chain[i], i < 2)));
  const auto key = MakeCommand(7, 2).key;
  GROAT_ASSERT_OK_AND_ASSIGN(const auto found,
                             FindCommands(*store, {key, MakeCommand(8, 1).key}, 100));
  EXPECT_EQ(found.size(), 1u);
  EXPECT_EQ(found.at(key).position, (Position{Height(2), 0}));
  EXPECT_EQ(found.at(key).payload, HashOfPayload(MakeCommand(7, 2).payload));
  GROAT_ASSERT_OK_AND_ASSIGN(const auto near, FindCommands(*store, {key}, 1));
  EXPECT_THAT(near, IsEmpty());
}

TEST_F(BlockStoreTest, RemembersThatItsMemoryWasLost) {
  const uint64_t drift_us = maker_.genesis.max_clock_drift_us();
  hotstuff::BlockHeader root;
  {
    const auto store = Open();
    GROAT_ASSERT_OK(store->Load());
    EXPECT_TRUE(store->RemembersEpochAfter(root));
    StoreTurn turn;
    turn.safety = Safety(View(1));
    GROAT_ASSERT_OK(store->Write(turn));
    GROAT_ASSERT_OK(store->MarkMemoryLost(5000));
  }
  const auto store = Open();
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, store->Load());
  EXPECT_EQ(loaded.restored.memory, Restored::Memory::kLost);
  EXPECT_FALSE(loaded.restored.safety.has_value());
  root.timestamp_us = 5000 + 2 * drift_us;
  EXPECT_FALSE(store->RemembersEpochAfter(root));
  ++root.timestamp_us;
  EXPECT_TRUE(store->RemembersEpochAfter(root));
}

// A crash of the machine may lose the commit, never what was voted on.
TEST_F(BlockStoreTest, SyncsOnlyWithTheSafetyRecord) {
  const std::vector<BlockPtr> chain = Chain();
  const auto store = Open();
  const uint64_t before = disk_.sync_count();
  StoreTurn turn;
  turn.safety = Safety(View(1));
  turn.blocks.push_back({chain[0], nullptr});
  GROAT_ASSERT_OK(store->Write(turn));
  EXPECT_EQ(disk_.sync_count(), before + 1);
  GROAT_ASSERT_OK(store->Write(Commit(chain[0])));
  EXPECT_EQ(disk_.sync_count(), before + 1);
  disk_.Crash();
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, Open()->Load());
  EXPECT_EQ(loaded.restored.root, nullptr);
  EXPECT_THAT(loaded.restored.blocks, SizeIs(1));
  EXPECT_EQ(loaded.restored.memory, Restored::Memory::kKept);
}

TEST_F(BlockStoreTest, TakesBlocksWithoutItsMemoryForAmnesia) {
  const auto store = Open();
  StoreTurn turn;
  turn.safety = Safety(View(1));
  turn.blocks.push_back({Chain()[0], nullptr});
  GROAT_ASSERT_OK(store->Write(turn));
  Remove("s");
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, Open()->Load());
  EXPECT_EQ(loaded.restored.memory, Restored::Memory::kLost);
}

// A mark in an otherwise empty store: it was lost before anything could be fetched. Also if the
// chain's time begins so late that the mark is older than its first epoch.
TEST_F(BlockStoreTest, TakesAMarkOfLossWithoutAnythingElseForAmnesia) {
  maker_.genesis.timestamp_us = 1'000'000'000;
  GROAT_ASSERT_OK(Open()->MarkMemoryLost(0));
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, Open()->Load());
  EXPECT_EQ(loaded.restored.memory, Restored::Memory::kLost);
}

// Evidence outlives restarts, power cuts and epochs; the newest is kept, and how much there was.
TEST_F(BlockStoreTest, KeepsTheNewestEvidence) {
  constexpr size_t kCapacity = hotstuff::EvidenceLog::kCapacity;
  std::vector<hotstuff::Evidence> all;
  for (uint64_t i = 0; i < kCapacity + 3; ++i) {
    all.push_back(VotesOf(i / 64, static_cast<uint16_t>(i % 4), i));
  }
  {
    const auto store = Open();
    GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, store->Load());
    EXPECT_EQ(loaded.restored.evidence.total(), 0u);
    StoreTurn turn;
    turn.evidence = {all[0], all[1]};
    GROAT_ASSERT_OK(store->Write(turn));
    turn.evidence = {all[2]};
    GROAT_ASSERT_OK(store->Write(turn));
  }
  disk_.Crash();
  const auto store = Open();
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded few, store->Load());
  EXPECT_THAT(few.restored.evidence.list(), ElementsAre(all[0], all[1], all[2]));
  EXPECT_EQ(few.restored.evidence.total(), 3u);
  EXPECT_EQ(few.restored.memory, Restored::Memory::kLost);  // It holds something.

  StoreTurn turn;
  turn.evidence.assign(all.begin() + 3, all.end());
  GROAT_ASSERT_OK(store->Write(turn));
  EXPECT_EQ(CountOf('e'), kCapacity);
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded many, Open()->Load());
  EXPECT_EQ(many.restored.evidence.total(), kCapacity + 3);
  EXPECT_EQ(many.restored.evidence.list().front(), all[3]);
  EXPECT_EQ(many.restored.evidence.list().back(), all.back());
  // One that is missing in between was not dropped by the store.
  GROAT_ASSERT_OK(disk_.Write(storage::StoreBatch().Delete(ByteWriter().U8('e').U64(100).Take()),
                              Durability::kSynced));
  EXPECT_THAT(Open()->Load(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("evidence 101 follows evidence 99")));
}

TEST_F(BlockStoreTest, RefusesAnotherChain) {
  Open();
  hotstuff::Genesis other = maker_.genesis;
  other.name = "other";
  EXPECT_THAT(BlockStore::Open(std::make_unique<SharedStore>(disk_), other),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("chain")));
}

TEST_F(BlockStoreTest, NamesWhatIsDamaged) {
  struct Case {
    char kind;
    const char* message;
  };
  for (const Case& test :
       {Case{'s', "safety record"}, Case{'r', "last commit"}, Case{'c', "block of height 1"},
        Case{'b', "block of height 1"}, Case{'n', "snapshot of height 1"},
        Case{'d', "piece 0 of its client table"}, Case{'f', "first block"},
        Case{'l', "memory's loss"}, Case{'e', "evidence 1: "}}) {
    SCOPED_TRACE(test.kind);
    storage::MemoryStore fresh;
    {
      auto store = BlockStore::Open(std::make_unique<SharedStore>(fresh), maker_.genesis);
      StoreTurn turn = Commit(Chain()[0]);
      turn.safety = Safety(View(1));
      turn.evidence = {VotesOf(0, 1, 1)};
      GROAT_ASSERT_OK((*store)->Write(turn));
      GROAT_ASSERT_OK((*store)->snapshots().Save(SnapshotOf(turn.commits[0].block)));
      const Bytes number(8, 0);
      if (test.kind == 'f' || test.kind == 'l') {
        GROAT_ASSERT_OK(
            fresh.Write(storage::StoreBatch().Put(Bytes{static_cast<uint8_t>(test.kind)}, number),
                        Durability::kSynced));
      }
    }
    const Bytes begin{static_cast<uint8_t>(test.kind)};
    const Bytes end{static_cast<uint8_t>(test.kind + 1)};
    const auto last = *fresh.Last(begin, end);
    ASSERT_TRUE(last.has_value());
    const Bytes cut(last->second.begin(), last->second.begin() + 5);
    GROAT_ASSERT_OK(fresh.Write(storage::StoreBatch().Put(last->first, cut), Durability::kSynced));
    auto store = BlockStore::Open(std::make_unique<SharedStore>(fresh), maker_.genesis);
    EXPECT_THAT((*store)->Load(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(test.message)));
  }
}

TEST_F(BlockStoreTest, NamesWhatContradictsItself) {
  hotstuff::HandoverProof handover;
  handover.approved.change.next = Epoch(3);
  handover.approved.change.validators = maker_.genesis.validators;
  handover.commit = {{Chain()[0]->header()}, maker_.Certify(*Chain()[0])};
  struct Case {
    const char* message;
    Bytes key;
    Bytes value;
  };
  for (const Case& test :
       {Case{"first block that is kept is of height 2, the last commit of 1", Bytes{'f'},
             EncodeNumber(2)},
        Case{"last handover is of epoch 2", ByteWriter().U8('h').U64(7).Take(), handover.Encode()},
        Case{"stored under no height", Bytes{'p', 0xff}, Bytes{1}}}) {
    SCOPED_TRACE(test.message);
    storage::MemoryStore disk;
    auto store = BlockStore::Open(std::make_unique<SharedStore>(disk), maker_.genesis);
    GROAT_ASSERT_OK((*store)->Write(Commit(Chain()[0])));
    storage::StoreBatch batch;
    if (test.key[0] == 'p') batch.Delete(ByteWriter().U8('p').U64(1).Take());
    batch.Put(test.key, test.value);
    GROAT_ASSERT_OK(disk.Write(batch, Durability::kSynced));
    store = BlockStore::Open(std::make_unique<SharedStore>(disk), maker_.genesis);
    absl::Status status = (*store)->Load().status();
    if (status.ok()) status = (*store)->ProofFor(Height(1)).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, HasSubstr(test.message)));
  }
}

TEST_F(BlockStoreTest, PassesOnThatTheDiskIsFull) {
  const auto store = Open();
  disk_.FailWrites(absl::ResourceExhaustedError("disk full"));
  EXPECT_THAT(store->Write(Commit(Chain()[0])),
              StatusIs(absl::StatusCode::kResourceExhausted, ::testing::_));
  EXPECT_EQ(store->last(), Height(0));
}

}  // namespace
}  // namespace groat::consensus_service
