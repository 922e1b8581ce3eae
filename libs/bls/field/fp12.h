// The target field of the pairing, Fp12 = Fp6[w] / (w^2 - v); so w^6 = xi = 1 + u.
//
// Pure values, constant time except where a name says VariableTime.
#ifndef GROAT_BLS_FIELD_FP12_H_
#define GROAT_BLS_FIELD_FP12_H_

#include <ostream>
#include <span>

#include "bls/field/fp6.h"

namespace groat::bls {

// c0 + c1 w. Over Fp2 and the powers 1, w, .., w^5 its coefficients are
// c0.c0, c1.c0, c0.c1, c1.c1, c0.c2, c1.c2.
struct Fp12 {
  Fp6 c0;
  Fp6 c1;

  static constexpr Fp12 Zero() { return {}; }
  static constexpr Fp12 One() { return {Fp6::One(), Fp6()}; }

  friend Fp12 operator+(const Fp12& a, const Fp12& b) { return {a.c0 + b.c0, a.c1 + b.c1}; }
  friend Fp12 operator-(const Fp12& a, const Fp12& b) { return {a.c0 - b.c0, a.c1 - b.c1}; }
  friend Fp12 operator*(const Fp12& a, const Fp12& b);
  Fp12 operator-() const { return {-c0, -c1}; }
  Fp12& operator*=(const Fp12& b) { return *this = *this * b; }
  Fp12 Square() const;

  // Times the sparse element b0 + b1 v + b4 v w, which is what a line through points of the
  // M-twist gives: 13 products in Fp2 instead of 18.
  Fp12 MultiplyBy014(const Fp2& b0, const Fp2& b1, const Fp2& b4) const;

  // c0 - c1 w, the (p^6)-th power; the inverse for elements of the cyclotomic subgroup.
  Fp12 Conjugate() const { return {c0, -c1}; }
  // 1 / x; zero for zero.
  Fp12 Inverse() const;
  Fp12 InverseVariableTime() const;

  // x^(p^power) for power 1, 2 or 3.
  Fp12 Frobenius(int power) const;

  // The square of an element of the cyclotomic subgroup (x^(p^4 - p^2 + 1) = 1); wrong elsewhere.
  // Source: Granger and Scott, "Faster squaring in the cyclotomic subgroup of sixth degree
  // extensions" (PKC 2010).
  Fp12 CyclotomicSquare() const;

  // x^exponent; limbs lowest first, a public number. Slow: for tests.
  Fp12 Pow(std::span<const uint64_t> exponent) const;

  constexpr Choice IsZero() const { return c0.IsZero() & c1.IsZero(); }
  constexpr Choice Equals(const Fp12& b) const { return c0.Equals(b.c0) & c1.Equals(b.c1); }
  friend bool operator==(const Fp12& a, const Fp12& b) { return a.Equals(b).Declassify(); }
  friend std::ostream& operator<<(std::ostream& out, const Fp12& x) {
    return out << x.c0 << " + " << x.c1 << " w";
  }
};

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_FP12_H_
