#include "hotstuff/snapshot.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

constexpr uint8_t kVersion = 1;

size_t PieceCount(uint64_t table_bytes) {
  return static_cast<size_t>((table_bytes + SnapshotManifest::kPieceBytes - 1) /
                             SnapshotManifest::kPieceBytes);
}

void WritePart(ByteView bytes, ByteWriter& writer) {
  writer.U32(static_cast<uint32_t>(bytes.size())).Raw(bytes);
}

ByteView ReadPart(ByteReader& reader) { return reader.Raw(reader.U32()); }

absl::Status CheckSize(std::string_view what, size_t size, size_t most) {
  if (size <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("snapshot's ", std::string(what), " of ", size, " bytes, want at most ", most));
}

absl::Status CheckSame(std::string_view what, const Hash& got, const Hash& want) {
  if (got == want) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("snapshot's ", std::string(what), " is ", got.Hex(), ", want ", want.Hex()));
}

}  // namespace

Bytes SnapshotManifest::Encode() const {
  ByteWriter writer;
  writer.U8(kVersion).U64(height.value()).Raw(block);
  writer.U32(static_cast<uint32_t>(repeated.size()));
  for (const uint32_t index : repeated) writer.U32(index);
  WritePart(schedule.Encode(), writer);
  WritePart(change == nullptr ? Bytes() : change->Encode(), writer);
  writer.U64(table_bytes);
  for (const Hash& piece : pieces) writer.Raw(piece);
  return writer.Take();
}

absl::StatusOr<SnapshotManifest> SnapshotManifest::Decode(ByteView bytes, const ChainId& chain,
                                                          size_t max_clients) {
  ByteReader reader(bytes);
  const uint8_t version = reader.U8();
  SnapshotManifest manifest;
  manifest.height = Height(reader.U64());
  manifest.block = reader.Fixed<32>();
  const size_t repeated = reader.U32();
  if (repeated > reader.remaining() / 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("snapshot manifest of ", bytes.size(), " bytes with ", repeated, " indexes"));
  }
  for (size_t i = 0; i < repeated; ++i) manifest.repeated.push_back(reader.U32());
  const ByteView schedule = ReadPart(reader);
  const ByteView change = ReadPart(reader);
  manifest.table_bytes = reader.U64();
  if (reader.failed() || version != kVersion) {
    return absl::InvalidArgumentError(absl::StrCat("snapshot manifest of ", bytes.size(),
                                                   " bytes and version ", version, ", want ",
                                                   kVersion));
  }
  GROAT_RETURN_IF_ERROR(CheckSize("leader schedule", schedule.size(), kMaxPartBytes));
  GROAT_RETURN_IF_ERROR(CheckSize("change", change.size(), kMaxPartBytes));
  GROAT_RETURN_IF_ERROR(
      CheckSize("client table", manifest.table_bytes, ClientTable::EncodedSize(max_clients)));
  const size_t count = PieceCount(manifest.table_bytes);
  if (reader.remaining() != count * Hash::kSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("snapshot manifest with ", reader.remaining(), " bytes of pieces, want ",
                     count * Hash::kSize, " for a client table of ", manifest.table_bytes));
  }
  for (size_t i = 0; i < count; ++i) manifest.pieces.push_back(reader.Fixed<32>());
  GROAT_ASSIGN_OR_RETURN(manifest.schedule, LeaderSchedule::Decode(schedule));
  if (!change.empty()) {
    GROAT_ASSIGN_OR_RETURN(ApprovedChange approved, ApprovedChange::Decode(change, chain));
    manifest.change = std::make_shared<const ApprovedChange>(std::move(approved));
  }
  return manifest;
}

Hash SnapshotManifest::Digest() const { return SnapshotDigest(Encode()); }

size_t SnapshotManifest::PieceBytes(size_t index) const {
  return std::min<size_t>(kPieceBytes, table_bytes - index * kPieceBytes);
}

