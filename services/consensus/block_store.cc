#include "services/consensus/block_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "services/consensus/store_keys.h"

namespace groat::consensus_service {
namespace {

using hotstuff::Block;
using hotstuff::BlockHeader;
using hotstuff::BlockId;
using hotstuff::BlockPtr;
using hotstuff::CommittedBlock;
using hotstuff::QuorumCertificate;
using hotstuff::Restored;
using storage::OrderedStore;
using storage::StoreBatch;

// Blocks that one write prunes.
constexpr uint64_t kPrunePieceBlocks = 1024;
constexpr uint64_t kMaxEvidence = hotstuff::EvidenceLog::kCapacity;

absl::Status Damaged(std::string_view what, const absl::Status& why) {
  return absl::DataLossError(absl::StrCat(std::string(what), ": ", std::string(why.message())));
}
absl::Status Missing(std::string_view what) {
  return absl::DataLossError(absl::StrCat(std::string(what), " is missing"));
}

std::string BlockName(Height height) { return absl::StrCat("block of height ", height.value()); }

CommitRecord RecordOf(const CommittedBlock& committed) {
  CommitRecord record{committed.block->id(), {}, committed.certificate->Encode()};
  for (size_t i = 0; i < committed.fresh.size(); ++i) {
    if (!committed.fresh[i]) record.repeated.push_back(static_cast<uint32_t>(i));
  }
  return record;
}

}  // namespace

BlockStore::BlockStore(std::unique_ptr<OrderedStore> store, const hotstuff::Genesis& genesis)
    : store_(std::move(store)),
      genesis_(genesis),
      chain_(genesis.Chain()),
      snapshots_(*store_, genesis_) {}

absl::StatusOr<std::unique_ptr<BlockStore>> BlockStore::Open(std::unique_ptr<OrderedStore> store,
                                                             const hotstuff::Genesis& genesis) {
  std::unique_ptr<BlockStore> out(new BlockStore(std::move(store), genesis));
  GROAT_RETURN_IF_ERROR(out->CheckIdentity());
  return out;
}

void BlockStore::AddBlocks(const StoreTurn& turn, StoreBatch& batch) {
  for (const StoreTurn::NewBlock& added : turn.blocks) {
    const Block& block = *added.block;
    if (block.height() <= last()) continue;
    std::vector<BlockId>& ids = uncommitted_[block.height()];
    if (std::find(ids.begin(), ids.end(), block.id()) != ids.end()) continue;
    ids.push_back(block.id());
    batch.Put(KeyOf(block.height(), block.id()),
              added.encoding != nullptr ? *added.encoding : block.Encode());
  }
}

void BlockStore::AddCommits(const StoreTurn& turn, StoreBatch& batch) {
  for (const CommittedBlock& committed : turn.commits) {
    const Block& block = *committed.block;
    std::vector<BlockId>& ids = uncommitted_[block.height()];
    if (std::find(ids.begin(), ids.end(), block.id()) == ids.end()) {
      batch.Put(KeyOf(block.height(), block.id()), block.Encode());
    }
    for (const BlockId& id : ids) {
      if (id != block.id()) batch.Delete(KeyOf(block.height(), id));
    }
    uncommitted_.erase(block.height());
    batch.Put(KeyOf('c', block.height().value()), RecordOf(committed).Encode());
  }
  for (const ProvenCommit& proven : turn.proofs) {
    batch.Put(KeyOf('p', proven.height.value()), proven.proof.Encode());
  }
  if (turn.commits.empty()) return;
  const BlockHeader& root = turn.commits.back().block->header();
  batch.Put(KeyOf('r'), RootRecord{root.height, root.epoch,
                                   turn.schedule.value_or(hotstuff::LeaderSchedule()), turn.change}
                            .Encode());
}

void BlockStore::AddEvidence(const StoreTurn& turn, StoreBatch& batch) {
  for (const hotstuff::Evidence& evidence : turn.evidence) {
    batch.Put(KeyOf('e', ++evidence_), hotstuff::EncodeEvidence(evidence));
    if (evidence_ > kMaxEvidence) batch.Delete(KeyOf('e', evidence_ - kMaxEvidence));
  }
}

absl::Status BlockStore::Write(const StoreTurn& turn) {
  if (turn.empty()) return absl::OkStatus();
  StoreBatch batch;
  AddBlocks(turn, batch);
  AddCommits(turn, batch);
  AddEvidence(turn, batch);
  if (turn.handover.has_value()) {
    const uint64_t ended = turn.handover->approved.change.next.Previous().value();
    batch.Put(KeyOf('h', ended), turn.handover->Encode());
    // What the ended epoch left above its last block belongs to nothing any more.
    for (const auto& [height, ids] : uncommitted_) {
      for (const BlockId& id : ids) batch.Delete(KeyOf(height, id));
    }
    uncommitted_.clear();
  }
  if (turn.safety.has_value()) batch.Put(KeyOf('s'), turn.safety->Encode());
  GROAT_RETURN_IF_ERROR(store_->Write(batch, turn.needs_sync()
                                                 ? OrderedStore::Durability::kSynced
                                                 : OrderedStore::Durability::kBuffered));
  if (!turn.commits.empty()) {
    last_.store(turn.commits.back().block->height().value(), std::memory_order_release);
  }
  return absl::OkStatus();
}

// New blocks overwrite nothing, so what is between two reads is there in both, but for what is
// pruned: first_ rises before blocks go.
absl::Status BlockStore::CheckKept(Height height) const {
  if (height >= first() && height <= last()) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("height ", height.value(), ", want ", first().value(), " to ", last().value()));
}

