#include "services/consensus/block_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

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

constexpr uint32_t kFormatVersion = 1;
constexpr size_t kSignatureBytes = 64;

Bytes KeyOf(char kind) { return Bytes{static_cast<uint8_t>(kind)}; }
Bytes KeyOf(char kind, uint64_t number) {
  return ByteWriter().U8(static_cast<uint8_t>(kind)).U64(number).Take();
}
Bytes KeyOf(Height height, const BlockId& id) {
  return ByteWriter().U8('b').U64(height.value()).Raw(id).Take();
}
Bytes EndOf(char kind) { return Bytes{static_cast<uint8_t>(kind + 1)}; }

absl::Status Damaged(std::string_view what, const absl::Status& why) {
  return absl::DataLossError(absl::StrCat(std::string(what), ": ", std::string(why.message())));
}
absl::Status Missing(std::string_view what) {
  return absl::DataLossError(absl::StrCat(std::string(what), " is missing"));
}

std::string BlockName(Height height) { return absl::StrCat("block of height ", height.value()); }

// id 32 ‖ repeated count u32 ‖ index u32 each ‖ certificate.
Bytes EncodeCommit(const CommittedBlock& committed) {
  ByteWriter writer;
  writer.Raw(committed.block->id());
  std::vector<uint32_t> repeated;
  for (size_t i = 0; i < committed.fresh.size(); ++i) {
    if (!committed.fresh[i]) repeated.push_back(static_cast<uint32_t>(i));
  }
  writer.U32(static_cast<uint32_t>(repeated.size()));
  for (const uint32_t index : repeated) writer.U32(index);
  return writer.Raw(committed.certificate->Encode()).Take();
}

absl::Status DecodeCommit(ByteView bytes, StoredBlock& out) {
  ByteReader reader(bytes);
  out.id = reader.Fixed<32>();
  const uint32_t count = reader.U32();
  if (reader.failed() || reader.remaining() / 4 < count) {
    return absl::InvalidArgumentError(absl::StrCat("commit record of ", bytes.size(), " bytes"));
  }
  for (uint32_t i = 0; i < count; ++i) out.repeated.push_back(reader.U32());
  const ByteView certificate = reader.Raw(reader.remaining());
  out.certificate.assign(certificate.begin(), certificate.end());
  return absl::OkStatus();
}

// change size u32 ‖ approved change ‖ proof.
Bytes EncodeHandover(const hotstuff::HandoverProof& proof) {
  const Bytes change = proof.approved.Encode();
  return ByteWriter()
      .U32(static_cast<uint32_t>(change.size()))
      .Raw(change)
      .Raw(proof.commit.Encode())
      .Take();
}

absl::StatusOr<hotstuff::HandoverProof> DecodeHandover(ByteView bytes,
                                                       const hotstuff::ChainId& chain) {
  ByteReader reader(bytes);
  const ByteView change = reader.Raw(reader.U32());
  const ByteView commit = reader.Raw(reader.remaining());
  hotstuff::HandoverProof proof;
  GROAT_ASSIGN_OR_RETURN(proof.approved, hotstuff::ApprovedChange::Decode(change, chain));
  GROAT_ASSIGN_OR_RETURN(proof.commit, hotstuff::CommitProof::Decode(commit));
  return proof;
}

// Of an encoded block: where its three parts of variable size begin, and how long they are.
struct Part {
  size_t offset = 0;
  size_t size = 0;
};
std::array<Part, 3> PartsOf(ByteView encoding) {
  std::array<Part, 3> parts;
  size_t at = BlockHeader::kEncodedSize + kSignatureBytes;
  for (Part& part : parts) {
    if (at + 4 > encoding.size()) return {};
    part = {at + 4, static_cast<size_t>(LoadBigEndian(encoding.data() + at, 4))};
    at = part.offset + part.size;
  }
  return at == encoding.size() ? parts : std::array<Part, 3>();
}

}  // namespace

ByteView StoredBlock::header() const {
  return ByteView(encoding).first(std::min(encoding.size(), BlockHeader::kEncodedSize));
}

ByteView StoredBlock::signature() const {
  if (encoding.size() < BlockHeader::kEncodedSize + kSignatureBytes) return {};
  return ByteView(encoding).subspan(BlockHeader::kEncodedSize, kSignatureBytes);
}

ByteView StoredBlock::commands() const {
  const Part part = PartsOf(encoding)[2];
  return ByteView(encoding).subspan(part.offset, part.size);
}

BlockStore::BlockStore(std::unique_ptr<OrderedStore> store, const hotstuff::Genesis& genesis)
    : store_(std::move(store)), genesis_(genesis), chain_(genesis.Chain()) {}

