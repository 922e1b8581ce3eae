#include "bls/pairing/pairing.h"

#include <gtest/gtest.h>

#include <vector>

#include "bls/field/fr.h"

namespace groat::bls {
namespace {

// Slow and obvious, for small and large public factors.
template <typename Point>
Point Times(const Point& point, const Limbs<4>& factor) {
  Point out;
  for (size_t bit = 256; bit-- > 0;) {
    out = out.Double();
    if ((factor[bit / 64] >> (bit % 64) & 1) != 0) out += point;
  }
  return out;
}

G1Affine P(uint64_t factor) { return Times(G1::Generator(), {factor}).ToAffine(); }
G2Affine Q(uint64_t factor) { return Times(G2::Generator(), {factor}).ToAffine(); }

Fp12 PowUint64(const Fp12& base, uint64_t exponent) {
  const uint64_t limbs[] = {exponent};
  return base.Pow(limbs);
}

TEST(PairingTest, IsNotDegenerate) {
  const Fp12 e = Pairing(P(1), Q(1));
  EXPECT_NE(e, Fp12::One());
  // Its order is r, so it has all of the target group.
  EXPECT_EQ(e.Pow(Fr::kModulus), Fp12::One());
}

TEST(PairingTest, IsBilinear) {
  const Fp12 e = Pairing(P(1), Q(1));
  const uint64_t factors[][2] = {{1, 2}, {2, 1}, {3, 5}, {0xffffffff, 7}, {1, 0xffffffffffffffff}};
  for (const auto& [a, b] : factors) {
    const Fp12 both = Pairing(P(a), Q(b));
    EXPECT_EQ(both, PowUint64(PowUint64(e, a), b)) << a << " " << b;
    EXPECT_EQ(both, Pairing(P(b), Q(a))) << a << " " << b;
  }
}

TEST(PairingTest, IsLinearInSums) {
  const G1Affine p_sum = (G1::FromAffine(P(11)) + P(13)).ToAffine();
  const G2Affine q_sum = (G2::FromAffine(Q(17)) + Q(19)).ToAffine();
  EXPECT_EQ(Pairing(p_sum, Q(3)), Pairing(P(11), Q(3)) * Pairing(P(13), Q(3)));
  EXPECT_EQ(Pairing(P(3), q_sum), Pairing(P(3), Q(17)) * Pairing(P(3), Q(19)));
}

TEST(PairingTest, OppositePointsGiveTheInverse) {
  const Fp12 e = Pairing(P(5), Q(6));
  EXPECT_EQ(Pairing(-P(5), Q(6)), e.Conjugate());
  EXPECT_EQ(Pairing(P(5), -Q(6)), e.Conjugate());
  EXPECT_EQ(e * e.Conjugate(), Fp12::One());
}

TEST(PairingTest, InfinityGivesOne) {
  EXPECT_EQ(Pairing(G1Affine::Infinity(), Q(1)), Fp12::One());
  EXPECT_EQ(Pairing(P(1), G2Affine::Infinity()), Fp12::One());
  EXPECT_EQ(Pairing(G1Affine::Infinity(), G2Affine::Infinity()), Fp12::One());
}

// The exponent of FinalExponentiation, computed another way: the easy part by Frobenius powers, the
// hard part digit by digit from bls12_381_params.json's final_exponent.hard, then cubed.
TEST(FinalExponentiationTest, IsTheCubeOfTheExactExponent) {
  constexpr auto kHard = LimbsFromHex<20>(
      "f686b3d807d01c0bd38c3195c899ed3cde88eeb996ca394506632528d6a9a2f230063cf081517f68f7764c28b6f8"
      "ae5a72bce8d63cb9f827eca0ba621315b2076995003fc77a17988f8761bdc51dc2378b9039096d1b767f17fcbde7"
      "83765915c97f36c6f18212ed0b283ed237db421d160aeb6a1e79983774940996754c8c71a2629b0dea236905ce93"
      "7335d5b68fa9912aae208ccf1e516c3f438e3ba79");
  const PairingInput pair{P(123), Q(456)};
  const Fp12 f = MillerLoop({&pair, 1});
  const Fp12 unitary = f.Conjugate() * f.Inverse();
  const Fp12 exact = (unitary.Frobenius(2) * unitary).Pow(kHard);
  EXPECT_EQ(FinalExponentiation(f), exact.Square() * exact);
}

TEST(PairingsAreOneTest, KnowsProductsOfManyPairs) {
  EXPECT_TRUE(PairingsAreOne({}));
  for (const uint64_t count : {2u, 3u, 4u, 5u, 16u, 33u}) {
    // e(P, Q) ... e([n - 1] P, Q) e(-[n (n - 1) / 2] P, Q) = 1.
    std::vector<PairingInput> pairs;
    for (uint64_t i = 1; i < count; ++i) pairs.push_back({P(i), Q(1)});
    pairs.push_back({-P(1), Q(count * (count - 1) / 2)});
    EXPECT_TRUE(PairingsAreOne(pairs)) << count;
    pairs.push_back({G1Affine::Infinity(), Q(9)});
    EXPECT_TRUE(PairingsAreOne(pairs)) << count;
    pairs.back() = {P(1), Q(1)};
    EXPECT_FALSE(PairingsAreOne(pairs)) << count;
  }
}

TEST(MillerLoopTest, IsTheProductOfSingleLoops) {
  const PairingInput pairs[] = {{P(2), Q(3)}, {P(5), Q(7)}, {P(11), Q(13)}};
  Fp12 product = Fp12::One();
  for (const PairingInput& pair : pairs) product *= FinalExponentiation(MillerLoop({&pair, 1}));
  EXPECT_EQ(FinalExponentiation(MillerLoop(pairs)), product);
}

}  // namespace
}  // namespace groat::bls
