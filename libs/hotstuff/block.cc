#include "hotstuff/block.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

constexpr uint8_t kVersion = 2;
// Two bytes of members, the bitmap and a view for each signer are the largest parts beside the
// signature; 64 bytes cover the rest.
constexpr size_t kMaxCertificateBytes = Proof::kMaxSignatureBytes + 9 * kMaxReplicas + 64;

Hash PayloadHash(const std::vector<Command>& commands) {
  static const Hash empty = PayloadDigest({});
  return commands.empty() ? empty : PayloadDigest(EncodeCommands(commands));
}

ByteView ReadPart(ByteReader& reader) { return reader.Raw(reader.U32()); }

void WritePart(ByteView bytes, ByteWriter& writer) {
  writer.U32(static_cast<uint32_t>(bytes.size())).Raw(bytes);
}

absl::Status CheckHash(const Hash& stated, const Hash& want, std::string_view what) {
  if (stated == want) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("block's hash of its ", std::string(what), " is ",
                                                 stated.Hex(), ", want ", want.Hex()));
}

}  // namespace

Bytes BlockHeader::Encode() const {
  return ByteWriter()
      .U8(kVersion)
      .Raw(chain)
      .U64(epoch.value())
      .U64(view.value())
      .U64(height.value())
      .Raw(parent)
      .U64(timestamp_us)
      .U16(proposer.value())
      .Raw(schedule)
      .U32(command_count)
      .Raw(payload)
      .Raw(justify)
      .Raw(timeout)
      .Raw(handover)
      .Take();
}

absl::StatusOr<BlockHeader> BlockHeader::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  BlockHeader header;
  header.chain = reader.Fixed<32>();
  header.epoch = Epoch(reader.U64());
  header.view = View(reader.U64());
  header.height = Height(reader.U64());
  header.parent = reader.Fixed<32>();
  header.timestamp_us = reader.U64();
  header.proposer = ReplicaIndex(reader.U16());
  header.schedule = reader.Fixed<32>();
  header.command_count = reader.U32();
  header.payload = reader.Fixed<32>();
  header.justify = reader.Fixed<32>();
  header.timeout = reader.Fixed<32>();
  header.handover = reader.Fixed<32>();
  GROAT_RETURN_IF_ERROR(reader.Finish("block header"));
  if (version != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("block header version ", version, ", want ", kVersion));
  }
  return header;
}

BlockId BlockHeader::Id() const { return HeaderDigest(Encode()); }

BlockPtr Block::Make(BlockHeader header, QcPtr justify, TcPtr timeout,
                     std::vector<Command> commands, const Ed25519Signature& signature) {
  GROAT_CHECK(justify != nullptr);
  header.command_count = static_cast<uint32_t>(commands.size());
  header.payload = PayloadHash(commands);
  header.justify = justify->hash();
  header.timeout = timeout == nullptr ? Hash() : timeout->hash();
  auto out = std::shared_ptr<Block>(new Block());
  out->header_ = header;
  out->id_ = header.Id();
  out->justify_ = std::move(justify);
  out->timeout_ = std::move(timeout);
  out->commands_ = std::move(commands);
  out->signature_ = signature;
  return out;
}

BlockPtr Block::Sign(const BlockPtr& unsigned_block, const Ed25519Signature& signature) {
  auto out = std::shared_ptr<Block>(new Block(*unsigned_block));
  out->signature_ = signature;
  return out;
}

BlockPtr Block::MakeGenesis(const ChainId& chain, uint64_t timestamp_us, const Hash& schedule) {
  BlockHeader header;
  header.chain = chain;
  header.timestamp_us = timestamp_us;
  header.schedule = schedule;
  return Make(header, QuorumCertificate::MakeRoot(Epoch(0), BlockId()), nullptr, {},
              Ed25519Signature());
}

Bytes Block::Encode() const {
  ByteWriter writer;
  writer.Raw(header_.Encode()).Raw(signature_);
  WritePart(justify_->Encode(), writer);
  WritePart(timeout_ == nullptr ? Bytes() : timeout_->Encode(), writer);
  WritePart(EncodeCommands(commands_), writer);
  return writer.Take();
}

absl::StatusOr<BlockPtr> Block::Decode(ByteView bytes, const CommandBounds& bounds) {
  ByteReader reader(bytes);
  GROAT_ASSIGN_OR_RETURN(const BlockHeader header,
                         BlockHeader::Decode(reader.Raw(BlockHeader::kEncodedSize)));
  const Ed25519Signature signature = reader.Fixed<64>();
  const ByteView justify_bytes = ReadPart(reader);
  const ByteView timeout_bytes = ReadPart(reader);
  const ByteView command_bytes = ReadPart(reader);
  GROAT_RETURN_IF_ERROR(reader.Finish("block"));
  GROAT_ASSIGN_OR_RETURN(QcPtr justify, QuorumCertificate::Decode(justify_bytes));
  TcPtr timeout;
  if (!timeout_bytes.empty()) {
    GROAT_ASSIGN_OR_RETURN(timeout, TimeoutCertificate::Decode(timeout_bytes));
  }
  GROAT_ASSIGN_OR_RETURN(std::vector<Command> commands,
                         DecodeCommands(command_bytes, header.command_count, bounds));
  GROAT_RETURN_IF_ERROR(CheckHash(header.payload, PayloadDigest(command_bytes), "payload"));
  GROAT_RETURN_IF_ERROR(CheckHash(header.justify, justify->hash(), "justify"));
  GROAT_RETURN_IF_ERROR(CheckHash(header.timeout, timeout == nullptr ? Hash() : timeout->hash(),
                                  "timeout certificate"));
  return Make(header, std::move(justify), std::move(timeout), std::move(commands), signature);
}

size_t Block::MaxEncodedSize(const CommandBounds& bounds) {
  return BlockHeader::kEncodedSize + Ed25519Signature::kSize + 12 + 2 * kMaxCertificateBytes +
         bounds.max_bytes;
}

}  // namespace groat::hotstuff