absl::StatusOr<std::unique_ptr<BlockStore>> BlockStore::Open(std::unique_ptr<OrderedStore> store,
                                                             const hotstuff::Genesis& genesis) {
  std::unique_ptr<BlockStore> out(new BlockStore(std::move(store), genesis));
  GROAT_RETURN_IF_ERROR(out->CheckIdentity());
  return out;
}

absl::Status BlockStore::CheckIdentity() {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored, store_->Get(KeyOf('m')));
  const Bytes ours = ByteWriter().U32(kFormatVersion).Raw(chain_).Take();
  if (!stored.has_value()) {
    GROAT_ASSIGN_OR_RETURN(const auto other, store_->Last({}, {}));
    if (other.has_value()) return Missing("the identity of a store that holds data");
    return store_->Write(StoreBatch().Put(KeyOf('m'), ours), OrderedStore::Durability::kSynced);
  }
  ByteReader reader(*stored);
  const uint32_t version = reader.U32();
  const hotstuff::ChainId chain = reader.Fixed<32>();
  if (const absl::Status status = reader.Finish("identity"); !status.ok()) {
    return Damaged("identity", status);
  }
  if (version != kFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("blocks of format ", version, ", want ", kFormatVersion));
  }
  if (chain != chain_) {
    return absl::FailedPreconditionError(
        absl::StrCat("blocks of chain ", chain.Hex(), ", the genesis is of ", chain_.Hex()));
  }
  return absl::OkStatus();
}

absl::StatusOr<BlockStore::Loaded> BlockStore::Load() {
  Loaded loaded;
  GROAT_RETURN_IF_ERROR(LoadEpoch(loaded));
  GROAT_RETURN_IF_ERROR(LoadRoot(loaded));
  GROAT_RETURN_IF_ERROR(LoadClients(loaded.restored));
  GROAT_RETURN_IF_ERROR(LoadUncommitted(loaded.restored));
  GROAT_RETURN_IF_ERROR(LoadSafety(loaded.restored));
  return loaded;
}

absl::Status BlockStore::LoadEpoch(Loaded& loaded) const {
  loaded.validators = genesis_.validators;
  GROAT_ASSIGN_OR_RETURN(const auto last, store_->Last(KeyOf('h'), EndOf('h')));
  if (!last.has_value()) return absl::OkStatus();
  const auto proof = DecodeHandover(last->second, chain_);
  if (!proof.ok()) return Damaged("handover", proof.status());
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
  ByteReader reader(*root);
  const Height height(reader.U64());
  const Epoch epoch(reader.U64());
  const ByteView schedule = reader.Raw(reader.U32());
  const ByteView change = reader.Raw(reader.remaining());
  if (reader.failed()) return absl::DataLossError("the record of the last commit is cut short");
  if (!newest.has_value() || newest->first != KeyOf('c', height.value())) {
    return absl::DataLossError(absl::StrCat("the record of the last commit names height ",
                                            height.value(), ", which is not the last one stored"));
  }
  last_.store(height.value(), std::memory_order_release);
  GROAT_ASSIGN_OR_RETURN(CommittedBlock committed, CommittedAt(height));
  Restored& restored = loaded.restored;
  restored.root = std::move(committed.block);
  if (epoch != loaded.epoch) return absl::OkStatus();  // The root of a new epoch.
  restored.root_certificate = std::move(committed.certificate);
  auto decoded = hotstuff::LeaderSchedule::Decode(schedule);
  if (!decoded.ok()) return Damaged("leader schedule", decoded.status());
  restored.schedule = *std::move(decoded);
  if (restored.schedule->hash() != restored.root->header().schedule) {
    return absl::DataLossError("the leader schedule is not the last committed block's");
  }
  if (change.empty()) return absl::OkStatus();
  auto approved = hotstuff::ApprovedChange::Decode(change, chain_);
  if (!approved.ok()) return Damaged("ordered change of validators", approved.status());
  restored.change = std::make_shared<const hotstuff::ApprovedChange>(*std::move(approved));
  return absl::OkStatus();
}

