// Points of the curves y^2 = x^3 + b, affine and in Jacobian coordinates.
//
// Pure values. These are the operations for public points: they are right for every operand
// (equal, opposite, infinity) by branching on such cases, so their time tells of them. Points that
// depend on secrets go through MultiplySecret of g1.h and g2.h.
//
// Formulas: Bernstein and Lange, Explicit-Formulas Database, short Weierstrass with a = 0
// (hyperelliptic.org/EFD/g1p/auto-shortw-jacobian-0.html).
#ifndef GROAT_BLS_CURVE_JACOBIAN_H_
#define GROAT_BLS_CURVE_JACOBIAN_H_

#include <ostream>
#include <span>
#include <vector>

#include "base/check.h"
#include "bls/field/choice.h"

namespace groat::bls {

// A point (x, y), or the point at infinity as (0, 0), which is on neither curve.
template <typename Curve>
struct AffinePoint {
  using Field = typename Curve::Field;
  Field x;
  Field y;

  static constexpr AffinePoint Infinity() { return {}; }
  static constexpr const AffinePoint& Generator() { return Curve::kGenerator; }
  constexpr Choice IsInfinity() const { return x.IsZero() & y.IsZero(); }
  // True for infinity as well.
  bool IsOnCurve() const {
    return (IsInfinity() | y.Square().Equals(x.Square() * x + Curve::kB)).Declassify();
  }
  constexpr AffinePoint operator-() const { return {x, -y}; }
  constexpr AffinePoint NegateIf(Choice choice) const { return {x, y.NegateIf(choice)}; }
  static constexpr AffinePoint Select(Choice choice, const AffinePoint& a, const AffinePoint& b) {
    return {Field::Select(choice, a.x, b.x), Field::Select(choice, a.y, b.y)};
  }
  friend bool operator==(const AffinePoint& a, const AffinePoint& b) {
    return (a.x.Equals(b.x) & a.y.Equals(b.y)).Declassify();
  }
  friend std::ostream& operator<<(std::ostream& out, const AffinePoint& p) {
    return out << "(" << p.x << ", " << p.y << ")";
  }
};

// (X, Y, Z) stands for (X / Z^2, Y / Z^3), and for infinity where Z = 0.
template <typename Curve>
struct JacobianPoint {
  using Field = typename Curve::Field;
  using Affine = AffinePoint<Curve>;
  Field x = Field::One();
  Field y = Field::One();
  Field z;

  static JacobianPoint Infinity() { return {}; }
  static JacobianPoint FromAffine(const Affine& p) {
    if (p.IsInfinity().Declassify()) return {};
    return {p.x, p.y, Field::One()};
  }
  static JacobianPoint Generator() { return FromAffine(Affine::Generator()); }

  bool IsInfinity() const { return z.IsZero().Declassify(); }
  JacobianPoint operator-() const { return {x, -y, z}; }
  // 2 M + 5 S.
  JacobianPoint Double() const;
  // 11 M + 5 S.
  friend JacobianPoint operator+(const JacobianPoint& a, const JacobianPoint& b) {
    return Add(a, b);
  }
  // 7 M + 4 S.
  friend JacobianPoint operator+(const JacobianPoint& a, const Affine& b) { return AddMixed(a, b); }
  friend JacobianPoint operator-(const JacobianPoint& a, const JacobianPoint& b) {
    return Add(a, -b);
  }
  friend JacobianPoint operator-(const JacobianPoint& a, const Affine& b) {
    return AddMixed(a, -b);
  }
  JacobianPoint& operator+=(const JacobianPoint& b) { return *this = Add(*this, b); }
  JacobianPoint& operator+=(const Affine& b) { return *this = AddMixed(*this, b); }

  // The same point, whatever the coordinates.
  friend bool operator==(const JacobianPoint& a, const JacobianPoint& b) {
    const Field za = a.z.Square();
    const Field zb = b.z.Square();
    const Choice equal = (a.x * zb).Equals(b.x * za) & (a.y * zb * b.z).Equals(b.y * za * a.z);
    const bool infinite = a.IsInfinity();
    return infinite == b.IsInfinity() && (infinite || equal.Declassify());
  }
  friend bool operator==(const JacobianPoint& a, const Affine& b) { return a == FromAffine(b); }

