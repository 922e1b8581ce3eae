// One point of G2 in the eight lanes of AVX-512 vectors: the products of one step of a formula are
// computed side by side.
//
// A point in homogeneous coordinates X, Y, Z lies in lanes 0 to 5 as X.c0, X.c1, Y.c0, Y.c1, Z.c0,
// Z.c1; lanes 6 and 7 hold what was left over, and nothing reads them. Numbers are those of
// bulk/ifma/fp8.h: eight limbs of 52 bits, Montgomery form with R = 2^416, whose slack of 35 bits
// lets sums grow between products without reduction; Fe<B> says that all lanes are below B p.
//
// The formulas are complete (Renes, Costello, Batina; see curve/complete.h, of which this is the
// second form). Nothing here branches or indexes on values. Pure.
// Only for sources compiled for AVX-512 (see the CMakeLists.txt above).
#ifndef GROAT_BLS_CURVE_IFMA_G2_LANES_H_
#define GROAT_BLS_CURVE_IFMA_G2_LANES_H_

#include "bls/bulk/ifma/fp8.h"
#include "bls/bulk/ifma/wide.h"

namespace groat::bls::ifma {

// The bound that every formula here takes and gives.
using Point = Fe<9>;

using LaneNumbers = std::array<int, 8>;

GROAT_LANES_INLINE Vec Lanes(const LaneNumbers& n) {
  return _mm512_setr_epi64(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]);
}

// Lane i of the result is lane from[i] of `a`.
template <unsigned B>
GROAT_LANES_INLINE Fe<B> Permute(const Fe<B>& a, const LaneNumbers& from) {
  const Vec index = Lanes(from);
  Fe<B> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_permutexvar_epi64(index, a.limb[i]);
  return out;
}
template <unsigned N, unsigned P>
GROAT_LANES_INLINE Loose<N, P> Permute(const Loose<N, P>& a, const LaneNumbers& from) {
  const Vec index = Lanes(from);
  Loose<N, P> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_permutexvar_epi64(index, a.limb[i]);
  return out;
}
// The same from two: lanes 8 to 15 are those of `b`.
template <unsigned A, unsigned B>
GROAT_LANES_INLINE Fe<(A > B ? A : B)> Permute(const Fe<A>& a, const Fe<B>& b,
                                               const LaneNumbers& from) {
  const Vec index = Lanes(from);
  Fe<(A > B ? A : B)> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    out.limb[i] = _mm512_permutex2var_epi64(a.limb[i], index, b.limb[i]);
  }
  return out;
}
template <unsigned A, unsigned N, unsigned P>
GROAT_LANES_INLINE Loose<N, (A > P ? A : P)> Permute(const Fe<A>& a, const Loose<N, P>& b,
                                                     const LaneNumbers& from) {
  const Vec index = Lanes(from);
  Loose<N, (A > P ? A : P)> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    out.limb[i] = _mm512_permutex2var_epi64(a.limb[i], index, b.limb[i]);
  }
  return out;
}

// Each lane times its factor, of magnitude at most kMax.
template <int kMax, unsigned B>
GROAT_LANES_INLINE Loose<kMax * B, kMax * B> Scale(const Fe<B>& a, const LaneNumbers& factors) {
  const Vec factor = Lanes(factors);
  Loose<kMax * B, kMax * B> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_mullo_epi64(a.limb[i], factor);
  return out;
}
template <int kMax, unsigned N, unsigned P>
GROAT_LANES_INLINE Loose<kMax*(N > P ? N : P), kMax*(N > P ? N : P)> Scale(
    const Loose<N, P>& a, const LaneNumbers& factors) {
  const Vec factor = Lanes(factors);
  Loose<kMax*(N > P ? N : P), kMax*(N > P ? N : P)> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_mullo_epi64(a.limb[i], factor);
  return out;
}

// The two parts of products in Fp2, in pairs of lanes: for pairs a and b, the vectors a0 a0 and
// a1 a1 on one side, b0 b1 and b1 b0 on the other. `real` sums the products of the first, `crossed`
// those of the second; the product is real - crossed in the even lane, real + crossed in the odd.
//
// |real -+ crossed| < kMaxProductBound p^2 gives a result below 1.5 p, and p more by the bias that
// keeps it positive (fp8.h).
GROAT_LANES_INLINE Fe<3> Finish(Wide& real, const Wide& crossed) {
  constexpr Mask kEven = 0x55;
  constexpr Mask kOdd = 0xaa;
#pragma GCC unroll 16
  for (size_t i = 0; i < 16; ++i) {
    Vec t = _mm512_mask_sub_epi64(real.limb[i], kEven, real.limb[i], crossed.limb[i]);
    t = _mm512_mask_add_epi64(t, kOdd, t, crossed.limb[i]);
    real.limb[i] = i < 8 ? t : _mm512_add_epi64(t, Broadcast(kModulus[i - 8]));
  }
  Fe<3> out;
  ReduceWide(out.limb, real);
  return out;
}

