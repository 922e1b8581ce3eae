// The group G1: multiplication by scalars, the subgroup check, sums with factors.
//
// Pure. Public keys live here. Functions for public input branch on it; MultiplySecret and
// MultiplyGeneratorSecret have no branch or index on scalar or point.
#ifndef GROAT_BLS_CURVE_G1_H_
#define GROAT_BLS_CURVE_G1_H_

#include <span>

#include "bls/curve/curves.h"
#include "bls/field/fr.h"

namespace groat::bls {

// True if a point of the curve is in the subgroup of order r; infinity is. By
// phi(P) = [-x^2] P: Scott, "A note on group membership tests for G1, G2 and GT on BLS
// pairing-friendly curves" (ePrint 2021/1130), section 6. The point must be on the curve.
bool IsInSubgroup(const G1Affine& p);

// k P for P in the subgroup: elsewhere the result has no meaning, since k is split by phi.
G1 MultiplyVariableTime(const G1Affine& p, const Fr& k);
G1 MultiplySecret(const G1Affine& p, const Fr& k);
// k times the generator, by a table made at the first call (48 KiB).
G1 MultiplyGeneratorSecret(const Fr& k);

// k P for any point of the curve and a number k of any length, lowest limb first. Slow.
G1 MultiplyAnyVariableTime(const G1Affine& p, std::span<const uint64_t> k);

// The sum of (factors[i][0] - factors[i][1] x^2) points[i], for points in the subgroup: the
// endomorphism makes factors of 128 bits of this form as cheap as factors of 64. Different factors
// are different modulo r, since both halves are far below x^2 and x^4 > r, so a random one is as
// good as a random number of 128 bits. Equal lengths.
G1 MultiScalarMultiply(std::span<const G1Affine> points, std::span<const Limbs<2>> factors);

}  // namespace groat::bls

#endif  // GROAT_BLS_CURVE_G1_H_
