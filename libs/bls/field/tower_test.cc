#include <gmock/gmock.h>

#include "bls/field/testing/elements.h"

namespace groat::bls::testing {
namespace {

constexpr Limbs<6> kP = Fp::kModulus;

class TowerTest : public WithKernels {
 protected:
  RandomElements random_{11};
};
GROAT_WITH_ALL_KERNELS(TowerTest);

TEST_P(TowerTest, Fp2IsAField) {
  std::vector<Fp2> samples = EdgeQuadratics();
  for (int i = 0; i < 20; ++i) samples.push_back(random_.Quadratic());
  const Fp2 c = random_.Quadratic();
  constexpr Fp2 kU = {Fp(), Fp::One()};
  EXPECT_EQ(kU.Square(), -Fp2::One());
  for (const Fp2& a : samples) {
    SCOPED_TRACE(a);
    EXPECT_EQ(a.Square(), a * a);
    EXPECT_EQ(a.Double(), a + a);
    EXPECT_EQ(a.Half().Double(), a);
    EXPECT_EQ(a + -a, Fp2());
    EXPECT_EQ(a.MultiplyByXi(), a * (Fp2::One() + kU));
    EXPECT_EQ(a.Conjugate(), a.Pow(kP));
    EXPECT_EQ(a * a.Conjugate(), Fp2::FromFp(a.Norm()));
    EXPECT_EQ(a * a.Inverse(), a == Fp2() ? Fp2() : Fp2::One());
    EXPECT_EQ(a.Inverse(), a.InverseVariableTime());
    EXPECT_EQ(a * c.c0, a * Fp2::FromFp(c.c0));
    for (const Fp2& b : samples) {
      EXPECT_EQ(a * b, b * a);
      EXPECT_EQ(a * b, (Fp2{a.c0 * b.c0 - a.c1 * b.c1, a.c0 * b.c1 + a.c1 * b.c0}));
      EXPECT_EQ((a + b) * c, a * c + b * c);
      EXPECT_EQ((a - b) + b, a);
      EXPECT_EQ(Fp2Wide::Product(a, b).Reduce(), a * b);
      EXPECT_EQ((Fp2Wide::Product(a, b) + Fp2Wide::Product(b, c)).Reduce(), a * b + b * c);
      EXPECT_EQ((Fp2Wide::Product(a, b) - Fp2Wide::Product(b, c)).Reduce(), a * b - b * c);
      EXPECT_EQ(Fp2Wide::Product(a, b).MultiplyByXi().Reduce(), (a * b).MultiplyByXi());
      Fp2 x = a;
      x *= b;
      EXPECT_EQ(x, a * b);
    }
  }
}

TEST_P(TowerTest, Fp2SquareRoots) {
  std::vector<Fp2> samples = EdgeQuadratics();
  for (int i = 0; i < 50; ++i) samples.push_back(random_.Quadratic());
  // Both signs of numbers in Fp: their roots are in Fp or in Fp u.
  for (int i = 0; i < 10; ++i) samples.push_back(Fp2::FromFp(random_.Prime<Fp>()));
  // (1 + u) has norm 2, which is no square: a non-residue.
  constexpr Fp2 kXi = {Fp::One(), Fp::One()};
  for (const Fp2& a : samples) {
    SCOPED_TRACE(a);
    const Fp2 square = a.Square();
    const std::optional<Fp2> root = Sqrt(square);
    ASSERT_TRUE(root.has_value());
    EXPECT_TRUE(*root == a || *root == -a);
    EXPECT_TRUE(IsSquareVariableTime(square));
    const bool zero = a == Fp2();
    EXPECT_EQ(Sqrt(square * kXi).has_value(), zero);
    EXPECT_EQ(IsSquareVariableTime(square * kXi), zero);
    EXPECT_EQ(IsSquare(square * kXi).Declassify(), zero);
    const std::optional<Fp2> maybe = Sqrt(a);
    EXPECT_EQ(maybe.has_value(), IsSquare(a).Declassify());
    if (maybe) {
      EXPECT_EQ(maybe->Square(), a);
    }
  }
}

TEST(Fp2Signs, FollowTheStandards) {
  const Fp one = Fp::One();
  const Fp two = one.Double();
  const struct {
    const char* name;
    Fp2 x;
    bool odd;      // RFC 9380: parity of c0, of c1 where c0 = 0.
    bool largest;  // ZCash: c1 decides, c0 where c1 = 0.
  } kCases[] = {
      {"zero", {}, false, false},
      {"one", {one, Fp()}, true, false},
      {"minus one is even", {-one, Fp()}, false, true},
      {"two", {two, Fp()}, false, false},
      {"u", {Fp(), one}, true, false},
      {"2 u", {Fp(), two}, false, false},
      {"-u", {Fp(), -one}, false, true},
      {"2 + u", {two, one}, false, false},
      {"1 - u", {one, -one}, true, true},
      {"-1 + u", {-one, one}, false, false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(c.x.IsOdd().Declassify(), c.odd) << c.name;
    EXPECT_EQ(IsLexicographicallyLargest(c.x).Declassify(), c.largest) << c.name;
  }
}

TEST_P(TowerTest, Fp6IsAField) {
  const Fp6 v = {Fp2(), Fp2::One(), Fp2()};
  EXPECT_EQ(v * v * v, (Fp6{Fp2::One().MultiplyByXi(), Fp2(), Fp2()}));
  for (int i = 0; i < 30; ++i) {
    const Fp6 a = i == 0 ? Fp6::Zero() : i == 1 ? Fp6::One() : i == 2 ? v : random_.Sextic();
    const Fp6 b = random_.Sextic();
    const Fp6 c = random_.Sextic();
    EXPECT_EQ(a * b, b * a);
    EXPECT_EQ(a * (b * c), a * b * c);
    EXPECT_EQ((a + b) * c, a * c + b * c);
    EXPECT_EQ(a - b + b, a);
    EXPECT_EQ(a.Square(), a * a);
    EXPECT_EQ(a.Double(), a + a);
    EXPECT_EQ(a.MultiplyByV(), a * v);
    EXPECT_EQ(a.MultiplyBy01(b.c0, b.c1), a * (Fp6{b.c0, b.c1, Fp2()}));
    EXPECT_EQ(a.MultiplyBy1(b.c1), a * (Fp6{Fp2(), b.c1, Fp2()}));
    EXPECT_EQ(a * a.Inverse(), a == Fp6::Zero() ? Fp6::Zero() : Fp6::One());
    EXPECT_EQ(a.Inverse(), a.InverseVariableTime());
    EXPECT_EQ(Fp6Wide::Product(a, b).MultiplyByV().Reduce(), (a * b).MultiplyByV());
    EXPECT_EQ((Fp6Wide::Product(a, b) - Fp6Wide::ProductBy1(c, b.c1)).Reduce(),
              a * b - c.MultiplyBy1(b.c1));
  }
}

TEST_P(TowerTest, Fp12IsAField) {
  const Fp12 w = {Fp6(), Fp6::One()};
  EXPECT_EQ(w.Square(), (Fp12{Fp6{Fp2(), Fp2::One(), Fp2()}, Fp6()}));
  for (int i = 0; i < 20; ++i) {
    const Fp12 a = i == 0 ? Fp12::Zero() : i == 1 ? Fp12::One() : i == 2 ? w : random_.Twelfth();
    const Fp12 b = random_.Twelfth();
    const Fp12 c = random_.Twelfth();
    EXPECT_EQ(a * b, b * a);
    EXPECT_EQ(a * (b * c), a * b * c);
    EXPECT_EQ((a + b) * c, a * c + b * c);
    EXPECT_EQ(a - b + b, a);
    EXPECT_EQ(a.Square(), a * a);
    const Fp12 line = {Fp6{b.c0.c0, b.c0.c1, Fp2()}, Fp6{Fp2(), b.c1.c1, Fp2()}};
    EXPECT_EQ(a.MultiplyBy014(b.c0.c0, b.c0.c1, b.c1.c1), a * line);
    EXPECT_EQ(a * a.Inverse(), a == Fp12::Zero() ? Fp12::Zero() : Fp12::One());
    EXPECT_EQ(a.Inverse(), a.InverseVariableTime());
  }
}

TEST_P(TowerTest, FrobeniusIsThePowerOfP) {
  const Fp12 a = random_.Twelfth();
  EXPECT_EQ(a.Frobenius(1), a.Pow(kP));
  EXPECT_EQ(a.Frobenius(2), a.Frobenius(1).Frobenius(1));
  EXPECT_EQ(a.Frobenius(3), a.Frobenius(2).Frobenius(1));
  EXPECT_EQ(a.Frobenius(3).Frobenius(3), a.Conjugate());
}

TEST_P(TowerTest, CyclotomicSquaresAreSquares) {
  for (int i = 0; i < 20; ++i) {
    // a^((p^6 - 1)(p^2 + 1)) is in the cyclotomic subgroup.
    const Fp12 a = random_.Twelfth();
    const Fp12 easy = a.Conjugate() * a.Inverse();
    const Fp12 x = easy.Frobenius(2) * easy;
    EXPECT_EQ(x.CyclotomicSquare(), x.Square());
    EXPECT_EQ(x * x.Conjugate(), Fp12::One());
  }
  EXPECT_EQ(Fp12::One().CyclotomicSquare(), Fp12::One());
}

TEST(FrobeniusDeathTest, OtherPowersStop) {
  EXPECT_DEATH(Fp12::One().Frobenius(4), "power 4, want 1 to 3");
}

}  // namespace
}  // namespace groat::bls::testing
