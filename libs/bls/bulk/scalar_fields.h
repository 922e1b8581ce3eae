// Fp and Fp2 as fields of batch_affine.h with one lane: the code for processors without AVX-512.
//
// Pure.
#ifndef GROAT_BLS_BULK_SCALAR_FIELDS_H_
#define GROAT_BLS_BULK_SCALAR_FIELDS_H_

#include "base/check.h"
#include "bls/bulk/batch_affine.h"
#include "bls/curve/curves.h"

namespace groat::bls {

// What the products of Montgomery's trick are made of.
inline const Fp& ScalarNorm(const Fp& a) { return a; }
inline Fp ScalarNorm(const Fp2& a) { return a.Norm(); }
inline Fp ScalarQuotient(const Fp& numerator, const Fp&, const Fp& inverted_norm) {
  return numerator * inverted_norm;
}
inline Fp2 ScalarQuotient(const Fp2& numerator, const Fp2& denominator, const Fp& inverted_norm) {
  return numerator * (denominator.Conjugate() * inverted_norm);
}

// Elements are always below p, so nothing is carried, reduced or widened.
template <typename F>
struct ScalarField {
  using Element = F;
  using Sum = F;
  using Norm = Fp;
  using Chain = Fp;
  static constexpr size_t kLanes = 1;

  static F Carry(const F& a) { return a; }
  static F Reduce(const F& a) { return a; }
  static F Widen(const F& a) { return a; }
  static F ToElement(const F& a) { return a; }
  static F Twice(const F& a) { return a.Double(); }
  static F Square(const F& a) { return a.Square(); }
  static LaneMask IsZero(const F& a) { return a.IsZero().Declassify() ? 1 : 0; }
  static LaneMask MayBeZero(const F& a) { return IsZero(a); }
  static LaneMask MayBeInfinity(const F& y) { return IsZero(y); }
  static F Select(LaneMask mask, const F& a, const F& b) { return (mask & 1) != 0 ? a : b; }
  static F One() { return F::One(); }
  static F Zero() { return F::Zero(); }
  static Fp NormOf(const F& a) { return ScalarNorm(a); }
  static Fp ToChain(const Fp& a) { return a; }
  static Fp ChainOne() { return Fp::One(); }
  static Fp InvertChain(const Fp& a) {
    GROAT_CHECK(!a.IsZero().Declassify()) << "the product of the denominators is zero";
    return a.InverseVariableTime();
  }
  static F Quotient(const F& numerator, const F& denominator, const Fp& inverted_norm) {
    return ScalarQuotient(numerator, denominator, inverted_norm);
  }
  static F RotateLanes(const F& a, size_t) { return a; }
};

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_SCALAR_FIELDS_H_
