#include <gmock/gmock.h>

#include "bls/curve/complete.h"
#include "bls/curve/testing/points.h"

namespace groat::bls::testing {
namespace {

template <typename T>
class GroupLawTest : public GroupTest<T> {};
TYPED_TEST_SUITE(GroupLawTest, BothCurves);

// Textbook chord and tangent on affine points, with a division each: the model.
template <typename Curve>
AffinePoint<Curve> SlowSum(const AffinePoint<Curve>& a, const AffinePoint<Curve>& b) {
  if (a.IsInfinity().Declassify()) return b;
  if (b.IsInfinity().Declassify()) return a;
  if (a.x == b.x && a.y == -b.y) return {};
  const auto xx = a.x.Square();
  const auto slope =
      a == b ? (xx + xx + xx) * a.y.Double().Inverse() : (b.y - a.y) * (b.x - a.x).Inverse();
  const auto x = slope.Square() - a.x - b.x;
  return {x, slope * (a.x - x) - a.y};
}

// Every pair of: infinity, the generator, points in and out of the subgroup, their opposites.
template <typename Curve>
std::vector<AffinePoint<Curve>> Samples(RandomPoints& random) {
  std::vector<AffinePoint<Curve>> out = {{}, AffinePoint<Curve>::Generator()};
  out.push_back(random.template InSubgroup<Curve>());
  out.push_back(random.template OnCurve<Curve>());
  // A point of order 3, on which doubling and negation agree, lies on E at x = 0.
  if constexpr (std::is_same_v<Curve, G1Curve>) out.push_back({Fp(), Fp::FromUint64(2)});
  for (size_t i = out.size(); i-- > 1;) out.push_back(-out[i]);
  return out;
}

TYPED_TEST(GroupLawTest, AllFormulasAgreeWithTheModel) {
  using Curve = TypeParam;
  using Complete = CompletePoint<Curve>;
  const auto samples = Samples<Curve>(this->random_);
  for (const auto& a : samples) {
    ASSERT_TRUE(a.IsOnCurve());
    const auto ja = this->random_.Rescaled(a);
    const Complete ca = Complete::FromJacobian(ja);
    EXPECT_EQ(ja.ToAffine(), a);
    EXPECT_EQ(ja.ToAffineVariableTime(), a);
    EXPECT_EQ(ca.ToAffine(), a);
    EXPECT_EQ(Complete::FromAffine(a).ToAffine(), a);
    EXPECT_EQ(ca.ToJacobian().ToAffine(), a);
    EXPECT_EQ(ja, a);
    EXPECT_EQ(-ja, -a);
    EXPECT_EQ(ja.Double(), SlowSum(a, a));
    EXPECT_EQ(ca.Double().ToAffine(), SlowSum(a, a));
    EXPECT_EQ(ca.NegateIf(Choice::FromBit(1)).ToAffine(), -a);
    for (const auto& b : samples) {
      SCOPED_TRACE(::testing::Message() << a << " + " << b);
      const auto want = SlowSum(a, b);
      const auto jb = this->random_.Rescaled(b);
      EXPECT_TRUE(want.IsOnCurve());
      EXPECT_EQ(ja + jb, want);
      EXPECT_EQ(ja + b, want);
      EXPECT_EQ(ja - -jb, want);
      EXPECT_EQ(ja - -b, want);
      EXPECT_EQ((ca + Complete::FromJacobian(jb)).ToAffine(), want);
      EXPECT_EQ((ca + b).ToAffine(), want);
      auto sum = ja;
      sum += jb;
      EXPECT_EQ(sum, want);
      sum = ja;
      sum += b;
      EXPECT_EQ(sum, want);
      EXPECT_EQ(ja == jb, a == b);
      EXPECT_EQ(Complete::Select(Choice::FromBit(1), ca, Complete::FromAffine(b)).ToAffine(), a);
      EXPECT_EQ(Complete::Select(Choice::FromBit(0), ca, Complete::FromAffine(b)).ToAffine(), b);
      EXPECT_EQ((ja + jb) + samples[2], ja + (jb + samples[2]));
    }
  }
}

TYPED_TEST(GroupLawTest, BatchToAffineTakesInfinity) {
  using Point = JacobianPoint<TypeParam>;
  std::vector<Point> points;
  for (int i = 0; i < 20; ++i) {
    points.push_back(i % 5 == 0
                         ? Point::Infinity()
                         : this->random_.Rescaled(this->random_.template OnCurve<TypeParam>()));
  }
  std::vector<AffinePoint<TypeParam>> affine(points.size());
  Point::BatchToAffine(points, affine);
  for (size_t i = 0; i < points.size(); ++i) EXPECT_EQ(points[i], affine[i]) << i;
  Point::BatchToAffine({}, {});
  const std::vector<Point> infinity(3, Point::Infinity());
  affine.resize(3, points[1].ToAffine());
  Point::BatchToAffine(infinity, affine);
  EXPECT_TRUE(affine[1].IsInfinity().Declassify());
}

TYPED_TEST(GroupLawTest, GeneratorHasOrderR) {
  using Affine = AffinePoint<TypeParam>;
  const Affine g = Affine::Generator();
  EXPECT_TRUE(g.IsOnCurve());
  EXPECT_TRUE(MultiplyAny(g, Fr::kModulus).IsInfinity());
  EXPECT_EQ(MultiplyAny(g, (-Fr::One()).ToLimbs()), -g);
  EXPECT_FALSE((Affine{g.x, g.y.Double()}).IsOnCurve());
  EXPECT_TRUE(MultiplyAny(g, {}).IsInfinity());
}

TEST(Endomorphisms, HaveTheirEigenvaluesOnTheSubgroups) {
  RandomPoints random(22);
  const Fr x = -Fr::FromUint64(kMinusX);
  for (int i = 0; i < 5; ++i) {
    const G1Affine p = random.InSubgroup<G1Curve>();
    EXPECT_EQ(MultiplyAny(p, (-x.Square()).ToLimbs()), Phi(p));
    EXPECT_EQ(Phi(random.Rescaled(p)), Phi(p));
    const G2Affine q = random.InSubgroup<G2Curve>();
    EXPECT_EQ(MultiplyAny(q, x.ToLimbs()), Psi(q));
    EXPECT_EQ(MultiplyAny(q, x.Square().ToLimbs()), PsiSquared(q));
    EXPECT_EQ(Psi(random.Rescaled(q)), Psi(q));
    EXPECT_EQ(Psi(CompletePoint<G2Curve>::FromAffine(q)).ToAffine(), Psi(q));
    EXPECT_EQ(PsiSquared(random.Rescaled(q)), PsiSquared(q));
  }
}

TEST(Endomorphisms, KeepTheGroupLawOnTheWholeCurve) {
  RandomPoints random(23);
  const G1Affine a = random.OnCurve<G1Curve>();
  const G1Affine b = random.OnCurve<G1Curve>();
  EXPECT_TRUE(Phi(a).IsOnCurve());
  EXPECT_EQ(Phi(Phi(Phi(a))), a);
  EXPECT_EQ(Phi(G1::FromAffine(a) + b), G1::FromAffine(Phi(a)) + Phi(b));
  const G2Affine c = random.OnCurve<G2Curve>();
  const G2Affine d = random.OnCurve<G2Curve>();
  EXPECT_TRUE(Psi(c).IsOnCurve());
  EXPECT_EQ(Psi(Psi(c)), PsiSquared(c));
  EXPECT_EQ(Psi(G2::FromAffine(c) + d), G2::FromAffine(Psi(c)) + Psi(d));
}

}  // namespace
}  // namespace groat::bls::testing
