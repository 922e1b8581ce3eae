// The door to powers of many field elements with AVX-512 IFMA. Plain functions and plain data,
// because what stands in a source compiled for AVX-512 must not be shared with other sources.
//
// Call it only where CpuHasIfma() (field/cpu.h). Pure, constant time.
#ifndef GROAT_BLS_FIELD_IFMA_FP_POWER_H_
#define GROAT_BLS_FIELD_IFMA_FP_POWER_H_

#include <cstddef>
#include <cstdint>

namespace groat::bls::ifma {

// Replaces each number x, in Montgomery form with R = 2^384 below p, by x^((p - 3) / 4), which
// comes out below 2 p.
void RaiseToInverseSqrt(uint64_t (*numbers)[6], size_t count);

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_FIELD_IFMA_FP_POWER_H_
