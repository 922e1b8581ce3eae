// What a replica reads back from its disk. The first byte chooses: a decoder, of which whatever
// decodes must encode to the same bytes; or a store whose records the rest of the input spoils,
// which must load, or say that data is lost.
#include "base/check.h"
#include "hotstuff/testing/fixture.h"
#include "services/consensus/block_store.h"
#include "services/consensus/command_search.h"
#include "services/consensus/store_keys.h"
#include "services/consensus/testing/shared_store.h"

namespace groat::consensus_service {
namespace {

using hotstuff::BlockPtr;
using hotstuff::View;
using hotstuff::testing::ChainMaker;
using hotstuff::testing::MakeCommand;
using storage::OrderedStore;
using storage::StoreBatch;

constexpr uint64_t kBlocks = 6;
// Heights that are read of what was loaded.
constexpr uint64_t kReadBlocks = 8;

Bytes Copy(ByteView bytes) { return Bytes(bytes.begin(), bytes.end()); }

template <typename T>
void CheckSame(const absl::StatusOr<T>& decoded, ByteView bytes) {
  if (decoded.ok()) GROAT_CHECK(decoded->Encode() == Copy(bytes));
}

void TryParts(ByteView bytes) {
  StoredBlock stored;
  stored.encoding = Copy(bytes);
  const uint8_t* const end = stored.encoding.data() + stored.encoding.size();
  for (const ByteView part : {stored.header(), stored.signature(), stored.commands()}) {
    GROAT_CHECK(part.empty() ||
                (part.data() >= stored.encoding.data() && part.data() + part.size() <= end));
  }
}

hotstuff::Evidence MakeEvidence(uint64_t view) {
  hotstuff::Vote first{hotstuff::Epoch(0), View(view), {}, hotstuff::ReplicaIndex(2), Bytes(64, 1)};
  hotstuff::Vote second = first;
  second.block[0] = 1;
  return hotstuff::ConflictingVotes{first, second};
}

// The records of a store with six blocks: five are committed, the fourth is in a snapshot.
class Sample {
 public:
  Sample() {
    storage::MemoryStore disk;
    auto opened = BlockStore::Open(std::make_unique<testing::SharedStore>(disk), maker_.genesis);
    GROAT_CHECK_OK(opened.status());
    BlockStore& store = **opened;
    GROAT_CHECK_OK(store.Load().status());
    StoreTurn first;
    first.safety.emplace();
    first.safety->chain = maker_.chain;
    first.safety->high_qc = first.safety->lock = maker_.Certify(*maker_.genesis.Block0());
    first.evidence = {MakeEvidence(1), MakeEvidence(2)};
    hotstuff::ClientTable clients(maker_.genesis.max_clients);
    BlockPtr parent = maker_.genesis.Block0();
    for (uint64_t i = 1; i <= kBlocks; ++i) {
      parent = maker_.Extend(parent, parent->view().Next(), nullptr, {MakeCommand(7, i)});
      first.blocks.push_back({parent, nullptr});
    }
    GROAT_CHECK_OK(store.Write(first));
    for (uint64_t i = 1; i < kBlocks; ++i) {
      const BlockPtr& block = first.blocks[i - 1].block;
      const hotstuff::CommitProof proof{{block->header()}, maker_.Certify(*block)};
      StoreTurn turn;
      turn.commits.push_back({block, maker_.Certify(*block), {i != 3}});
      turn.proofs.push_back({block->height(), proof});
      turn.schedule = maker_.schedules[block->id()];
      GROAT_CHECK_OK(store.Write(turn));
      clients.Commit(MakeCommand(7, i).key);
      if (i != 4) continue;
      GROAT_CHECK_OK(store.snapshots().Save(
          {block, maker_.Certify(*block), {true}, *turn.schedule, nullptr, clients, proof}));
    }
    GROAT_CHECK_OK(disk.Write(StoreBatch().Put(KeyOf('f'), EncodeNumber(1)),
                              OrderedStore::Durability::kSynced));
    GROAT_CHECK_OK(disk.Scan({}, {}, [this](ByteView key, ByteView value) {
      records_.emplace_back(Copy(key), Copy(value));
      return true;
    }));
  }

  const hotstuff::Genesis& genesis() const { return maker_.genesis; }
  const std::vector<std::pair<Bytes, Bytes>>& records() const { return records_; }

 private:
  static hotstuff::Genesis MakeGenesis() {
    hotstuff::Genesis genesis = hotstuff::testing::SmallGenesis(4);
    genesis.snapshot_interval_blocks = 4;
    genesis.max_clients = 4;
    return genesis;
  }

