// Points in Jacobian coordinates in eight lanes, for multiplications by the curve's parameter.
//
// (X, Y, Z) stands for (X / Z^2, Y / Z^3). The formulas are incomplete: where an addition meets
// equal or opposite points, or infinity, it gives Z = 0, and so do all later results of that lane.
// Formulas: Bernstein and Lange, Explicit-Formulas Database (dbl-2009-l with D = 4 X Y^2,
// add-1998-cmo-2 and madd-2007-bl with Z3 as a product).
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_JACOBIAN8_H_
#define GROAT_BLS_BULK_IFMA_JACOBIAN8_H_

#include "bls/bulk/ifma/fp2x8.h"

namespace groat::bls::ifma {

// E is Fe or Fe2. The bounds are those that the formulas below give and take.
template <template <unsigned> class E>
struct Jacobian8 {
  E<26> x;
  E<19> y;
  E<6> z;
};

template <template <unsigned> class E>
struct Affine8 {
  E<3> x;
  E<3> y;
};

// 3 M + 4 S.
template <template <unsigned> class E>
void Double(Jacobian8<E>& p) {
  const auto a = Sqr(p.x);
  const auto b = Sqr(p.y);
  const auto c = Sqr(b);
  const auto xb = p.x * b;
  const auto e = Carry(Shift<1>(a) + a);
  p.z = Widen<6>(Carry(Shift<1>(p.y * p.z)));
  p.x = Widen<26>(Carry(Sqr(e) - Shift<3>(xb)));
  p.y = Widen<19>(Carry(e * Carry(Shift<2>(xb) - p.x) - Shift<3>(c)));
}

// 8 M + 3 S.
template <template <unsigned> class E>
void AddAffine(Jacobian8<E>& p, const Affine8<E>& q) {
  const auto zz = Sqr(p.z);
  const auto h = Carry(q.x * zz - p.x);
  const auto r = Carry(Shift<1>(q.y * (p.z * zz) - p.y));
  const auto hh = Sqr(h);
  const auto i = Carry(Shift<2>(hh));
  const auto j = h * i;
  const auto v = p.x * i;
  const auto yj = p.y * j;
  p.z = Widen<6>(Carry(Shift<1>(p.z * h)));
  p.x = Widen<26>(Carry(Sqr(r) - j - Shift<1>(v)));
  p.y = Widen<19>(Carry(r * Carry(v - p.x) - Shift<1>(yj)));
}

// 12 M + 4 S.
template <template <unsigned> class E>
void Add(Jacobian8<E>& p, const Jacobian8<E>& q) {
  const auto pzz = Sqr(p.z);
  const auto qzz = Sqr(q.z);
  const auto u = p.x * qzz;
  const auto s = p.y * (q.z * qzz);
  const auto h = Carry(q.x * pzz - u);
  const auto r = Carry(q.y * (p.z * pzz) - s);
  const auto hh = Sqr(h);
  const auto j = h * hh;
  const auto v = u * hh;
  p.z = Widen<6>((p.z * q.z) * h);
  p.x = Widen<26>(Carry(Sqr(r) - j - Shift<1>(v)));
  p.y = Widen<19>(Carry(r * Carry(v - p.x) - s * j));
}

// p = |x| p for the curve's parameter x = -0xd201000000010000, where `add` adds the original p.
template <template <unsigned> class E, typename AddOriginal>
void MultiplyByParameter(Jacobian8<E>& p, AddOriginal&& add) {
  constexpr uint64_t kParameter = 0xd201000000010000;
  for (int bit = 62; bit >= 0; --bit) {
    Double(p);
    if ((kParameter >> bit & 1) != 0) add(p);
  }
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_JACOBIAN8_H_
