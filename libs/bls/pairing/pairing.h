// The optimal ate pairing of G1 and G2, and checks of products of pairings.
//
// Pure; not constant time, for public points.
// Sources: Vercauteren, "Optimal pairings" (IEEE Trans. Inf. Theory 56, 2010); lines in homogeneous
// coordinates by Aranha et al. (EUROCRYPT 2011), section 4, for the M-twist as in Costello, Lange
// and Naehrig (PKC 2010); final exponentiation by Hayashida, Hayasaka and Teruya (ePrint 2020/875).
#ifndef GROAT_BLS_PAIRING_PAIRING_H_
#define GROAT_BLS_PAIRING_PAIRING_H_

#include <span>

#include "bls/curve/curves.h"
#include "bls/field/fp12.h"

namespace groat::bls {

// Points of the subgroups of order r. Infinity in either makes the pairing one.
struct PairingInput {
  G1Affine p;
  G2Affine q;
};

// The product of the pairs' Miller functions f_{|x|, q}(p), conjugated since x is negative. All
// pairs share the 63 squarings.
Fp12 MillerLoop(std::span<const PairingInput> pairs);

// f^(3 (p^12 - 1) / r). The factor 3, prime to r, saves an exponentiation.
Fp12 FinalExponentiation(const Fp12& f);

// e(p, q)^3, where e is the pairing with the exponent (p^12 - 1) / r exactly.
Fp12 Pairing(const G1Affine& p, const G2Affine& q);

// Whether the product of all e(p, q) is one. True without pairs.
bool PairingsAreOne(std::span<const PairingInput> pairs);

}  // namespace groat::bls

#endif  // GROAT_BLS_PAIRING_PAIRING_H_
