// Conversions between Fp and the limbs of the AVX-512 code, and what that code needs of Fp.
//
// The AVX-512 sources see only the plain functions here: code of Fp that is inlined or
// instantiated in a source compiled for AVX-512 could replace, at link time, the code that
// processors without AVX-512 run.
// Pure; all values are public.
#ifndef GROAT_BLS_BULK_LIMB52_H_
#define GROAT_BLS_BULK_LIMB52_H_

#include <cstdint>

namespace groat::bls {

// limbs: eight of 52 bits, lowest first, of a value below 2^384 in Montgomery form with R = 2^416.
// Replaces it by its inverse, below p. Zero stops the process: the callers have excluded it.
void InvertLimbs52(uint64_t* limbs);

// An element of Fp12 in such limbs: c0[i] + c1[i] u is the coefficient of w^i, i = 0 to 5, with
// w^6 = 1 + u. Replaces it by its inverse. Zero stops the process.
void InvertFp12Limbs52(uint64_t (*c0)[8], uint64_t (*c1)[8]);

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_LIMB52_H_