SnapshotManifest MakeManifest(const Snapshot& snapshot, ByteView table) {
  SnapshotManifest manifest;
  manifest.height = snapshot.block->height();
  manifest.block = snapshot.block->id();
  for (size_t i = 0; i < snapshot.fresh.size(); ++i) {
    if (!snapshot.fresh[i]) manifest.repeated.push_back(static_cast<uint32_t>(i));
  }
  manifest.schedule = snapshot.schedule;
  manifest.change = snapshot.change;
  manifest.table_bytes = table.size();
  for (size_t i = 0; i < PieceCount(table.size()); ++i) {
    manifest.pieces.push_back(SnapshotPieceDigest(
        table.subspan(i * SnapshotManifest::kPieceBytes, manifest.PieceBytes(i))));
  }
  return manifest;
}

Bytes SnapshotHead::Encode() const {
  ByteWriter writer;
  WritePart(manifest.Encode(), writer);
  WritePart(block->Encode(), writer);
  WritePart(certificate->Encode(), writer);
  WritePart(proof.Encode(), writer);
  return writer.Take();
}

absl::StatusOr<SnapshotHead> SnapshotHead::Decode(ByteView bytes, const Genesis& genesis,
                                                  const ChainId& chain) {
  GROAT_RETURN_IF_ERROR(CheckSize("head", bytes.size(), MaxEncodedSize(genesis.block)));
  ByteReader reader(bytes);
  const ByteView manifest = ReadPart(reader);
  const ByteView block = ReadPart(reader);
  const ByteView certificate = ReadPart(reader);
  const ByteView proof = ReadPart(reader);
  GROAT_RETURN_IF_ERROR(reader.Finish("snapshot head"));
  SnapshotHead head;
  GROAT_ASSIGN_OR_RETURN(head.manifest,
                         SnapshotManifest::Decode(manifest, chain, genesis.max_clients));
  GROAT_ASSIGN_OR_RETURN(head.block, Block::Decode(block, genesis.block));
  GROAT_ASSIGN_OR_RETURN(head.certificate, QuorumCertificate::Decode(certificate));
  GROAT_ASSIGN_OR_RETURN(head.proof, CommitProof::Decode(proof));
  return head;
}

size_t SnapshotHead::MaxEncodedSize(const CommandBounds& bounds) {
  return Block::MaxEncodedSize(bounds) + CommitProof::kMaxHeaders * BlockHeader::kEncodedSize +
         (size_t{1} << 20);
}

absl::Status VerifySnapshotHead(const SnapshotHead& head, const CommitRule& rule,
                                const Verifier& verifier) {
  const SnapshotManifest& manifest = head.manifest;
  const BlockHeader& header = head.block->header();
  GROAT_RETURN_IF_ERROR(CheckSame("block", head.block->id(), manifest.block));
  if (header.height != manifest.height) {
    return absl::InvalidArgumentError(absl::StrCat("snapshot's block is of height ",
                                                   header.height.value(), ", want ",
                                                   manifest.height.value()));
  }
  if (!manifest.repeated.empty() && manifest.repeated.back() >= header.command_count) {
    return absl::InvalidArgumentError(absl::StrCat(
        "snapshot's repeated command ", manifest.repeated.back(), " of ", header.command_count));
  }
  GROAT_RETURN_IF_ERROR(CheckSame("leader schedule", manifest.schedule.hash(), header.schedule));
  const Hash change = manifest.change == nullptr ? Hash() : manifest.change->digest;
  GROAT_RETURN_IF_ERROR(CheckSame("change", change, header.handover));
  GROAT_RETURN_IF_ERROR(CheckSame("certified block", head.certificate->block(), manifest.block));
  GROAT_RETURN_IF_ERROR(VerifyQc(*head.certificate, verifier));
  return VerifyCommit(head.proof, manifest.block, rule, verifier);
}

}  // namespace groat::hotstuff
