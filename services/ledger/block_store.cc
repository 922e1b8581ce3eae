#include "services/ledger/block_store.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

using storage::RocksBatch;
using storage::RocksStore;

Bytes BlockKey(record::Height height) { return ByteWriter().U8('b').U64(height.value()).Take(); }
Bytes IdKey(const Bytes32& id) { return ByteWriter().U8('i').Raw(id).Take(); }
Bytes RootKey(const Hash& root) { return ByteWriter().U8('r').Raw(root).Take(); }
Bytes CycleKey(const ledger::RelayShard& name, record::Cycle cycle) {
  return ByteWriter()
      .U8('c')
      .U32(name.relay.value())
      .U32(name.shard.value())
      .U64(cycle.value())
      .Take();
}
Bytes LogKey(uint32_t level, uint64_t index) {
  return ByteWriter().U8('n').U8(static_cast<uint8_t>(level)).U64(index).Take();
}
Bytes NamedKey(std::string_view name) { return ByteWriter().U8('m').Text(name).Take(); }
Bytes HeightValue(record::Height height) { return ByteWriter().U64(height.value()).Take(); }

// The end of the keys that start with this byte.
Bytes After(uint8_t prefix) { return {static_cast<uint8_t>(prefix + 1)}; }

Bytes EncodeCheckpoint(const record::SignedCheckpoint& checkpoint) {
  return ByteWriter()
      .Raw(checkpoint.checkpoint.ledger_id)
      .U64(checkpoint.checkpoint.height.value())
      .Raw(checkpoint.checkpoint.block_id)
      .Raw(checkpoint.checkpoint.log_root)
      .U16(static_cast<uint16_t>(checkpoint.quorum.signers.size()))
      .Raw(checkpoint.quorum.signers)
      .Raw(checkpoint.quorum.signature)
      .Take();
}

absl::StatusOr<record::SignedCheckpoint> DecodeCheckpoint(ByteView bytes) {
  ByteReader reader(bytes);
  record::SignedCheckpoint out;
  out.checkpoint.ledger_id = reader.Fixed<32>();
  out.checkpoint.height = record::Height(reader.U64());
  out.checkpoint.block_id = reader.Fixed<32>();
  out.checkpoint.log_root = reader.Fixed<32>();
  const ByteView signers = reader.Raw(reader.U16());
  out.quorum.signature = reader.Fixed<96>();
  GROAT_RETURN_IF_ERROR(reader.Finish("stored checkpoint"));
  out.quorum.signers.assign(signers.begin(), signers.end());
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlockStore>> BlockStore::Open(const std::string& folder,
                                                             const Bytes32& ledger_id) {
  GROAT_ASSIGN_OR_RETURN(RocksStore rocks, RocksStore::Open(folder));
  std::unique_ptr<BlockStore> store(new BlockStore(std::move(rocks)));
  GROAT_RETURN_IF_ERROR(store->Load(ledger_id));
  return store;
}

absl::Status BlockStore::Load(const Bytes32& ledger_id) {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored_id, store_.Get(NamedKey("ledger_id")));
  if (!stored_id.has_value()) {
    RocksBatch batch;
    batch.Put(NamedKey("ledger_id"), ledger_id);
    GROAT_RETURN_IF_ERROR(store_.Write(batch, RocksStore::Durability::kSynced));
  } else if (ByteView(*stored_id).size() != 32 ||
             Bytes32::From(*stored_id, "id").value() != ledger_id) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the stored blocks are of ledger ", ToHex(*stored_id), ", want ", ledger_id.Hex()));
  }
  GROAT_ASSIGN_OR_RETURN(const auto last, store_.Last(Bytes{'b'}, After('b')));
  if (!last.has_value()) return absl::OkStatus();
  absl::StatusOr<record::Block> block = record::Block::Decode(last->second);
  if (!block.ok() || BlockKey(block->height) != last->first) {
    return absl::DataLossError(absl::StrCat("stored block ", ToHex(last->first), " is damaged"));
  }
  GROAT_ASSIGN_OR_RETURN(log_, merkle::BlockLog::Open(block->height.value(), *this));
  MutexLock lock(mutex_);
  head_ = ledger::ChainHead::Of(*block);
  return absl::OkStatus();
}