  ChainMaker maker_{MakeGenesis()};
  std::vector<std::pair<Bytes, Bytes>> records_;
};

// Spoils records as the input says: which u8, how u8, and what that takes.
StoreBatch Spoil(const std::vector<std::pair<Bytes, Bytes>>& records, ByteReader reader) {
  StoreBatch batch;
  for (const auto& [key, value] : records) batch.Put(key, value);
  while (reader.remaining() > 0 && !reader.failed()) {
    auto [key, value] = records[reader.U8() % records.size()];
    const uint8_t how = reader.U8();
    switch (how % 8) {
      case 0:
        batch.Delete(key);
        continue;
      case 1:
        value.resize(std::min<size_t>(value.size(), reader.U16()));
        break;
      case 2:
        value = Copy(reader.Raw(std::min<size_t>(reader.remaining(), reader.U8())));
        break;
      case 3:
        break;
      default: {
        const size_t at = reader.U16();
        if (!value.empty()) value[at % value.size()] ^= reader.U8();
        break;
      }
    }
    const bool moves = how % 8 == 3 || how >= 192;
    if (moves) key = Copy(reader.Raw(std::min<size_t>(reader.remaining(), reader.U8() % 48)));
    batch.Put(key, value);
  }
  return batch;
}

void CheckCode(const absl::Status& status, absl::StatusCode other) {
  GROAT_CHECK(status.ok() || status.code() == absl::StatusCode::kDataLoss || status.code() == other)
      << status;
}

void ReadAll(BlockStore& store) {
  constexpr absl::StatusCode kGone = absl::StatusCode::kOutOfRange;
  hotstuff::Height height = store.first();
  for (uint64_t i = 0; i < kReadBlocks && height <= store.last(); ++i, height = height.Next()) {
    CheckCode(store.CommittedAt(height).status(), kGone);
    CheckCode(store.ProofFor(height).status(), kGone);
  }
  CheckCode(store.HandoverOf(hotstuff::Epoch(0)).status(), kGone);
  CheckCode(FindCommands(store, {MakeCommand(7, 2).key}, kReadBlocks).status(), kGone);
  for (const hotstuff::SnapshotName& name : store.snapshots().Offered()) {
    CheckCode(store.snapshots().Head(name).status(), absl::StatusCode::kNotFound);
    CheckCode(store.snapshots().Piece(name, 0).status(), absl::StatusCode::kNotFound);
  }
}

void TryStore(ByteView bytes) {
  static const Sample& sample = *new Sample();
  storage::MemoryStore disk;
  GROAT_CHECK_OK(
      disk.Write(Spoil(sample.records(), ByteReader(bytes)), OrderedStore::Durability::kSynced));
  auto store = BlockStore::Open(std::make_unique<testing::SharedStore>(disk), sample.genesis());
  CheckCode(store.status(), absl::StatusCode::kFailedPrecondition);
  if (!store.ok()) return;
  const auto loaded = (*store)->Load();
  CheckCode(loaded.status(), absl::StatusCode::kDataLoss);
  if (!loaded.ok()) return;
  ReadAll(**store);
  StoreTurn turn;
  turn.evidence = {MakeEvidence(3)};
  GROAT_CHECK_OK((*store)->Write(turn));
  GROAT_CHECK_OK((*store)->Prune(1));
  ReadAll(**store);
  const auto again = (*store)->Load();
  CheckCode(again.status(), absl::StatusCode::kDataLoss);
  if (again.ok()) {
    GROAT_CHECK_EQ(again->restored.evidence.total(), loaded->restored.evidence.total() + 1);
  }
}

void TryAll(uint8_t which, ByteView bytes) {
  switch (which % 8) {
    case 0:
      return CheckSame(IdentityRecord::Decode(bytes), bytes);
    case 1:
      return CheckSame(CommitRecord::Decode(bytes), bytes);
    case 2:
      return CheckSame(RootRecord::Decode(bytes, hotstuff::ChainId()), bytes);
    case 3:
      if (const auto number = DecodeNumber(bytes); number.ok()) {
        GROAT_CHECK(EncodeNumber(*number) == Copy(bytes));
      }
      return;
    case 4:
      return TryParts(bytes);
    default:
      return TryStore(bytes);
  }
}

}  // namespace
}  // namespace groat::consensus_service

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  groat::consensus_service::TryAll(data[0], groat::ByteView(data + 1, size - 1));
  return 0;
}
