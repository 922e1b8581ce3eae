// Fp to and from eight limbs of 52 bits in Montgomery form with R = 2^416 (limb52.h).
//
// Pure; all values are public.
#ifndef GROAT_BLS_BULK_FP_LIMB52_H_
#define GROAT_BLS_BULK_FP_LIMB52_H_

#include <array>

#include "bls/field/fp.h"

namespace groat::bls {

using Limbs52Array = std::array<uint64_t, 8>;

// Below p.
Limbs52Array ToLimbs52(const Fp& x);
// From a value below 2^384.
Fp FromLimbs52(const uint64_t* limbs);
// The number that the limbs give, taken modulo p as it is, without Montgomery form.
Fp FromPlainLimbs52(const uint64_t* limbs);

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_FP_LIMB52_H_
