#include "services/consensus/snapshot_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"
#include "services/consensus/store_keys.h"

namespace groat::consensus_service {
namespace {

using hotstuff::Height;
using hotstuff::SnapshotHead;
using hotstuff::SnapshotManifest;
using hotstuff::SnapshotName;
using storage::OrderedStore;
using storage::StoreBatch;

absl::Status Damaged(Height height, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("snapshot of height ", height.value(), ": ", why));
}

void DropPieces(Height height, StoreBatch& batch) {
  batch.DeleteRange(KeyOf('d', height.value()), KeyOf('d', height.value() + 1));
}

}  // namespace

SnapshotStore::SnapshotStore(OrderedStore& store, const hotstuff::Genesis& genesis)
    : store_(store), genesis_(genesis), chain_(genesis.Chain()) {}

absl::Status SnapshotStore::Load() {
  Entries entries;
  std::vector<Height> heights;
  absl::Status status;
  GROAT_RETURN_IF_ERROR(store_.Scan(KeyOf('n'), EndOf('n'), [&](ByteView key, ByteView value) {
    const Height height(key.size() == 9 ? LoadBigEndian(key.data() + 1, 8) : 0);
    const auto head = SnapshotHead::Decode(value, genesis_, chain_);
    if (!head.ok() || head->manifest.height != height) {
      status = Damaged(height, head.ok() ? "stored under another height" : head.status().message());
      return false;
    }
    entries[height] = {head->manifest.Digest(), head->manifest.table_bytes};
    return true;
  }));
  GROAT_RETURN_IF_ERROR(status);
  // Pieces between those of whole snapshots are what a crash left.
  StoreBatch batch;
  Bytes from = KeyOf('d');
  for (const auto& [height, entry] : entries) {
    batch.DeleteRange(from, KeyOf('d', height.value()));
    from = KeyOf('d', height.value() + 1);
  }
  batch.DeleteRange(from, EndOf('d'));
  GROAT_RETURN_IF_ERROR(store_.Write(batch, OrderedStore::Durability::kBuffered));
  MutexLock lock(mutex_);
  entries_ = std::move(entries);
  return absl::OkStatus();
}

absl::Status SnapshotStore::WritePieces(Height height, ByteView table) {
  for (size_t at = 0; at < table.size(); at += SnapshotManifest::kPieceBytes) {
    const auto index = static_cast<uint32_t>(at / SnapshotManifest::kPieceBytes);
    const ByteView piece =
        table.subspan(at, std::min(SnapshotManifest::kPieceBytes, table.size() - at));
    GROAT_RETURN_IF_ERROR(store_.Write(StoreBatch().Put(KeyOf('d', height.value(), index), piece),
                                       OrderedStore::Durability::kSynced));
  }
  return absl::OkStatus();
}

absl::Status SnapshotStore::Save(const hotstuff::Snapshot& snapshot) {
  const Height height = snapshot.block->height();
  Entries entries;
  {
    MutexLock lock(mutex_);
    entries = entries_;
  }
  if (entries.contains(height)) return absl::OkStatus();
  const Bytes table = snapshot.clients.Encode();
  const SnapshotHead head{hotstuff::MakeManifest(snapshot, table), snapshot.block,
                          snapshot.certificate, snapshot.proof};
  GROAT_RETURN_IF_ERROR(WritePieces(height, table));
  entries[height] = {head.manifest.Digest(), table.size()};
  const std::vector<Height> offered = OfferedOf(entries);
  const Height newest = entries.rbegin()->first;
  StoreBatch batch;
  batch.Put(KeyOf('n', height.value()), head.Encode());
  std::erase_if(entries, [&](const auto& entry) {
    const Height other = entry.first;
    const bool kept =
        other == newest || std::find(offered.begin(), offered.end(), other) != offered.end();
    if (!kept) {
      batch.Delete(KeyOf('n', other.value()));
      DropPieces(other, batch);
    }
    return !kept;
  });
  GROAT_RETURN_IF_ERROR(store_.Write(batch, OrderedStore::Durability::kSynced));
  MutexLock lock(mutex_);
  entries_ = std::move(entries);
  return absl::OkStatus();
}

