#include "p2p/trace/trace_record.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::p2p {
namespace {

constexpr uint16_t kAllRecipients = 0xffff;
constexpr uint8_t kLastStatusCode = 16;

using Layout = std::vector<TraceFieldLayout>;

struct KindLayout {
  TraceKind kind;
  std::string_view name;
  Layout fields;
};

const std::vector<KindLayout>& AllLayouts() {
  using F = TraceField;
  using K = TraceKind;
  constexpr bool kAnswer = true;
  static const Layout start = {
      {F::kLabel, "protocol", kAnswer},  {F::kText, "version", kAnswer},
      {F::kPeer, "self", kAnswer},       {F::kNumber, "wall_clock_ms", kAnswer},
      {F::kPeers, "connected", kAnswer}, {F::kPayload, "parameters", kAnswer}};
  static const std::vector<KindLayout> layouts = {
      {K::kStart, "start", start},
      {K::kContinue, "continue", start},
      {K::kGap,
       "gap",
       {{F::kNumber, "lost_records", kAnswer}, {F::kSecondNumber, "lost_payload_bytes", kAnswer}}},
      {K::kRequest,
       "request",
       {{F::kNumber, "within_task", kAnswer}, {F::kPayload, "request", kAnswer}}},
      {K::kTimerFired, "timer_fired", {{F::kNumber, "timer", kAnswer}}},
      {K::kTaskRan, "task_ran", {{F::kNumber, "task", kAnswer}}},
      {K::kReady, "ready", {{F::kChannel, "channel", kAnswer}}},
      {K::kRoom, "room", {{F::kChannel, "channel", kAnswer}, {F::kPeer, "peer", kAnswer}}},
      {K::kConnected, "connected", {{F::kNumber, "watch", kAnswer}, {F::kPeer, "peer", kAnswer}}},
      {K::kDisconnected,
       "disconnected",
       {{F::kNumber, "watch", kAnswer}, {F::kPeer, "peer", kAnswer}}},
      {K::kNow, "now", {{F::kNumber, "now_ns", kAnswer}}},
      {K::kWallClock, "wall_clock", {{F::kNumber, "wall_clock_us", kAnswer}}},
      {K::kRandom, "random", {{F::kNumber, "random", kAnswer}}},
      {K::kPost, "post", {{F::kNumber, "task", kAnswer}}},
      {K::kPostAt, "post_at", {{F::kNumber, "when_ns"}, {F::kSecondNumber, "timer", kAnswer}}},
      {K::kCancel, "cancel", {{F::kNumber, "timer"}}},
      {K::kRegister,
       "register",
       {{F::kChannel, "channel"}, {F::kText, "options"}, {F::kCode, "code", kAnswer}}},
      {K::kOnReady, "on_ready", {{F::kChannel, "channel"}}},
      {K::kOnRoom, "on_room", {{F::kChannel, "channel"}}},
      {K::kWatchPeers, "watch_peers", {{F::kNumber, "watch", kAnswer}}},
      {K::kConnectedPeers, "connected_peers", {{F::kPeers, "connected", kAnswer}}},
      {K::kSend,
       "send",
       {{F::kChannel, "channel"},
        {F::kRecipients, "recipients"},
        {F::kPayload, "payload"},
        {F::kPeers, "queued", kAnswer}}},
      {K::kPoll, "poll", {{F::kChannel, "channel"}, {F::kMessage, "message", kAnswer}}},
      {K::kPollPreferring,
       "poll_preferring",
       {{F::kChannel, "channel"}, {F::kPeer, "preferred"}, {F::kMessage, "message", kAnswer}}},
      {K::kReject, "reject", {{F::kChannel, "channel"}, {F::kPeer, "peer"}, {F::kLabel, "reason"}}},
      {K::kStartNetwork, "start_network", {}},
      {K::kSetPeers, "set_peers", {{F::kNumber, "index"}, {F::kPeers, "peers"}}},
      {K::kDropPeers, "drop_peers", {{F::kNumber, "index"}}},
      {K::kBlock, "block", {{F::kPeer, "peer"}, {F::kText, "why"}}},
      // Its message is for people, and may be worded anew.
      {K::kReturned, "returned", {{F::kCode, "code"}, {F::kText, "message", kAnswer}}},
  };
  return layouts;
}

const KindLayout* FindLayout(TraceKind kind) {
  static const std::array<const KindLayout*, 256> by_kind = [] {
    std::array<const KindLayout*, 256> out{};
    for (const KindLayout& layout : AllLayouts()) out[static_cast<uint8_t>(layout.kind)] = &layout;
    return out;
  }();
  return by_kind[static_cast<uint8_t>(kind)];
}

// Appends big-endian fields to the end of an array that has other things in front.
class Appender {
 public:
  explicit Appender(Bytes& out) : out_(out) {}
  Appender& Unsigned(uint64_t value, size_t size) {
    out_.resize(out_.size() + size);
    StoreBigEndian(value, out_.data() + out_.size() - size, size);
    return *this;
  }
  Appender& Raw(ByteView bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Appender& Peers(std::span<const PeerId> peers) {
    Unsigned(peers.size(), 2);
    for (const PeerId& peer : peers) Raw(peer);
    return *this;
  }

 private:
  Bytes& out_;
};

void EncodeField(const TraceRecord& record, TraceField field, Appender out) {
  switch (field) {
    case TraceField::kNumber:
      out.Unsigned(record.number, 8);
      return;
    case TraceField::kSecondNumber:
      out.Unsigned(record.second_number, 8);
      return;
    case TraceField::kChannel:
      out.Unsigned(record.channel.value(), 2);
      return;
    case TraceField::kPeer:
      out.Raw(record.peer);
      return;
    case TraceField::kPeers:
      out.Peers(record.peers);
      return;
    case TraceField::kRecipients:
      record.to_all ? out.Unsigned(kAllRecipients, 2) : out.Peers(record.recipients);
      return;
    case TraceField::kPayload:
      out.Unsigned(record.payload.size(), 4).Raw(record.payload);
      return;
    case TraceField::kMessage:
      out.Unsigned(record.has_message ? 1 : 0, 1);
      if (record.has_message) {
        out.Raw(record.from).Unsigned(record.payload.size(), 4).Raw(record.payload);
      }
      return;
    case TraceField::kLabel: {
      const std::string_view label = record.label.substr(0, kMaxTraceLabelBytes);
      out.Unsigned(label.size(), 1).Raw(AsBytes(label));
      return;
    }
    case TraceField::kText: {
      const std::string_view text = CutTraceText(record.text);
      out.Unsigned(text.size(), 2).Raw(AsBytes(text));
      return;
    }
    case TraceField::kCode:
      out.Unsigned(static_cast<uint64_t>(record.code), 1);
      return;
  }
}

absl::Status DecodePeers(ByteReader& reader, size_t count, std::vector<PeerId>& peers) {
  peers.clear();
  if (count > kMaxTracePeers) {
    return absl::InvalidArgumentError(
        absl::StrCat(count, " peers in a trace record, want at most ", kMaxTracePeers));
  }
  // Memory is made for what is there, not for what is announced.
  if (count * PeerId::kSize > reader.remaining()) {
    return absl::InvalidArgumentError(
        absl::StrCat(count, " peers in ", reader.remaining(), " bytes of a trace record"));
  }
  peers.reserve(count);
  for (size_t i = 0; i < count; ++i) peers.push_back(reader.Fixed<PeerId::kSize>());
  return absl::OkStatus();
}

absl::Status DecodeFlag(ByteReader& reader, std::string_view name, bool& flag) {
  const uint8_t value = reader.U8();
  if (value > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(absl::string_view(name.data(), name.size()), " is ", value, ", want 0 or 1"));
  }
  flag = value == 1;
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> DecodeText(ByteReader& reader, size_t length, size_t most) {
  if (length > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("text of ", length, " bytes in a trace record, want at most ", most));
  }
  return AsText(reader.Raw(length));
}

bool SamePeers(std::span<const PeerId> a, std::span<const PeerId> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool SameField(const TraceRecord& a, const TraceRecord& b, TraceField field) {
  switch (field) {
    case TraceField::kNumber:
      return a.number == b.number;
    case TraceField::kSecondNumber:
      return a.second_number == b.second_number;
    case TraceField::kChannel:
      return a.channel == b.channel;
    case TraceField::kPeer:
      return a.peer == b.peer;
    case TraceField::kPeers:
      return SamePeers(a.peers, b.peers);
    case TraceField::kRecipients:
      return a.to_all == b.to_all && (a.to_all || SamePeers(a.recipients, b.recipients));
    case TraceField::kMessage:
      if (a.has_message != b.has_message || a.from != b.from) return false;
      [[fallthrough]];
    case TraceField::kPayload:
      return std::equal(a.payload.begin(), a.payload.end(), b.payload.begin(), b.payload.end());
    case TraceField::kLabel:
      return a.label.substr(0, kMaxTraceLabelBytes) == b.label.substr(0, kMaxTraceLabelBytes);
    case TraceField::kText:
      return CutTraceText(a.text) == CutTraceText(b.text);
    case TraceField::kCode:
      return a.code == b.code;
  }
  return false;
}

}  // namespace

std::span<const TraceFieldLayout> LayoutOf(TraceKind kind) {
  const KindLayout* layout = FindLayout(kind);
  return layout == nullptr ? std::span<const TraceFieldLayout>() : layout->fields;
}

std::string_view NameOf(TraceKind kind) {
  const KindLayout* layout = FindLayout(kind);
  return layout == nullptr ? "unknown" : layout->name;
}

std::optional<TraceKind> TraceKindNamed(std::string_view name) {
  for (const KindLayout& layout : AllLayouts()) {
    if (layout.name == name) return layout.kind;
  }
  return std::nullopt;
}

std::vector<TraceKind> AllTraceKinds() {
  std::vector<TraceKind> kinds;
  for (const KindLayout& layout : AllLayouts()) kinds.push_back(layout.kind);
  return kinds;
}

bool BeginsTask(TraceKind kind) {
  return kind >= TraceKind::kRequest && kind <= TraceKind::kDisconnected;
}

std::string_view CutTraceText(std::string_view text) { return text.substr(0, kMaxTraceTextBytes); }

bool EncodeTraceRecord(const TraceRecord& record, Bytes& out) {
  const size_t before = out.size();
  if (record.peers.size() > kMaxTracePeers || record.recipients.size() > kMaxTracePeers ||
      record.payload.size() > kMaxTraceRecordBytes) {
    return false;
  }
  Appender appender(out);
  appender.Unsigned(static_cast<uint8_t>(record.kind), 1)
      .Unsigned(record.outside ? 1 : 0, 1)
      .Unsigned(static_cast<uint64_t>(record.time.time_since_epoch().count()), 8);
  for (const TraceFieldLayout& layout : LayoutOf(record.kind)) {
    EncodeField(record, layout.field, appender);
  }
  if (out.size() - before <= kMaxTraceRecordBytes) return true;
  out.resize(before);
  return false;
}

absl::Status TraceDecoder::Decode(ByteView bytes, TraceRecord& record) {
  ByteReader reader(bytes);
  record = TraceRecord();
  const uint8_t kind = reader.U8();
  record.kind = static_cast<TraceKind>(kind);
  if (FindLayout(record.kind) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("trace record of unknown kind ", kind));
  }
  GROAT_RETURN_IF_ERROR(DecodeFlag(reader, "outside", record.outside));
  record.time = Instant(Duration(static_cast<Duration::rep>(reader.U64())));
  for (const TraceFieldLayout& layout : LayoutOf(record.kind)) {
    switch (layout.field) {
      case TraceField::kNumber:
        record.number = reader.U64();
        break;
      case TraceField::kSecondNumber:
        record.second_number = reader.U64();
        break;
      case TraceField::kChannel:
        record.channel = ChannelId(reader.U16());
        break;
      case TraceField::kPeer:
        record.peer = reader.Fixed<PeerId::kSize>();
        break;
      case TraceField::kPeers:
        GROAT_RETURN_IF_ERROR(DecodePeers(reader, reader.U16(), peers_));
        record.peers = peers_;
        break;
      case TraceField::kRecipients: {
        const uint16_t count = reader.U16();
        record.to_all = count == kAllRecipients;
        GROAT_RETURN_IF_ERROR(DecodePeers(reader, record.to_all ? 0 : count, recipients_));
        record.recipients = recipients_;
        break;
      }
      case TraceField::kMessage:
        GROAT_RETURN_IF_ERROR(DecodeFlag(reader, "message", record.has_message));
        if (!record.has_message) break;
        record.from = reader.Fixed<PeerId::kSize>();
        [[fallthrough]];
      case TraceField::kPayload:
        record.payload = reader.Raw(reader.U32());
        break;
      case TraceField::kLabel: {
        GROAT_ASSIGN_OR_RETURN(record.label, DecodeText(reader, reader.U8(), kMaxTraceLabelBytes));
        break;
      }
      case TraceField::kText: {
        GROAT_ASSIGN_OR_RETURN(record.text, DecodeText(reader, reader.U16(), kMaxTraceTextBytes));
        break;
      }
      case TraceField::kCode: {
        const uint8_t code = reader.U8();
        if (code > kLastStatusCode) {
          return absl::InvalidArgumentError(absl::StrCat("status code ", code, " in a trace record",
                                                         ", want at most ", kLastStatusCode));
        }
        record.code = static_cast<absl::StatusCode>(code);
        break;
      }
    }
  }
  return reader.Finish(absl::StrCat("trace record of kind ", kind));
}

std::optional<std::string_view> FirstDifference(const TraceRecord& a, const TraceRecord& b) {
  for (const TraceFieldLayout& layout : LayoutOf(a.kind)) {
    if (!layout.is_answer && !SameField(a, b, layout.field)) return layout.name;
  }
  return std::nullopt;
}

}  // namespace groat::p2p
