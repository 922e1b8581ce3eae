#include "services/relay/cycle_store.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "relay/journal.h"

namespace groat::relay_service {
namespace {

using record::Cycle;

// Keys: 'r' | cycle u64 for the root and the time, 'b' | cycle u64 for the block.
Bytes KeyOf(char kind, Cycle cycle) {
  return ByteWriter().U8(static_cast<uint8_t>(kind)).U64(cycle.value()).Take();
}

Bytes EncodeRoot(const ClosedCycle& cycle) {
  return ByteWriter()
      .U64(cycle.sealed_at_ms)
      .Raw(relay::Encode(relay::RootedRecord{cycle.root}))
      .Take();
}

absl::StatusOr<ClosedCycle> DecodeRoot(ByteView bytes) {
  if (bytes.size() < 8) return absl::DataLossError("cycle record is truncated");
  ClosedCycle out;
  out.sealed_at_ms = LoadBigEndian(bytes.data(), 8);
  GROAT_ASSIGN_OR_RETURN(const relay::JournalRecord record,
                         relay::DecodeJournalRecord(bytes.subspan(8)));
  const auto* rooted = std::get_if<relay::RootedRecord>(&record);
  if (rooted == nullptr) return absl::DataLossError("cycle record holds no root");
  out.root = rooted->root;
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CycleStore>> CycleStore::Open(const std::string& folder) {
  GROAT_ASSIGN_OR_RETURN(storage::RocksStore store, storage::RocksStore::Open(folder));
  auto out = std::unique_ptr<CycleStore>(new CycleStore(std::move(store)));
  GROAT_ASSIGN_OR_RETURN(const auto last, out->store_.Last(AsBytes("r"), AsBytes("s")));
  if (last.has_value()) {
    GROAT_ASSIGN_OR_RETURN(const ClosedCycle cycle, DecodeRoot(last->second));
    MutexLock lock(out->mutex_);
    out->last_ = cycle.cycle();
  }
  return out;
}

Cycle CycleStore::last() const {
  MutexLock lock(mutex_);
  return last_;
}

void CycleStore::Add(const ClosedCycle& cycle) {
  const Cycle before = last();
  GROAT_CHECK_LE(cycle.cycle(), before.Next());
  storage::RocksBatch batch;
  batch.Put(KeyOf('r', cycle.cycle()), EncodeRoot(cycle));
  // Buffered: the log has the same, synced.
  GROAT_CHECK_OK(store_.Write(batch, storage::RocksStore::Durability::kBuffered));
  if (cycle.cycle() <= before) return;
  {
    MutexLock lock(mutex_);
    last_ = cycle.cycle();
  }
  MutexLock lock(listener_mutex_);
  for (const auto& [id, listener] : listeners_) listener(cycle.cycle());
}

void CycleStore::SetBlocks(std::span<const record::Block> blocks) {
  storage::RocksBatch batch;
  for (const record::Block& block : blocks) {
    batch.Put(KeyOf('b', block.root.statement.cycle), block.Encode());
  }
  GROAT_CHECK_OK(store_.Write(batch, storage::RocksStore::Durability::kBuffered));
}

absl::StatusOr<ClosedCycle> CycleStore::Get(Cycle cycle) const {
  const Cycle newest = last();
  if (cycle > newest || cycle == Cycle(0)) {
    return absl::OutOfRangeError(absl::StrCat(
        "cycle ", cycle.value(), " has not been closed; the last is ", newest.value()));
  }
  GROAT_ASSIGN_OR_RETURN(const auto root, store_.Get(KeyOf('r', cycle)));
  if (!root.has_value()) {
    return absl::DataLossError(absl::StrCat("cycle ", cycle.value(), " is not in the store"));
  }
  GROAT_ASSIGN_OR_RETURN(ClosedCycle out, DecodeRoot(*root));
  GROAT_ASSIGN_OR_RETURN(const auto block, store_.Get(KeyOf('b', cycle)));
  if (block.has_value()) {
    GROAT_ASSIGN_OR_RETURN(out.block, record::Block::Decode(*block));
  }
  return out;
}

absl::StatusOr<std::vector<ClosedCycle>> CycleStore::List(Cycle from, size_t limit) const {
  std::vector<ClosedCycle> out;
  const Cycle newest = last();
  for (Cycle cycle = std::max(from, Cycle(1)); cycle <= newest && out.size() < limit;
       cycle = cycle.Next()) {
    GROAT_ASSIGN_OR_RETURN(ClosedCycle closed, Get(cycle));
    out.push_back(std::move(closed));
  }
  return out;
}

uint64_t CycleStore::AddListener(Listener listener) {
  MutexLock lock(listener_mutex_);
  listeners_[next_listener_] = std::move(listener);
  return next_listener_++;
}

void CycleStore::RemoveListener(uint64_t id) {
  MutexLock lock(listener_mutex_);
  listeners_.erase(id);
}

}  // namespace groat::relay_service
