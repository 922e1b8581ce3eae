#include "bls/bulk/pairing_product.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "bls/bulk/engine.h"
#include "bls/curve/g1.h"
#include "bls/curve/g2.h"
#include "bls/pairing/pairing.h"

namespace groat::bls {
namespace {

class PairingProductTest : public ::testing::Test {
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
  // Against the scalar code.
  static void Expect(bool is_one, const std::vector<PointPair>& pairs) {
    std::vector<PairingInput> inputs;
    for (const PointPair& pair : pairs) inputs.push_back({pair.p, pair.q});
    EXPECT_EQ(FinalExponentiation(MillerLoop(inputs)) == Fp12::One(), is_one);
    EXPECT_EQ(PairingProductIsOneIfma(pairs), is_one) << pairs.size();
  }

  std::mt19937_64 random_{11};
};

TEST_F(PairingProductTest, Verifications) {
  for (int i = 0; i < 20; ++i) {
    const Fr key = Factor();
    const Fr message = Factor();
    const PointPair a = {P(key), Q(message)};
    const PointPair b = {-G1Affine::Generator(), Q(key * message)};
    Expect(true, {a, b});
    Expect(true, {b, a});
    Expect(false, {a, {b.p, Q(key)}});
    Expect(false, {a, {-b.p, b.q}});
  }
}

TEST_F(PairingProductTest, EqualAndOppositePoints) {
  const PointPair a = {P(Factor()), Q(Factor())};
  Expect(false, {a, a});
  Expect(true, {a, {-a.p, a.q}});
  Expect(true, {a, {a.p, -a.q}});
  Expect(false, {a, {-a.p, -a.q}});
}

TEST_F(PairingProductTest, AnyNumberOfPairs) {
  Expect(true, {});
  Expect(false, {{P(Factor()), Q(Factor())}});
  for (const size_t count : {2, 3, 4, 5, 15, 16, 17, 31, 32, 33}) {
    std::vector<PointPair> pairs;
    Fr sum = Fr::Zero();
    for (size_t i = 0; i + 1 < count; ++i) {
      const Fr a = Factor();
      const Fr b = Factor();
      pairs.push_back({P(a), Q(b)});
      sum += a * b;
    }
    pairs.push_back({P(-sum), G2Affine::Generator()});
    Expect(true, pairs);
    pairs[count / 2].p = P(Factor());
    Expect(false, pairs);
  }
}

TEST_F(PairingProductTest, InfinityGivesOne) {
  const PointPair a = {P(Factor()), Q(Factor())};
  const PointPair none_p = {G1Affine::Infinity(), a.q};
  const PointPair none_q = {a.p, G2Affine::Infinity()};
  Expect(true, {none_p});
  Expect(true, {none_q, none_p});
  Expect(false, {none_q, a});
  Expect(true, {a, none_p, {-a.p, a.q}});
}

}  // namespace
}  // namespace groat::bls
