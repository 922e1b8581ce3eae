// A node's own copy of the chain: blocks, their indexes, the nodes of the block log, and what the
// node has signed and seen signed. On RocksDB.
//
// Thread-safe for reads; Append and the Save functions have one caller each. A failed write stops
// the process: going on with doubtful state could sign two histories.
//
//   b <height>                 block              i <block id>   height
//   c <relay><shard><cycle>    height             r <root>       lowest height with this root
//   n <level><index>           log node           m <name>       sign mark, checkpoint, ledger id
#ifndef GROAT_SERVICES_LEDGER_BLOCK_STORE_H_
#define GROAT_SERVICES_LEDGER_BLOCK_STORE_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "ledger/chain.h"
#include "ledger/sign_guard.h"
#include "merkle/block_log.h"
#include "record/checkpoint.h"
#include "storage/rocks_store.h"

namespace groat::ledger_service {

class BlockStore final : public merkle::LogNodes {
 public:
  // Opens or creates the database in `folder`. FailedPrecondition if it belongs to another ledger;
  // DataLoss if it contradicts itself.
  static absl::StatusOr<std::unique_ptr<BlockStore>> Open(const std::string& folder,
                                                          const Bytes32& ledger_id);

  // Adds the next blocks, which extend the head; the caller has checked them. They survive a crash
  // of the process at once, and of the machine after Sync or SaveSignMark.
  void Append(std::span<const record::Block> blocks);
  // Makes everything up to the returned height durable.
  record::Height Sync();

  ledger::ChainHead head() const;
  record::Height applied() const { return head().height; }

  // NotFound if there is none.
  absl::StatusOr<record::Block> AtHeight(record::Height height) const;
  absl::StatusOr<record::Block> ById(const Bytes32& id) const;
  absl::StatusOr<record::Block> ByCycle(const ledger::RelayShard& name, record::Cycle cycle) const;
  absl::StatusOr<record::Block> LowestWithRoot(const Hash& root) const;
  // Up to `limit` blocks from `first` on, ascending; none above the head.
  absl::StatusOr<std::vector<record::Block>> Range(record::Height first, size_t limit) const;
  // The last root of every relay and shard. O(relays and shards).
  absl::StatusOr<ledger::RelayTips> Tips() const;

  // Id and log root at a height from 1 to the head. OutOfRange otherwise. O(log height).
  absl::StatusOr<ledger::SignMark> PointAt(record::Height height) const;
  // Id of the block at a height; nothing at 0 and above the head. Stops the process on damage.
  std::optional<Bytes32> IdAt(record::Height height) const;
  absl::StatusOr<merkle::LogHash> Read(uint32_t level, uint64_t index) const override;

  // Durable on return.
  void SaveSignMark(const ledger::SignMark& mark);
  absl::StatusOr<std::optional<ledger::SignMark>> LoadSignMark() const;
  // Survives a crash of the process.
  void SaveCheckpoint(const record::SignedCheckpoint& checkpoint);
  absl::StatusOr<std::optional<record::SignedCheckpoint>> LoadCheckpoint() const;

  // A consistent copy in a new folder.
  absl::Status Backup(const std::string& folder) const { return store_.Checkpoint(folder); }

 private:
  explicit BlockStore(storage::RocksStore store) : store_(std::move(store)) {}
  absl::Status Load(const Bytes32& ledger_id);
  absl::StatusOr<record::Block> AtIndexedHeight(ByteView key, const std::string& what) const;

  storage::RocksStore store_;
  merkle::BlockLog log_;  // Of the one caller of Append.
  mutable Mutex mutex_;
  ledger::ChainHead head_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_BLOCK_STORE_H_