void BlockStore::Append(std::span<const record::Block> blocks) {
  if (blocks.empty()) return;
  RocksBatch batch;
  std::set<Hash> new_roots;
  ledger::ChainHead head = this->head();
  for (const record::Block& block : blocks) {
    GROAT_CHECK_EQ(block.height.value(), head.height.value() + 1);
    GROAT_CHECK(block.previous_id == head.id);
    head = ledger::ChainHead::Of(block);
    const record::RootStatement& statement = block.root.statement;
    batch.Put(BlockKey(block.height), block.Encode());
    batch.Put(IdKey(head.id), HeightValue(block.height));
    batch.Put(CycleKey(ledger::RelayShard::Of(statement), statement.cycle),
              HeightValue(block.height));
    const Bytes root_key = RootKey(statement.root);
    const absl::StatusOr<std::optional<Bytes>> known = store_.Get(root_key);
    GROAT_CHECK_OK(known.status());
    if (!known->has_value() && new_roots.insert(statement.root).second) {
      batch.Put(root_key, HeightValue(block.height));
    }
    for (const merkle::LogNode& node : log_.Append(head.id)) {
      batch.Put(LogKey(node.level, node.index), node.hash);
    }
  }
  GROAT_CHECK_OK(store_.Write(batch, RocksStore::Durability::kBuffered));
  MutexLock lock(mutex_);
  head_ = head;
}

record::Height BlockStore::Sync() {
  const record::Height height = applied();
  RocksBatch batch;
  batch.Put(NamedKey("synced_height"), HeightValue(height));
  GROAT_CHECK_OK(store_.Write(batch, RocksStore::Durability::kSynced));
  return height;
}

ledger::ChainHead BlockStore::head() const {
  MutexLock lock(mutex_);
  return head_;
}

absl::StatusOr<record::Block> BlockStore::AtHeight(record::Height height) const {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> value, store_.Get(BlockKey(height)));
  if (!value.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("no block of height ", height.value(), ", applied ", applied().value()));
  }
  absl::StatusOr<record::Block> block = record::Block::Decode(*value);
  if (block.ok() && block->height == height) return block;
  return absl::DataLossError(absl::StrCat("stored block ", height.value(), " is damaged"));
}

absl::StatusOr<record::Block> BlockStore::AtIndexedHeight(ByteView key,
                                                          const std::string& what) const {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> value, store_.Get(key));
  if (!value.has_value()) return absl::NotFoundError(absl::StrCat("no block ", what));
  ByteReader reader(*value);
  const record::Height height(reader.U64());
  if (!reader.Finish("height").ok()) {
    return absl::DataLossError(absl::StrCat("stored index of the block ", what, " is damaged"));
  }
  return AtHeight(height);
}

absl::StatusOr<record::Block> BlockStore::ById(const Bytes32& id) const {
  return AtIndexedHeight(IdKey(id), absl::StrCat("with id ", id.Hex()));
}
absl::StatusOr<record::Block> BlockStore::ByCycle(const ledger::RelayShard& name,
                                                  record::Cycle cycle) const {
  return AtIndexedHeight(CycleKey(name, cycle),
                         absl::StrCat("of ", name.Name(), " cycle ", cycle.value()));
}
absl::StatusOr<record::Block> BlockStore::LowestWithRoot(const Hash& root) const {
  return AtIndexedHeight(RootKey(root), absl::StrCat("with root ", root.Hex()));
}

