// Fp and Fp2 as fields of batch_affine.h with one lane: the code for processors without AVX-512.
//
// Pure.
#ifndef GROAT_BLS_BULK_SCALAR_FIELDS_H_
#define GROAT_BLS_BULK_SCALAR_FIELDS_H_

#include "base/check.h"
#include "bls/bulk/batch_affine.h"
#include "bls/curve/curves.h"

namespace groat::bls {

// Elements are always below p, so nothing is carried, reduced or widened.
template <typename F>
struct ScalarField {
  using Element = F;
  using Sum = F;
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
  static F Invert(const F& a) {
    GROAT_CHECK(!a.IsZero().Declassify()) << "the product of the denominators is zero";
    return a.InverseVariableTime();
  }
  static F RotateLanes(const F& a, size_t) { return a; }
};

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_SCALAR_FIELDS_H_
