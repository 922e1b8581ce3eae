// Inversion modulo an odd number by batches of 62 "division steps".
//
// Pure. Source: Bernstein and Yang, "Fast constant-time gcd computation and modular inversion"
// (TCHES 2019/3), with delta starting at 1/2 as in Wuille's analysis of that variant
// (github.com/bitcoin-core/secp256k1, doc/safegcd_implementation.md).
#ifndef GROAT_BLS_FIELD_INVERSE_H_
#define GROAT_BLS_FIELD_INVERSE_H_

#include "bls/field/limbs.h"

namespace groat::bls {

// 1/x mod m for x < m, m an odd prime; 0 for x = 0. Instantiated for 4 and 6 limbs; m's top bit
// must be clear. The time does not depend on x.
template <size_t N>
Limbs<N> InvertModulo(const Limbs<N>& x, const Limbs<N>& m);

// The same; the time depends on x.
template <size_t N>
Limbs<N> InvertModuloVariableTime(const Limbs<N>& x, const Limbs<N>& m);

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_INVERSE_H_