absl::Status BlockStore::MissingAt(Height height, std::string_view what) const {
  GROAT_RETURN_IF_ERROR(CheckKept(height));  // It was pruned meanwhile.
  return Missing(absl::StrCat(std::string(what), BlockName(height)));
}

absl::StatusOr<StoredBlock> BlockStore::At(Height height) const {
  GROAT_RETURN_IF_ERROR(CheckKept(height));
  StoredBlock out;
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> commit,
                         store_->Get(KeyOf('c', height.value())));
  if (!commit.has_value()) return MissingAt(height, "commit of ");
  absl::StatusOr<CommitRecord> record = CommitRecord::Decode(*commit);
  if (!record.ok()) return Damaged(BlockName(height), record.status());
  out.id = record->id;
  out.repeated = std::move(record->repeated);
  out.certificate = std::move(record->certificate);
  GROAT_ASSIGN_OR_RETURN(std::optional<Bytes> encoding, store_->Get(KeyOf(height, out.id)));
  if (!encoding.has_value()) return MissingAt(height, "");
  out.encoding = *std::move(encoding);
  return out;
}

absl::StatusOr<CommittedBlock> BlockStore::CommittedAt(Height height) const {
  GROAT_ASSIGN_OR_RETURN(const StoredBlock stored, At(height));
  CommittedBlock out;
  absl::StatusOr<BlockPtr> block = Block::Decode(stored.encoding, genesis_.block);
  if (!block.ok()) return Damaged(BlockName(height), block.status());
  if ((*block)->id() != stored.id || (*block)->height() != height) {
    return absl::DataLossError(absl::StrCat(BlockName(height), ": stored is block ",
                                            (*block)->id().Hex(), " of height ",
                                            (*block)->height().value()));
  }
  absl::StatusOr<hotstuff::QcPtr> certificate = QuorumCertificate::Decode(stored.certificate);
  if (!certificate.ok()) {
    return Damaged(absl::StrCat("certificate of ", BlockName(height)), certificate.status());
  }
  out.block = *std::move(block);
  out.certificate = *std::move(certificate);
  out.fresh.assign(out.block->commands().size(), true);
  for (const uint32_t index : stored.repeated) {
    if (index < out.fresh.size()) out.fresh[index] = false;
  }
  return out;
}

absl::StatusOr<BlockStore::StoredProof> BlockStore::ProofFor(Height height) const {
  GROAT_RETURN_IF_ERROR(CheckKept(height));
  std::optional<StoredProof> found;
  GROAT_RETURN_IF_ERROR(
      store_->Scan(KeyOf('p', height.value()), EndOf('p'), [&](ByteView key, ByteView value) {
        const uint64_t number = key.size() == 9 ? LoadBigEndian(key.data() + 1, 8) : 0;
        found = {Height(number), Bytes(value.begin(), value.end())};
        return false;
      }));
  if (found.has_value() && found->height == Height(0)) {
    return absl::DataLossError("a commit proof is stored under no height");
  }
  if (!found.has_value()) return MissingAt(height, "proof of ");
  return *std::move(found);
}

