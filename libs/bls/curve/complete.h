// Points in homogeneous coordinates with complete formulas: one sequence of operations that is
// right for every pair of points, which is what constant time asks for.
//
// Pure values, constant time. Source: Renes, Costello, Batina, "Complete addition formulas for
// prime order elliptic curves" (EUROCRYPT 2016), algorithms 7 to 9 (a = 0). They are complete where
// no difference of two points has order 2; both curves here have odd order, in and out of the
// subgroup.
#ifndef GROAT_BLS_CURVE_COMPLETE_H_
#define GROAT_BLS_CURVE_COMPLETE_H_

#include "bls/curve/jacobian.h"
#include "bls/field/fp2.h"

namespace groat::bls {

// Sums of two products with one reduction.
inline Fp SumOfProducts(const Fp& a, const Fp& b, const Fp& c, const Fp& d) {
  return (FpWide::Product(a, b) + FpWide::Product(c, d)).Reduce();
}
inline Fp2 SumOfProducts(const Fp2& a, const Fp2& b, const Fp2& c, const Fp2& d) {
  return (Fp2Wide::Product(a, b) + Fp2Wide::Product(c, d)).Reduce();
}
inline Fp DifferenceOfProducts(const Fp& a, const Fp& b, const Fp& c, const Fp& d) {
  return (FpWide::Product(a, b) - FpWide::Product(c, d)).Reduce();
}
inline Fp2 DifferenceOfProducts(const Fp2& a, const Fp2& b, const Fp2& c, const Fp2& d) {
  return (Fp2Wide::Product(a, b) - Fp2Wide::Product(c, d)).Reduce();
}

// (X, Y, Z) stands for (X / Z, Y / Z), and for infinity where Z = 0 (then X = 0 too).
template <typename Curve>
struct CompletePoint {
  using Field = typename Curve::Field;
  Field x;
  Field y = Field::One();
  Field z;

  static CompletePoint Infinity() { return {}; }
  static CompletePoint FromAffine(const AffinePoint<Curve>& p) {
    const Choice infinite = p.IsInfinity();
    return {p.x, Field::Select(infinite, Field::One(), p.y),
            Field::Select(infinite, Field::Zero(), Field::One())};
  }
  // (X Z, Y, Z^3); infinity, whose Z is 0, gets Y = 1 lest all three be 0.
  static CompletePoint FromJacobian(const JacobianPoint<Curve>& p) {
    return {p.x * p.z, Field::Select(p.z.IsZero(), Field::One(), p.y), p.z.Square() * p.z};
  }
  // (X Z, Y Z^2, Z).
  JacobianPoint<Curve> ToJacobian() const { return {x * z, y * z.Square(), z}; }
  AffinePoint<Curve> ToAffine() const {
    const Field inverse = z.Inverse();
    return {x * inverse, y * inverse};
  }

  CompletePoint NegateIf(Choice choice) const { return {x, y.NegateIf(choice), z}; }
  static CompletePoint Select(Choice choice, const CompletePoint& a, const CompletePoint& b) {
    return {Field::Select(choice, a.x, b.x), Field::Select(choice, a.y, b.y),
            Field::Select(choice, a.z, b.z)};
  }

  // Algorithm 9; 6 M + 2 S.
  CompletePoint Double() const;
  // Algorithm 7; 12 M.
  friend CompletePoint operator+(const CompletePoint& a, const CompletePoint& b) {
    return Add(a, b);
  }
  // Algorithm 8; 11 M.
  friend CompletePoint operator+(const CompletePoint& a, const AffinePoint<Curve>& b) {
    return AddMixed(a, b);
  }

 private:
  static CompletePoint Add(const CompletePoint& a, const CompletePoint& b);
  static CompletePoint AddMixed(const CompletePoint& a, const AffinePoint<Curve>& b);
  // The second half that algorithms 7 and 8 share: from xx = X1 X2, yy = Y1 Y2, zz = 3 b Z1 Z2,
  // xy = X1 Y2 + X2 Y1, yz = Y1 Z2 + Y2 Z1, xz = 3 b (X1 Z2 + X2 Z1).
  static CompletePoint Finish(const Field& xx, const Field& yy, const Field& zz, const Field& xy,
                              const Field& yz, const Field& xz);
};

template <typename Curve>
CompletePoint<Curve> CompletePoint<Curve>::Double() const {
  const Field yy = y.Square();
  const Field zz = Curve::MultiplyBy3B(z.Square());
  const Field yz = y * z;
  const Field xy = x * y;
  const Field yy8 = yy.Double().Double().Double();
  const Field difference = yy - zz.Double() - zz;
  return {(difference * xy).Double(), SumOfProducts(difference, yy + zz, zz, yy8), yz * yy8};
}

template <typename Curve>
CompletePoint<Curve> CompletePoint<Curve>::Finish(const Field& xx, const Field& yy, const Field& zz,
                                                  const Field& xy, const Field& yz,
                                                  const Field& xz) {
  const Field xx3 = xx.Double() + xx;
  const Field sum = yy + zz;
  const Field difference = yy - zz;
  return {DifferenceOfProducts(xy, difference, yz, xz), SumOfProducts(difference, sum, xz, xx3),
          SumOfProducts(sum, yz, xx3, xy)};
}

template <typename Curve>
CompletePoint<Curve> CompletePoint<Curve>::Add(const CompletePoint& a, const CompletePoint& b) {
  const Field xx = a.x * b.x;
  const Field yy = a.y * b.y;
  const Field zz = a.z * b.z;
  const Field xy = (a.x + a.y) * (b.x + b.y) - xx - yy;
  const Field yz = (a.y + a.z) * (b.y + b.z) - yy - zz;
  const Field xz = (a.x + a.z) * (b.x + b.z) - xx - zz;
  return Finish(xx, yy, Curve::MultiplyBy3B(zz), xy, yz, Curve::MultiplyBy3B(xz));
}

template <typename Curve>
CompletePoint<Curve> CompletePoint<Curve>::AddMixed(const CompletePoint& a,
                                                    const AffinePoint<Curve>& b) {
  const Field xx = a.x * b.x;
  const Field yy = a.y * b.y;
  const Field xy = (a.x + a.y) * (b.x + b.y) - xx - yy;
  const Field yz = b.y * a.z + a.y;
  const Field xz = b.x * a.z + a.x;
  const CompletePoint sum =
      Finish(xx, yy, Curve::MultiplyBy3B(a.z), xy, yz, Curve::MultiplyBy3B(xz));
  return Select(b.IsInfinity(), a, sum);
}

}  // namespace groat::bls

#endif  // GROAT_BLS_CURVE_COMPLETE_H_
