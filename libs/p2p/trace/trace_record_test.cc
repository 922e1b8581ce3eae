#include "p2p/trace/trace_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/status_matchers.h"
#include "p2p/trace/trace_text.h"

namespace groat::p2p {
namespace {

using groat::testing::StatusIs;
using ::testing::HasSubstr;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

PeerId Peer(uint8_t number) {
  PeerId peer;
  peer.data()[0] = number;
  return peer;
}

std::string PeerHex(uint8_t number) { return Peer(number).Hex(); }

// Every field filled, so that whatever the kind writes is something.
struct Full {
  std::vector<PeerId> peers = {Peer(1), Peer(2)};
  std::vector<PeerId> recipients = {Peer(3)};
  Bytes payload = {0xca, 0xfe};
  TraceRecord Of(TraceKind kind) const {
    TraceRecord record;
    record.kind = kind;
    record.outside = true;
    record.time = Instant(Duration(0x0102));
    record.number = 7;
    record.second_number = 8;
    record.channel = ChannelId(9);
    record.peer = Peer(4);
    record.peers = peers;
    record.recipients = recipients;
    record.payload = payload;
    record.has_message = true;
    record.from = Peer(5);
    record.label = "echo";
    record.text = "text";
    record.code = absl::StatusCode::kNotFound;
    return record;
  }
};

Bytes Encoded(const TraceRecord& record) {
  Bytes bytes;
  EXPECT_TRUE(EncodeTraceRecord(record, bytes));
  return bytes;
}

TEST(TraceRecordTest, EveryKindIsReadBackAndRefusedInPart) {
  const Full full;
  std::set<std::string_view> names;
  for (const TraceKind kind : AllTraceKinds()) {
    SCOPED_TRACE(NameOf(kind));
    EXPECT_TRUE(names.insert(NameOf(kind)).second);
    EXPECT_EQ(TraceKindNamed(NameOf(kind)), kind);
    const TraceRecord record = full.Of(kind);
    const Bytes bytes = Encoded(record);
    TraceDecoder decoder;
    TraceRecord decoded;
    GROAT_ASSERT_OK(decoder.Decode(bytes, decoded));
    EXPECT_EQ(decoded.kind, kind);
    EXPECT_TRUE(decoded.outside);
    EXPECT_EQ(decoded.time, record.time);
    EXPECT_EQ(FirstDifference(record, decoded), std::nullopt);
    EXPECT_EQ(TraceRecordText(decoded, TraceAnswers::kWith),
              TraceRecordText(record, TraceAnswers::kWith));
    EXPECT_EQ(Encoded(decoded), bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_THAT(decoder.Decode(ByteView(bytes).first(size), decoded),
                  StatusIs(kInvalid, HasSubstr("")))
          << size << " bytes";
    }
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_THAT(decoder.Decode(longer, decoded), StatusIs(kInvalid, HasSubstr("1 bytes after")));
  }
  EXPECT_EQ(TraceKindNamed("sending"), std::nullopt);
}

TEST(TraceRecordTest, PinsItsBytes) {
  const Full full;
  const std::string head = "010000000000000102";  // Outside, time.
  const auto hex = [&](TraceKind kind) { return ToHex(Encoded(full.Of(kind))); };
  EXPECT_EQ(hex(TraceKind::kStart), "01" + head + "04" + "6563686f" + "0004" + "74657874" +
                                        PeerHex(4) + "0000000000000007" + "0002" + PeerHex(1) +
                                        PeerHex(2) + "00000002cafe");
  EXPECT_EQ(hex(TraceKind::kGap), "03" + head + "0000000000000007" + "0000000000000008");
  EXPECT_EQ(hex(TraceKind::kRequest), "10" + head + "0000000000000007" + "00000002cafe");
  EXPECT_EQ(hex(TraceKind::kRoom), "14" + head + "0009" + PeerHex(4));
  EXPECT_EQ(hex(TraceKind::kPostAt), "24" + head + "0000000000000007" + "0000000000000008");
  EXPECT_EQ(hex(TraceKind::kSend), "35" + head + "0009" + "0001" + PeerHex(3) + "00000002cafe" +
                                       "0002" + PeerHex(1) + PeerHex(2));
  EXPECT_EQ(hex(TraceKind::kPoll), "36" + head + "0009" + "01" + PeerHex(5) + "00000002cafe");
  EXPECT_EQ(hex(TraceKind::kReject), "38" + head + "0009" + PeerHex(4) + "04" + "6563686f");
  EXPECT_EQ(hex(TraceKind::kReturned), "3d" + head + "05" + "0004" + "74657874");

  TraceRecord all = full.Of(TraceKind::kSend);
  all.outside = false;
  all.to_all = true;
  all.peers = {};
  EXPECT_EQ(ToHex(Encoded(all)),
            "35000000000000000102"
            "0009"
            "ffff"
            "00000002cafe"
            "0000");
  TraceRecord none = full.Of(TraceKind::kPoll);
  none.has_message = false;
  EXPECT_EQ(ToHex(Encoded(none)), "36" + head + "0009" + "00");
}

TEST(TraceRecordTest, RefusesWhatNoWriterWrites) {
  const std::string head = "000000000000000000";
  const struct {
    const char* name;
    std::string hex;
    const char* message;
  } cases[] = {
      {"kind", "04" + head, "unknown kind 4"},
      {"kind 0", "00" + head, "unknown kind 0"},
      {"outside",
       "20"
       "02"
       "0000000000000000"
       "0000000000000000",
       "outside is 2"},
      {"message", "36" + head + "0001" + "02", "message is 2"},
      {"code", "3d" + head + "11" + "0000", "status code 17"},
      {"label", "38" + head + "0001" + PeerHex(1) + "41" + std::string(65 * 2, 'a'), "65 bytes"},
      {"text", "3d" + head + "00" + "0401" + std::string(1025 * 2, 'a'), "1025 bytes"},
      {"peers announced", "34" + head + "0100", "256 peers in 0 bytes"},
      {"too many peers", "34" + head + "ffff", "65535 peers"},
      {"payload announced", "10" + head + "0000000000000000" + "ffffffff", "truncated"},
  };
  for (const auto& bad : cases) {
    SCOPED_TRACE(bad.name);
    GROAT_ASSERT_OK_AND_ASSIGN(const Bytes bytes, FromHex(bad.hex));
    TraceDecoder decoder;
    TraceRecord record;
    EXPECT_THAT(decoder.Decode(bytes, record), StatusIs(kInvalid, HasSubstr(bad.message)));
  }
}

TEST(TraceRecordTest, WhatIsBeyondItsBoundsIsCutOrNotTaken) {
  Full full;
  Bytes out = {1, 2, 3};
  TraceRecord record = full.Of(TraceKind::kSetPeers);
  const std::vector<PeerId> most(kMaxTracePeers + 1);
  record.peers = most;
  EXPECT_FALSE(EncodeTraceRecord(record, out));
  EXPECT_EQ(out, Bytes({1, 2, 3}));
  record.peers = std::span<const PeerId>(most).first(kMaxTracePeers);
  EXPECT_TRUE(EncodeTraceRecord(record, out));

  record = full.Of(TraceKind::kRequest);
  const Bytes payload(kMaxTraceRecordBytes);  // Alone it would fit.
  record.payload = payload;
  out = {1, 2, 3};
  EXPECT_FALSE(EncodeTraceRecord(record, out));
  EXPECT_EQ(out, Bytes({1, 2, 3}));

  record = full.Of(TraceKind::kBlock);
  const std::string why(5000, 'w');
  record.text = why;
  TraceDecoder decoder;
  TraceRecord decoded;
  const Bytes bytes = Encoded(record);
  GROAT_ASSERT_OK(decoder.Decode(bytes, decoded));
  EXPECT_EQ(decoded.text, why.substr(0, kMaxTraceTextBytes));
  EXPECT_EQ(FirstDifference(record, decoded), std::nullopt);
}

TEST(TraceRecordTest, ComparesArgumentsAndNotAnswers) {
  const Full full;
  const TraceRecord send = full.Of(TraceKind::kSend);
  TraceRecord other = send;
  other.peers = {};
  other.time = Instant(Duration(5));
  EXPECT_EQ(FirstDifference(send, other), std::nullopt);
  other.to_all = true;
  EXPECT_EQ(FirstDifference(send, other), "recipients");
  other = send;
  const Bytes longer = {0xca, 0xfe, 0};
  other.payload = longer;
  EXPECT_EQ(FirstDifference(send, other), "payload");
  other.channel = ChannelId(1);
  EXPECT_EQ(FirstDifference(send, other), "channel");

  TraceRecord timer = full.Of(TraceKind::kPostAt);
  TraceRecord later = timer;
  later.second_number = 100;
  EXPECT_EQ(FirstDifference(timer, later), std::nullopt);
  later.number = 100;
  EXPECT_EQ(FirstDifference(timer, later), "when_ns");
}

TEST(TraceTextTest, SaysWhatHappened) {
  const Full full;
  TraceRecord send = full.Of(TraceKind::kSend);
  EXPECT_EQ(TraceRecordText(send, TraceAnswers::kWith),
            "send channel=9 recipients=[03000000] payload=2:cafe queued=[01000000 02000000]");
  EXPECT_EQ(TraceRecordText(send, TraceAnswers::kWithout),
            "send channel=9 recipients=[03000000] payload=2:cafe");
  const Bytes payload(1000, 0xab);
  const std::vector<PeerId> many(20, Peer(1));
  send.payload = payload;
  send.recipients = many;
  EXPECT_THAT(
      TraceRecordText(send, TraceAnswers::kWithout),
      AllOf(HasSubstr("payload=1000:abab"), HasSubstr("ab..."), HasSubstr("01000000 and 4]")));
  TraceRecord block = full.Of(TraceKind::kBlock);
  block.text = "two \"lines\"\n\x1b[31m";  // From a peer, perhaps.
  EXPECT_EQ(TraceRecordText(block, TraceAnswers::kWith),
            "block peer=04000000 why=\"two \\\"lines\\\"\\n\\033[31m\"");
}

}  // namespace
}  // namespace groat::p2p
