#include "p2p/control_message.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "p2p/network.h"

namespace groat::p2p {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

template <size_t N>
FixedBytes<N> Filled(uint8_t byte) {
  FixedBytes<N> bytes;
  for (size_t i = 0; i < N; ++i) bytes[i] = byte;
  return bytes;
}

std::string Repeat(std::string_view hex, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += hex;
  return out;
}

PeerRecord Record(std::string address) {
  return {Filled<32>(0xaa), 0x0102030405060708, std::move(address), Filled<64>(0xbb)};
}

struct NamedMessage {
  const char* name;
  ControlMessage message;
  std::string hex;
};

std::vector<NamedMessage> EveryKind() {
  return {
      {"hello",
       HelloMessage{.version = 1,
                    .lane = LaneKind::kBulk,
                    .namespace_hash = Filled<32>(0x11),
                    .receiver = Filled<32>(0x22),
                    .incarnation = 0x0123456789abcdef},
       "010101" + Repeat("11", 32) + Repeat("22", 32) + "0123456789abcdef"},
      {"welcome", WelcomeMessage{.version = 1, .incarnation = 2}, "02010000000000000002"},
      {"refusal", RefusalMessage{RefusalReason::kNoLink}, "0307"},
      {"ping", PingMessage{0xfedcba9876543210}, "04fedcba9876543210"},
      {"pong", PongMessage{1}, "050000000000000001"},
      {"known, no peer", KnownMessage{9, Filled<8>(0x33), {}},
       "060000000000000009" + Repeat("33", 8) + "0000"},
      {"known, whole bytes",
       KnownMessage{9, Filled<8>(0x33), {true, false, false, false, false, false, false, true}},
       "060000000000000009" + Repeat("33", 8) + "000881"},
      {"known, with padding",
       KnownMessage{
           9, Filled<8>(0x33), {false, true, false, false, false, false, false, false, true}},
       "060000000000000009" + Repeat("33", 8) + "00094080"},
      {"records, none", RecordsMessage{}, "0700"},
      {"records, two", RecordsMessage{{Record("a:1"), Record("[::1]:65535")}},
       "0702"
       "006c" +
           Repeat("aa", 32) +
           "0102030405060708"
           "03"
           "613a31" +
           Repeat("bb", 64) + "0074" + Repeat("aa", 32) +
           "0102030405060708"
           "0b"
           "5b3a3a315d3a3635353335" +
           Repeat("bb", 64)},
      {"open bulk", OpenBulkMessage{}, "08"},
  };
}

TEST(ControlMessageTest, PinsTheBytesOfEveryKind) {
  for (const NamedMessage& c : EveryKind()) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ToHex(EncodeControl(c.message)), c.hex);
  }
}

TEST(ControlMessageTest, DecodesWhatItEncoded) {
  for (const NamedMessage& c : EveryKind()) {
    SCOPED_TRACE(c.name);
    GROAT_ASSERT_OK_AND_ASSIGN(const ControlMessage decoded, DecodeControl(*FromHex(c.hex)));
    EXPECT_EQ(decoded.index(), c.message.index());
    EXPECT_EQ(ToHex(EncodeControl(decoded)), c.hex);
  }
}

TEST(ControlMessageTest, DecodedFieldsAreInTheirPlaces) {
  GROAT_ASSERT_OK_AND_ASSIGN(const ControlMessage hello,
                             DecodeControl(*FromHex(EveryKind()[0].hex)));
  const auto& h = std::get<HelloMessage>(hello);
  EXPECT_EQ(h.lane, LaneKind::kBulk);
  EXPECT_EQ(h.namespace_hash, Filled<32>(0x11));
  EXPECT_EQ(h.receiver, Filled<32>(0x22));
  EXPECT_EQ(h.incarnation, 0x0123456789abcdefU);
  GROAT_ASSERT_OK_AND_ASSIGN(const ControlMessage known,
                             DecodeControl(*FromHex(EveryKind()[7].hex)));
  const auto& k = std::get<KnownMessage>(known);
  EXPECT_EQ(k.set_index, 9U);
  ASSERT_EQ(k.bits.size(), 9U);
  EXPECT_FALSE(k.bits[0]);
  EXPECT_TRUE(k.bits[1]);
  EXPECT_TRUE(k.bits[8]);
  GROAT_ASSERT_OK_AND_ASSIGN(const ControlMessage records,
                             DecodeControl(*FromHex(EveryKind()[9].hex)));
  EXPECT_EQ(std::get<RecordsMessage>(records).records[1].address, "[::1]:65535");
}

TEST(ControlMessageTest, RefusesEveryTruncation) {
  for (const NamedMessage& c : EveryKind()) {
    const Bytes whole = *FromHex(c.hex);
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_THAT(DecodeControl(ByteView(whole).first(size)), StatusIs(kInvalid, HasSubstr("")))
          << c.name << ", first " << size << " bytes";
    }
  }
}

