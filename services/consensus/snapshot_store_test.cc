// Snapshots in the store: those that a replica made, those that it takes over, and pruning below
// them.
#include "services/consensus/snapshot_store.h"

#include <gmock/gmock.h>

#include <thread>

#include "base/status_matchers.h"
#include "services/consensus/command_search.h"
#include "services/consensus/testing/block_store_test.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using hotstuff::BlockPtr;
using hotstuff::Restored;
using hotstuff::View;
using hotstuff::testing::MakeCommand;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SnapshotStoreTest : public testing::BlockStoreTest {
 protected:
  // One command each.
  std::vector<BlockPtr> LongChain(uint64_t blocks) {
    std::vector<BlockPtr> chain;
    BlockPtr parent = maker_.genesis.Block0();
    for (uint64_t i = 1; i <= blocks; ++i) {
      parent = maker_.Extend(parent, parent->view().Next(), nullptr, {MakeCommand(7, i)});
      chain.push_back(parent);
    }
    return chain;
  }
  static hotstuff::Installation Installed(const hotstuff::Snapshot& snapshot) {
    const Bytes table = snapshot.clients.Encode();
    return {{hotstuff::MakeManifest(snapshot, table), snapshot.block, snapshot.certificate,
             snapshot.proof},
            table,
            {}};
  }
};

TEST_F(SnapshotStoreTest, ReadsTheNewestSnapshotAndTheBlocksAfterIt) {
  const std::vector<BlockPtr> chain = Chain();
  {
    const auto store = Open();
    GROAT_ASSERT_OK(store->Write(Commit(chain[0])));
    hotstuff::Snapshot snapshot = SnapshotOf(chain[0]);
    snapshot.clients = hotstuff::ClientTable(maker_.genesis.max_clients);
    snapshot.clients.Commit(MakeCommand(99, 5).key);  // Only the snapshot tells.
    GROAT_ASSERT_OK(store->snapshots().Save(snapshot));
    GROAT_ASSERT_OK(store->Write(Commit(chain[1])));
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, Open()->Load());
  const auto look = [&](uint64_t client, uint64_t sequence) {
    return loaded.restored.clients->Look(MakeCommand(client, sequence).key);
  };
  EXPECT_EQ(look(99, 5), hotstuff::ClientTable::State::kSeen);
  EXPECT_EQ(look(7, 1), hotstuff::ClientTable::State::kFresh);  // In the snapshot's time.
  EXPECT_EQ(look(7, 2), hotstuff::ClientTable::State::kSeen);
}

// Two of the heights that all agree on, and the newest one of this replica alone.
TEST_F(SnapshotStoreTest, KeepsTheNewestSnapshotsAndPrunesBelowThem) {
  const auto store = Open();
  GROAT_ASSERT_OK(store->Load());
  const std::vector<BlockPtr> chain = LongChain(19);
  for (const BlockPtr& block : chain) {
    GROAT_ASSERT_OK(store->Write(Commit(block)));
    const uint64_t height = block->height().value();
    if (height % 4 == 0 || height == 6 || height == 19) {
      GROAT_ASSERT_OK(store->snapshots().Save(SnapshotOf(block)));
    }
  }
  const auto offered = store->snapshots().Offered();
  ASSERT_THAT(offered, SizeIs(2));
  EXPECT_EQ(offered[0].height, Height(12));
  EXPECT_EQ(offered[1].height, Height(16));
  GROAT_EXPECT_OK(store->snapshots().Head(offered[0]));
  GROAT_EXPECT_OK(store->snapshots().Piece(offered[1], 0));
  for (const auto& [name, index] : {std::pair(hotstuff::SnapshotName{Height(8), Hash()}, 0u),
                                    {hotstuff::SnapshotName{Height(12), Hash()}, 0u},
                                    {offered[0], 1u}}) {
    EXPECT_THAT(store->snapshots().Piece(name, index),
                StatusIs(absl::StatusCode::kNotFound, ::testing::_));
  }
  EXPECT_EQ(store->snapshots().NewestTable()->value().height, Height(19));
  EXPECT_EQ(CountOf('n'), 3u);
  EXPECT_EQ(CountOf('d'), 3u);

  GROAT_ASSERT_OK(store->Prune(0));
  EXPECT_EQ(store->first(), Height(1));
  GROAT_ASSERT_OK(store->Prune(100));
  EXPECT_EQ(store->first(), Height(1));
  GROAT_ASSERT_OK(store->Prune(12));  // Fewer than the snapshots would allow.
  EXPECT_EQ(store->first(), Height(7));
  GROAT_ASSERT_OK(store->Prune(1));  // More than they do.
  EXPECT_EQ(store->first(), Height(12));
  for (const char kind : {'b', 'c', 'p'}) EXPECT_EQ(CountOf(kind), 8u) << kind;
  for (const auto& status : {store->At(Height(11)).status(), store->ProofFor(Height(3)).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("want 12 to 19")));
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const auto found, FindCommands(*store, {MakeCommand(7, 2).key}, 100));
  EXPECT_THAT(found, IsEmpty());

  const auto again = Open();
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, again->Load());
  EXPECT_EQ(again->first(), Height(12));
  EXPECT_EQ(again->snapshots().Offered(), offered);
  EXPECT_EQ(loaded.restored.root->height(), Height(19));
}