// The left side of such products: a0 a0 and a1 a1.
template <unsigned B>
struct Doubled {
  Fe<B> first;
  Fe<B> second;
};
// The right side: b0 b1 and b1 b0.
template <unsigned B>
struct Crossed {
  Fe<B> straight;
  Fe<B> swapped;
};
template <unsigned B>
GROAT_LANES_INLINE Crossed<B> Cross(const Fe<B>& b) {
  return {b, Permute(b, {1, 0, 3, 2, 5, 4, 7, 6})};
}
template <unsigned B>
GROAT_LANES_INLINE Doubled<B> Duplicate(const Fe<B>& a) {
  return {Permute(a, {0, 0, 2, 2, 4, 4, 6, 6}), Permute(a, {1, 1, 3, 3, 5, 5, 7, 7})};
}

// Four products in Fp2.
template <unsigned A, unsigned B>
GROAT_LANES_INLINE Fe<3> Multiply(const Doubled<A>& a, const Crossed<B>& b) {
  static_assert(2 * uint64_t{A} * B <= kMaxProductBound);
  Wide crossed = WideZero();
  MulAccumulate(crossed, a.second.limb, b.swapped.limb);
  Wide real = WideZero();
  MulAccumulate(real, a.first.limb, b.straight.limb);
  return Finish(real, crossed);
}
// Four sums a b + c d.
template <unsigned A, unsigned B, unsigned C, unsigned D>
GROAT_LANES_INLINE Fe<3> SumOfProducts(const Doubled<A>& a, const Crossed<B>& b,
                                       const Doubled<C>& c, const Crossed<D>& d) {
  static_assert(2 * (uint64_t{A} * B + uint64_t{C} * D) <= kMaxProductBound);
  Wide crossed = WideZero();
  MulAccumulate(crossed, a.second.limb, b.swapped.limb);
  MulAccumulate(crossed, c.second.limb, d.swapped.limb);
  Wide real = WideZero();
  MulAccumulate(real, a.first.limb, b.straight.limb);
  MulAccumulate(real, c.first.limb, d.straight.limb);
  return Finish(real, crossed);
}

// Algorithm 9. With 3 b' = 12 (1 + u).
GROAT_LANES_INLINE Point Double(const Point& p) {
  // yy, yz, zz, xy.
  const Doubled<9> left = {Permute(p, {2, 2, 2, 2, 4, 4, 0, 0}),
                           Permute(p, {3, 3, 3, 3, 5, 5, 1, 1})};
  const Crossed<9> right = {Permute(p, {2, 3, 4, 5, 4, 5, 2, 3}),
                            Permute(p, {3, 2, 5, 4, 5, 4, 3, 2})};
  const Fe<3> r = Multiply(left, right);
  // With t = 3 b' zz: sum = yy + t, difference = yy - 3 t, t, 8 yy.
  const auto q =
      Carry(Scale<8>(Permute(r, {0, 1, 0, 1, 0, 0, 0, 1}), {1, 1, 1, 1, 0, 0, 8, 8}) +
            Scale<36>(Permute(r, {4, 4, 4, 4, 4, 4, 4, 4}), {12, 12, -36, -36, 12, 12, 0, 0}) +
            Scale<36>(Permute(r, {5, 5, 5, 5, 5, 5, 5, 5}), {-12, 12, 36, -36, -12, 12, 0, 0}));
  // difference xy, difference sum, yz 8 yy, t 8 yy.
  using Q = std::remove_const_t<decltype(q)>;
  static_assert(std::is_same_v<Q, Fe<480>>);
  const Doubled<480> a = {Permute(q, r, {2, 2, 2, 2, 10, 10, 4, 4}),
                          Permute(q, r, {3, 3, 3, 3, 11, 11, 5, 5})};
  const Crossed<480> b = {Permute(q, r, {14, 15, 0, 1, 6, 7, 6, 7}),
                          Permute(q, r, {15, 14, 1, 0, 7, 6, 7, 6})};
  const Fe<3> s = Multiply(a, b);
  // X = 2 (first), Y = second + fourth, Z = third.
  Loose<0, 9> out;
  constexpr Mask kX = 0x03;
  constexpr Mask kY = 0x0c;
  const Vec fourth = Lanes({0, 0, 6, 7, 0, 0, 0, 0});
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    const Vec t = _mm512_mask_add_epi64(s.limb[i], kX, s.limb[i], s.limb[i]);
    out.limb[i] = _mm512_mask_add_epi64(t, kY, t, _mm512_permutexvar_epi64(fourth, s.limb[i]));
  }
  return Carry(out);
}

