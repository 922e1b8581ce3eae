// Inversion modulo an odd number, and the Legendre symbol, by batches of 62 "division steps".
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

// The Legendre symbol of x modulo the odd prime m: 1, -1, or 0 for x = 0. Variable time. Returns 2
// where it did not come to an end within the steps it allows itself, for which no x is known.
// Instantiated for 6 limbs. Source: Hamburg, "Computing the Jacobi symbol using Bernstein-Yang"
// (ePrint 2021/1271), with both numbers kept positive.
template <size_t N>
int LegendreVariableTime(const Limbs<N>& x, const Limbs<N>& m);

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_INVERSE_H_
