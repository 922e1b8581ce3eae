#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace groat {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

TEST(HexTest, RoundTripsEveryByte) {
  Bytes all(256);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i);

  GROAT_ASSERT_OK_AND_ASSIGN(const Bytes back, FromHex(ToHex(all)));

  EXPECT_EQ(back, all);
}

TEST(HexTest, NamesWhatIsWrong) {
  EXPECT_THAT(FromHex("abc"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("3 digits")));
  EXPECT_THAT(FromHex("0g"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("character 1")));
}

TEST(FixedBytesTest, RefusesAnotherLength) {
  EXPECT_THAT(Bytes32::From(Bytes(31), "unlock"),
              StatusIs(absl::StatusCode::kInvalidArgument, "unlock is 31 bytes, want 32"));
}

TEST(FixedBytesTest, OrdersAsBigEndianNumbers) {
  Bytes32 small, large;
  small[31] = 255;
  large[0] = 1;
  EXPECT_LT(small, large);
}

TEST(EqualConstantTimeTest, ComparesLengthAndContent) {
  EXPECT_TRUE(EqualConstantTime(Bytes{1, 2}, Bytes{1, 2}));
  EXPECT_FALSE(EqualConstantTime(Bytes{1, 2}, Bytes{1, 3}));
  EXPECT_FALSE(EqualConstantTime(Bytes{1, 2}, Bytes{1}));
}

TEST(ByteReaderTest, ReadsWhatWriterWrote) {
  const Bytes bytes = ByteWriter().U8(1).U16(2).U32(3).U64(4).Text("ab").Take();
  ASSERT_EQ(ToHex(bytes),
            "010002000000030000000000000004"
            "6162");

  ByteReader reader(bytes);
  EXPECT_EQ(reader.U8(), 1);
  EXPECT_EQ(reader.U16(), 2);
  EXPECT_EQ(reader.U32(), 3u);
  EXPECT_EQ(reader.U64(), 4u);
  EXPECT_EQ(AsText(reader.Raw(2)), "ab");
  GROAT_EXPECT_OK(reader.Finish("record"));
}

TEST(ByteReaderTest, FailsForGoodAtTheFirstReadPastTheEnd) {
  const Bytes bytes{1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.U32(), 0u);
  EXPECT_EQ(reader.U8(), 0);
  EXPECT_THAT(reader.Finish("record"),
              StatusIs(absl::StatusCode::kInvalidArgument, "record is truncated"));
}

TEST(ByteReaderTest, ReportsTrailingBytes) {
  const Bytes bytes{1, 2, 3};
  ByteReader reader(bytes);
  reader.U8();
  EXPECT_THAT(reader.Finish("record"),
              StatusIs(absl::StatusCode::kInvalidArgument, "record has 2 bytes after its end"));
}

}  // namespace
}  // namespace groat
