#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/status_matchers.h"
#include "bls/field/fp.h"
#include "bls/field/fp12.h"
#include "bls/field/fr.h"

namespace groat::bls {
namespace {

// Random elements of every field, from a seed.
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
  Fp6 Sextic() { return {Quadratic(), Quadratic(), Quadratic()}; }
  Fp12 Twelfth() { return {Sextic(), Sextic()}; }

 private:
  std::mt19937_64 engine_;
};

TEST(FieldTower, LawsHoldForRandomElements) {
  Source s(1);
  for (int i = 0; i < 200; ++i) {
    const Fp a = s.Prime<Fp>(), b = s.Prime<Fp>(), c = s.Prime<Fp>();
    EXPECT_EQ((a + b) * c, a * c + b * c);
    EXPECT_EQ(a - b + b, a);
    EXPECT_EQ(a * a.Inverse(), Fp::One());
    EXPECT_EQ(a * a.InverseVariableTime(), Fp::One());
    EXPECT_EQ(a.Half().Double(), a);
    EXPECT_EQ(Sqrt(a.Square()).value().Square(), a.Square());
    EXPECT_EQ(IsSquareVariableTime(a), IsSquare(a).Declassify());
    EXPECT_NE(LegendreVariableTime<6>(a.montgomery(), Fp::kModulus), 2);
    const Fp2 x = s.Quadratic(), y = s.Quadratic();
    EXPECT_EQ(Sqrt(x.Square()).value().Square(), x.Square());
    EXPECT_EQ(Sqrt(x).has_value(), IsSquare(x).Declassify());
    EXPECT_EQ(x * y * x.Inverse(), y);
    EXPECT_EQ(x * x, x.Square());
    const Fp6 p = s.Sextic(), q = s.Sextic();
    EXPECT_EQ(p * q * p.Inverse(), q);
    EXPECT_EQ(p * p, p.Square());
    const Fp12 f = s.Twelfth(), g = s.Twelfth();
    EXPECT_EQ(f * g * f.Inverse(), g);
    EXPECT_EQ(f * f, f.Square());
    EXPECT_EQ(f.Frobenius(1).Frobenius(1), f.Frobenius(2));
    EXPECT_EQ(f.Frobenius(3).Frobenius(3), f.Conjugate());
    const Fp12 e = f.Conjugate() * f.Inverse();
    const Fp12 cyc = e.Frobenius(2) * e;
    EXPECT_EQ(cyc * cyc, cyc.CyclotomicSquare());
  }
  const Fp12 f = s.Twelfth();
  EXPECT_EQ(f.Pow(Fp::kModulus), f.Frobenius(1));
  const Fr k = s.Prime<Fr>();
  EXPECT_EQ(k * k.Inverse(), Fr::One());
  EXPECT_EQ(Fr::FromBytes(k.ToBytes()).value(), k);
}

}  // namespace
}  // namespace groat::bls
