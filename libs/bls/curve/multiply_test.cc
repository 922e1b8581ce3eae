#include <gmock/gmock.h>

#include "bls/curve/testing/points.h"

namespace groat::bls::testing {
namespace {

// 0, 1, 2, r - 1, r - 2, around the powers of |x| at which the scalar is split, and digits all
// zero, one or largest.
std::vector<Fr> EdgeScalars() {
  std::vector<Fr> out = EdgeElements<Fr>();
  const Fr x = Fr::FromUint64(kMinusX);
  Fr power = Fr::One();
  for (int i = 0; i < 4; ++i) {
    power *= x;
    out.push_back(power);
    out.push_back(power - Fr::One());
    out.push_back(power + Fr::One());
  }
  for (unsigned i = 0; i < 255; i += 5) {
    Limbs<4> limbs{};
    limbs[i / 64] = uint64_t{1} << (i % 64);
    out.push_back(Fr::FromLimbs(limbs));
    out.push_back(Fr::FromLimbs(limbs) - Fr::One());
  }
  return out;
}

TEST(ScalarDigits, BaseXDigitsGiveTheScalarBack) {
  RandomElements random(31);
  std::vector<Fr> scalars = EdgeScalars();
  for (int i = 0; i < 2000; ++i) scalars.push_back(random.Prime<Fr>());
  const Fr x = Fr::FromUint64(kMinusX);
  for (const Fr& k : scalars) {
    Fr sum;
    const std::array<uint64_t, 4> digits = DigitsToBaseX(k);
    for (size_t i = 4; i-- > 0;) {
      ASSERT_LT(digits[i], kMinusX) << k;
      sum = sum * x + Fr::FromUint64(digits[i]);
    }
    ASSERT_EQ(sum, k);
    // r - 1 < |x|^4, so the digits are those of the number, not of a congruent one.
    Limbs<4> number{};
    for (size_t i = 4; i-- > 0;) {
      Uint128 carry = digits[i];
      for (uint64_t& limb : number) {
        carry += Uint128{limb} * kMinusX;
        limb = static_cast<uint64_t>(carry);
        carry >>= 64;
      }
    }
    ASSERT_EQ(number, k.ToLimbs());
  }
}

template <size_t N>
void CheckBooth(const Limbs<N>& number, size_t width) {
  const size_t windows = (64 * N + 1 + width - 1) / width;
  // In Fp, where 2^(64 N) does not wrap around.
  Fp sum;
  for (size_t i = windows; i-- > 0;) {
    for (size_t j = 0; j < width; ++j) sum = sum.Double();
    const SignedDigit digit = BoothDigit(number, i, width);
    ASSERT_LE(digit.magnitude, uint64_t{1} << (width - 1));
    sum += Fp::FromUint64(digit.magnitude).NegateIf(digit.negative);
  }
  Limbs<6> want{};
  std::copy(number.begin(), number.end(), want.begin());
  ASSERT_EQ(sum, Fp::FromLimbs(want)) << "width " << width;
}

TEST(ScalarDigits, BoothDigitsGiveTheNumberBack) {
  RandomElements random(32);
  for (size_t width = 1; width <= 8; ++width) {
    for (uint64_t word : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{1} << 63, kMinusX}) {
      CheckBooth<1>({word}, width);
      CheckBooth<2>({word, word}, width);
      CheckBooth<4>({word, 0, ~word, word}, width);
    }
    for (int i = 0; i < 300; ++i) {
      CheckBooth<1>({random.Word()}, width);
      CheckBooth<2>({random.Word(), random.Word()}, width);
    }
  }
}

TEST(ScalarDigits, NonAdjacentFormGivesTheNumberBack) {
  RandomElements random(33);
  for (int i = 0; i < 300; ++i) {
    Limbs<2> number = {random.Word(), random.Word()};
    if (i == 0) number = {};
    if (i == 1) number = {~uint64_t{0}, ~uint64_t{0}};
    for (int width = 2; width <= 7; ++width) {
      const std::vector<int8_t> digits = NonAdjacentFormVariableTime(number, width);
      Fp sum;
      int since = width;
      for (size_t j = digits.size(); j-- > 0;) {
        const Fp digit = Fp::FromUint64(static_cast<uint64_t>(std::abs(digits[j])));
        sum = sum.Double() + (digits[j] < 0 ? -digit : digit);
        ++since;
        if (digits[j] != 0) {
          EXPECT_EQ(std::abs(digits[j]) % 2, 1);
          EXPECT_LT(std::abs(digits[j]), 1 << (width - 1));
          EXPECT_GE(since, width);
          since = 0;
        }
      }
      EXPECT_EQ(sum, Fp::FromLimbs({number[0], number[1]}));
    }
  }
}

class MultiplyTest : public WithKernels {
 protected:
  std::vector<Fr> Scalars() {
    std::vector<Fr> out = EdgeScalars();
    for (int i = 0; i < 30; ++i) out.push_back(random_.Prime<Fr>());
    return out;
  }
  RandomPoints random_{34};
};
GROAT_WITH_ALL_KERNELS(MultiplyTest);

TEST_P(MultiplyTest, EveryWayAgreesInG1) {
  const G1Affine p = random_.InSubgroup<G1Curve>();
  const G1Affine g = G1Affine::Generator();
  for (const Fr& k : Scalars()) {
    const G1 want = MultiplyAnyVariableTime(p, k.ToLimbs());
    ASSERT_EQ(MultiplySecret(p, k), want) << k;
    ASSERT_EQ(MultiplyVariableTime(p, k), want) << k;
    ASSERT_EQ(MultiplyGeneratorSecret(k), MultiplyAnyVariableTime(g, k.ToLimbs())) << k;
  }
}

TEST_P(MultiplyTest, EveryWayAgreesInG2) {
  const G2Affine p = random_.InSubgroup<G2Curve>();
  for (const Fr& k : Scalars()) {
    const G2 want = MultiplyAnyVariableTime(p, k.ToLimbs());
    ASSERT_EQ(MultiplySecret(p, k), want) << k;
    ASSERT_EQ(MultiplySecret(random_.Rescaled(p), k), want) << k;
    ASSERT_EQ(MultiplyVariableTime(p, k), want) << k;
  }
}

TEST_P(MultiplyTest, InfinityStaysInfinity) {
  const Fr k = random_.Prime<Fr>();
  EXPECT_TRUE(MultiplySecret(G1Affine(), k).IsInfinity());
  EXPECT_TRUE(MultiplyVariableTime(G1Affine(), k).IsInfinity());
  EXPECT_TRUE(MultiplySecret(G2Affine(), k).IsInfinity());
  EXPECT_TRUE(MultiplySecret(G2(), k).IsInfinity());
  EXPECT_TRUE(MultiplyVariableTime(G2Affine(), k).IsInfinity());
  EXPECT_TRUE(MultiplyAnyVariableTime(G2Affine(), k.ToLimbs()).IsInfinity());
  EXPECT_EQ(MultiplySecret(G2Affine(), k).ToAffine(), G2Affine());
}

TEST_P(MultiplyTest, CofactorIsClearedByTheFactorOfTheStandard) {
  // h_eff of RFC 9380, section 8.8.2.
  static constexpr auto kEffective = LimbsFromHex<10>(
      "bc69f08f2ee75b3584c6a0ea91b352888e2a8e9145ad7689986ff031508ffe1329c2f178731db956d82bf015d1"
      "212b02ec0ec69d7477c1ae954cbc06689f6a359894c0adebbf6b4e8020005aaa95551");
  for (int i = 0; i < 5; ++i) {
    const G2Affine p = random_.OnCurve<G2Curve>();
    const G2 cleared = ClearCofactor(random_.Rescaled(p));
    EXPECT_EQ(cleared, MultiplyAnyVariableTime(p, kEffective));
    EXPECT_TRUE(IsInSubgroup(cleared.ToAffine()));
  }
  EXPECT_TRUE(ClearCofactor(G2()).IsInfinity());
}

// The cofactors' own small factors give points that are in no multiple of r: order 3, 11 and so
// on in G1 (h = 3 11^2 ...), 13 and 23 in G2.
TEST_P(MultiplyTest, SubgroupChecksFollowTheOrder) {
  EXPECT_TRUE(IsInSubgroup(G1Affine()));
  EXPECT_TRUE(IsInSubgroup(G2Affine()));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(IsInSubgroup(random_.InSubgroup<G1Curve>()));
    EXPECT_TRUE(IsInSubgroup(random_.InSubgroup<G2Curve>()));
    const G1Affine p = random_.OnCurve<G1Curve>();
    EXPECT_EQ(IsInSubgroup(p), MultiplyAnyVariableTime(p, Fr::kModulus).IsInfinity());
    EXPECT_FALSE(IsInSubgroup(p));
    const G2Affine q = random_.OnCurve<G2Curve>();
    EXPECT_EQ(IsInSubgroup(q), MultiplyAnyVariableTime(q, Fr::kModulus).IsInfinity());
    EXPECT_FALSE(IsInSubgroup(q));
    // r p has an order that divides the cofactor; with a subgroup point added it has both.
    const G1Affine small = MultiplyAnyVariableTime(p, Fr::kModulus).ToAffine();
    EXPECT_FALSE(IsInSubgroup(small));
    EXPECT_FALSE(IsInSubgroup((G1::Generator() + small).ToAffine()));
    const G2Affine small2 = MultiplyAnyVariableTime(q, Fr::kModulus).ToAffine();
    EXPECT_FALSE(IsInSubgroup(small2));
    EXPECT_FALSE(IsInSubgroup((G2::Generator() + small2).ToAffine()));
  }
  // (0, 2) has order 3.
  const G1Affine three = {Fp(), Fp::FromUint64(2)};
  ASSERT_TRUE(three.IsOnCurve());
  EXPECT_FALSE(IsInSubgroup(three));
}

