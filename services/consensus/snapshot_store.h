// The snapshots of a replica's store: the two newest that others may ask for, and the newest one of
// all, from which a start reads the blocks.
//
//   n <height u64>             head of the snapshot (hotstuff/snapshot.h); written last
//   d <height u64><index u32>  a piece of its client table
//
// A snapshot is large, and votes wait for the same disk: each piece is a synced write of its own,
// so that a vote waits for one piece at most. What a crash leaves without its head is removed.
//
// Thread-safe for reads; Save, Load, WritePieces and AddInstalled have one caller at a time.
#ifndef GROAT_SERVICES_CONSENSUS_SNAPSHOT_STORE_H_
#define GROAT_SERVICES_CONSENSUS_SNAPSHOT_STORE_H_

#include <map>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "hotstuff/transfer_message.h"
#include "storage/ordered_store.h"

namespace groat::consensus_service {

class SnapshotStore {
 public:
  // Both must outlive it.
  SnapshotStore(storage::OrderedStore& store, const hotstuff::Genesis& genesis);

  // Finds what is stored. DataLoss names a damaged head.
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_);
  // Keeps a snapshot and drops those that it makes superfluous. Nothing if its height is there.
  absl::Status Save(const hotstuff::Snapshot& snapshot) ABSL_LOCKS_EXCLUDED(mutex_);

  // Of heights divisible by the genesis' interval, ascending; at most Offer::kMaxSnapshots.
  std::vector<hotstuff::SnapshotName> Offered() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Blocks below are needed by nobody who takes the older of two offered snapshots; 0 while there
  // are not two.
  hotstuff::Height PruneLimit() const ABSL_LOCKS_EXCLUDED(mutex_);
  // An encoded SnapshotHead, and a piece; whoever asks verifies them. NotFound if the snapshot is
  // not there (any more).
  absl::StatusOr<Bytes> Head(const hotstuff::SnapshotName& name) const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Bytes> Piece(const hotstuff::SnapshotName& name, uint32_t index) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The newest client table, and the height that it is of. Nothing if there is none.
  struct Table {
    hotstuff::Height height;
    hotstuff::ClientTable clients;
  };
  absl::StatusOr<std::optional<Table>> NewestTable() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Of a snapshot that came from others: first its pieces, each synced, then what makes it the only
  // one as part of `batch`; Load after the batch is written.
  absl::Status WritePieces(hotstuff::Height height, ByteView table);
  void AddInstalled(const hotstuff::SnapshotHead& head, storage::StoreBatch& batch) const;

 private:
  struct Entry {
    Hash digest;
    uint64_t table_bytes = 0;
  };
  using Entries = std::map<hotstuff::Height, Entry>;

  bool IsOffered(hotstuff::Height height) const {
    return height.value() % genesis_.snapshot_interval_blocks == 0;
  }
  std::vector<hotstuff::Height> OfferedOf(const Entries& entries) const;
  absl::Status CheckName(const hotstuff::SnapshotName& name) const ABSL_LOCKS_EXCLUDED(mutex_);

  storage::OrderedStore& store_;
  const hotstuff::Genesis& genesis_;
  const hotstuff::ChainId chain_;
  mutable Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_SNAPSHOT_STORE_H_
