// A product of pairings and its final exponentiation: Hayashida, Hayasaka, Teruya,
// "Efficient final exponentiation via cyclotomic structure for pairings over families of elliptic
// curves" (ePrint 2020/875).
#include "bls/bulk/ifma/miller_loop.h"

namespace groat::bls::ifma {
namespace {

// m^|x| in the cyclotomic subgroup; |x| = 0xd201000000010000 has the bits 63, 62, 60, 57, 48, 16.
Fp12Lanes PowAbsX(const Fp12Lanes& m) {
  Fp12Lanes out = m;
  const auto square = [&out](int times) {
    for (int i = 0; i < times; ++i) out = CyclotomicSquare(out);
  };
  for (const int times : {1, 2, 3, 9, 32}) {
    square(times);
    out = Multiply(out, m);
  }
  square(16);
  return out;
}

// m^x; x is negative, and conjugation inverts.
Fp12Lanes PowX(const Fp12Lanes& m) { return Conjugate(PowAbsX(m)); }

// m^(x - 1).
Fp12Lanes PowXMinusOne(const Fp12Lanes& m) { return Conjugate(Multiply(PowAbsX(m), m)); }

// Whether f^(3 (p^12 - 1) / r) is one; 3 is prime to r.
bool FinalPowerIsOne(const Fp12Lanes& f) {
  // (p^6 - 1)(p^2 + 1): into the cyclotomic subgroup.
  const Fp12Lanes unitary = Multiply(Conjugate(f), Inverse(f));
  const Fp12Lanes m = Multiply(Frobenius(Frobenius(unitary)), unitary);
  // 3 (p^4 - p^2 + 1) / r = (x - 1)^2 (x + p) (x^2 + p^2 - 1) + 3.
  const Fp12Lanes a = PowXMinusOne(PowXMinusOne(m));
  const Fp12Lanes b = Multiply(PowX(a), Frobenius(a));
  const Fp12Lanes c = Multiply(Multiply(PowX(PowX(b)), Frobenius(Frobenius(b))), Conjugate(b));
  return IsOne(Multiply(Multiply(c, CyclotomicSquare(m)), m));
}

}  // namespace

bool PairingProductIsOne(const PairingPoints* pairs, size_t count) {
  if (count == 0) return true;
  Fp12Lanes product = MillerLoop(pairs, count < kMaxLoopPairs ? count : kMaxLoopPairs);
  for (size_t done = kMaxLoopPairs; done < count; done += kMaxLoopPairs) {
    const size_t left = count - done;
    product =
        Multiply(product, MillerLoop(pairs + done, left < kMaxLoopPairs ? left : kMaxLoopPairs));
  }
  return FinalPowerIsOne(product);
}

}  // namespace groat::bls::ifma
