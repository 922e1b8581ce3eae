// What a start reads.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "services/consensus/block_store.h"
#include "services/consensus/store_keys.h"

namespace groat::consensus_service {
namespace {

using hotstuff::Block;
using hotstuff::BlockId;
using hotstuff::BlockPtr;
using hotstuff::CommittedBlock;
using hotstuff::Restored;
using storage::OrderedStore;
using storage::StoreBatch;

constexpr uint32_t kFormatVersion = 2;

absl::Status Damaged(std::string_view what, const absl::Status& why) {
  return absl::DataLossError(absl::StrCat(std::string(what), ": ", why.message()));
}
absl::Status Missing(std::string_view what) {
  return absl::DataLossError(absl::StrCat(std::string(what), " is missing"));
}

}  // namespace

absl::Status BlockStore::CheckIdentity() {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored, store_->Get(KeyOf('m')));
  const Bytes ours = IdentityRecord{kFormatVersion, chain_}.Encode();
  if (!stored.has_value()) {
    GROAT_ASSIGN_OR_RETURN(const auto other, store_->Last({}, {}));
    if (other.has_value()) return Missing("the identity of a store that holds data");
    return store_->Write(StoreBatch().Put(KeyOf('m'), ours), OrderedStore::Durability::kSynced);
  }
  const auto identity = IdentityRecord::Decode(*stored);
  if (!identity.ok()) return Damaged("identity", identity.status());
  if (identity->format_version != kFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("blocks of format ", identity->format_version, ", want ", kFormatVersion));
  }
  if (identity->chain != chain_) {
    return absl::FailedPreconditionError(absl::StrCat("blocks of chain ", identity->chain.Hex(),
                                                      ", the genesis is of ", chain_.Hex()));
  }
  return absl::OkStatus();
}

absl::StatusOr<BlockStore::Loaded> BlockStore::Load() {
  Loaded loaded;
  GROAT_RETURN_IF_ERROR(LoadFirst());
  GROAT_RETURN_IF_ERROR(snapshots_.Load());
  GROAT_RETURN_IF_ERROR(LoadEpoch(loaded));
  GROAT_RETURN_IF_ERROR(LoadRoot(loaded));
  GROAT_RETURN_IF_ERROR(LoadClients(loaded.restored));
  GROAT_RETURN_IF_ERROR(LoadUncommitted(loaded.restored));
  GROAT_RETURN_IF_ERROR(LoadEvidence(loaded.restored));
  GROAT_RETURN_IF_ERROR(LoadSafety(loaded));
  return loaded;
}

absl::Status BlockStore::LoadFirst() {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored, store_->Get(KeyOf('f')));
  if (!stored.has_value()) return absl::OkStatus();
  const auto first = DecodeNumber(*stored);
  if (!first.ok()) return Damaged("the record of the first block", first.status());
  first_.store(*first, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status BlockStore::LoadEpoch(Loaded& loaded) const {
  loaded.validators = genesis_.validators;
  GROAT_ASSIGN_OR_RETURN(const auto last, store_->Last(KeyOf('h'), EndOf('h')));
  if (!last.has_value()) return absl::OkStatus();
  const auto proof = hotstuff::HandoverProof::Decode(last->second, chain_);
  if (!proof.ok()) return Damaged("handover", proof.status());
  if (last->first != KeyOf('h', proof->ended().value())) {
    return absl::DataLossError(absl::StrCat("the last handover is of epoch ",
                                            proof->ended().value(), ", stored as another one's"));
  }
  loaded.epoch = proof->approved.change.next;
  loaded.validators = proof->approved.change.validators;
  return absl::OkStatus();
}

absl::Status BlockStore::LoadRoot(Loaded& loaded) {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> root, store_->Get(KeyOf('r')));
  GROAT_ASSIGN_OR_RETURN(const auto newest, store_->Last(KeyOf('c'), EndOf('c')));
  if (!root.has_value()) {
    return newest.has_value() ? Missing("the record of the last commit") : absl::OkStatus();
  }
  auto record = RootRecord::Decode(*root, chain_);
  if (!record.ok()) return Damaged("the record of the last commit", record.status());
  const Height height = record->height;
  if (!newest.has_value() || newest->first != KeyOf('c', height.value())) {
    return absl::DataLossError(absl::StrCat("the record of the last commit names height ",
                                            height.value(), ", which is not the last one stored"));
  }
  if (height < first()) {
    return absl::DataLossError(absl::StrCat("the first block that is kept is of height ",
                                            first().value(), ", the last commit of ",
                                            height.value()));
  }
  last_.store(height.value(), std::memory_order_release);
  GROAT_ASSIGN_OR_RETURN(CommittedBlock committed, CommittedAt(height));
  Restored& restored = loaded.restored;
  restored.root = std::move(committed.block);
  if (record->epoch != loaded.epoch) return absl::OkStatus();  // The root of a new epoch.
  restored.root_certificate = std::move(committed.certificate);
  restored.schedule = std::move(record->schedule);
  if (restored.schedule->hash() != restored.root->header().schedule) {
    return absl::DataLossError("the leader schedule is not the last committed block's");
  }
  restored.change = std::move(record->change);
  return absl::OkStatus();
}