template <typename Curve>
void CheckSums(RandomPoints& random) {
  using Point = JacobianPoint<Curve>;
  std::vector<AffinePoint<Curve>> points;
  std::vector<Limbs<2>> factors;
  Point want;
  EXPECT_TRUE(MultiScalarMultiply(points, factors).IsInfinity());
  const AffinePoint<Curve> base = random.InSubgroup<Curve>();
  Point next = Point::FromAffine(base);
  for (size_t i = 0; i < 300; ++i) {
    AffinePoint<Curve> p = next.ToAffineVariableTime();
    next = next.Double() + base;
    Limbs<2> factor = {random.Word(), random.Word()};
    if (i == 3) factor = {};
    if (i == 4) factor = {1};
    if (i == 5) factor = {~uint64_t{0}, ~uint64_t{0}};
    if (i == 10) factor = {0, 1};
    if (i == 6) p = {};
    // The same point twice, and its opposite, with one factor: all in the same buckets.
    if (i == 8 || i == 9) p = i == 8 ? points[7] : -points[7];
    if (i == 8 || i == 9) factor = factors[7];
    points.push_back(p);
    factors.push_back(factor);
    const Fr number =
        Fr::FromUint64(factor[0]) - Fr::FromUint64(factor[1]) * Fr::FromUint64(kMinusX).Square();
    want += MultiplyAny(p, number.ToLimbs());
    if (i < 12 || i % 50 == 49) {
      ASSERT_EQ(MultiScalarMultiply(points, factors), want) << points.size();
    }
  }
}

TEST_P(MultiplyTest, SumsWithFactorsAgree) {
  CheckSums<G1Curve>(random_);
  CheckSums<G2Curve>(random_);
}

}  // namespace
}  // namespace groat::bls::testing