// Algorithm 7.
template <unsigned B>
GROAT_LANES_INLINE Point Add(const Point& p, const Fe<B>& q) {
  // xx, yy, zz.
  const Fe<3> r = Multiply(Duplicate(p), Cross(q));
  // (x + y)(x + y), (y + z)(y + z), (z + x)(z + x), one factor of each point.
  constexpr LaneNumbers kNext = {2, 3, 4, 5, 0, 1, 6, 7};
  const auto p_sums = Carry(p + Permute(p, kNext));
  const auto q_sums = Carry(q + Permute(q, kNext));
  const Fe<3> products = Multiply(Duplicate(p_sums), Cross(q_sums));
  // xy, yz, zx: X1 Y2 + X2 Y1 and so on.
  const Loose<6, 3> crosses = products - r - Permute(r, kNext);
  // xy, yz, -yz.
  const auto k =
      Carry(Scale<1>(Permute(crosses, {0, 1, 2, 3, 2, 3, 0, 0}), {1, 1, 1, 1, -1, -1, 0, 0}));
  // With t = 3 b' zz: yy + t, yy - t, 3 b' zx, 3 xx.
  const auto s = Carry(
      Scale<3>(Permute(r, {2, 3, 2, 3, 0, 0, 0, 1}), {1, 1, 1, 1, 0, 0, 3, 3}) +
      Scale<12>(Permute(r, crosses, {4, 4, 4, 4, 12, 12, 0, 0}), {12, 12, -12, -12, 12, 12, 0, 0}) +
      Scale<12>(Permute(r, crosses, {5, 5, 5, 5, 13, 13, 0, 0}),
                {-12, 12, 12, -12, -12, 12, 0, 0}));
  // X = xy (yy - t) - yz (3 b' zx); Y = (yy - t)(yy + t) + (3 b' zx)(3 xx);
  // Z = (yy + t) yz + (3 xx) xy.
  constexpr LaneNumbers kA0 = {8, 8, 2, 2, 0, 0, 0, 0};
  constexpr LaneNumbers kA1 = {9, 9, 3, 3, 1, 1, 0, 0};
  constexpr LaneNumbers kB0 = {2, 3, 0, 1, 10, 11, 0, 0};
  constexpr LaneNumbers kB1 = {3, 2, 1, 0, 11, 10, 0, 0};
  constexpr LaneNumbers kC0 = {12, 12, 4, 4, 6, 6, 0, 0};
  constexpr LaneNumbers kC1 = {13, 13, 5, 5, 7, 7, 0, 0};
  constexpr LaneNumbers kD0 = {4, 5, 6, 7, 8, 9, 0, 0};
  constexpr LaneNumbers kD1 = {5, 4, 7, 6, 9, 8, 0, 0};
  const auto at = [&](const LaneNumbers& lanes) { return Permute(s, k, lanes); };
  using Operand = decltype(at(kA0));
  static_assert(std::is_same_v<Operand, Fe<306>>);
  return Widen<9>(SumOfProducts(Doubled<306>{at(kA0), at(kA1)}, Crossed<306>{at(kB0), at(kB1)},
                                Doubled<306>{at(kC0), at(kC1)}, Crossed<306>{at(kD0), at(kD1)}));
}

// negative ? (X, -Y, Z) : (X, Y, Z), for a mask of all ones or of zeros.
GROAT_LANES_INLINE Fe<18> NegateIf(const Point& p, uint64_t negative) {
  const Mask y = static_cast<Mask>(negative & 0x0c);
  Loose<9, 9> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    out.limb[i] = _mm512_mask_sub_epi64(p.limb[i], y, _mm512_setzero_si512(), p.limb[i]);
  }
  return Carry(out);
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_CURVE_IFMA_G2_LANES_H_