// Readers, snapshots and pruning run beside the writer; what was pruned meanwhile is OUT_OF_RANGE,
// and nothing else is ever missing.
TEST_F(SnapshotStoreTest, IsReadBesideWritesSnapshotsAndPruning) {
  constexpr uint64_t kHeights = 120;
  constexpr uint64_t kKept = 8;
  std::vector<StoreTurn> turns;
  std::vector<hotstuff::Snapshot> snapshots;
  for (const BlockPtr& block : LongChain(kHeights)) {
    turns.push_back(Commit(block));
    if (block->height().value() % maker_.genesis.snapshot_interval_blocks == 0) {
      snapshots.push_back(SnapshotOf(block));
    }
  }
  const auto store = Open();
  GROAT_ASSERT_OK(store->Load());
  std::thread archive([&] {
    for (const hotstuff::Snapshot& snapshot : snapshots) {
      while (store->last() < snapshot.block->height()) std::this_thread::yield();
      GROAT_EXPECT_OK(store->snapshots().Save(snapshot));
      GROAT_EXPECT_OK(store->Prune(kKept));
    }
  });
  const auto read = [&](uint64_t client) {
    const auto expect_there = [](const absl::Status& status) {
      EXPECT_TRUE(status.ok() || absl::IsOutOfRange(status) || absl::IsNotFound(status)) << status;
    };
    while (store->last() < Height(kHeights)) {
      expect_there(store->CommittedAt(store->first()).status());
      expect_there(store->CommittedAt(store->last()).status());
      expect_there(store->ProofFor(store->first()).status());
      for (const hotstuff::SnapshotName& name : store->snapshots().Offered()) {
        expect_there(store->snapshots().Head(name).status());
      }
      GROAT_EXPECT_OK(FindCommands(*store, {MakeCommand(client, 1).key}, 4));
    }
  };
  std::vector<std::thread> readers;
  for (const uint64_t client : {uint64_t{7}, uint64_t{8}}) readers.emplace_back(read, client);
  for (const StoreTurn& turn : turns) GROAT_EXPECT_OK(store->Write(turn));
  for (std::thread& reader : readers) reader.join();
  archive.join();
  EXPECT_EQ(store->last(), Height(kHeights));
  EXPECT_EQ(store->first(), Height(kHeights - kKept));
}

// A crash between the pieces of a snapshot and its head leaves nothing behind.
TEST_F(SnapshotStoreTest, RemovesPiecesWithoutAHead) {
  const auto store = Open();
  GROAT_ASSERT_OK(store->Load());
  const std::vector<BlockPtr> chain = LongChain(8);
  for (const BlockPtr& block : chain) GROAT_ASSERT_OK(store->Write(Commit(block)));
  GROAT_ASSERT_OK(store->snapshots().Save(SnapshotOf(chain[3])));
  for (const uint64_t height : {2u, 7u}) {
    GROAT_ASSERT_OK(store->snapshots().WritePieces(Height(height), Bytes(10, 1)));
  }
  EXPECT_EQ(CountOf('d'), 3u);
  const auto again = Open();
  GROAT_ASSERT_OK(again->Load());
  EXPECT_EQ(CountOf('d'), 1u);
  EXPECT_EQ(again->snapshots().NewestTable()->value().height, Height(4));
}

TEST_F(SnapshotStoreTest, ASnapshotOfOthersTakesThePlaceOfBlocksInOneWrite) {
  const std::vector<BlockPtr> chain = LongChain(12);
  const auto store = Open();
  StoreTurn turn = Commit(chain[0]);
  turn.safety = Safety(View(3));
  turn.blocks.push_back({chain[1], nullptr});
  turn.blocks.push_back({chain[8], nullptr});  // Above the snapshot; others may need it.
  GROAT_ASSERT_OK(store->Write(turn));
  const hotstuff::Snapshot snapshot = SnapshotOf(chain[7]);
  const hotstuff::Installation install = Installed(snapshot);
  GROAT_ASSERT_OK(store->Install(install, std::nullopt));
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded loaded, store->Load());
  EXPECT_EQ(loaded.restored.root->id(), chain[7]->id());
  EXPECT_EQ(loaded.restored.memory, Restored::Memory::kKept);
  EXPECT_EQ(loaded.restored.safety->timeout_view, View(3));
  EXPECT_EQ(loaded.restored.clients->Encode(), install.table);
  ASSERT_THAT(loaded.restored.blocks, SizeIs(1));
  EXPECT_EQ(loaded.restored.blocks[0]->id(), chain[8]->id());
  EXPECT_EQ(store->first(), Height(8));
  EXPECT_EQ(store->last(), Height(8));
  GROAT_EXPECT_OK(store->CommittedAt(Height(8)));
  GROAT_EXPECT_OK(store->ProofFor(Height(8)));
  EXPECT_THAT(store->At(Height(1)),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("want 8 to 8")));
  ASSERT_THAT(store->snapshots().Offered(), SizeIs(1));
  EXPECT_EQ(store->snapshots().Offered()[0].digest, install.head.manifest.Digest());
  // Pieces first, then one write that decides, all synced.
  disk_.Crash();
  GROAT_ASSERT_OK_AND_ASSIGN(const BlockStore::Loaded after, Open()->Load());
  EXPECT_EQ(after.restored.root->id(), chain[7]->id());
  GROAT_ASSERT_OK(store->Write(Commit(chain[8])));
}

}  // namespace
}  // namespace groat::consensus_service
