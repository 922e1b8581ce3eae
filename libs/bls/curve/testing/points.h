// Points for tests: in the subgroups, and on the curves but outside them.
#ifndef GROAT_BLS_CURVE_TESTING_POINTS_H_
#define GROAT_BLS_CURVE_TESTING_POINTS_H_

#include "bls/curve/endomorphism.h"
#include "bls/curve/g1.h"
#include "bls/curve/g2.h"
#include "bls/curve/multiply.h"
#include "bls/field/testing/elements.h"

namespace groat::bls::testing {

class RandomPoints : public RandomElements {
 public:
  using RandomElements::RandomElements;

  // A point of the curve: outside the subgroup, but for one in 2^125 (G1) or 2^507 (G2).
  template <typename Curve>
  AffinePoint<Curve> OnCurve() {
    while (true) {
      const auto x = Coordinate<Curve>();
      const auto y = Sqrt(x.Square() * x + Curve::kB);
      if (y) return {x, y->NegateIf(Choice::FromBit(Word() & 1))};
    }
  }
  template <typename Curve>
  AffinePoint<Curve> InSubgroup() {
    return internal::MultiplyLimbsVariableTime(JacobianPoint<Curve>::Generator(),
                                               Prime<Fr>().ToLimbs())
        .ToAffine();
  }
  // The same point with another Z.
  template <typename Curve>
  JacobianPoint<Curve> Rescaled(const AffinePoint<Curve>& p) {
    const auto z = Coordinate<Curve>();
    if (p.IsInfinity().Declassify()) return JacobianPoint<Curve>::Infinity();
    return {p.x * z.Square(), p.y * z.Square() * z, z};
  }

 private:
  template <typename Curve>
  auto Coordinate() {
    if constexpr (std::is_same_v<typename Curve::Field, Fp>) {
      return Prime<Fp>();
    } else {
      return Quadratic();
    }
  }
};

// The curves' tests are the same for both groups.
template <typename Curve>
class GroupTest : public ::testing::Test {
 protected:
  RandomPoints random_{21};
};
using BothCurves = ::testing::Types<G1Curve, G2Curve>;

inline G1 MultiplyAny(const G1Affine& p, std::span<const uint64_t> k) {
  return MultiplyAnyVariableTime(p, k);
}
inline G2 MultiplyAny(const G2Affine& p, std::span<const uint64_t> k) {
  return MultiplyAnyVariableTime(p, k);
}

}  // namespace groat::bls::testing

#endif  // GROAT_BLS_CURVE_TESTING_POINTS_H_
