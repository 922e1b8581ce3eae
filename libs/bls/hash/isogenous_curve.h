// The curve E': y^2 = x^3 + 240 u x + 1012 (1 + u) over Fp2, onto which field elements are mapped;
// a 3-isogeny leads from it to the curve of G2 (bls/hash/isogeny.h).
//
// Pure; not constant time, for public messages. Source: RFC 9380, sections 6.6.2 and 8.8.2.
#ifndef GROAT_BLS_HASH_ISOGENOUS_CURVE_H_
#define GROAT_BLS_HASH_ISOGENOUS_CURVE_H_

#include <span>
#include <vector>

#include "bls/field/fp2.h"

namespace groat::bls {

// An affine point of E'.
struct IsogenousPoint {
  Fp2 x;
  Fp2 y;
  bool is_infinity = false;

  // x^3 + A' x + B', the square of y.
  static Fp2 RightSide(const Fp2& x);
};

// The simplified SWU map of each element; they share an inversion, and many are quicker together.
// Never infinity.
//
// Deviation from RFC 9380, appendix F.2: one square root in place of sqrt_ratio, since fractions
// are avoided altogether, and that root by two exponentiations in Fp in place of one in Fp2. The
// results are the same.
std::vector<IsogenousPoint> MapToIsogenousCurve(std::span<const Fp2> u);

// Their sum; one inversion.
IsogenousPoint AddOnIsogenousCurve(const IsogenousPoint& a, const IsogenousPoint& b);

}  // namespace groat::bls

#endif  // GROAT_BLS_HASH_ISOGENOUS_CURVE_H_
