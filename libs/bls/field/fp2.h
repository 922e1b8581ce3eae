// The quadratic extension Fp2 = Fp[u] / (u^2 + 1).
//
// Pure values, constant time except where a name says VariableTime.
#ifndef GROAT_BLS_FIELD_FP2_H_
#define GROAT_BLS_FIELD_FP2_H_

#include <optional>
#include <ostream>
#include <span>
#include <string_view>

#include "bls/field/fp.h"
#include "bls/field/fp_wide.h"

namespace groat::bls {

// c0 + c1 u.
struct Fp2 {
  Fp c0;
  Fp c1;

  static constexpr Fp2 Zero() { return {}; }
  static constexpr Fp2 One() { return {Fp::One(), Fp()}; }
  static constexpr Fp2 FromFp(const Fp& c0) { return {c0, Fp()}; }
  // A constant of the source.
  static constexpr Fp2 FromHex(std::string_view c0, std::string_view c1) {
    return {Fp::FromHex(c0), Fp::FromHex(c1)};
  }

  friend constexpr Fp2 operator+(const Fp2& a, const Fp2& b) { return {a.c0 + b.c0, a.c1 + b.c1}; }
  friend constexpr Fp2 operator-(const Fp2& a, const Fp2& b) { return {a.c0 - b.c0, a.c1 - b.c1}; }
  friend constexpr Fp2 operator*(const Fp2& a, const Fp2& b) {
    Fp2 out{Fp(Unset()), Fp(Unset())};
    if (std::is_constant_evaluated()) {
      out.c0 = a.c0 * b.c0 - a.c1 * b.c1;
      out.c1 = a.c0 * b.c1 + a.c1 * b.c0;
    } else {
      fp_kernels.fp2_multiply(out.words(), a.words(), b.words());
    }
    return out;
  }
  // Each coefficient times b: 2 multiplications.
  friend constexpr Fp2 operator*(const Fp2& a, const Fp& b) { return {a.c0 * b, a.c1 * b}; }
  constexpr Fp2 operator-() const { return {-c0, -c1}; }
  constexpr Fp2& operator+=(const Fp2& b) {
    c0 += b.c0;
    c1 += b.c1;
    return *this;
  }
  constexpr Fp2& operator-=(const Fp2& b) {
    c0 -= b.c0;
    c1 -= b.c1;
    return *this;
  }
  constexpr Fp2& operator*=(const Fp2& b) {
    if (std::is_constant_evaluated()) {
      *this = *this * b;
    } else {
      fp_kernels.fp2_multiply(words(), words(), b.words());
    }
    return *this;
  }
  constexpr Fp2 Double() const { return {c0.Double(), c1.Double()}; }
  constexpr Fp2 Half() const { return {c0.Half(), c1.Half()}; }
  constexpr Fp2 Square() const {
    Fp2 out{Fp(Unset()), Fp(Unset())};
    if (std::is_constant_evaluated()) {
      out = *this * *this;
    } else {
      fp_kernels.fp2_square(out.words(), words());
    }
    return out;
  }
  // c0 - c1 u, which is also the p-th power.
  constexpr Fp2 Conjugate() const { return {c0, -c1}; }
  // Times xi = 1 + u, the non-residue on which Fp6 stands.
  constexpr Fp2 MultiplyByXi() const { return {c0 - c1, c0 + c1}; }
  // c0^2 + c1^2, the product with the conjugate.
  constexpr Fp Norm() const { return c0.Square() + c1.Square(); }

  // 1 / x; zero for zero.
  Fp2 Inverse() const {
    const Fp inverse = Norm().Inverse();
    return {c0 * inverse, -(c1 * inverse)};
  }
  Fp2 InverseVariableTime() const {
    const Fp inverse = Norm().InverseVariableTime();
    return {c0 * inverse, -(c1 * inverse)};
  }
  // x^exponent; limbs lowest first, a public number.
  Fp2 Pow(std::span<const uint64_t> exponent) const;

  constexpr Choice IsZero() const { return c0.IsZero() & c1.IsZero(); }
  constexpr Choice Equals(const Fp2& b) const { return c0.Equals(b.c0) & c1.Equals(b.c1); }
  friend constexpr bool operator==(const Fp2& a, const Fp2& b) { return a.Equals(b).Declassify(); }
  // sgn0 of RFC 9380, section 4.1: the parity of c0, or of c1 where c0 is zero.
  constexpr Choice IsOdd() const { return c0.IsOdd() | (c0.IsZero() & c1.IsOdd()); }

  // choice ? a : b.
  static constexpr Fp2 Select(Choice choice, const Fp2& a, const Fp2& b) {
    return {Fp::Select(choice, a.c0, b.c0), Fp::Select(choice, a.c1, b.c1)};
  }
  constexpr Fp2 NegateIf(Choice choice) const { return {c0.NegateIf(choice), c1.NegateIf(choice)}; }
  static constexpr void SwapIf(Choice choice, Fp2& a, Fp2& b) {
    Fp::SwapIf(choice, a.c0, b.c0);
    Fp::SwapIf(choice, a.c1, b.c1);
  }

  friend std::ostream& operator<<(std::ostream& out, const Fp2& x) {
    return out << x.c0 << " + " << x.c1 << " u";
  }

  // The 12 limbs in a row, c0 first: what the kernels take.
  const uint64_t* words() const { return reinterpret_cast<const uint64_t*>(this); }
  uint64_t* words() { return reinterpret_cast<uint64_t*>(this); }
};
static_assert(sizeof(Fp2) == 12 * sizeof(uint64_t));

// A square root of x, of no particular sign; none if x is not a square. Constant time but for
// whether there is one. Source: Adj and Rodriguez-Henriquez, "Square root computation over even
// extension fields" (IEEE Trans. Computers 63, 2014), algorithm 8 in the form with one root of the
// norm; 2 exponentiations in Fp.
std::optional<Fp2> Sqrt(const Fp2& x);

// True if x is zero or a square. The norm decides.
Choice IsSquare(const Fp2& x);
bool IsSquareVariableTime(const Fp2& x);

// True if x > -x in the order that compares c1 first: the sign bit of the ZCash encoding.
Choice IsLexicographicallyLargest(const Fp2& x);

// A product in Fp2 before its reduction. Both coefficients keep FpWide's invariant.
struct Fp2Wide {
  FpWide c0;
  FpWide c1;

  static Fp2Wide Product(const Fp2& a, const Fp2& b) {
    Fp2Wide out;
    fp_kernels.fp2_multiply_wide(out.c0.limbs.data(), a.words(), b.words());
    return out;
  }
  friend Fp2Wide operator+(const Fp2Wide& a, const Fp2Wide& b) {
    return {a.c0 + b.c0, a.c1 + b.c1};
  }
  friend Fp2Wide operator-(const Fp2Wide& a, const Fp2Wide& b) {
    return {a.c0 - b.c0, a.c1 - b.c1};
  }
  Fp2Wide MultiplyByXi() const { return {c0 - c1, c0 + c1}; }
  Fp2 Reduce() const { return {c0.Reduce(), c1.Reduce()}; }
};
static_assert(sizeof(Fp2Wide) == 24 * sizeof(uint64_t));

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_FP2_H_
