// Miller loops, those of two pairs side by side in the two halves of the lanes.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_MILLER_LOOP_H_
#define GROAT_BLS_BULK_IFMA_MILLER_LOOP_H_

#include "bls/bulk/ifma/fp12.h"
#include "bls/bulk/kernels.h"

namespace groat::bls::ifma {

// How many pairs one loop takes: they share its 62 squarings.
inline constexpr size_t kMaxLoopPairs = 16;

// The product of the Miller functions f_{|x|, q}(p) of 1 to kMaxLoopPairs pairs, conjugated since x
// is negative.
Fp12Lanes MillerLoop(const PairingPoints* pairs, size_t count);

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_MILLER_LOOP_H_
