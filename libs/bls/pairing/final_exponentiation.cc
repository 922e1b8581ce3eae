#include <vector>

#include "bls/bulk/engine.h"
#include "bls/bulk/pairing_product.h"
#include "bls/pairing/pairing.h"

namespace groat::bls {
namespace {

// m^|x| in the cyclotomic subgroup; |x| = 0xd201000000010000 has the bits 63, 62, 60, 57, 48, 16.
Fp12 PowAbsX(const Fp12& m) {
  Fp12 out = m;
  const auto square = [&out](int times) {
    for (int i = 0; i < times; ++i) out = out.CyclotomicSquare();
  };
  square(1);
  out *= m;
  square(2);
  out *= m;
  square(3);
  out *= m;
  square(9);
  out *= m;
  square(32);
  out *= m;
  square(16);
  return out;
}

// m^x; x is negative, and conjugation inverts.
Fp12 PowX(const Fp12& m) { return PowAbsX(m).Conjugate(); }

// m^(x - 1) = m^-(|x| + 1).
Fp12 PowXMinusOne(const Fp12& m) { return (PowAbsX(m) * m).Conjugate(); }

}  // namespace

Fp12 FinalExponentiation(const Fp12& f) {
  // (p^6 - 1)(p^2 + 1): into the cyclotomic subgroup.
  const Fp12 unitary = f.Conjugate() * f.InverseVariableTime();
  const Fp12 m = unitary.Frobenius(2) * unitary;
  // 3 (p^4 - p^2 + 1) / r = (x - 1)^2 (x + p) (x^2 + p^2 - 1) + 3.
  const Fp12 a = PowXMinusOne(PowXMinusOne(m));
  const Fp12 b = PowX(a) * a.Frobenius(1);
  const Fp12 c = PowX(PowX(b)) * b.Frobenius(2) * b.Conjugate();
  return c * m.CyclotomicSquare() * m;
}

Fp12 Pairing(const G1Affine& p, const G2Affine& q) {
  const PairingInput pair{p, q};
  return FinalExponentiation(MillerLoop({&pair, 1}));
}

bool PairingsAreOne(std::span<const PairingInput> pairs) {
  if (UsedCpuLevel() == CpuLevel::kIfma) {
    std::vector<PointPair> points;
    points.reserve(pairs.size());
    for (const PairingInput& pair : pairs) points.push_back({pair.p, pair.q});
    return PairingProductIsOneIfma(points);
  }
  return FinalExponentiation(MillerLoop(pairs)) == Fp12::One();
}

}  // namespace groat::bls
