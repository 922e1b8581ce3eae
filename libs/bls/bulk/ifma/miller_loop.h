// The Miller loops of two pairs, side by side in the two halves of the lanes.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_MILLER_LOOP_H_
#define GROAT_BLS_BULK_IFMA_MILLER_LOOP_H_

#include "bls/bulk/ifma/fp12.h"
#include "bls/bulk/kernels.h"

namespace groat::bls::ifma {

// The product of both pairs' Miller functions f_{|x|, q}(p), conjugated since x is negative.
Fp12Lanes MillerLoop(const PairingPoints (&pairs)[2]);

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_MILLER_LOOP_H_
