#include "bls/field/fp6.h"

namespace groat::bls {

Fp6Wide Fp6Wide::Product(const Fp6& a, const Fp6& b) {
  const Fp2Wide v0 = Fp2Wide::Product(a.c0, b.c0);
  const Fp2Wide v1 = Fp2Wide::Product(a.c1, b.c1);
  const Fp2Wide v2 = Fp2Wide::Product(a.c2, b.c2);
  const Fp2Wide v12 = Fp2Wide::Product(a.c1 + a.c2, b.c1 + b.c2);
  const Fp2Wide v01 = Fp2Wide::Product(a.c0 + a.c1, b.c0 + b.c1);
  const Fp2Wide v02 = Fp2Wide::Product(a.c0 + a.c2, b.c0 + b.c2);
  return {v0 + (v12 - v1 - v2).MultiplyByXi(), v01 - v0 - v1 + v2.MultiplyByXi(),
          v02 - v0 - v2 + v1};
}

Fp6Wide Fp6Wide::ProductBy01(const Fp6& a, const Fp2& b0, const Fp2& b1) {
  const Fp2Wide v0 = Fp2Wide::Product(a.c0, b0);
  const Fp2Wide v1 = Fp2Wide::Product(a.c1, b1);
  const Fp2Wide v21 = Fp2Wide::Product(a.c2, b1);
  const Fp2Wide v01 = Fp2Wide::Product(a.c0 + a.c1, b0 + b1);
  const Fp2Wide v20 = Fp2Wide::Product(a.c2, b0);
  return {v0 + v21.MultiplyByXi(), v01 - v0 - v1, v20 + v1};
}

Fp6Wide Fp6Wide::ProductBy1(const Fp6& a, const Fp2& b1) {
  return {Fp2Wide::Product(a.c2, b1).MultiplyByXi(), Fp2Wide::Product(a.c0, b1),
          Fp2Wide::Product(a.c1, b1)};
}

Fp6 operator*(const Fp6& a, const Fp6& b) { return Fp6Wide::Product(a, b).Reduce(); }

Fp6 Fp6::MultiplyBy01(const Fp2& b0, const Fp2& b1) const {
  return Fp6Wide::ProductBy01(*this, b0, b1).Reduce();
}

Fp6 Fp6::MultiplyBy1(const Fp2& b1) const { return {(c2 * b1).MultiplyByXi(), c0 * b1, c1 * b1}; }

// Chung and Hasan, "Asymmetric squaring formulae" (ARITH 2007), method SQR2.
Fp6 Fp6::Square() const {
  const Fp2 s0 = c0.Square();
  const Fp2 s1 = (c0 * c1).Double();
  const Fp2 s2 = (c0 - c1 + c2).Square();
  const Fp2 s3 = (c1 * c2).Double();
  const Fp2 s4 = c2.Square();
  return {s0 + s3.MultiplyByXi(), s1 + s4.MultiplyByXi(), s1 + s2 + s3 - s0 - s4};
}

namespace {

// The adjoint of x and its norm in Fp2: x * adjoint = norm.
Fp6 Adjoint(const Fp6& x, Fp2& norm) {
  const Fp6 adjoint = {x.c0.Square() - (x.c1 * x.c2).MultiplyByXi(),
                       x.c2.Square().MultiplyByXi() - x.c0 * x.c1, x.c1.Square() - x.c0 * x.c2};
  norm = x.c0 * adjoint.c0 + (x.c2 * adjoint.c1 + x.c1 * adjoint.c2).MultiplyByXi();
  return adjoint;
}

}  // namespace

Fp6 Fp6::Inverse() const {
  Fp2 norm;
  const Fp6 adjoint = Adjoint(*this, norm);
  const Fp2 inverse = norm.Inverse();
  return {adjoint.c0 * inverse, adjoint.c1 * inverse, adjoint.c2 * inverse};
}

Fp6 Fp6::InverseVariableTime() const {
  Fp2 norm;
  const Fp6 adjoint = Adjoint(*this, norm);
  const Fp2 inverse = norm.InverseVariableTime();
  return {adjoint.c0 * inverse, adjoint.c1 * inverse, adjoint.c2 * inverse};
}

}  // namespace groat::bls
