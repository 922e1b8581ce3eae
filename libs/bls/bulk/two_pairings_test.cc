#include "bls/bulk/two_pairings.h"

#include <gtest/gtest.h>

#include <random>

#include "bls/bulk/engine.h"
#include "bls/bulk/testing/points.h"
#include "bls/curve/g1.h"
#include "bls/curve/g2.h"
#include "bls/pairing/pairing.h"

namespace groat::bls {
namespace {

class TwoPairingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!CpuHasIfma()) GTEST_SKIP() << "the processor has no AVX-512 IFMA";
  }
  Fr Factor() { return Fr::FromUint64(random_()) * Fr::FromUint64(random_()); }
  static G1Affine P(const Fr& k) {
    return MultiplyVariableTime(G1Affine::Generator(), k).ToAffine();
  }
  static G2Affine Q(const Fr& k) {
    return MultiplyVariableTime(G2Affine::Generator(), k).ToAffine();
  }
  // By the scalar code.
  static bool Expected(const PointPair& a, const PointPair& b) {
    const PairingInput pairs[] = {{a.p, a.q}, {b.p, b.q}};
    return FinalExponentiation(MillerLoop(pairs)) == Fp12::One();
  }

  std::mt19937_64 random_{11};
};

TEST_F(TwoPairingsTest, RightVerificationsAreOne) {
  for (int i = 0; i < 30; ++i) {
    const Fr key = Factor();
    const Fr message = Factor();
    const PointPair a = {P(key), Q(message)};
    const PointPair b = {-G1Affine::Generator(), Q(key * message)};
    EXPECT_TRUE(TwoPairingsAreOne(a, b));
    EXPECT_TRUE(TwoPairingsAreOne(b, a));
    EXPECT_TRUE(Expected(a, b));
  }
}

TEST_F(TwoPairingsTest, WrongOnesAreNot) {
  for (int i = 0; i < 30; ++i) {
    const PointPair a = {P(Factor()), Q(Factor())};
    const PointPair b = {P(Factor()), Q(Factor())};
    EXPECT_FALSE(TwoPairingsAreOne(a, b));
    EXPECT_FALSE(Expected(a, b));
  }
}

TEST_F(TwoPairingsTest, EqualAndOppositePoints) {
  const PointPair a = {P(Factor()), Q(Factor())};
  EXPECT_FALSE(TwoPairingsAreOne(a, a));
  EXPECT_TRUE(TwoPairingsAreOne(a, {-a.p, a.q}));
  EXPECT_TRUE(TwoPairingsAreOne(a, {a.p, -a.q}));
  EXPECT_FALSE(TwoPairingsAreOne(a, {-a.p, -a.q}));
}

TEST_F(TwoPairingsTest, InfinityStopsTheProcess) {
  const PointPair good = {P(Factor()), Q(Factor())};
  EXPECT_DEATH(TwoPairingsAreOne(good, {G1Affine::Infinity(), good.q}), "infinity");
  EXPECT_DEATH(TwoPairingsAreOne({good.p, G2Affine::Infinity()}, good), "infinity");
}

}  // namespace
}  // namespace groat::bls
