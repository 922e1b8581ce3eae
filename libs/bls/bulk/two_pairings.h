// Whether the product of two pairings is one, which is what a verification asks: both Miller loops
// side by side and the final exponentiation spread over the lanes of AVX-512.
//
// Pure; not constant time, for public points.
#ifndef GROAT_BLS_BULK_TWO_PAIRINGS_H_
#define GROAT_BLS_BULK_TWO_PAIRINGS_H_

#include "bls/curve/curves.h"

namespace groat::bls {

struct PointPair {
  G1Affine p;
  G2Affine q;
};

// e(a.p, a.q) e(b.p, b.q) = 1, for points of the subgroups, none of which is infinity (that stops
// the process). Only where CpuHasIfma(), else the process stops: pairing/pairing.h is for all.
bool TwoPairingsAreOne(const PointPair& a, const PointPair& b);

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_TWO_PAIRINGS_H_
