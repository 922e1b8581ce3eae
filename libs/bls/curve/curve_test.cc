#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/status_matchers.h"
#include "bls/curve/encoding.h"
#include "bls/curve/endomorphism.h"
#include "bls/curve/g1.h"
#include "bls/curve/g2.h"
#include "bls/curve/multiply.h"

namespace groat::bls {
namespace {

class Source {
 public:
  explicit Source(uint64_t seed) : engine_(seed) {}
  template <typename Field>
  Field Prime() {
    uint8_t bytes[2 * Field::kBytes];
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(engine_());
    return Field::FromWideBytes(bytes);
  }
  Fp2 Quadratic() { return {Prime<Fp>(), Prime<Fp>()}; }
  // A point of the curve, hardly ever in the subgroup.
  G1Affine AnyG1() {
    while (true) {
      const Fp x = Prime<Fp>();
      const auto y = Sqrt(x.Square() * x + G1Curve::kB);
      if (y) return {x, *y};
    }
  }
  G2Affine AnyG2() {
    while (true) {
      const Fp2 x = Quadratic();
      const auto y = Sqrt(x.Square() * x + G2Curve::kB);
      if (y) return {x, *y};
    }
  }
  uint64_t Word() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

TEST(Groups, MultiplicationsAgree) {
  Source s(2);
  for (int i = 0; i < 50; ++i) {
    const Fr k = s.Prime<Fr>();
    const G1 a = MultiplyAnyVariableTime(G1Affine::Generator(), k.ToLimbs());
    EXPECT_EQ(a, MultiplyGeneratorSecret(k));
    EXPECT_EQ(a, MultiplySecret(G1Affine::Generator(), k));
    EXPECT_EQ(a, MultiplyVariableTime(G1Affine::Generator(), k));
    EXPECT_TRUE(IsInSubgroup(a.ToAffine()));
    const G2 b = MultiplyAnyVariableTime(G2Affine::Generator(), k.ToLimbs());
    EXPECT_EQ(b, MultiplySecret(G2Affine::Generator(), k));
    EXPECT_EQ(b, MultiplySecret(G2::Generator(), k));
    EXPECT_EQ(b, MultiplyVariableTime(G2Affine::Generator(), k));
    EXPECT_TRUE(IsInSubgroup(b.ToAffine()));
    EXPECT_EQ(DecodeG1Compressed(EncodeCompressed(a.ToAffine())).value(), a.ToAffine());
    EXPECT_EQ(DecodeG2Compressed(EncodeCompressed(b.ToAffine())).value(), b.ToAffine());
    EXPECT_EQ(DecodeG1Uncompressed(EncodeUncompressed(a.ToAffine())).value(), a.ToAffine());
    EXPECT_EQ(DecodeG2Uncompressed(EncodeUncompressed(b.ToAffine())).value(), b.ToAffine());
    EXPECT_FALSE(IsInSubgroup(s.AnyG1()));
    const G2Affine any = s.AnyG2();
    EXPECT_FALSE(IsInSubgroup(any));
    static constexpr auto kEffective = LimbsFromHex<10>(
        "bc69f08f2ee75b3584c6a0ea91b352888e2a8e9145ad7689986ff031508ffe1329c2f178731db956d82bf015d1"
        "212b02ec0ec69d7477c1ae954cbc06689f6a359894c0adebbf6b4e8020005aaa95551");
    EXPECT_EQ(ClearCofactor(G2::FromAffine(any)), MultiplyAnyVariableTime(any, kEffective));
    std::vector<G2Affine> points;
    std::vector<Limbs<2>> factors;
    G2 want;
    for (int j = 0; j < i; ++j) {
      points.push_back(ClearCofactor(G2::FromAffine(s.AnyG2())).ToAffine());
      factors.push_back({s.Word(), s.Word()});
      want += MultiplyAnyVariableTime(points.back(), factors.back());
    }
    EXPECT_EQ(MultiScalarMultiply(points, factors), want);
  }
}

}  // namespace
}  // namespace groat::bls
