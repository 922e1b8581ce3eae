// Whether a product of pairings is one, which is what verifications ask: the Miller loops two by
// two in the lanes of AVX-512, and the final exponentiation spread over the lanes.
//
// Pure; not constant time, for public points.
#ifndef GROAT_BLS_BULK_PAIRING_PRODUCT_H_
#define GROAT_BLS_BULK_PAIRING_PRODUCT_H_

#include <span>

#include "bls/curve/curves.h"

namespace groat::bls {

// Points of the subgroups of order r. Infinity in either makes the pairing one.
struct PointPair {
  G1Affine p;
  G2Affine q;
};

// Whether the product of all e(p, q) is one; true without pairs. Only where CpuHasIfma(), else the
// process stops: pairing/pairing.h is for every processor.
bool PairingProductIsOneIfma(std::span<const PointPair> pairs);

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_PAIRING_PRODUCT_H_