TEST(ControlMessageTest, RefusesEveryExtension) {
  for (const NamedMessage& c : EveryKind()) {
    for (int byte = 0; byte < 256; ++byte) {
      Bytes longer = *FromHex(c.hex);
      longer.push_back(static_cast<uint8_t>(byte));
      EXPECT_THAT(DecodeControl(longer), StatusIs(kInvalid, HasSubstr("")))
          << c.name << " and byte " << byte;
    }
  }
}

TEST(ControlMessageTest, RefusesBadValues) {
  const std::string known = "060000000000000009" + Repeat("33", 8);
  const std::string record = Repeat("aa", 32) +
                             "0102030405060708"
                             "03"
                             "613a31" +
                             Repeat("bb", 64);  // 108 bytes.
  const struct {
    const char* name;
    std::string hex;
    const char* error;
  } kCases[] = {
      {"kind 0", "00", "control message kind is 0, want 1 to 8"},
      {"kind 9", "09", "control message kind is 9, want 1 to 8"},
      {"kind 255", "ff", "control message kind is 255, want 1 to 8"},
      {"lane 2", "010102" + Repeat("11", 64) + Repeat("00", 8), "hello: lane is 2, want 0 or 1"},
      {"reason 0", "0300", "refusal is 0, want 1 to 7"},
      {"reason 8", "0308", "refusal is 8, want 1 to 7"},
      {"first padding bit",
       known + "000940"
               "40",
       "known: padding bit is 9, want 0"},
      {"last padding bit",
       known + "000940"
               "01",
       "known: padding bit is 15, want 0"},
      {"one peer too many", known + "1001" + Repeat("00", 513),
       "known: peer count is 4097, want at most 4096"},
      {"most peers of a u16", known + "ffff", "known: peer count is 65535"},
      {"bits cut short",
       known + "0009"
               "40",
       "known: bits are cut short"},
      {"one record too many", "0741" + Repeat("006c" + record, 65),
       "records: count is 65, want at most 64"},
      {"record too long", "07010169" + Repeat("00", 0x169), "records: length is 361"},
      {"record cut short", "0701006c" + record.substr(2), "records: cut short"},
      {"record of length 0", "07010000", "peer record"},
      {"record with a byte too many", "0701006d" + record + "00", "peer record"},
      {"record with a bad address",
       "0701006c" + Repeat("aa", 32) +
           "0102030405060708"
           "03"
           "613a30" +
           Repeat("bb", 64),
       "\"a:0\" is not host:port"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(DecodeControl(*FromHex(c.hex)), StatusIs(kInvalid, HasSubstr(c.error)));
  }
}

TEST(ControlMessageTest, TakesTheGreatestCounts) {
  KnownMessage known{1, {}, std::vector<bool>(kMaxPeersInSet, true)};
  EXPECT_THAT(DecodeControl(EncodeControl(known)), IsOk());
  RecordsMessage records;
  const std::string longest = std::string(kMaxAddressBytes - 6, 'h') + ":65535";
  records.records.assign(kMaxRecordsInMessage, Record(longest));
  const Bytes encoded = EncodeControl(records);
  EXPECT_EQ(encoded.size(), 2 + kMaxRecordsInMessage * (2 + kMaxRecordBytes));
  GROAT_ASSERT_OK_AND_ASSIGN(const ControlMessage decoded, DecodeControl(encoded));
  EXPECT_EQ(std::get<RecordsMessage>(decoded).records.back().address, longest);
}

// So that a refusal can say that the version differs.
TEST(ControlMessageTest, DecodesAHelloOfAnotherVersion) {
  HelloMessage hello;
  hello.version = 200;
  GROAT_ASSERT_OK_AND_ASSIGN(const ControlMessage decoded, DecodeControl(EncodeControl(hello)));
  EXPECT_EQ(std::get<HelloMessage>(decoded).version, 200);
}

TEST(ControlMessageTest, DigestTellsSetsApart) {
  const std::vector<PeerId> ab = {Filled<32>(1), Filled<32>(2)};
  const std::vector<PeerId> ac = {Filled<32>(1), Filled<32>(3)};
  EXPECT_EQ(DigestOfSet(ab), DigestOfSet(std::vector<PeerId>(ab)));
  EXPECT_NE(DigestOfSet(ab), DigestOfSet(ac));
  EXPECT_NE(DigestOfSet(ab), DigestOfSet(std::span(ab).first(1)));
  EXPECT_EQ(DigestOfSet(ab).Hex(), "645b4cb06933f6bc");
}

}  // namespace
}  // namespace groat::p2p
