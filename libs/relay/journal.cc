#include "relay/journal.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::relay {
namespace {

constexpr uint8_t kUpdates = 1;
constexpr uint8_t kSealed = 2;
constexpr uint8_t kRooted = 3;

absl::StatusOr<JournalRecord> DecodeUpdates(ByteReader& reader) {
  const uint64_t count = reader.U32();
  if (reader.remaining() != count * 64 || count == 0) {
    return absl::InvalidArgumentError(absl::StrCat("updates record of ", count, " entries has ",
                                                   reader.remaining(), " bytes of them"));
  }
  UpdatesRecord out;
  out.entries.resize(count);
  for (TrieEntry& entry : out.entries) {
    entry.key = reader.Fixed<32>();
    entry.value = reader.Fixed<32>();
  }
  return out;
}

absl::StatusOr<JournalRecord> DecodeSealed(ByteReader& reader) {
  SealedRecord out;
  out.cycle = record::Cycle(reader.U64());
  out.sealed_at_ms = reader.U64();
  GROAT_RETURN_IF_ERROR(reader.Finish("sealed record"));
  return out;
}

absl::StatusOr<JournalRecord> DecodeRooted(ByteReader& reader) {
  RootedRecord out;
  record::RootStatement& statement = out.root.statement;
  statement.relay = record::RelayId(reader.U32());
  statement.shard = record::Shard(reader.U32());
  statement.period = record::Period(reader.U32());
  statement.cycle = record::Cycle(reader.U64());
  statement.root = reader.Fixed<32>();
  statement.leaf_count = reader.U64();
  statement.new_leaf_count = reader.U64();
  out.root.signature = reader.Fixed<64>();
  GROAT_RETURN_IF_ERROR(reader.Finish("rooted record"));
  return out;
}

}  // namespace

Bytes EncodeUpdates(std::span<const TrieEntry> entries) {
  Bytes out(5 + entries.size() * 64);
  out[0] = kUpdates;
  StoreBigEndian(entries.size(), out.data() + 1, 4);
  uint8_t* at = out.data() + 5;
  for (const TrieEntry& entry : entries) {
    std::memcpy(at, entry.key.data(), 32);
    std::memcpy(at + 32, entry.value.data(), 32);
    at += 64;
  }
  return out;
}

Bytes Encode(const SealedRecord& record) {
  return ByteWriter().U8(kSealed).U64(record.cycle.value()).U64(record.sealed_at_ms).Take();
}

Bytes Encode(const RootedRecord& record) {
  const record::RootStatement& statement = record.root.statement;
  return ByteWriter()
      .U8(kRooted)
      .U32(statement.relay.value())
      .U32(statement.shard.value())
      .U32(statement.period.value())
      .U64(statement.cycle.value())
      .Raw(statement.root)
      .U64(statement.leaf_count)
      .U64(statement.new_leaf_count)
      .Raw(record.root.signature)
      .Take();
}

absl::StatusOr<JournalRecord> DecodeJournalRecord(ByteView bytes) {
  ByteReader reader(bytes);
  switch (const uint8_t type = reader.U8()) {
    case kUpdates:
      return DecodeUpdates(reader);
    case kSealed:
      return DecodeSealed(reader);
    case kRooted:
      return DecodeRooted(reader);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("journal record of type ", type, ", want 1 to 3"));
  }
}

}  // namespace groat::relay
