// The eight-lane arithmetic behind plain functions, for tests: the tests themselves are compiled
// for any processor.
//
// An element is eight limbs of 52 bits; an array holds the elements of the eight lanes. Factors'
// bounds are given as multiples of p, since the arithmetic's types hold bounds.
#ifndef GROAT_BLS_BULK_TESTING_IFMA_PROBE_H_
#define GROAT_BLS_BULK_TESTING_IFMA_PROBE_H_

#include <cstddef>
#include <cstdint>

namespace groat::bls::probe {

using Element = uint64_t[8];
using Lanes = Element[8];
using Lanes2 = Lanes[2];  // An element of Fp2 in each lane: the parts without and with u.

// The largest bounds that Mul and Sqr, and those of Fp2, accept for two factors alike.
inline constexpr uint64_t kMulBound = 90000;
inline constexpr uint64_t kMul2Bound = 45000;

void Mul(const Lanes& a, const Lanes& b, Lanes& out);      // Out below 2p.
void Sqr(const Lanes& a, Lanes& out);                      // Out below 2p.
void Mul2(const Lanes2& a, const Lanes2& b, Lanes2& out);  // Out below 3p.
void Sqr2(const Lanes2& a, Lanes2& out);                   // Out below 2p.

// Reduce(a - b - c) for a below 3p, b and c up to 3p: below 2.232 p.
void ReduceDifference(const Lanes& a, const Lanes& b, const Lanes& c, Lanes& out);
// Carry(8a - 300 b - b), for a below 2p and b up to p: below 317 p.
void CarryDifference(const Lanes& a, const Lanes& b, Lanes& out);

// Shrink(32 a - 32 b) for both below 3p: below 1.01 p.
void ShrinkDifference(const Lanes& a, const Lanes& b, Lanes& out);

// Bits of lanes whose element, below 6p, is a multiple of p.
uint8_t IsZero(const Lanes& a);
uint8_t MayBeZero(const Lanes& a);
// For elements below 3p.
void Invert(const Lanes& a, Lanes& out);
void Invert2(const Lanes2& a, Lanes2& out);
// From Montgomery form to numbers below p, for elements below 6p.
void ToNumber(const Lanes& a, Lanes& out);
// a^((p - 3) / 4) of three vectors, below 2p.
void InverseSquareRootPowers(Lanes (&values)[3]);

// Fp12: the coefficient of w^i in place i of both parts, below 3p.
void Fp12Multiply(const Lanes2& a, const Lanes2& b, Lanes2& out);
void Fp12Square(const Lanes2& a, Lanes2& out);
void Fp12CyclotomicSquare(const Lanes2& a, Lanes2& out);
void Fp12Conjugate(const Lanes2& a, Lanes2& out);
void Fp12Frobenius(const Lanes2& a, Lanes2& out);
void Fp12Inverse(const Lanes2& a, Lanes2& out);
// Times c0 + c2 w^2 + c3 w^3 twice: with places 0 to 2, and 4 to 6, of `lines`, below 120 p.
void Fp12MultiplyByLines(const Lanes2& a, const Lanes2& lines, Lanes2& out);
bool Fp12IsOne(const Lanes2& a);

}  // namespace groat::bls::probe

#endif  // GROAT_BLS_BULK_TESTING_IFMA_PROBE_H_
