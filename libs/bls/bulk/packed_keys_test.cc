#include "bls/bulk/packed_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/status_matchers.h"
#include "bls/bulk/testing/points.h"

namespace groat::bls {
namespace {

using testing::AllEngines;
using testing::AnyPoint;
using testing::Multiples;
using testing::SumOneByOne;

using groat::testing::StatusIs;
using ::testing::HasSubstr;

class PackedKeysTest : public ::testing::TestWithParam<Engine> {
 protected:
  PackedKeys Pack(const std::vector<G1Affine>& points) {
    PackedKeys keys(GetParam());
    for (const G1Affine& point : points) GROAT_EXPECT_OK(keys.Append(point));
    return keys;
  }
  G1Affine SumOf(const std::vector<G1Affine>& points) {
    const PackedKeys keys = Pack(points);
    std::vector<uint32_t> indexes(points.size());
    std::iota(indexes.begin(), indexes.end(), 0);
    return keys.Sum(indexes, workspace_).value();
  }

  Workspace workspace_;
};

INSTANTIATE_TEST_SUITE_P(Engines, PackedKeysTest, ::testing::ValuesIn(AllEngines()),
                         ::testing::PrintToStringParamName());

TEST_P(PackedKeysTest, HoldsWhatWasAppended) {
  const std::vector<G1Affine> points = Multiples<G1Curve>(100);
  const PackedKeys keys = Pack(points);
  ASSERT_EQ(keys.size(), 100u);
  EXPECT_EQ(keys.engine(), GetParam());
  for (size_t i = 0; i < points.size(); ++i) EXPECT_EQ(keys.Get(i), points[i]);
}

TEST_P(PackedKeysTest, SumsOfAllSizes) {
  const std::vector<G1Affine> points = Multiples<G1Curve>(2100, 77);
  for (const size_t count : {0,   1,   2,   7,   8,    9,    15,   16,   17,   63,   64,   65,
                             100, 127, 128, 129, 1000, 1023, 1024, 1025, 2047, 2048, 2049, 2100}) {
    const std::vector<G1Affine> some(points.begin(), points.begin() + static_cast<long>(count));
    EXPECT_EQ(SumOf(some), SumOneByOne(some)) << count;
  }
}

TEST_P(PackedKeysTest, SumsOfAWholeBatch) {
  const std::vector<G1Affine> points = Multiples<G1Curve>(65537);
  const PackedKeys keys = Pack(points);
  std::vector<uint32_t> indexes(points.size());
  std::iota(indexes.begin(), indexes.end(), 0);
  G1 expected = G1::FromAffine(SumOneByOne(std::vector(points.begin(), points.end() - 2)));
  for (const size_t count : {65535, 65536, 65537}) {
    EXPECT_EQ(keys.Sum(std::span(indexes).first(count), workspace_).value(), expected.ToAffine());
    if (count < points.size()) expected += points[count];
  }
}

TEST_P(PackedKeysTest, SumsOfAnyOrderWithRepetitions) {
  const std::vector<G1Affine> points = Multiples<G1Curve>(500);
  const PackedKeys keys = Pack(points);
  std::mt19937_64 random(3);
  std::vector<uint32_t> indexes;
  std::vector<G1Affine> selected;
  for (int i = 0; i < 3000; ++i) {
    indexes.push_back(static_cast<uint32_t>(random() % 500));
    selected.push_back(points[indexes.back()]);
  }
  EXPECT_EQ(keys.Sum(indexes, workspace_).value(), SumOneByOne(selected));
}

// Method: every way in which a tree of additions meets equal, opposite or infinite operands, in
// all lanes, in one lane, and levels above the leaves.
TEST_P(PackedKeysTest, ExceptionalAdditions) {
  const std::vector<G1Affine> points = Multiples<G1Curve>(64, 5);
  const auto repeat = [](std::vector<G1Affine> pattern, size_t count) {
    std::vector<G1Affine> out;
    for (size_t i = 0; i < count; ++i) out.push_back(pattern[i % pattern.size()]);
    return out;
  };
  const G1Affine p = points[0];
  const G1Affine q = points[1];
  std::vector<std::vector<G1Affine>> cases = {
      repeat({p}, 2),     repeat({p}, 16),      repeat({p}, 1000),    repeat({p}, 4096),
      repeat({p, -p}, 2), repeat({p, -p}, 16),  repeat({p, -p}, 999), repeat({p, -p, q}, 4096),
      repeat({p, q}, 64), repeat({p, -q}, 640),
  };
  // The first half's sum is the opposite of the second's, and the same.
  std::vector<G1Affine> opposite = points;
  std::vector<G1Affine> twice = points;
  for (const G1Affine& point : points) opposite.push_back(-point);
  for (const G1Affine& point : points) twice.push_back(point);
  cases.push_back(opposite);
  cases.push_back(twice);
  // Neighbouring vectors of eight agree in one lane only.
  for (size_t lane = 0; lane < 8; ++lane) {
    std::vector<G1Affine> one_lane(points.begin(), points.begin() + 32);
    one_lane[8 + lane] = one_lane[lane];
    one_lane[24 + lane] = -one_lane[16 + lane];
    cases.push_back(one_lane);
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(SumOf(cases[i]), SumOneByOne(cases[i])) << "case " << i;
  }
}

TEST_P(PackedKeysTest, RandomMixturesOfFewPoints) {
  std::mt19937_64 random(4);
  const std::vector<G1Affine> points = Multiples<G1Curve>(4);
  for (int round = 0; round < 40; ++round) {
    std::vector<G1Affine> mixture;
    const size_t count = random() % 400;
    for (size_t i = 0; i < count; ++i) {
      mixture.push_back(points[random() % 4].NegateIf(Choice::FromBit(random() % 2)));
    }
    EXPECT_EQ(SumOf(mixture), SumOneByOne(mixture));
  }
}

TEST_P(PackedKeysTest, BitmapsSelect) {
  const size_t kCount = 2 * kKeysPerChunk + 1003;
  const std::vector<G1Affine> points = Multiples<G1Curve>(kCount);
  const PackedKeys keys = Pack(points);
  std::mt19937_64 random(5);
  for (const unsigned percent : {0u, 1u, 40u, 60u, 99u, 100u}) {
    Bytes bitmap((kCount + 7) / 8);
    std::vector<G1Affine> selected;
    std::vector<uint32_t> indexes;
    for (size_t i = 0; i < kCount; ++i) {
      // The middle chunk is the other way round, so both methods meet in one sum.
      const bool middle = i / kKeysPerChunk == 1;
      if ((random() % 100 < percent) == middle) continue;
      bitmap[i / 8] = static_cast<uint8_t>(bitmap[i / 8] | 0x80u >> (i % 8));
      selected.push_back(points[i]);
      indexes.push_back(static_cast<uint32_t>(i));
    }
    const G1Affine want = SumOneByOne(selected);
    EXPECT_EQ(keys.SelectedIndexes(bitmap).value(), indexes) << percent;
    EXPECT_EQ(keys.Sum(indexes, workspace_).value(), want) << percent;
    EXPECT_EQ(keys.SumSelected(bitmap, workspace_).value(), want) << percent;
  }
}

TEST_P(PackedKeysTest, AppendsCompressedKeys) {
  const std::vector<G1Affine> points = Multiples<G1Curve>(100, 11);
  Bytes encoded;
  for (const G1Affine& point : points) {
    const auto bytes = EncodeCompressed(point);
    encoded.insert(encoded.end(), bytes.begin(), bytes.end());
  }
  PackedKeys keys(GetParam());
  GROAT_ASSERT_OK(keys.AppendCompressed(encoded));
  GROAT_ASSERT_OK(keys.AppendCompressed(Bytes()));
  ASSERT_EQ(keys.size(), 100u);
  for (size_t i = 0; i < points.size(); ++i) EXPECT_EQ(keys.Get(i), points[i]);
  const Bytes all(13, 0xff);
  Bytes bitmap = all;
  bitmap[12] = 0xf0;
  EXPECT_EQ(keys.SumSelected(bitmap, workspace_).value(), SumOneByOne(points));
}

TEST_P(PackedKeysTest, RefusesWrongKeysAndAppendsNothing) {
  std::mt19937_64 random(6);
  const std::vector<G1Affine> points = Multiples<G1Curve>(20);
  const auto encode = [&points](size_t bad, ByteView replacement) {
    Bytes out;
    for (size_t i = 0; i < points.size(); ++i) {
      const auto bytes = EncodeCompressed(points[i]);
      const ByteView view = i == bad ? replacement : ByteView(bytes);
      out.insert(out.end(), view.begin(), view.end());
    }
    return out;
  };
  G1Affine outside = AnyPoint<G1Curve>(random);
  const auto infinity = EncodeCompressed(G1Affine::Infinity());
  const auto not_in_subgroup = EncodeCompressed(outside);
  Bytes zero(48);
  PackedKeys keys(GetParam());
  EXPECT_THAT(keys.AppendCompressed(Bytes(47)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("47 bytes")));
  EXPECT_THAT(keys.AppendCompressed(encode(17, infinity)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key 17 is infinity")));
  EXPECT_THAT(keys.AppendCompressed(encode(3, not_in_subgroup)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key 3: ")));
  EXPECT_THAT(keys.AppendCompressed(encode(19, zero)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key 19: ")));
  EXPECT_EQ(keys.size(), 0u);
  EXPECT_THAT(keys.Append(G1Affine::Infinity()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key 0 is infinity")));
  EXPECT_EQ(keys.size(), 0u);
}

TEST_P(PackedKeysTest, RefusesWrongSelections) {
  const PackedKeys keys = Pack(Multiples<G1Curve>(13));
  EXPECT_THAT(keys.Sum(std::vector<uint32_t>{1, 13, 2}, workspace_),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("key 13 of 13")));
  for (const Bytes& bitmap : {Bytes(1), Bytes(3), Bytes()}) {
    EXPECT_THAT(keys.SumSelected(bitmap, workspace_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want 2")));
    EXPECT_THAT(keys.SelectedIndexes(bitmap),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want 2")));
  }
  for (const uint8_t stray : {uint8_t{1}, uint8_t{2}, uint8_t{4}}) {
    EXPECT_THAT(keys.SumSelected(Bytes{0xff, stray}, workspace_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("past key 12")));
  }
  GROAT_EXPECT_OK(keys.SumSelected(Bytes{0xff, 0xf8}, workspace_));
}

TEST_P(PackedKeysTest, EmptyDirectory) {
  const PackedKeys keys(GetParam());
  EXPECT_TRUE(keys.SumSelected(Bytes(), workspace_)->IsInfinity().Declassify());
  EXPECT_TRUE(keys.Sum({}, workspace_)->IsInfinity().Declassify());
}

}  // namespace
}  // namespace groat::bls
