#include "bls/bulk/bulk_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/status_matchers.h"
#include "bls/bulk/testing/points.h"
#include "bls/curve/g2.h"

namespace groat::bls {
namespace {

using testing::AllEngines;
using testing::AnyPoint;
using testing::Multiples;

using groat::testing::StatusIs;
using ::testing::HasSubstr;

struct G1Api {
  using Curve = G1Curve;
  static constexpr size_t kBytes = 48;
  static auto DecodeMany(ByteView bytes, Engine engine) { return DecodeManyG1(bytes, engine); }
  static auto DecodeOne(ByteView bytes) { return DecodeG1Compressed(bytes); }
};
struct G2Api {
  using Curve = G2Curve;
  static constexpr size_t kBytes = 96;
  static auto DecodeMany(ByteView bytes, Engine engine) { return DecodeManyG2(bytes, engine); }
  static auto DecodeOne(ByteView bytes) { return DecodeG2Compressed(bytes); }
};

template <typename Api>
class BulkDecodeTest : public ::testing::Test {
 protected:
  using Affine = AffinePoint<typename Api::Curve>;

  static void Append(const Affine& point, Bytes& out) {
    const auto bytes = EncodeCompressed(point);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  // Compares with the decoder of single points.
  static void ExpectLikeOneByOne(ByteView encodings) {
    for (const Engine engine : AllEngines()) {
      const auto many = Api::DecodeMany(encodings, engine);
      GROAT_ASSERT_OK(many);
      std::vector<uint32_t> refused;
      ASSERT_EQ(many->points.size(), encodings.size() / Api::kBytes);
      for (size_t i = 0; i < many->points.size(); ++i) {
        const auto one = Api::DecodeOne(encodings.subspan(i * Api::kBytes, Api::kBytes));
        if (one.ok() && CheckInSubgroup(*one).ok()) {
          EXPECT_EQ(many->points[i], *one) << engine << ", point " << i;
        } else {
          refused.push_back(static_cast<uint32_t>(i));
          EXPECT_TRUE(many->points[i].IsInfinity().Declassify());
        }
      }
      EXPECT_EQ(many->refused, refused) << engine;
    }
  }
};

using Apis = ::testing::Types<G1Api, G2Api>;
TYPED_TEST_SUITE(BulkDecodeTest, Apis);

TYPED_TEST(BulkDecodeTest, PointsOfBothSignsAndAllSizes) {
  const auto points = Multiples<typename TypeParam::Curve>(40, 3);
  for (const size_t count : {0, 1, 7, 8, 9, 15, 16, 17, 40}) {
    Bytes encodings;
    for (size_t i = 0; i < count; ++i) {
      this->Append(i % 3 == 0 ? -points[i] : points[i], encodings);
    }
    this->ExpectLikeOneByOne(encodings);
  }
}

TYPED_TEST(BulkDecodeTest, PointsOutOfTheSubgroupAreRefused) {
  std::mt19937_64 random(1);
  const auto points = Multiples<typename TypeParam::Curve>(32);
  Bytes encodings;
  for (size_t i = 0; i < points.size(); ++i) {
    this->Append(i % 5 == 2 ? AnyPoint<typename TypeParam::Curve>(random) : points[i], encodings);
  }
  this->ExpectLikeOneByOne(encodings);
  EXPECT_EQ(TypeParam::DecodeMany(encodings, BestEngine())->refused.size(), 6u);
}

TYPED_TEST(BulkDecodeTest, NumbersWithoutAPointAndStrayBitsAreRefused) {
  std::mt19937_64 random(2);
  const auto points = Multiples<typename TypeParam::Curve>(64);
  for (int round = 0; round < 20; ++round) {
    Bytes encodings;
    for (const auto& point : points) this->Append(point, encodings);
    for (int i = 0; i < 40; ++i) {
      encodings[random() % encodings.size()] ^= static_cast<uint8_t>(1u << random() % 8);
    }
    this->ExpectLikeOneByOne(encodings);
  }
}

TYPED_TEST(BulkDecodeTest, FlagsAndInfinity) {
  const auto point = EncodeCompressed(Multiples<typename TypeParam::Curve>(1)[0]);
  Bytes encodings;
  const auto append = [&encodings](uint8_t first, size_t bit_at) {
    Bytes encoding(TypeParam::kBytes);
    encoding[0] = first;
    if (bit_at > 0) encoding[bit_at] = 1;
    encodings.insert(encodings.end(), encoding.begin(), encoding.end());
  };
  for (unsigned flags = 0; flags < 8; ++flags) {
    append(static_cast<uint8_t>(flags << 5), 0);
    append(static_cast<uint8_t>(flags << 5), TypeParam::kBytes - 1);
    append(static_cast<uint8_t>(flags << 5 | 1), 0);
    Bytes flagged(point.begin(), point.end());
    flagged[0] = static_cast<uint8_t>((flagged[0] & 0x1f) | flags << 5);
    encodings.insert(encodings.end(), flagged.begin(), flagged.end());
  }
  this->ExpectLikeOneByOne(encodings);
}

TYPED_TEST(BulkDecodeTest, NumbersAtTheEdges) {
  Bytes encodings;
  for (const size_t coefficient : {size_t{0}, TypeParam::kBytes - 48}) {
    for (int delta = -3; delta <= 3; ++delta) {
      for (const bool near_p : {false, true}) {
        Limbs<6> value = near_p ? FpParams::kModulus : Limbs<6>{};
        const Limbs<6> step = {static_cast<uint64_t>(delta < 0 ? -delta : delta)};
        if (delta < 0) {
          SubLimbs<6>(value.data(), value.data(), step.data());
        } else {
          AddLimbs<6>(value.data(), value.data(), step.data());
        }
        Bytes encoding(TypeParam::kBytes);
        StoreBigEndianLimbs<6>(value, encoding.data() + coefficient);
        encoding[0] |= 0x80;
        encodings.insert(encodings.end(), encoding.begin(), encoding.end());
      }
    }
  }
  this->ExpectLikeOneByOne(encodings);
}

TYPED_TEST(BulkDecodeTest, RefusesBrokenLengths) {
  for (const Engine engine : AllEngines()) {
    EXPECT_THAT(TypeParam::DecodeMany(Bytes(95), engine),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("95 bytes")));
  }
}

// Points of small order make the incomplete additions of the subgroup check fail; they must not
// pass it. Method: E' holds all points of order 13 and 23, which is why its order is divisible by
// the squares.
TEST(BulkDecodeSmallOrder, PointsOfSmallOrderAreRefused) {
  std::mt19937_64 random(3);
  // The order of E'(Fp2), lowest limb first (bls12_381's twist).
  const Limbs<12> order = LimbsFromHex<12>(
      "2a437a4b8c35fc74bd278eaa22f25e9e2dc90e50e7046b466e59e49349e8bd050a62cfd16ddca6ef53149330978e"
      "f0137697386bf984315744a2d5eb3dd4d213f2484c55b94474ab096de2c62640b2643116b1e2788e6a8b2a9fffe1"
      "c7238e5");
  for (const uint64_t prime : {uint64_t{13}, uint64_t{23}}) {
    Limbs<12> cofactor{};
    Uint128 rest = 0;
    for (size_t i = 12; i-- > 0;) {
      rest = rest << 64 | order[i];
      cofactor[i] = static_cast<uint64_t>(rest / (prime * prime));
      rest %= prime * prime;
    }
    ASSERT_EQ(static_cast<uint64_t>(rest), 0u);
    Bytes encodings;
    while (encodings.size() < 8 * 96) {
      const G2 point = MultiplyAnyVariableTime(AnyPoint<G2Curve>(random), cofactor);
      if (point.IsInfinity()) continue;
      const auto bytes = EncodeCompressed(point.ToAffine());
      encodings.insert(encodings.end(), bytes.begin(), bytes.end());
    }
    for (const Engine engine : AllEngines()) {
      EXPECT_EQ(DecodeManyG2(encodings, engine)->refused.size(), 8u) << prime << " " << engine;
    }
  }
}

}  // namespace
}  // namespace groat::bls