  // One inversion, in a time that does not depend on the point.
  Affine ToAffine() const { return WithInverse(z.Inverse()); }
  Affine ToAffineVariableTime() const { return WithInverse(z.InverseVariableTime()); }
  // One inversion for all points (variable time). Both spans have the same length.
  static void BatchToAffine(std::span<const JacobianPoint> points, std::span<Affine> out);

  friend std::ostream& operator<<(std::ostream& out, const JacobianPoint& p) {
    return out << p.ToAffine();
  }

 private:
  // Infinity (z = 0 and so inverse = 0) becomes (0, 0).
  Affine WithInverse(const Field& inverse) const {
    const Field squared = inverse.Square();
    return {x * squared, y * squared * inverse};
  }
  static JacobianPoint Add(const JacobianPoint& a, const JacobianPoint& b);
  static JacobianPoint AddMixed(const JacobianPoint& a, const Affine& b);
};

// dbl-2009-l. Infinity stays infinity; neither curve has a point with y = 0.
template <typename Curve>
JacobianPoint<Curve> JacobianPoint<Curve>::Double() const {
  const Field a = x.Square();
  const Field b = y.Square();
  const Field c = b.Square();
  const Field d = ((x + b).Square() - a - c).Double();
  const Field e = a.Double() + a;
  const Field x3 = e.Square() - d.Double();
  return {x3, e * (d - x3) - c.Double().Double().Double(), (y * z).Double()};
}

// add-2007-bl.
template <typename Curve>
JacobianPoint<Curve> JacobianPoint<Curve>::Add(const JacobianPoint& a, const JacobianPoint& b) {
  if (a.IsInfinity()) return b;
  if (b.IsInfinity()) return a;
  const Field za = a.z.Square();
  const Field zb = b.z.Square();
  const Field ua = a.x * zb;
  const Field h = b.x * za - ua;
  const Field sa = a.y * b.z * zb;
  const Field r = (b.y * a.z * za - sa).Double();
  if (h.IsZero().Declassify()) return r.IsZero().Declassify() ? a.Double() : Infinity();
  const Field i = h.Double().Square();
  const Field j = h * i;
  const Field v = ua * i;
  const Field x3 = r.Square() - j - v.Double();
  return {x3, r * (v - x3) - (sa * j).Double(), ((a.z + b.z).Square() - za - zb) * h};
}

// madd-2007-bl.
template <typename Curve>
JacobianPoint<Curve> JacobianPoint<Curve>::AddMixed(const JacobianPoint& a, const Affine& b) {
  if (b.IsInfinity().Declassify()) return a;
  if (a.IsInfinity()) return FromAffine(b);
  const Field za = a.z.Square();
  const Field h = b.x * za - a.x;
  const Field r = (b.y * a.z * za - a.y).Double();
  if (h.IsZero().Declassify()) return r.IsZero().Declassify() ? a.Double() : Infinity();
  const Field hh = h.Square();
  const Field i = hh.Double().Double();
  const Field j = h * i;
  const Field v = a.x * i;
  const Field x3 = r.Square() - j - v.Double();
  return {x3, r * (v - x3) - (a.y * j).Double(), (a.z + h).Square() - za - hh};
}

// Montgomery's trick; points at infinity stay out of the product.
template <typename Curve>
void JacobianPoint<Curve>::BatchToAffine(std::span<const JacobianPoint> points,
                                         std::span<Affine> out) {
  GROAT_CHECK_EQ(points.size(), out.size());
  std::vector<Field> before(points.size());
  Field product = Field::One();
  for (size_t i = 0; i < points.size(); ++i) {
    before[i] = product;
    if (!points[i].IsInfinity()) product *= points[i].z;
  }
  Field inverse = product.InverseVariableTime();
  for (size_t i = points.size(); i-- > 0;) {
    if (points[i].IsInfinity()) {
      out[i] = Affine::Infinity();
      continue;
    }
    out[i] = points[i].WithInverse(inverse * before[i]);
    inverse *= points[i].z;
  }
}

}  // namespace groat::bls

#endif  // GROAT_BLS_CURVE_JACOBIAN_H_