absl::StatusOr<std::vector<record::Block>> BlockStore::Range(record::Height first,
                                                             size_t limit) const {
  std::vector<record::Block> out;
  absl::Status damage;
  GROAT_RETURN_IF_ERROR(store_.Scan(BlockKey(first), After('b'), [&](ByteView, ByteView value) {
    if (out.size() >= limit) return false;
    absl::StatusOr<record::Block> block = record::Block::Decode(value);
    const record::Height want = out.empty() ? first : out.back().height.Next();
    if (!block.ok() || block->height != want) {
      damage = absl::DataLossError(absl::StrCat("stored block ", want.value(), " is damaged"));
      return false;
    }
    out.push_back(*std::move(block));
    return true;
  }));
  if (!damage.ok()) return damage;
  return out;
}

absl::StatusOr<ledger::RelayTips> BlockStore::Tips() const {
  ledger::RelayTips tips;
  // From the greatest key down: each step lands on the last cycle of the next relay and shard.
  Bytes end = After('c');
  while (true) {
    GROAT_ASSIGN_OR_RETURN(const auto last, store_.Last(Bytes{'c'}, end));
    if (!last.has_value()) return tips;
    ByteReader reader(last->second);
    const record::Height height(reader.U64());
    GROAT_ASSIGN_OR_RETURN(const record::Block block, AtHeight(height));
    const ledger::RelayShard name = ledger::RelayShard::Of(block.root.statement);
    tips[name] = {height, block.root.statement};
    end = CycleKey(name, record::Cycle(0));
  }
}

absl::StatusOr<ledger::SignMark> BlockStore::PointAt(record::Height height) const {
  if (height.value() == 0 || height > applied()) {
    return absl::OutOfRangeError(
        absl::StrCat("height ", height.value(), ", want 1 to ", applied().value()));
  }
  GROAT_ASSIGN_OR_RETURN(const record::Block block, AtHeight(height));
  GROAT_ASSIGN_OR_RETURN(const merkle::LogHash root, merkle::LogRoot(height.value(), *this));
  return ledger::SignMark{height, block.Id(), root};
}

std::optional<Bytes32> BlockStore::IdAt(record::Height height) const {
  if (height.value() == 0) return std::nullopt;
  const absl::StatusOr<record::Block> block = AtHeight(height);
  if (absl::IsNotFound(block.status())) return std::nullopt;
  GROAT_CHECK_OK(block.status());
  return block->Id();
}

absl::StatusOr<merkle::LogHash> BlockStore::Read(uint32_t level, uint64_t index) const {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> value, store_.Get(LogKey(level, index)));
  if (!value.has_value()) {
    return absl::NotFoundError(absl::StrCat("no log node of level ", level, " index ", index));
  }
  return merkle::LogHash::From(*value, "stored log node");
}

void BlockStore::SaveSignMark(const ledger::SignMark& mark) {
  RocksBatch batch;
  batch.Put(NamedKey("sign_mark"), mark.Encode());
  GROAT_CHECK_OK(store_.Write(batch, RocksStore::Durability::kSynced));
}

absl::StatusOr<std::optional<ledger::SignMark>> BlockStore::LoadSignMark() const {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> value, store_.Get(NamedKey("sign_mark")));
  if (!value.has_value()) return std::optional<ledger::SignMark>();
  GROAT_ASSIGN_OR_RETURN(const ledger::SignMark mark, ledger::SignMark::Decode(*value));
  return std::optional<ledger::SignMark>(mark);
}

void BlockStore::SaveCheckpoint(const record::SignedCheckpoint& checkpoint) {
  RocksBatch batch;
  batch.Put(NamedKey("checkpoint"), EncodeCheckpoint(checkpoint));
  GROAT_CHECK_OK(store_.Write(batch, RocksStore::Durability::kBuffered));
}

absl::StatusOr<std::optional<record::SignedCheckpoint>> BlockStore::LoadCheckpoint() const {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> value, store_.Get(NamedKey("checkpoint")));
  if (!value.has_value()) return std::optional<record::SignedCheckpoint>();
  GROAT_ASSIGN_OR_RETURN(record::SignedCheckpoint checkpoint, DecodeCheckpoint(*value));
  return std::optional<record::SignedCheckpoint>(std::move(checkpoint));
}

}  // namespace groat::ledger_service