absl::Status BlockStore::LoadClients(Restored& restored) const {
  hotstuff::ClientTable table(genesis_.max_clients);
  Height height;
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored, store_->Get(KeyOf('t')));
  if (stored.has_value()) {
    ByteReader reader(*stored);
    height = Height(reader.U64());
    auto decoded =
        hotstuff::ClientTable::Decode(reader.Raw(reader.remaining()), genesis_.max_clients);
    if (!decoded.ok()) return Damaged("client table", decoded.status());
    table = *std::move(decoded);
  }
  if (height > last()) {
    return absl::DataLossError(absl::StrCat("the client table is of height ", height.value(),
                                            ", the last commit of ", last().value()));
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

absl::Status BlockStore::LoadSafety(Restored& restored) const {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored, store_->Get(KeyOf('s')));
  if (!stored.has_value()) {
    const bool ran = restored.root != nullptr || !restored.blocks.empty();
    restored.memory = ran ? Restored::Memory::kLost : Restored::Memory::kFirstStart;
    return absl::OkStatus();
  }
  auto safety = hotstuff::SafetyState::Decode(*stored);
  if (!safety.ok()) return Damaged("safety record", safety.status());
  restored.safety = *std::move(safety);
  restored.memory = Restored::Memory::kKept;
  return absl::OkStatus();
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
    batch.Put(KeyOf('c', block.height().value()), EncodeCommit(committed));
  }
  for (const ProvenCommit& proven : turn.proofs) {
    batch.Put(KeyOf('p', proven.height.value()), proven.proof.Encode());
  }
  if (turn.commits.empty()) return;
  const hotstuff::BlockHeader& root = turn.commits.back().block->header();
  const Bytes schedule = turn.schedule.value_or(hotstuff::LeaderSchedule()).Encode();
  ByteWriter writer;
  writer.U64(root.height.value()).U64(root.epoch.value());
  writer.U32(static_cast<uint32_t>(schedule.size())).Raw(schedule);
  if (turn.change != nullptr) writer.Raw(turn.change->Encode());
  batch.Put(KeyOf('r'), writer.bytes());
  if (turn.clients.has_value()) {
    const auto& [height, table] = *turn.clients;
    batch.Put(KeyOf('t'), ByteWriter().U64(height.value()).Raw(table.Encode()).Take());
  }
}

absl::Status BlockStore::Write(const StoreTurn& turn) {
  if (turn.empty()) return absl::OkStatus();
  StoreBatch batch;
  AddBlocks(turn, batch);
  AddCommits(turn, batch);
  if (turn.handover.has_value()) {
    const uint64_t ended = turn.handover->approved.change.next.Previous().value();
    batch.Put(KeyOf('h', ended), EncodeHandover(*turn.handover));
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

absl::StatusOr<StoredBlock> BlockStore::At(Height height) const {
  if (height == Height(0) || height > last()) {
    return absl::OutOfRangeError(
        absl::StrCat("height ", height.value(), ", want 1 to ", last().value()));
  }
  StoredBlock out;
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> commit,
                         store_->Get(KeyOf('c', height.value())));
  if (!commit.has_value()) return Missing(absl::StrCat("commit of ", BlockName(height)));
  if (const absl::Status status = DecodeCommit(*commit, out); !status.ok()) {
    return Damaged(BlockName(height), status);
  }
  GROAT_ASSIGN_OR_RETURN(std::optional<Bytes> encoding, store_->Get(KeyOf(height, out.id)));
  if (!encoding.has_value()) return Missing(BlockName(height));
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
  std::optional<StoredProof> found;
  GROAT_RETURN_IF_ERROR(
      store_->Scan(KeyOf('p', height.value()), EndOf('p'), [&](ByteView key, ByteView value) {
        found = {Height(LoadBigEndian(key.data() + 1, 8)), Bytes(value.begin(), value.end())};
        return false;
      }));
  if (!found.has_value()) return Missing(absl::StrCat("proof of ", BlockName(height)));
  return *std::move(found);
}

absl::StatusOr<hotstuff::HandoverProof> BlockStore::HandoverOf(Epoch epoch) const {
  GROAT_ASSIGN_OR_RETURN(const std::optional<Bytes> stored, store_->Get(KeyOf('h', epoch.value())));
  if (!stored.has_value()) {
    return absl::OutOfRangeError(absl::StrCat("epoch ", epoch.value(), " has not ended"));
  }
  auto proof = DecodeHandover(*stored, chain_);
  if (!proof.ok()) return Damaged("handover", proof.status());
  return proof;
}

absl::StatusOr<BlockStore::Positions> BlockStore::Find(
    const std::vector<hotstuff::CommandKey>& keys, size_t lookback_blocks) const {
  Positions wanted;
  for (const hotstuff::CommandKey& key : keys) wanted.emplace(key, Position());
  Positions found;
  Height height = last();
  for (size_t i = 0; i < lookback_blocks && height != Height(0) && !wanted.empty(); ++i) {
    GROAT_ASSIGN_OR_RETURN(const StoredBlock stored, At(height));
    ByteReader reader(stored.commands());
    for (uint32_t index = 0; reader.remaining() > 0 && !reader.failed(); ++index) {
      const hotstuff::ClientId client(reader.U64());
      const hotstuff::CommandKey key{client, hotstuff::Sequence(reader.U64())};
      reader.Raw(reader.U32());
      const bool repeated =
          std::binary_search(stored.repeated.begin(), stored.repeated.end(), index);
      if (!repeated && wanted.erase(key) > 0) found[key] = {height, index};
    }
    height = height.Previous();
  }
  return found;
}

}  // namespace groat::consensus_service
