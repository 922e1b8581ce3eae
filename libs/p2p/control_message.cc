#include "p2p/control_message.h"

#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "p2p/network.h"

namespace groat::p2p {
namespace {

enum class Kind : uint8_t {
  kHello = 1,
  kWelcome = 2,
  kRefusal = 3,
  kPing = 4,
  kPong = 5,
  kKnown = 6,
  kRecords = 7,
  kOpenBulk = 8,
};

absl::Status Bad(absl::string_view what, uint64_t value, absl::string_view want) {
  return absl::InvalidArgumentError(absl::StrCat(what, " is ", value, ", want ", want));
}

void Encode(const HelloMessage& hello, ByteWriter& out) {
  out.U8(uint8_t(Kind::kHello)).U8(hello.version).U8(uint8_t(hello.lane));
  out.Raw(hello.namespace_hash).Raw(hello.receiver).U64(hello.incarnation);
}
void Encode(const WelcomeMessage& welcome, ByteWriter& out) {
  out.U8(uint8_t(Kind::kWelcome)).U8(welcome.version).U64(welcome.incarnation);
}
void Encode(const RefusalMessage& refusal, ByteWriter& out) {
  out.U8(uint8_t(Kind::kRefusal)).U8(uint8_t(refusal.reason));
}
void Encode(const PingMessage& ping, ByteWriter& out) {
  out.U8(uint8_t(Kind::kPing)).U64(ping.number);
}
void Encode(const PongMessage& pong, ByteWriter& out) {
  out.U8(uint8_t(Kind::kPong)).U64(pong.number);
}
void Encode(const KnownMessage& known, ByteWriter& out) {
  out.U8(uint8_t(Kind::kKnown)).U64(known.set_index).Raw(known.digest);
  out.U16(static_cast<uint16_t>(known.bits.size()));
  Bytes bits((known.bits.size() + 7) / 8);
  for (size_t i = 0; i < known.bits.size(); ++i) {
    if (known.bits[i]) bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | 0x80 >> (i % 8));
  }
  out.Raw(bits);
}
void Encode(const RecordsMessage& message, ByteWriter& out) {
  out.U8(uint8_t(Kind::kRecords)).U8(static_cast<uint8_t>(message.records.size()));
  for (const PeerRecord& record : message.records) {
    const Bytes bytes = record.Encode();
    out.U16(static_cast<uint16_t>(bytes.size())).Raw(bytes);
  }
}
void Encode(const OpenBulkMessage&, ByteWriter& out) { out.U8(uint8_t(Kind::kOpenBulk)); }

absl::StatusOr<ControlMessage> DecodeHello(ByteReader& in) {
  HelloMessage hello;
  hello.version = in.U8();
  const uint8_t lane = in.U8();
  hello.namespace_hash = in.Fixed<32>();
  hello.receiver = in.Fixed<32>();
  hello.incarnation = in.U64();
  if (lane > uint8_t(LaneKind::kBulk)) return Bad("hello: lane", lane, "0 or 1");
  hello.lane = LaneKind(lane);
  return hello;
}

absl::StatusOr<ControlMessage> DecodeRefusal(ByteReader& in) {
  const uint8_t reason = in.U8();
  if (reason == 0 || reason > kLastRefusalReason) return Bad("refusal", reason, "1 to 7");
  return RefusalMessage{RefusalReason(reason)};
}

absl::StatusOr<ControlMessage> DecodeKnown(ByteReader& in) {
  KnownMessage known;
  known.set_index = in.U64();
  known.digest = in.Fixed<8>();
  const size_t count = in.U16();
  if (count > kMaxPeersInSet) {
    return Bad("known: peer count", count, absl::StrCat("at most ", kMaxPeersInSet));
  }
  const ByteView bits = in.Raw((count + 7) / 8);
  if (in.failed()) return absl::InvalidArgumentError("known: bits are cut short");
  known.bits.resize(count);
  for (size_t i = 0; i < bits.size() * 8; ++i) {
    const bool set = (bits[i / 8] & 0x80 >> (i % 8)) != 0;
    if (i < count) {
      known.bits[i] = set;
    } else if (set) {
      return Bad("known: padding bit", i, "0");
    }
  }
  return known;
}

absl::StatusOr<ControlMessage> DecodeRecords(ByteReader& in) {
  const size_t count = in.U8();
  if (count > kMaxRecordsInMessage) {
    return Bad("records: count", count, absl::StrCat("at most ", kMaxRecordsInMessage));
  }
  RecordsMessage message;
  for (size_t i = 0; i < count; ++i) {
    const size_t size = in.U16();
    if (size > kMaxRecordBytes) {
      return Bad("records: length", size, absl::StrCat("at most ", kMaxRecordBytes));
    }
    const ByteView bytes = in.Raw(size);
    if (in.failed()) return absl::InvalidArgumentError("records: cut short");
    GROAT_ASSIGN_OR_RETURN(PeerRecord record, PeerRecord::Decode(bytes));
    message.records.push_back(std::move(record));
  }
  return message;
}

absl::StatusOr<ControlMessage> DecodeBody(uint8_t kind, ByteReader& in) {
  switch (Kind(kind)) {
    case Kind::kHello:
      return DecodeHello(in);
    case Kind::kWelcome: {
      const uint8_t version = in.U8();
      return WelcomeMessage{version, in.U64()};
    }
    case Kind::kRefusal:
      return DecodeRefusal(in);
    case Kind::kPing:
      return PingMessage{in.U64()};
    case Kind::kPong:
      return PongMessage{in.U64()};
    case Kind::kKnown:
      return DecodeKnown(in);
    case Kind::kRecords:
      return DecodeRecords(in);
    case Kind::kOpenBulk:
      return OpenBulkMessage{};
  }
  return Bad("control message kind", kind, "1 to 8");
}

}  // namespace

SetDigest DigestOfSet(std::span<const PeerId> peers) {
  static const Blake3Context context("groat 2026 mesh peer set v1");
  ByteWriter writer;
  for (const PeerId& peer : peers) writer.Raw(peer);
  const Hash hash = context(writer.bytes());
  SetDigest digest;
  std::copy_n(hash.begin(), digest.size(), digest.data());
  return digest;
}

Bytes EncodeControl(const ControlMessage& message) {
  ByteWriter writer;
  std::visit([&](const auto& body) { Encode(body, writer); }, message);
  return writer.Take();
}

absl::StatusOr<ControlMessage> DecodeControl(ByteView bytes) {
  ByteReader reader(bytes);
  const uint8_t kind = reader.U8();
  GROAT_ASSIGN_OR_RETURN(ControlMessage message, DecodeBody(kind, reader));
  GROAT_RETURN_IF_ERROR(reader.Finish("control message"));
  return message;
}

}  // namespace groat::p2p
