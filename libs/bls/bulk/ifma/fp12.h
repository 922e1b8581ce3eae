// One element of Fp12 in the lanes of a vector.
//
// Fp12 = Fp2[w] / (w^6 - xi) with xi = 1 + u: lane i, from 0 to 5, holds the coefficient of w^i.
// The tower of field/fp12.h has v = w^2: its c0.ci is the coefficient of w^(2i), its c1.ci that of
// w^(2i + 1). Lanes 6 and 7 hold bounded values without meaning.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_FP12_H_
#define GROAT_BLS_BULK_IFMA_FP12_H_

#include "bls/bulk/ifma/permute.h"

namespace groat::bls::ifma {

struct Fp12Lanes {
  Fe2<3> c;
};

// The lines of two pairs, each c0 + c2 w^2 + c3 w^3: lanes 0 to 2 and lanes 4 to 6.
struct LinePair {
  Fe2<120> c;
};

Fp12Lanes Multiply(const Fp12Lanes& a, const Fp12Lanes& b);
Fp12Lanes Square(const Fp12Lanes& a);
// a times both lines, and times the first one.
Fp12Lanes MultiplyByLines(const Fp12Lanes& a, const LinePair& lines);
Fp12Lanes MultiplyByFirstLine(const Fp12Lanes& a, const LinePair& lines);
// The square in the cyclotomic subgroup. Granger and Scott, "Faster squaring in the cyclotomic
// subgroup of sixth degree extensions" (PKC 2010), section 3.2.
Fp12Lanes CyclotomicSquare(const Fp12Lanes& a);
// a^(p^6): the inverse in the cyclotomic subgroup.
Fp12Lanes Conjugate(const Fp12Lanes& a);
// a^p.
Fp12Lanes Frobenius(const Fp12Lanes& a);
Fp12Lanes Fp12One();
bool IsOne(const Fp12Lanes& a);
// a^-1, by the scalar code; 0 stops the process.
Fp12Lanes Inverse(const Fp12Lanes& a);

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_FP12_H_