absl::Status BlockStore::LoadClients(Restored& restored) const {
  GROAT_ASSIGN_OR_RETURN(std::optional<SnapshotStore::Table> newest, snapshots_.NewestTable());
  Height height;
  hotstuff::ClientTable table(genesis_.max_clients);
  if (newest.has_value()) {
    height = newest->height;
    table = std::move(newest->clients);
  }
  if (height > last()) {
    return absl::DataLossError(absl::StrCat("a snapshot is of height ", height.value(),
                                            ", the last commit of ", last().value()));
  }
  if (height.Next() < first()) {
    return absl::DataLossError(absl::StrCat("the newest snapshot is of height ", height.value(),
                                            ", the first block of ", first().value()));
  }
  while (height < last()) {
    height = height.Next();
    GROAT_ASSIGN_OR_RETURN(const CommittedBlock committed, CommittedAt(height));
    for (const hotstuff::Command& command : committed.block->commands()) {
      if (command.key.client != hotstuff::kChangeClient) table.Commit(command.key);
    }
  }
  restored.clients = std::move(table);
  return absl::OkStatus();
}

absl::Status BlockStore::LoadUncommitted(Restored& restored) {
  absl::Status status;
  uncommitted_.clear();
  GROAT_RETURN_IF_ERROR(
      store_->Scan(KeyOf('b', last().value() + 1), EndOf('b'), [&](ByteView key, ByteView value) {
        absl::StatusOr<BlockPtr> block = Block::Decode(value, genesis_.block);
        if (!block.ok() || key.size() != KeyOf(Height(), BlockId()).size() ||
            KeyOf((*block)->height(), (*block)->id()) != Bytes(key.begin(), key.end())) {
          status = Damaged("block that is not committed",
                           block.ok() ? absl::DataLossError("stored under the id of another one")
                                      : block.status());
          return false;
        }
        uncommitted_[(*block)->height()].push_back((*block)->id());
        restored.blocks.push_back(*std::move(block));
        return true;
      }));
  return status;
}

absl::Status BlockStore::LoadSafety(Loaded& loaded) {
  Restored& restored = loaded.restored;
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> lost, store_->Get(KeyOf('l')));
  if (lost.has_value()) {
    const auto lost_at_us = DecodeNumber(*lost);
    if (!lost_at_us.ok()) return Damaged("the time of the memory's loss", lost_at_us.status());
    lost_at_us_ = *lost_at_us;
    hotstuff::BlockHeader root = genesis_.Block0()->header();
    if (loaded.epoch != Epoch(0)) {
      GROAT_ASSIGN_OR_RETURN(const auto handover, HandoverOf(loaded.epoch.Previous()));
      root = handover.commit.headers.front();
    }
    if (!RemembersEpochAfter(root)) {
      restored.memory = Restored::Memory::kLost;
      return absl::OkStatus();
    }
  }
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored, store_->Get(KeyOf('s')));
  if (!stored.has_value()) {
    const bool ran = restored.root != nullptr || !restored.blocks.empty() || lost.has_value() ||
                     restored.evidence.total() > 0;
    restored.memory = ran ? Restored::Memory::kLost : Restored::Memory::kFirstStart;
    return absl::OkStatus();
  }
  auto safety = hotstuff::SafetyState::Decode(*stored);
  if (!safety.ok()) return Damaged("safety record", safety.status());
  restored.safety = *std::move(safety);
  restored.memory = Restored::Memory::kKept;
  return absl::OkStatus();
}

absl::Status BlockStore::LoadEvidence(Restored& restored) {
  std::vector<hotstuff::Evidence> kept;
  absl::Status status;
  evidence_ = 0;
  GROAT_RETURN_IF_ERROR(store_->Scan(KeyOf('e'), EndOf('e'), [&](ByteView key, ByteView value) {
    const uint64_t number = key.size() == 9 ? LoadBigEndian(key.data() + 1, 8) : 0;
    absl::StatusOr<hotstuff::Evidence> evidence = hotstuff::DecodeEvidence(value);
    if (!evidence.ok()) {
      status = Damaged(absl::StrCat("evidence ", number), evidence.status());
    } else if (number == 0 || (!kept.empty() && number != evidence_ + 1)) {
      status =
          absl::DataLossError(absl::StrCat("evidence ", number, " follows evidence ", evidence_));
    }
    if (!status.ok()) return false;
    evidence_ = number;
    kept.push_back(*std::move(evidence));
    return true;
  }));
  GROAT_RETURN_IF_ERROR(status);
  restored.evidence = hotstuff::EvidenceLog(kept, evidence_);
  return absl::OkStatus();
}

}  // namespace groat::consensus_service