absl::StatusOr<Bytes> BlockStore::EncodedHandoverOf(Epoch epoch) const {
  GROAT_ASSIGN_OR_RETURN(std::optional<Bytes> stored, store_->Get(KeyOf('h', epoch.value())));
  if (!stored.has_value()) {
    return absl::OutOfRangeError(absl::StrCat("epoch ", epoch.value(), " has not ended"));
  }
  return *std::move(stored);
}

absl::StatusOr<hotstuff::HandoverProof> BlockStore::HandoverOf(Epoch epoch) const {
  GROAT_ASSIGN_OR_RETURN(const Bytes stored, EncodedHandoverOf(epoch));
  auto proof = hotstuff::HandoverProof::Decode(stored, chain_);
  if (!proof.ok()) return Damaged("handover", proof.status());
  return proof;
}

absl::StatusOr<std::vector<hotstuff::Validator>> BlockStore::ValidatorsOf(Epoch epoch) const {
  if (epoch == Epoch(0)) return genesis_.validators;
  GROAT_ASSIGN_OR_RETURN(const hotstuff::HandoverProof proof, HandoverOf(epoch.Previous()));
  return proof.approved.change.validators;
}

absl::Status BlockStore::Prune(uint64_t keep_blocks) {
  const uint64_t last = this->last().value();
  if (keep_blocks == 0 || last <= keep_blocks) return absl::OkStatus();
  const uint64_t limit = std::min(last - keep_blocks, snapshots_.PruneLimit().value());
  for (uint64_t from = first().value(); from < limit;) {
    const uint64_t to = std::min(from + kPrunePieceBlocks, limit);
    first_.store(to, std::memory_order_release);
    StoreBatch batch;
    for (const char kind : {'b', 'c', 'p'}) batch.DeleteRange(KeyOf(kind, from), KeyOf(kind, to));
    batch.Put(KeyOf('f'), EncodeNumber(to));
    GROAT_RETURN_IF_ERROR(store_->Write(batch, OrderedStore::Durability::kBuffered));
    from = to;
  }
  return absl::OkStatus();
}

absl::Status BlockStore::MarkMemoryLost(uint64_t now_us) {
  lost_at_us_ = now_us;
  return store_->Write(StoreBatch().Put(KeyOf('l'), EncodeNumber(now_us)),
                       OrderedStore::Durability::kSynced);
}

// A voter's clock and ours are at most the drift apart, and it votes for no block whose time is
// further from its own clock: so a root that is later than both began an epoch after the loss.
bool BlockStore::RemembersEpochAfter(const BlockHeader& root) const {
  return !lost_at_us_.has_value() ||
         root.timestamp_us > *lost_at_us_ + 2 * genesis_.max_clock_drift_us();
}

absl::Status BlockStore::Install(const hotstuff::Installation& install,
                                 const std::optional<hotstuff::SafetyState>& first_safety) {
  const hotstuff::SnapshotHead& head = install.head;
  const BlockHeader& root = head.block->header();
  const Height height = root.height;
  GROAT_RETURN_IF_ERROR(snapshots_.WritePieces(height, install.table));
  StoreBatch batch;
  // What was voted on in this epoch above the snapshot stays: others may need it.
  const bool new_epoch = !install.handovers.empty();
  batch.DeleteRange(KeyOf('b'), new_epoch ? EndOf('b') : KeyOf('b', height.value() + 1));
  batch.DeleteRange(KeyOf('c'), EndOf('c'));
  batch.DeleteRange(KeyOf('p'), EndOf('p'));
  batch.Put(KeyOf(height, head.block->id()), head.block->Encode());
  batch.Put(
      KeyOf('c', height.value()),
      CommitRecord{head.block->id(), head.manifest.repeated, head.certificate->Encode()}.Encode());
  batch.Put(KeyOf('p', height.value()), head.proof.Encode());
  batch.Put(KeyOf('f'), EncodeNumber(height.value()));
  batch.Put(KeyOf('r'),
            RootRecord{height, root.epoch, head.manifest.schedule, head.manifest.change}.Encode());
  for (const hotstuff::HandoverProof& proof : install.handovers) {
    batch.Put(KeyOf('h', proof.ended().value()), proof.Encode());
  }
  if (first_safety.has_value()) batch.Put(KeyOf('s'), first_safety->Encode());
  snapshots_.AddInstalled(head, batch);
  first_.store(height.value(), std::memory_order_release);
  GROAT_RETURN_IF_ERROR(store_->Write(batch, OrderedStore::Durability::kSynced));
  last_.store(height.value(), std::memory_order_release);
  return absl::OkStatus();
}

}  // namespace groat::consensus_service
