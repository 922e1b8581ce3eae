#include "bls/bulk/signature_shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Bytes Encode(const std::vector<G2Affine>& points) {
  Bytes out;
  for (const G2Affine& point : points) {
    const auto bytes = EncodeUncompressed(point);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

class SignatureSharesTest : public ::testing::TestWithParam<Engine> {
 protected:
  SharesSum Sum(ByteView shares) {
    return SumSignatureShares(shares, workspace_, GetParam()).value();
  }
  void ExpectSum(const std::vector<G2Affine>& points) {
    const SharesSum sum = Sum(Encode(points));
    EXPECT_EQ(sum.sum, SumOneByOne(points)) << points.size() << " points";
    EXPECT_THAT(sum.malformed, IsEmpty());
  }

  Workspace workspace_;
};

INSTANTIATE_TEST_SUITE_P(Engines, SignatureSharesTest, ::testing::ValuesIn(AllEngines()),
                         ::testing::PrintToStringParamName());

TEST_P(SignatureSharesTest, SumsOfAllSizes) {
  const std::vector<G2Affine> points = Multiples<G2Curve>(1100, 9);
  for (const size_t count :
       {0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 100, 511, 512, 513, 1023, 1024, 1025, 1100}) {
    ExpectSum({points.begin(), points.begin() + static_cast<long>(count)});
  }
}

TEST_P(SignatureSharesTest, SumOfAWholeBatch) {
  ExpectSum(Multiples<G2Curve>(65535));
  ExpectSum(Multiples<G2Curve>(65536));
}

TEST_P(SignatureSharesTest, PointsOutOfTheSubgroupAreSummedToo) {
  std::mt19937_64 random(7);
  std::vector<G2Affine> points;
  for (int i = 0; i < 40; ++i) points.push_back(AnyPoint<G2Curve>(random));
  ExpectSum(points);
}

TEST_P(SignatureSharesTest, ExceptionalAdditions) {
  std::mt19937_64 random(8);
  const std::vector<G2Affine> base = Multiples<G2Curve>(3);
  for (int round = 0; round < 40; ++round) {
    std::vector<G2Affine> mixture;
    const size_t count = random() % 300;
    for (size_t i = 0; i < count; ++i) {
      const size_t kind = random() % 7;
      mixture.push_back(kind == 6       ? G2Affine::Infinity()
                        : kind % 2 == 0 ? base[kind / 2]
                                        : -base[kind / 2]);
    }
    ExpectSum(mixture);
  }
  ExpectSum(std::vector<G2Affine>(1000, base[0]));
  ExpectSum(std::vector<G2Affine>(1000, G2Affine::Infinity()));
}

// Every share that the decoder of single points refuses is refused, at every place of a vector,
// and the others are summed.
TEST_P(SignatureSharesTest, MalformedSharesAreNamedAndLeftOut) {
  const std::vector<G2Affine> points = Multiples<G2Curve>(30);
  const Bytes good = Encode(points);
  const Bytes infinity = Encode({G2Affine::Infinity()});
  const FixedBytes<48> p = [] {
    FixedBytes<48> out;
    StoreBigEndianLimbs<6>(FpParams::kModulus, out.data());
    return out;
  }();
  struct Case {
    const char* name;
    std::function<void(uint8_t*)> spoil;
  };
  const auto put = [](size_t at, ByteView bytes) {
    return [at, bytes](uint8_t* share) { std::copy(bytes.begin(), bytes.end(), share + at); };
  };
  const std::vector<Case> cases = {
      {"compressed", [](uint8_t* share) { share[0] |= 0x80; }},
      {"signed", [](uint8_t* share) { share[0] |= 0x20; }},
      {"infinity with coordinates", [](uint8_t* share) { share[0] |= 0x40; }},
      {"infinity with a sign",
       [&](uint8_t* share) {
         std::copy(infinity.begin(), infinity.end(), share);
         share[0] |= 0x20;
       }},
      {"infinity, compressed",
       [&](uint8_t* share) {
         std::copy(infinity.begin(), infinity.end(), share);
         share[0] |= 0x80;
       }},
      {"infinity with a bit",
       [&](uint8_t* share) {
         std::copy(infinity.begin(), infinity.end(), share);
         share[191] = 1;
       }},
      {"zeros", [](uint8_t* share) { std::fill(share, share + 192, uint8_t{0}); }},
      {"x1 is p", put(0, p)},
      {"x0 is p", put(48, p)},
      {"y1 is p", put(96, p)},
      {"y0 is p", put(144, p)},
      {"y0 is large", [](uint8_t* share) { share[144] = 0xff; }},
      {"off the curve", [](uint8_t* share) { share[191] ^= 1; }},
      {"x off the curve", [](uint8_t* share) { share[95] ^= 1; }},
  };
  for (const Case& test : cases) {
    for (const size_t place : {0u, 5u, 7u, 8u, 23u, 24u, 29u}) {
      Bytes shares = good;
      test.spoil(shares.data() + 192 * place);
      ASSERT_FALSE(DecodeG2Uncompressed(ByteView(shares).subspan(192 * place, 192)).ok())
          << test.name;
      std::vector<G2Affine> others = points;
      others.erase(others.begin() + static_cast<long>(place));
      const SharesSum sum = Sum(shares);
      EXPECT_THAT(sum.malformed, ElementsAre(place)) << test.name;
      EXPECT_EQ(sum.sum, SumOneByOne(others)) << test.name << " at " << place;
    }
  }
}

TEST_P(SignatureSharesTest, ASecondNumberForTheSamePointIsRefused) {
  // x + p fits 48 bytes only while it stays below 2^381; x = 0 has points: y^2 = 4 (1 + u) if that
  // is a square. Instead every coordinate of the generator is tried.
  Bytes share = Encode({G2Affine::Generator()});
  for (size_t at = 0; at < 192; at += 48) {
    Bytes changed = share;
    Limbs<6> value = LoadBigEndianLimbs<6>(share.data() + at);
    AddLimbs<6>(value.data(), value.data(), FpParams::kModulus.data());
    if (value[5] >> 61 != 0) continue;
    StoreBigEndianLimbs<6>(value, changed.data() + at);
    EXPECT_THAT(Sum(changed).malformed, ElementsAre(0u)) << at;
  }
}

TEST_P(SignatureSharesTest, RandomBytesAgreeWithTheSingleDecoder) {
  std::mt19937_64 random(9);
  const std::vector<G2Affine> points = Multiples<G2Curve>(64);
  for (int round = 0; round < 50; ++round) {
    Bytes shares = Encode(points);
    for (int i = 0; i < 20; ++i) shares[random() % shares.size()] ^= uint8_t(1u << random() % 8);
    const SharesSum sum = Sum(shares);
    std::vector<uint32_t> malformed;
    std::vector<G2Affine> good;
    for (size_t i = 0; i < points.size(); ++i) {
      const auto point = DecodeG2Uncompressed(ByteView(shares).subspan(192 * i, 192));
      if (point.ok()) {
        good.push_back(*point);
      } else {
        malformed.push_back(static_cast<uint32_t>(i));
      }
    }
    EXPECT_EQ(sum.malformed, malformed);
    EXPECT_EQ(sum.sum, SumOneByOne(good));
  }
}

TEST_P(SignatureSharesTest, RefusesBrokenLengths) {
  EXPECT_THAT(SumSignatureShares(Bytes(193), workspace_, GetParam()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("193 bytes")));
}

}  // namespace
}  // namespace groat::bls
