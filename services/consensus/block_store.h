// A replica's own copy of the chain and its memory: committed blocks with their certificates,
// blocks that are not committed yet, what it must not forget, and what it needs to start again.
//
// Thread-safe for reads. Write has one caller; Prune and the snapshots' Save may run beside it, one
// at a time; Load and Install may not run beside any of them. A block's bytes are written once,
// when it is persisted; its commit adds a small record that names it.
//
//   b <height u64><id 32>   block
//   c <height u64>          id, repeated commands, certificate
//   p <height u64>          commit proof
//   h <epoch u64>           handover proof; kept for ever
//   e <number u64>          evidence against a validator; the newest 256, by how many there were
//   s                       safety record
//   r                       last committed height, epoch, leader schedule, ordered change
//   f                       first height that was not pruned
//   l                       when the memory was lost, Unix time in microseconds u64
//   m                       format version, chain
//   n, d                    snapshots (snapshot_store.h)
#ifndef GROAT_SERVICES_CONSENSUS_BLOCK_STORE_H_
#define GROAT_SERVICES_CONSENSUS_BLOCK_STORE_H_

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "hotstuff/effects.h"
#include "hotstuff/state_transfer.h"
#include "services/consensus/snapshot_store.h"
#include "services/consensus/store_records.h"
#include "storage/ordered_store.h"

namespace groat::consensus_service {

using hotstuff::Epoch;
using hotstuff::Height;

// Where a command stands in the order.
struct Position {
  Height height;
  uint32_t index = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct ProvenCommit {
  Height height;  // Of the block that the proof is for.
  hotstuff::CommitProof proof;
};

// Everything that one turn changes. Blocks may come with their bytes, so that they need not be
// encoded again.
struct StoreTurn {
  struct NewBlock {
    hotstuff::BlockPtr block;
    std::shared_ptr<const Bytes> encoding;  // May be null.
  };
  std::optional<hotstuff::SafetyState> safety;
  std::vector<NewBlock> blocks;
  std::vector<hotstuff::CommittedBlock> commits;  // Ascending, after the last committed one.
  std::vector<ProvenCommit> proofs;
  // With commits: as of the last of them.
  std::optional<hotstuff::LeaderSchedule> schedule;
  hotstuff::ApprovedChangePtr change;
  std::optional<hotstuff::HandoverProof> handover;  // The epoch ended with the last commit.
  std::vector<hotstuff::Evidence> evidence;         // That was not found before.

  bool needs_sync() const {
    return safety.has_value() || handover.has_value() || !evidence.empty();
  }
  bool empty() const { return !needs_sync() && blocks.empty() && commits.empty(); }
};

class BlockStore {
 public:
  // FailedPrecondition if the data is of another chain or a newer format; DataLoss names what is
  // missing, damaged or contradicts itself.
  static absl::StatusOr<std::unique_ptr<BlockStore>> Open(
      std::unique_ptr<storage::OrderedStore> store, const hotstuff::Genesis& genesis);

  // The epoch that the chain is in, its validators, and what the core starts from. Memory is lost
  // if anything is here without a safety record, or if it was marked as lost and the epoch may have
  // begun before; a first start is a store that holds nothing. Reads the blocks committed since the
  // newest snapshot.
  struct Loaded {
    Epoch epoch;
    std::vector<hotstuff::Validator> validators;
    hotstuff::Restored restored;
  };
  absl::StatusOr<Loaded> Load();

  // With a safety record or evidence everything is durable on return. An error leaves the store
  // unusable.
  absl::Status Write(const StoreTurn& turn);

  // Deletes blocks, their commits and proofs below the older of two snapshots that are offered to
  // others, but never the newest `keep_blocks`; 0: nothing. In writes of 1,024 blocks.
  absl::Status Prune(uint64_t keep_blocks);

  // From now on, and after every restart, the memory counts as lost in epochs that may have begun
  // before `now_us`, Unix time in microseconds. Synced.
  absl::Status MarkMemoryLost(uint64_t now_us);
  // Whether everything that this replica signed in the epoch that follows `root` is remembered.
  bool RemembersEpochAfter(const hotstuff::BlockHeader& root) const;

  // Puts a snapshot in the place of all committed blocks, with the handovers that lead to it. The
  // safety record stays if there is none in its place. What decides is one synced write; a crash
  // before it leaves the store as it was. Then Load.
  absl::Status Install(const hotstuff::Installation& install,
                       const std::optional<hotstuff::SafetyState>& first_safety);

  SnapshotStore& snapshots() { return snapshots_; }
  const SnapshotStore& snapshots() const { return snapshots_; }

  // 0 before the first block.
  Height last() const { return Height(last_.load(std::memory_order_acquire)); }
  // The lowest height that was not pruned; from 1.
  Height first() const { return Height(first_.load(std::memory_order_acquire)); }

  // OutOfRange names both ends of what is kept.
  absl::StatusOr<StoredBlock> At(Height height) const;
  // Decoded, with its certificate. As At.
  absl::StatusOr<hotstuff::CommittedBlock> CommittedAt(Height height) const;
  // The proof for the lowest block at or above a committed height that has one, encoded.
  struct StoredProof {
    Height height;
    Bytes encoding;
  };
  absl::StatusOr<StoredProof> ProofFor(Height height) const;
  // OutOfRange for an epoch that has not ended.
  absl::StatusOr<hotstuff::HandoverProof> HandoverOf(Epoch epoch) const;
  absl::StatusOr<Bytes> EncodedHandoverOf(Epoch epoch) const;
  // OutOfRange for an epoch that has not begun.
  absl::StatusOr<std::vector<hotstuff::Validator>> ValidatorsOf(Epoch epoch) const;

 private:
  BlockStore(std::unique_ptr<storage::OrderedStore> store, const hotstuff::Genesis& genesis);
  absl::Status CheckIdentity();
  absl::Status LoadFirst();
  absl::Status LoadEpoch(Loaded& loaded) const;
  absl::Status LoadRoot(Loaded& loaded);
  absl::Status LoadClients(hotstuff::Restored& restored) const;
  absl::Status LoadUncommitted(hotstuff::Restored& restored);
  absl::Status LoadSafety(Loaded& loaded);
  absl::Status LoadEvidence(hotstuff::Restored& restored);
  absl::Status CheckKept(Height height) const;
  absl::Status MissingAt(Height height, std::string_view what) const;
  void AddBlocks(const StoreTurn& turn, storage::StoreBatch& batch);
  void AddCommits(const StoreTurn& turn, storage::StoreBatch& batch);
  void AddEvidence(const StoreTurn& turn, storage::StoreBatch& batch);

  const std::unique_ptr<storage::OrderedStore> store_;
  const hotstuff::Genesis genesis_;
  const hotstuff::ChainId chain_;
  SnapshotStore snapshots_;
  std::atomic<uint64_t> last_{0};
  std::atomic<uint64_t> first_{1};
  std::optional<uint64_t> lost_at_us_;
  uint64_t evidence_ = 0;  // How much there was, and the number of the newest.
  // Of the writer: what is stored above the last committed height.
  std::map<Height, std::vector<hotstuff::BlockId>> uncommitted_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_BLOCK_STORE_H_