void SnapshotStore::AddInstalled(const SnapshotHead& head, StoreBatch& batch) const {
  const uint64_t height = head.manifest.height.value();
  batch.DeleteRange(KeyOf('n'), EndOf('n'));
  batch.DeleteRange(KeyOf('d'), KeyOf('d', height));
  batch.DeleteRange(KeyOf('d', height + 1), EndOf('d'));
  batch.Put(KeyOf('n', height), head.Encode());
}

std::vector<Height> SnapshotStore::OfferedOf(const Entries& entries) const {
  std::vector<Height> out;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (!IsOffered(entry->first)) continue;
    out.insert(out.begin(), entry->first);
    if (out.size() == hotstuff::Offer::kMaxSnapshots) break;
  }
  return out;
}

std::vector<SnapshotName> SnapshotStore::Offered() const {
  MutexLock lock(mutex_);
  std::vector<SnapshotName> out;
  for (const Height height : OfferedOf(entries_)) {
    out.push_back({height, entries_.at(height).digest});
  }
  return out;
}

Height SnapshotStore::PruneLimit() const {
  MutexLock lock(mutex_);
  const std::vector<Height> offered = OfferedOf(entries_);
  return offered.size() < hotstuff::Offer::kMaxSnapshots ? Height() : offered.front();
}

absl::Status SnapshotStore::CheckName(const SnapshotName& name) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(name.height);
  if (found != entries_.end() && found->second.digest == name.digest) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("no snapshot of height ", name.height.value(), " and ", name.digest.Hex()));
}

absl::StatusOr<Bytes> SnapshotStore::Head(const SnapshotName& name) const {
  GROAT_RETURN_IF_ERROR(CheckName(name));
  GROAT_ASSIGN_OR_RETURN(std::optional<Bytes> head, store_.Get(KeyOf('n', name.height.value())));
  if (!head.has_value()) return absl::NotFoundError("the snapshot was dropped");
  return *std::move(head);
}

absl::StatusOr<Bytes> SnapshotStore::Piece(const SnapshotName& name, uint32_t index) const {
  GROAT_RETURN_IF_ERROR(CheckName(name));
  GROAT_ASSIGN_OR_RETURN(std::optional<Bytes> piece,
                         store_.Get(KeyOf('d', name.height.value(), index)));
  if (!piece.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("snapshot of height ", name.height.value(), " has no piece ", index));
  }
  return *std::move(piece);
}

absl::StatusOr<std::optional<SnapshotStore::Table>> SnapshotStore::NewestTable() const {
  Height height;
  {
    MutexLock lock(mutex_);
    if (entries_.empty()) return std::optional<Table>();
    height = entries_.rbegin()->first;
  }
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored, store_.Get(KeyOf('n', height.value())));
  if (!stored.has_value()) return Damaged(height, "missing");
  const auto head = SnapshotHead::Decode(*stored, genesis_, chain_);
  if (!head.ok()) return Damaged(height, head.status().message());
  const SnapshotManifest& manifest = head->manifest;
  Bytes bytes;
  bytes.reserve(manifest.table_bytes);
  for (uint32_t i = 0; i < manifest.pieces.size(); ++i) {
    GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> piece,
                           store_.Get(KeyOf('d', height.value(), i)));
    if (!piece.has_value() || hotstuff::SnapshotPieceDigest(*piece) != manifest.pieces[i]) {
      return Damaged(height, absl::StrCat("piece ", i, " of its client table is ",
                                          piece.has_value() ? "damaged" : "missing"));
    }
    bytes.insert(bytes.end(), piece->begin(), piece->end());
  }
  auto clients = hotstuff::ClientTable::Decode(bytes, genesis_.max_clients);
  if (!clients.ok()) {
    return Damaged(height, absl::StrCat("client table: ", clients.status().message()));
  }
  return std::optional<Table>(Table{height, *std::move(clients)});
}

}  // namespace groat::consensus_service
