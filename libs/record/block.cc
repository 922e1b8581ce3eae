#include "record/block.h"

#include "absl/strings/str_cat.h"
#include "crypto/sha256.h"

namespace groat::record {
namespace {

constexpr size_t kHashedSize = Block::kEncodedSize - Ed25519Signature::kSize;

ByteWriter HashedFields(const Block& block) {
  const RootStatement& statement = block.root.statement;
  ByteWriter writer;
  writer.U8(kBlockVersion)
      .U64(block.height.value())
      .Raw(block.previous_id)
      .U64(block.timestamp_ms)
      .U32(statement.relay.value())
      .U32(statement.shard.value())
      .U32(statement.period.value())
      .U64(statement.cycle.value())
      .Raw(statement.root)
      .U64(statement.leaf_count)
      .U64(statement.new_leaf_count);
  return writer;
}

}  // namespace

Bytes32 Block::Id() const { return Sha256(HashedFields(*this).bytes()); }

Bytes Block::Encode() const { return HashedFields(*this).Raw(root.signature).Take(); }

absl::StatusOr<Block> Block::Decode(ByteView bytes) {
  static_assert(kHashedSize == 117);
  ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  Block block;
  block.height = Height(reader.U64());
  block.previous_id = reader.Fixed<32>();
  block.timestamp_ms = reader.U64();
  RootStatement& statement = block.root.statement;
  statement.relay = RelayId(reader.U32());
  statement.shard = Shard(reader.U32());
  statement.period = Period(reader.U32());
  statement.cycle = Cycle(reader.U64());
  statement.root = reader.Fixed<32>();
  statement.leaf_count = reader.U64();
  statement.new_leaf_count = reader.U64();
  block.root.signature = reader.Fixed<64>();
  if (absl::Status status = reader.Finish("block"); !status.ok()) return status;
  if (version != kBlockVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("block version ", version, ", want ", kBlockVersion));
  }
  return block;
}

absl::Status CheckExtends(const Block* previous, const Block& next) {
  const Height want = previous == nullptr ? Height(1) : previous->height.Next();
  if (next.height != want) {
    return absl::InvalidArgumentError(
        absl::StrCat("block of height ", next.height.value(), ", want ", want.value()));
  }
  const Bytes32 want_id = previous == nullptr ? Bytes32() : previous->Id();
  if (next.previous_id != want_id) {
    return absl::InvalidArgumentError(absl::StrCat("block ", next.height.value(), " follows ",
                                                   next.previous_id.Hex(), ", want ",
                                                   want_id.Hex()));
  }
  if (previous != nullptr && next.timestamp_ms < previous->timestamp_ms) {
    return absl::InvalidArgumentError(
        absl::StrCat("block ", next.height.value(), " has time ", next.timestamp_ms, " ms, before ",
                     previous->timestamp_ms, " ms of the block below"));
  }
  return absl::OkStatus();
}

}  // namespace groat::record
