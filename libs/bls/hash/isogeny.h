// The 3-isogeny from E' to the curve of G2, y^2 = x^3 + 4 (1 + u).
//
// Pure; not constant time, for public messages. Source: RFC 9380, section 6.6.3 and appendix E.3.
#ifndef GROAT_BLS_HASH_ISOGENY_H_
#define GROAT_BLS_HASH_ISOGENY_H_

#include "bls/curve/curves.h"
#include "bls/hash/isogenous_curve.h"

namespace groat::bls {

// A point of the curve, as a rule out of the subgroup. The isogeny is a homomorphism, so the image
// of a sum is the sum of the images; its kernel and infinity go to infinity.
G2 MapByIsogeny(const IsogenousPoint& point);

}  // namespace groat::bls

#endif  // GROAT_BLS_HASH_ISOGENY_H_
