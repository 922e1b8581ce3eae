// The group G2: multiplication by scalars, the subgroup check, cofactor clearing, sums with
// factors.
//
// Pure. Signatures and hashed messages live here. Functions for public input branch on it;
// MultiplySecret has no branch or index on scalar or point.
#ifndef GROAT_BLS_CURVE_G2_H_
#define GROAT_BLS_CURVE_G2_H_

#include <span>

#include "bls/curve/curves.h"
#include "bls/field/fr.h"

namespace groat::bls {

// True if a point of the curve is in the subgroup of order r; infinity is. By psi(P) = [x] P:
// Scott, ePrint 2021/1130, section 4. The point must be on the curve.
bool IsInSubgroup(const G2Affine& p);

// A point of the curve brought into the subgroup: [h_eff] P of RFC 9380, section 8.8.2, computed as
// [x^2 - x - 1] P + [x - 1] psi(P) + psi^2(2 P) (appendix G.3; Budroni and Pintore, ePrint
// 2017/419).
G2 ClearCofactor(const G2& p);

// k P for P in the subgroup: elsewhere the result has no meaning, since k is split by psi in four.
G2 MultiplyVariableTime(const G2Affine& p, const Fr& k);
G2 MultiplySecret(const G2Affine& p, const Fr& k);
G2 MultiplySecret(const G2& p, const Fr& k);

// k P for any point of the curve and a number k of any length, lowest limb first. Slow.
G2 MultiplyAnyVariableTime(const G2Affine& p, std::span<const uint64_t> k);

// The sum of (factors[i][0] - factors[i][1] x^2) points[i], for points in the subgroup: the
// endomorphism makes factors of 128 bits of this form as cheap as factors of 64. Different factors
// are different modulo r, since both halves are far below x^2 and x^4 > r, so a random one is as
// good as a random number of 128 bits. Equal lengths.
G2 MultiScalarMultiply(std::span<const G2Affine> points, std::span<const Limbs<2>> factors);

}  // namespace groat::bls

#endif  // GROAT_BLS_CURVE_G2_H_
