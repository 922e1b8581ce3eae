#include "p2p/message_codec.h"

#include <gmock/gmock.h>
#include <zstd.h>

#include <random>

#include "base/status_matchers.h"
#include "p2p/channel.h"

namespace groat::p2p {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// One zstd frame that states its content's length.
Bytes Zstd(ByteView payload) {
  Bytes frame(ZSTD_compressBound(payload.size()));
  const size_t size = ZSTD_compress(frame.data(), frame.size(), payload.data(), payload.size(), 3);
  EXPECT_EQ(ZSTD_isError(size), 0U);
  frame.resize(size);
  return frame;
}

Bytes Body(uint64_t stated, ByteView frame) {
  return ByteWriter().U32(static_cast<uint32_t>(stated)).Raw(frame).Take();
}

Bytes RandomBytes(size_t size) {
  std::mt19937 random(static_cast<uint32_t>(size));
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(MessageCodecTest, RoundTripsAtEveryLevel) {
  const Bytes payload(100'000, 'a');
  for (int level = 1; level <= 19; ++level) {
    const EncodedMessage encoded = EncodeMessage(payload, level);
    ASSERT_TRUE(encoded.compressed) << level;
    EXPECT_LT(encoded.body.size(), 1000U);
    GROAT_ASSERT_OK_AND_ASSIGN(const size_t stated, StatedPayloadBytes(encoded.body));
    EXPECT_EQ(stated, payload.size());
    GROAT_ASSERT_OK_AND_ASSIGN(const Bytes decompressed, Decompress(encoded.body, payload.size()));
    EXPECT_EQ(decompressed, payload);
  }
}

TEST(MessageCodecTest, LeavesThePayloadWhereCompressionIsOffOrOfNoUse) {
  const struct {
    const char* name;
    Bytes payload;
    int level;
  } kCases[] = {
      {"off", Bytes(1000, 'a'), 0},  {"empty", {}, 3},
      {"one byte", {1}, 3},          {"as long as the length field", Bytes(4, 'a'), 3},
      {"short", Bytes(10, 'a'), 19}, {"random", RandomBytes(5000), 3},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const EncodedMessage encoded = EncodeMessage(c.payload, c.level);
    EXPECT_FALSE(encoded.compressed);
    EXPECT_EQ(encoded.body, c.payload);
  }
}

// At each length the body is shorter than the payload if it is compressed at all, so that a body
// never exceeds what its channel allows for payloads.
TEST(MessageCodecTest, ABodyIsNeverLongerThanItsPayload) {
  for (size_t size = 0; size < 300; ++size) {
    const EncodedMessage encoded = EncodeMessage(Bytes(size, 'z'), 3);
    if (encoded.compressed) {
      EXPECT_LT(encoded.body.size(), size);
      EXPECT_THAT(Decompress(encoded.body, size), IsOk());
    } else {
      EXPECT_EQ(encoded.body.size(), size);
    }
  }
}

TEST(MessageCodecTest, PinsTheLayout) {
  const Bytes payload(1000, 'a');
  const EncodedMessage encoded = EncodeMessage(payload, 3);
  ASSERT_TRUE(encoded.compressed);
  // The length, then the magic number of zstd (little-endian 0xfd2fb528).
  EXPECT_EQ(ToHex(ByteView(encoded.body).first(8)), "000003e828b52ffd");
}

TEST(MessageCodecTest, RefusesWhatIsNotOneFrameOfTheStatedLength) {
  const Bytes hello = Zstd(AsBytes("hello hello hello hello hello hello"));  // 35 bytes.
  Bytes two = hello;
  two.insert(two.end(), hello.begin(), hello.end());
  Bytes trailing = hello;
  trailing.push_back(0);
  Bytes damaged = hello;
  damaged.back() ^= 0x55;
  damaged[damaged.size() - 2] ^= 0x55;
  const ByteView cut = ByteView(hello).first(hello.size() - 1);
  // A skippable frame (magic 0x184d2a50) of 4 bytes: no content, and room to hide some.
  const Bytes skippable = *FromHex("502a4d180400000001020304");
  Bytes behind = skippable;
  behind.insert(behind.end(), hello.begin(), hello.end());
  // A frame of zstd 0.7 (magic 0xfd2fb527), which the library may read as well.
  Bytes old = hello;
  old[0] = 0x27;
  const struct {
    const char* name;
    Bytes body;
  } kCases[] = {
      {"empty", {}},
      {"shorter than the length", {0, 0, 1}},
      {"nothing behind the length", {0, 0, 0, 35}},
      {"one byte behind the length", {0, 0, 0, 35, 0x28}},
      {"states less", Body(34, hello)},
      {"states more", Body(36, hello)},
      {"states nothing", Body(0, hello)},
      {"cut", Body(35, cut)},
      {"trailing byte", Body(35, trailing)},
      {"two frames", Body(70, two)},
      {"two frames, length of one", Body(35, two)},
      {"skippable frame", Body(0, skippable)},
      {"skippable frame in front", Body(35, behind)},
      {"older format", Body(35, old)},
      {"no frame", Body(35, RandomBytes(30))},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(Decompress(c.body, 1000), StatusIs(kInvalid, HasSubstr("compressed body")));
  }
  EXPECT_THAT(Decompress(Body(35, hello), 35), IsOk());
}

TEST(MessageCodecTest, RefusesEveryTruncation) {
  const EncodedMessage encoded = EncodeMessage(Bytes(5000, 'x'), 3);
  ASSERT_TRUE(encoded.compressed);
  for (size_t size = 0; size < encoded.body.size(); ++size) {
    EXPECT_THAT(Decompress(ByteView(encoded.body).first(size), 5000), Not(IsOk())) << size;
  }
}

TEST(MessageCodecTest, RefusesMoreThanTheBound) {
  const EncodedMessage encoded = EncodeMessage(Bytes(5000, 'x'), 3);
  EXPECT_THAT(Decompress(encoded.body, 5000), IsOk());
  EXPECT_THAT(Decompress(encoded.body, 4999),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("compressed payload is 5000 bytes, at most 4999")));
}

// A few bytes that stand for gigabytes are refused by what they state. Nothing is allocated for
// them: ASan and the bound of the fuzzers would tell.
TEST(MessageCodecTest, RefusesBombs) {
  const Bytes zeros(size_t{16} << 20, 0);
  const Bytes bomb = Zstd(zeros);
  ASSERT_LT(bomb.size(), 10'000U);
  EXPECT_THAT(Decompress(Body(0xffffffff, bomb), kMaxMessageBytes),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("4294967295 bytes")));
  // One that states little and holds much.
  EXPECT_THAT(Decompress(Body(100, bomb), kMaxMessageBytes), StatusIs(kInvalid, HasSubstr("100")));
  // Whose zstd header lies as the length does: the decoder finds more than there is room for.
  Bytes liar = bomb;
  GROAT_ASSERT_OK_AND_ASSIGN(const Bytes honest,
                             Decompress(Body(zeros.size(), bomb), zeros.size()));
  EXPECT_EQ(honest.size(), zeros.size());
  // Header byte 4 says how the content's length is written: 4 bytes from byte 6 on (no window
  // byte in a single segment), or from byte 6 behind the window byte.
  const bool single_segment = (liar[4] & 0x20) != 0;
  const size_t at = single_segment ? 5 : 6;
  ASSERT_EQ(liar[4] >> 6, 2) << "the length is written in 4 bytes";
  liar[at] = 100;
  liar[at + 1] = liar[at + 2] = liar[at + 3] = 0;
  ASSERT_EQ(ZSTD_getFrameContentSize(liar.data(), liar.size()), 100U);
  EXPECT_THAT(Decompress(Body(100, liar), 1000), StatusIs(kInvalid, HasSubstr("compressed body")));
}

}  // namespace
}  // namespace groat::p2p
