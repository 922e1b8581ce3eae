#include "p2p/frame.h"

#include <gmock/gmock.h>

#include <random>

#include "base/status_matchers.h"

namespace groat::p2p {
namespace {

using ::groat::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

Bytes Hex(std::string_view hex) { return *FromHex(hex); }

// What `frame` holds, as "channel/flags/body".
absl::StatusOr<std::vector<std::string>> ReadAll(ByteView frame) {
  std::vector<std::string> entries;
  FrameReader reader(frame);
  while (!reader.done()) {
    const absl::StatusOr<Entry> entry = reader.Next();
    if (!entry.ok()) return entry.status();
    entries.push_back(std::to_string(entry->channel.value()) + "/" + std::to_string(entry->flags) +
                      "/" + ToString(entry->body));
  }
  return entries;
}

TEST(FrameTest, PinsTheBytes) {
  Bytes frame;
  AppendEntry({ChannelId(0x0102), kCompressedFlag, AsBytes("abc")}, frame);
  EXPECT_EQ(ToHex(frame), "01020100000003616263");
  AppendEntry({ChannelId(65535), kMoreFollowsFlag, {}}, frame);
  EXPECT_EQ(ToHex(frame), "01020100000003616263ffff0200000000");
}

TEST(FrameTest, ReadsWhatWasAppended) {
  Bytes frame;
  AppendEntry({ChannelId(7), 0, AsBytes("first")}, frame);
  AppendEntry({ChannelId(0), 3, {}}, frame);
  AppendEntry({ChannelId(7), 2, AsBytes("x")}, frame);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto entries, ReadAll(frame));
  EXPECT_THAT(entries, ElementsAre("7/0/first", "0/3/", "7/2/x"));
}

TEST(FrameTest, FlagsHaveNames) {
  const Entry neither{ChannelId(1), 0, {}};
  const Entry both{ChannelId(1), kCompressedFlag | kMoreFollowsFlag, {}};
  EXPECT_FALSE(neither.compressed());
  EXPECT_FALSE(neither.more_follows());
  EXPECT_TRUE(both.compressed());
  EXPECT_TRUE(both.more_follows());
}

TEST(FrameTest, RefusesMalformedFrames) {
  const struct {
    const char* name;
    const char* frame;
    const char* error;
  } kCases[] = {
      {"header cut", "000100000000", "entry header is 6 bytes, want 7"},
      {"one byte", "00", "entry header is 1 bytes, want 7"},
      {"length beyond the end", "00010000000003aabb", "entry is 3 bytes, the frame has 2 left"},
      {"greatest length", "000100ffffffff", "entry is 4294967295 bytes, the frame has 0 left"},
      {"unknown flag", "00010400000000", "entry flags are 4, want 0 to 3"},
      {"all flags", "0001ff00000000", "entry flags are 255, want 0 to 3"},
      {"second entry cut",
       "0001000000000100"
       "0001",
       "entry header is 2 bytes, want 7"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(ReadAll(Hex(c.frame)), StatusIs(kInvalid, HasSubstr(c.error)));
  }
}

TEST(FrameTest, AnEmptyFrameHasNoEntry) {
  FrameReader reader({});
  EXPECT_TRUE(reader.done());
  EXPECT_THAT(reader.Next(), StatusIs(kInvalid, HasSubstr("entry header is 0 bytes, want 7")));
}

// A cut anywhere but between entries is noticed.
TEST(FrameTest, RefusesEveryCutInsideAnEntry) {
  Bytes frame;
  AppendEntry({ChannelId(1), 0, AsBytes("one")}, frame);
  const size_t boundary = frame.size();
  AppendEntry({ChannelId(2), 0, AsBytes("second")}, frame);
  for (size_t size = 1; size < frame.size(); ++size) {
    EXPECT_EQ(ReadAll(ByteView(frame).first(size)).ok(), size == boundary) << size;
  }
}

// Model: reading arbitrary bytes and appending what was read gives the same bytes.
TEST(FrameTest, IsTheOnlyEncodingOfItsEntries) {
  std::mt19937 random(7);
  size_t read = 0;
  for (int round = 0; round < 2000; ++round) {
    Bytes input(random() % 64);
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random() % 4);
    Bytes again;
    FrameReader reader(input);
    bool ok = true;
    while (!reader.done() && ok) {
      const absl::StatusOr<Entry> entry = reader.Next();
      ok = entry.ok();
      if (!ok) break;
      ++read;
      AppendEntry(*entry, again);
    }
    if (!ok) continue;
    EXPECT_EQ(again, input);
  }
  EXPECT_GT(read, 20U);
}

}  // namespace
}  // namespace groat::p2p
