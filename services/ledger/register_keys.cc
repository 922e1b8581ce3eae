#include "services/ledger/register_keys.h"

#include <charconv>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

constexpr uint8_t kVersion = 1;
constexpr std::string_view kBlockPrefix = "block/";
constexpr std::string_view kProgressPrefix = "progress/";
constexpr std::string_view kSignaturePrefix = "signature/";

std::string Digits(uint64_t value, size_t width) {
  Bytes bytes(width / 2);
  StoreBigEndian(value, bytes.data(), bytes.size());
  return ToHex(bytes);
}

std::optional<uint64_t> ParseDigits(std::string_view text, size_t width) {
  if (text.size() != width) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Removes `prefix` from the front of `text` if it is there.
bool Consume(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

absl::Status Finish(const ByteReader& reader, uint8_t version, std::string_view what) {
  GROAT_RETURN_IF_ERROR(reader.Finish(what));
  if (version == kVersion) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(absl::string_view(what.data(), what.size()),
                                                 " version ", version, ", want ", kVersion));
}

}  // namespace

std::string RegisterKeys::BlockRun(record::Height last) const {
  return absl::StrCat(prefix_, "block/", Digits(last.value(), 16));
}
std::string RegisterKeys::Relay(const ledger::RelayShard& name) const {
  return absl::StrCat(prefix_, "relay/", Digits(name.relay.value(), 8), "/",
                      Digits(name.shard.value(), 8));
}
std::string RegisterKeys::Progress(record::NodeIndex node) const {
  return absl::StrCat(prefix_, "progress/", Digits(node.value(), 8));
}
std::string RegisterKeys::Signature(record::Height height, record::NodeIndex node) const {
  return absl::StrCat(prefix_, "signature/", Digits(height.value(), 16), "/",
                      Digits(node.value(), 8));
}

storage::KeyRange RegisterKeys::BlockRunsFrom(record::Height first) const {
  return {BlockRun(first), storage::KeyRange::Prefix(prefix_ + "block/").end};
}
storage::KeyRange RegisterKeys::BlockRunsUpTo(record::Height last) const {
  return {prefix_ + "block/", BlockRun(last.Next())};
}

std::optional<RegisterKeys::Name> RegisterKeys::Parse(std::string_view key) const {
  if (!Consume(key, prefix_)) return std::nullopt;
  if (key == "head") return Name{.kind = Kind::kHead};
  if (key == "sequencer") return Name{.kind = Kind::kSequencer};
  if (key == "sequencer_wish") return Name{.kind = Kind::kSequencerWish};
  if (Consume(key, "relay/")) return Name{.kind = Kind::kRelay};
  if (Consume(key, kBlockPrefix)) {
    const std::optional<uint64_t> height = ParseDigits(key, 16);
    if (!height.has_value()) return std::nullopt;
    return Name{.kind = Kind::kBlockRun, .height = record::Height(*height)};
  }
  if (Consume(key, kProgressPrefix)) {
    const std::optional<uint64_t> node = ParseDigits(key, 8);
    if (!node.has_value()) return std::nullopt;
    return Name{.kind = Kind::kProgress, .node = record::NodeIndex(static_cast<uint32_t>(*node))};
  }
  if (Consume(key, kSignaturePrefix) && key.size() == 25 && key[16] == '/') {
    const std::optional<uint64_t> height = ParseDigits(key.substr(0, 16), 16);
    const std::optional<uint64_t> node = ParseDigits(key.substr(17), 8);
    if (!height.has_value() || !node.has_value()) return std::nullopt;
    return Name{.kind = Kind::kSignature,
                .height = record::Height(*height),
                .node = record::NodeIndex(static_cast<uint32_t>(*node))};
  }
  return std::nullopt;
}

std::string EncodeHead(const Bytes32& ledger_id, const ledger::ChainHead& head) {
  return ToString(ByteWriter()
                      .U8(kVersion)
                      .Raw(ledger_id)
                      .U64(head.height.value())
                      .Raw(head.id)
                      .U64(head.timestamp_ms)
                      .bytes());
}

absl::StatusOr<ledger::ChainHead> DecodeHead(const Bytes32& ledger_id, std::string_view value) {
  ByteReader reader(AsBytes(value));
  const uint8_t version = reader.U8();
  const Bytes32 id_of_ledger = reader.Fixed<32>();
  ledger::ChainHead head;
  head.height = record::Height(reader.U64());
  head.id = reader.Fixed<32>();
  head.timestamp_ms = reader.U64();
  GROAT_RETURN_IF_ERROR(Finish(reader, version, "register head"));
  if (id_of_ledger != ledger_id) {
    return absl::InvalidArgumentError(
        absl::StrCat("the register holds ledger ", id_of_ledger.Hex(), ", want ", ledger_id.Hex()));
  }
  if (head.height.value() == 0) {
    return absl::InvalidArgumentError("register head of height 0, want 1 or more");
  }
  return head;
}

