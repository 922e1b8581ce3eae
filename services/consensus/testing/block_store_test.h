// A store of a small chain on a disk in memory, to be opened again and again. Tests only.
#ifndef GROAT_SERVICES_CONSENSUS_TESTING_BLOCK_STORE_TEST_H_
#define GROAT_SERVICES_CONSENSUS_TESTING_BLOCK_STORE_TEST_H_

#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "base/status_matchers.h"
#include "hotstuff/testing/fixture.h"
#include "services/consensus/block_store.h"
#include "services/consensus/testing/shared_store.h"

namespace groat::consensus_service::testing {

class BlockStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<BlockStore> Open() {
    auto store = BlockStore::Open(std::make_unique<SharedStore>(disk_), maker_.genesis);
    GROAT_EXPECT_OK(store);
    return *std::move(store);
  }
  hotstuff::SafetyState Safety(hotstuff::View timeout) {
    hotstuff::SafetyState safety;
    safety.chain = maker_.chain;
    safety.timeout_view = timeout;
    safety.high_qc = safety.lock = maker_.Certify(*maker_.genesis.Block0());
    return safety;
  }
  // Blocks of heights 1 to 3, of one command each; the third repeats the second's.
  std::vector<hotstuff::BlockPtr> Chain() {
    std::vector<hotstuff::BlockPtr> blocks;
    hotstuff::BlockPtr parent = maker_.genesis.Block0();
    for (const uint64_t sequence : {1u, 2u, 2u}) {
      parent = maker_.Extend(parent, parent->view().Next(), nullptr,
                             {hotstuff::testing::MakeCommand(7, sequence)});
      blocks.push_back(parent);
    }
    return blocks;
  }
  StoreTurn Commit(const hotstuff::BlockPtr& block, bool fresh = true) {
    StoreTurn turn;
    turn.commits.push_back({block, maker_.Certify(*block), {fresh}});
    turn.proofs.push_back({block->height(), {{block->header()}, maker_.Certify(*block)}});
    turn.schedule = maker_.schedules[block->id()];
    return turn;
  }
  hotstuff::Snapshot SnapshotOf(const hotstuff::BlockPtr& block) {
    hotstuff::ClientTable clients(maker_.genesis.max_clients);
    for (uint64_t i = 1; i <= block->height().value(); ++i) {
      clients.Commit(hotstuff::testing::MakeCommand(7, i).key);
    }
    return {block,
            maker_.Certify(*block),
            {true},
            maker_.schedules[block->id()],
            nullptr,
            clients,
            {{block->header()}, maker_.Certify(*block)}};
  }
  size_t CountOf(char kind) const {
    size_t count = 0;
    GROAT_EXPECT_OK(disk_.Scan(Bytes{static_cast<uint8_t>(kind)},
                               Bytes{static_cast<uint8_t>(kind + 1)}, [&](ByteView, ByteView) {
                                 ++count;
                                 return true;
                               }));
    return count;
  }
  void Remove(std::string_view key) {
    GROAT_ASSERT_OK(disk_.Write(storage::StoreBatch().Delete(AsBytes(key)),
                                storage::OrderedStore::Durability::kSynced));
  }

  static hotstuff::Genesis MakeGenesis() {
    hotstuff::Genesis genesis = hotstuff::testing::SmallGenesis(4);
    genesis.snapshot_interval_blocks = 4;
    return genesis;
  }

  hotstuff::testing::ChainMaker maker_{MakeGenesis()};
  storage::MemoryStore disk_;
};

}  // namespace groat::consensus_service::testing

#endif  // GROAT_SERVICES_CONSENSUS_TESTING_BLOCK_STORE_TEST_H_
