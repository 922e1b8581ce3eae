#include "services/consensus/store_records.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::consensus_service {
namespace {

using hotstuff::BlockHeader;
using hotstuff::Epoch;
using hotstuff::Height;

constexpr size_t kSignatureBytes = 64;

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

Bytes IdentityRecord::Encode() const { return ByteWriter().U32(format_version).Raw(chain).Take(); }

absl::StatusOr<IdentityRecord> IdentityRecord::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  IdentityRecord out;
  out.format_version = reader.U32();
  out.chain = reader.Fixed<32>();
  GROAT_RETURN_IF_ERROR(reader.Finish("identity"));
  return out;
}

Bytes CommitRecord::Encode() const {
  ByteWriter writer;
  writer.Raw(id).U32(static_cast<uint32_t>(repeated.size()));
  for (const uint32_t index : repeated) writer.U32(index);
  return writer.Raw(certificate).Take();
}

absl::StatusOr<CommitRecord> CommitRecord::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  CommitRecord out;
  out.id = reader.Fixed<32>();
  const uint32_t count = reader.U32();
  if (reader.failed() || reader.remaining() / 4 < count) {
    return absl::InvalidArgumentError(
        absl::StrCat("commit record of ", bytes.size(), " bytes with ", count, " indexes"));
  }
  out.repeated.reserve(count);
  for (uint32_t i = 0; i < count; ++i) out.repeated.push_back(reader.U32());
  const ByteView certificate = reader.Raw(reader.remaining());
  out.certificate.assign(certificate.begin(), certificate.end());
  return out;
}

Bytes RootRecord::Encode() const {
  const Bytes encoded = schedule.Encode();
  ByteWriter writer;
  writer.U64(height.value()).U64(epoch.value());
  writer.U32(static_cast<uint32_t>(encoded.size())).Raw(encoded);
  if (change != nullptr) writer.Raw(change->Encode());
  return writer.Take();
}

absl::StatusOr<RootRecord> RootRecord::Decode(ByteView bytes, const hotstuff::ChainId& chain) {
  ByteReader reader(bytes);
  RootRecord out;
  out.height = Height(reader.U64());
  out.epoch = Epoch(reader.U64());
  const ByteView schedule = reader.Raw(reader.U32());
  const ByteView change = reader.Raw(reader.remaining());
  if (reader.failed()) {
    return absl::InvalidArgumentError(absl::StrCat("cut short at ", bytes.size(), " bytes"));
  }
  GROAT_ASSIGN_OR_RETURN(out.schedule, hotstuff::LeaderSchedule::Decode(schedule));
  if (change.empty()) return out;
  GROAT_ASSIGN_OR_RETURN(auto approved, hotstuff::ApprovedChange::Decode(change, chain));
  out.change = std::make_shared<const hotstuff::ApprovedChange>(std::move(approved));
  return out;
}

Bytes EncodeNumber(uint64_t number) { return ByteWriter().U64(number).Take(); }

absl::StatusOr<uint64_t> DecodeNumber(ByteView bytes) {
  ByteReader reader(bytes);
  const uint64_t number = reader.U64();
  GROAT_RETURN_IF_ERROR(reader.Finish("number"));
  return number;
}

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

}  // namespace groat::consensus_service
