// The sextic extension Fp6 = Fp2[v] / (v^3 - xi), xi = 1 + u.
//
// Pure values, constant time except where a name says VariableTime. Source of the lazy reduction:
// Aranha et al. (EUROCRYPT 2011), section 3.1; see fp_wide.h for the bounds.
#ifndef GROAT_BLS_FIELD_FP6_H_
#define GROAT_BLS_FIELD_FP6_H_

#include <ostream>

#include "bls/field/fp2.h"

namespace groat::bls {

// c0 + c1 v + c2 v^2.
struct Fp6 {
  Fp2 c0;
  Fp2 c1;
  Fp2 c2;

  static constexpr Fp6 Zero() { return {}; }
  static constexpr Fp6 One() { return {Fp2::One(), Fp2(), Fp2()}; }

  friend Fp6 operator+(const Fp6& a, const Fp6& b) {
    return {a.c0 + b.c0, a.c1 + b.c1, a.c2 + b.c2};
  }
  friend Fp6 operator-(const Fp6& a, const Fp6& b) {
    return {a.c0 - b.c0, a.c1 - b.c1, a.c2 - b.c2};
  }
  friend Fp6 operator*(const Fp6& a, const Fp6& b);
  Fp6 operator-() const { return {-c0, -c1, -c2}; }
  Fp6& operator+=(const Fp6& b) { return *this = *this + b; }
  Fp6& operator-=(const Fp6& b) { return *this = *this - b; }
  Fp6& operator*=(const Fp6& b) { return *this = *this * b; }
  Fp6 Double() const { return {c0.Double(), c1.Double(), c2.Double()}; }
  Fp6 Square() const;
  // Times v: a rotation and one multiplication by xi.
  Fp6 MultiplyByV() const { return {c2.MultiplyByXi(), c0, c1}; }
  // Times b0 + b1 v; times b1 v.
  Fp6 MultiplyBy01(const Fp2& b0, const Fp2& b1) const;
  Fp6 MultiplyBy1(const Fp2& b1) const;

  // 1 / x; zero for zero.
  Fp6 Inverse() const;
  Fp6 InverseVariableTime() const;

  constexpr Choice IsZero() const { return c0.IsZero() & c1.IsZero() & c2.IsZero(); }
  constexpr Choice Equals(const Fp6& b) const {
    return c0.Equals(b.c0) & c1.Equals(b.c1) & c2.Equals(b.c2);
  }
  friend bool operator==(const Fp6& a, const Fp6& b) { return a.Equals(b).Declassify(); }
  friend std::ostream& operator<<(std::ostream& out, const Fp6& x) {
    return out << "(" << x.c0 << ", " << x.c1 << ", " << x.c2 << ")";
  }
};

// A product in Fp6 before its reduction.
struct Fp6Wide {
  Fp2Wide c0;
  Fp2Wide c1;
  Fp2Wide c2;

  // 6 products in Fp2 (Karatsuba), no reduction.
  static Fp6Wide Product(const Fp6& a, const Fp6& b);
  static Fp6Wide ProductBy01(const Fp6& a, const Fp2& b0, const Fp2& b1);
  static Fp6Wide ProductBy1(const Fp6& a, const Fp2& b1);

  friend Fp6Wide operator+(const Fp6Wide& a, const Fp6Wide& b) {
    return {a.c0 + b.c0, a.c1 + b.c1, a.c2 + b.c2};
  }
  friend Fp6Wide operator-(const Fp6Wide& a, const Fp6Wide& b) {
    return {a.c0 - b.c0, a.c1 - b.c1, a.c2 - b.c2};
  }
  Fp6Wide MultiplyByV() const { return {c2.MultiplyByXi(), c0, c1}; }
  Fp6 Reduce() const { return {c0.Reduce(), c1.Reduce(), c2.Reduce()}; }
};

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_FP6_H_