std::string EncodeTip(const ledger::RelayTip& tip) {
  const record::RootStatement& statement = tip.statement;
  return ToString(ByteWriter()
                      .U8(kVersion)
                      .Raw(statement.root)
                      .U64(tip.height.value())
                      .U32(statement.relay.value())
                      .U32(statement.shard.value())
                      .U32(statement.period.value())
                      .U64(statement.cycle.value())
                      .U64(statement.leaf_count)
                      .U64(statement.new_leaf_count)
                      .bytes());
}

absl::StatusOr<ledger::RelayTip> DecodeTip(std::string_view value) {
  ByteReader reader(AsBytes(value));
  const uint8_t version = reader.U8();
  ledger::RelayTip tip;
  tip.statement.root = reader.Fixed<32>();
  tip.height = record::Height(reader.U64());
  tip.statement.relay = record::RelayId(reader.U32());
  tip.statement.shard = record::Shard(reader.U32());
  tip.statement.period = record::Period(reader.U32());
  tip.statement.cycle = record::Cycle(reader.U64());
  tip.statement.leaf_count = reader.U64();
  tip.statement.new_leaf_count = reader.U64();
  GROAT_RETURN_IF_ERROR(Finish(reader, version, "relay entry"));
  return tip;
}

std::string EncodeBlockRun(const std::vector<record::Block>& blocks) {
  GROAT_CHECK(!blocks.empty());
  std::string out(1, static_cast<char>(kVersion));
  out.reserve(1 + blocks.size() * record::Block::kEncodedSize);
  for (const record::Block& block : blocks) out.append(AsText(block.Encode()));
  return out;
}

absl::StatusOr<std::vector<record::Block>> DecodeBlockRun(std::string_view value) {
  if (value.empty() || value[0] != static_cast<char>(kVersion) ||
      (value.size() - 1) % record::Block::kEncodedSize != 0 || value.size() == 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("block run of ", value.size(), " bytes, want version ", kVersion,
                     " and blocks of ", record::Block::kEncodedSize, " bytes"));
  }
  std::vector<record::Block> blocks;
  for (value.remove_prefix(1); !value.empty(); value.remove_prefix(record::Block::kEncodedSize)) {
    GROAT_ASSIGN_OR_RETURN(
        record::Block block,
        record::Block::Decode(AsBytes(value.substr(0, record::Block::kEncodedSize))));
    if (!blocks.empty() && block.height != blocks.back().height.Next()) {
      return absl::InvalidArgumentError(absl::StrCat("block run goes from height ",
                                                     blocks.back().height.value(), " to ",
                                                     block.height.value()));
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

std::string EncodeProgress(const NodeProgress& progress) {
  return ToString(ByteWriter()
                      .U8(kVersion)
                      .U64(progress.applied.value())
                      .U64(progress.signed_height.value())
                      .U64(progress.reported_at_ms)
                      .bytes());
}

absl::StatusOr<NodeProgress> DecodeProgress(std::string_view value) {
  ByteReader reader(AsBytes(value));
  const uint8_t version = reader.U8();
  NodeProgress progress;
  progress.applied = record::Height(reader.U64());
  progress.signed_height = record::Height(reader.U64());
  progress.reported_at_ms = reader.U64();
  GROAT_RETURN_IF_ERROR(Finish(reader, version, "progress entry"));
  return progress;
}

std::string EncodeShare(const ledger::Share& share) {
  return ToString(ByteWriter().U8(kVersion).Raw(share.point.Encode()).Raw(share.signature).bytes());
}

absl::StatusOr<ledger::Share> DecodeShare(record::NodeIndex node, std::string_view value) {
  ByteReader reader(AsBytes(value));
  const uint8_t version = reader.U8();
  ledger::Share share;
  share.node = node;
  share.point.height = record::Height(reader.U64());
  share.point.block_id = reader.Fixed<32>();
  share.point.log_root = reader.Fixed<32>();
  share.signature = reader.Fixed<96>();
  GROAT_RETURN_IF_ERROR(Finish(reader, version, "signature entry"));
  return share;
}

std::string EncodeNode(record::NodeIndex node) {
  return ToString(ByteWriter().U8(kVersion).U32(node.value()).bytes());
}

absl::StatusOr<record::NodeIndex> DecodeNode(std::string_view value) {
  ByteReader reader(AsBytes(value));
  const uint8_t version = reader.U8();
  const record::NodeIndex node(reader.U32());
  GROAT_RETURN_IF_ERROR(Finish(reader, version, "sequencer entry"));
  return node;
}

}  // namespace groat::ledger_service
