#include "bls/field/fp12.h"

namespace groat::bls {
namespace {

// kGamma[k - 1] = xi^(k (p - 1) / 6): the p-th power of c w^k is conj(c) kGamma[k - 1] w^k.
constexpr Fp2 kGamma[5] = {
    Fp2::FromHex("1904d3bf02bb0667c231beb4202c0d1f0fd603fd3cbd5f4f7b2443d784bab9c4f67ea53d63e7813d"
                 "8d0775ed92235fb8",
                 "fc3e2b36c4e03288e9e902231f9fb854a14787b6c7b36fec0c8ec971f63c5f282d5ac14d6c7ec22c"
                 "f78a126ddc4af3"),
    Fp2::FromHex("0",
                 "1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd"
                 "8bfd00000000aaac"),
    Fp2::FromHex("6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c"
                 "81084fbede3cc09",
                 "6af0e0437ff400b6831e36d6bd17ffe48395dabc2d3435e77f76e17009241c5ee67992f72ec05f4c"
                 "81084fbede3cc09"),
    Fp2::FromHex("1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd"
                 "8bfd00000000aaad",
                 "0"),
    Fp2::FromHex("5b2cfd9013a5fd8df47fa6b48b1e045f39816240c0b8fee8beadf4d8e9c0566c63a3e6e257f87329"
                 "b18fae980078116",
                 "144e4211384586c16bd3ad4afa99cc9170df3560e77982d0db45f3536814f0bd5871c1908bd478cd"
                 "1ee605167ff82995"),
};

// kGammaSquared[k - 1] = xi^(k (p^2 - 1) / 6) = kGamma[k - 1] conj(kGamma[k - 1]), in Fp.
constexpr Fp kGammaSquared[5] = {kGamma[0].Norm(), kGamma[1].Norm(), kGamma[2].Norm(),
                                 kGamma[3].Norm(), kGamma[4].Norm()};

Fp12 FrobeniusOnce(const Fp12& x) {
  return {{x.c0.c0.Conjugate(), x.c0.c1.Conjugate() * kGamma[1], x.c0.c2.Conjugate() * kGamma[3]},
          {x.c1.c0.Conjugate() * kGamma[0], x.c1.c1.Conjugate() * kGamma[2],
           x.c1.c2.Conjugate() * kGamma[4]}};
}

Fp12 FrobeniusTwice(const Fp12& x) {
  return {{x.c0.c0, x.c0.c1 * kGammaSquared[1], x.c0.c2 * kGammaSquared[3]},
          {x.c1.c0 * kGammaSquared[0], x.c1.c1 * kGammaSquared[2], x.c1.c2 * kGammaSquared[4]}};
}

// (a + b s)^2 = first + second s in Fp4 = Fp2[s] / (s^2 - xi), by 3 squares.
void SquareFp4(const Fp2& a, const Fp2& b, Fp2& first, Fp2& second) {
  const Fp2 a_squared = a.Square();
  const Fp2 b_squared = b.Square();
  first = a_squared + b_squared.MultiplyByXi();
  second = (a + b).Square() - a_squared - b_squared;
}

Fp2 Triple(const Fp2& x) { return x.Double() + x; }

}  // namespace

// Karatsuba's method over Fp6, each of the 6 coefficients reduced once.
Fp12 operator*(const Fp12& a, const Fp12& b) {
  const Fp6Wide v0 = Fp6Wide::Product(a.c0, b.c0);
  const Fp6Wide v1 = Fp6Wide::Product(a.c1, b.c1);
  const Fp6Wide cross = Fp6Wide::Product(a.c0 + a.c1, b.c0 + b.c1);
  return {(v0 + v1.MultiplyByV()).Reduce(), (cross - v0 - v1).Reduce()};
}

// (c0 + c1)(c0 + v c1) = c0^2 + v c1^2 + (1 + v) c0 c1.
Fp12 Fp12::Square() const {
  const Fp6Wide product = Fp6Wide::Product(c0, c1);
  const Fp6Wide both = Fp6Wide::Product(c0 + c1, c0 + c1.MultiplyByV());
  return {(both - product - product.MultiplyByV()).Reduce(), (product + product).Reduce()};
}

Fp12 Fp12::MultiplyBy014(const Fp2& b0, const Fp2& b1, const Fp2& b4) const {
  const Fp6Wide v0 = Fp6Wide::ProductBy01(c0, b0, b1);
  const Fp6Wide v1 = Fp6Wide::ProductBy1(c1, b4);
  const Fp6Wide cross = Fp6Wide::ProductBy01(c0 + c1, b0, b1 + b4);
  return {(v0 + v1.MultiplyByV()).Reduce(), (cross - v0 - v1).Reduce()};
}

Fp12 Fp12::Inverse() const {
  const Fp6 inverse = (c0.Square() - c1.Square().MultiplyByV()).Inverse();
  return {c0 * inverse, -(c1 * inverse)};
}

Fp12 Fp12::InverseVariableTime() const {
  const Fp6 inverse = (c0.Square() - c1.Square().MultiplyByV()).InverseVariableTime();
  return {c0 * inverse, -(c1 * inverse)};
}

Fp12 Fp12::Frobenius(int power) const {
  GROAT_CHECK(power >= 1 && power <= 3) << "power " << power << ", want 1 to 3";
  if (power == 1) return FrobeniusOnce(*this);
  if (power == 2) return FrobeniusTwice(*this);
  return FrobeniusOnce(FrobeniusTwice(*this));
}

Fp12 Fp12::CyclotomicSquare() const {
  Fp2 a0, a1, b0, b1, d0, d1;
  SquareFp4(c0.c0, c1.c1, a0, a1);
  SquareFp4(c1.c0, c0.c2, b0, b1);
  SquareFp4(c0.c1, c1.c2, d0, d1);
  return {{Triple(a0) - c0.c0.Double(), Triple(b0) - c0.c1.Double(), Triple(d0) - c0.c2.Double()},
          {Triple(d1.MultiplyByXi()) + c1.c0.Double(), Triple(a1) + c1.c1.Double(),
           Triple(b1) + c1.c2.Double()}};
}

Fp12 Fp12::Pow(std::span<const uint64_t> exponent) const {
  Fp12 result = One();
  for (size_t i = 64 * exponent.size(); i-- > 0;) {
    result = result.Square();
    if ((exponent[i / 64] >> (i % 64)) & 1) result *= *this;
  }
  return result;
}

}  // namespace groat::bls
