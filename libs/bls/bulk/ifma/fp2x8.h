// Eight elements of Fp2 = Fp[u] / (u^2 + 1) at a time: two of fp8.h with the same bound.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_FP2X8_H_
#define GROAT_BLS_BULK_IFMA_FP2X8_H_

#include "bls/bulk/ifma/fp8.h"

namespace groat::bls::ifma {

template <unsigned kBound>
struct Fe2 {
  Fe<kBound> c0;
  Fe<kBound> c1;
};

template <unsigned kBelow, unsigned kAbove>
struct Loose2 {
  Loose<kBelow, kAbove> c0;
  Loose<kBelow, kAbove> c1;
};

GROAT_LANES_INLINE Fe2<1> Constant2(const Limbs52& c0, const Limbs52& c1) {
  return {Constant(c0), Constant(c1)};
}
GROAT_LANES_INLINE Fe2<1> Zero2() { return {Zero(), Zero()}; }

template <unsigned kTo, unsigned kFrom>
GROAT_LANES_INLINE Fe2<kTo> Widen(const Fe2<kFrom>& a) {
  return {Widen<kTo>(a.c0), Widen<kTo>(a.c1)};
}

template <unsigned A, unsigned B>
GROAT_LANES_INLINE Loose2<0, A + B> operator+(const Fe2<A>& a, const Fe2<B>& b) {
  return {a.c0 + b.c0, a.c1 + b.c1};
}
template <unsigned A, unsigned B>
GROAT_LANES_INLINE Loose2<B, A> operator-(const Fe2<A>& a, const Fe2<B>& b) {
  return {a.c0 - b.c0, a.c1 - b.c1};
}
template <unsigned N, unsigned P, unsigned B>
GROAT_LANES_INLINE Loose2<N, P + B> operator+(const Loose2<N, P>& a, const Fe2<B>& b) {
  return {a.c0 + b.c0, a.c1 + b.c1};
}
template <unsigned N, unsigned P, unsigned B>
GROAT_LANES_INLINE Loose2<N + B, P> operator-(const Loose2<N, P>& a, const Fe2<B>& b) {
  return {a.c0 - b.c0, a.c1 - b.c1};
}
template <unsigned N, unsigned P, unsigned N2, unsigned P2>
GROAT_LANES_INLINE Loose2<N + N2, P + P2> operator+(const Loose2<N, P>& a,
                                                    const Loose2<N2, P2>& b) {
  return {a.c0 + b.c0, a.c1 + b.c1};
}
template <unsigned N, unsigned P, unsigned N2, unsigned P2>
GROAT_LANES_INLINE Loose2<N + P2, P + N2> operator-(const Loose2<N, P>& a,
                                                    const Loose2<N2, P2>& b) {
  return {a.c0 - b.c0, a.c1 - b.c1};
}
template <unsigned B, unsigned N, unsigned P>
GROAT_LANES_INLINE Loose2<P, N + B> operator-(const Fe2<B>& a, const Loose2<N, P>& b) {
  return {a.c0 - b.c0, a.c1 - b.c1};
}
template <unsigned N, unsigned P, unsigned N2, unsigned P2>
GROAT_LANES_INLINE Loose2<N + N2, P + P2> AddIn(Mask mask, const Loose2<N, P>& a,
                                                const Loose2<N2, P2>& b) {
  return {AddIn(mask, a.c0, b.c0), AddIn(mask, a.c1, b.c1)};
}
template <unsigned N, unsigned P, unsigned N2, unsigned P2>
GROAT_LANES_INLINE Loose2<N + P2, P + N2> SubIn(Mask mask, const Loose2<N, P>& a,
                                                const Loose2<N2, P2>& b) {
  return {SubIn(mask, a.c0, b.c0), SubIn(mask, a.c1, b.c1)};
}
template <unsigned B>
GROAT_LANES_INLINE Loose2<0, B> Keep(Mask mask, const Fe2<B>& a) {
  return {Keep(mask, a.c0), Keep(mask, a.c1)};
}
template <unsigned N, unsigned P>
GROAT_LANES_INLINE Fe2<2> Shrink(const Loose2<N, P>& a) {
  return {Shrink(a.c0), Shrink(a.c1)};
}
// (1 + u) a.
template <unsigned B>
GROAT_LANES_INLINE Loose2<B, 2 * B> TimesXi(const Fe2<B>& a) {
  const Loose<B, B> c0 = a.c0 - a.c1;
  const Loose<0, 2 * B> c1 = a.c0 + a.c1;
  Loose2<B, 2 * B> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    out.c0.limb[i] = c0.limb[i];
    out.c1.limb[i] = c1.limb[i];
  }
  return out;
}

template <unsigned kShift, unsigned B>
GROAT_LANES_INLINE Loose2<0, (B << kShift)> Shift(const Fe2<B>& a) {
  return {Shift<kShift>(a.c0), Shift<kShift>(a.c1)};
}
template <unsigned kShift, unsigned N, unsigned P>
GROAT_LANES_INLINE Loose2<(N << kShift), (P << kShift)> Shift(const Loose2<N, P>& a) {
  return {Shift<kShift>(a.c0), Shift<kShift>(a.c1)};
}
template <unsigned N, unsigned P>
GROAT_LANES_INLINE Fe2<N + P> Carry(const Loose2<N, P>& a) {
  return {Carry(a.c0), Carry(a.c1)};
}
template <unsigned N, unsigned P>
GROAT_LANES_INLINE Fe2<3> Reduce(const Loose2<N, P>& a) {
  return {Reduce(a.c0), Reduce(a.c1)};
}
template <unsigned A, unsigned B>
GROAT_LANES_INLINE Fe2<(A > B ? A : B)> Select(Mask mask, const Fe2<A>& a, const Fe2<B>& b) {
  return {Select(mask, a.c0, b.c0), Select(mask, a.c1, b.c1)};
}
template <unsigned B>
GROAT_LANES_INLINE Mask IsZero(const Fe2<B>& a) {
  return static_cast<Mask>(IsZero(a.c0) & IsZero(a.c1));
}
template <unsigned B>
GROAT_LANES_INLINE Mask MayBeZero(const Fe2<B>& a) {
  return MayBeZero(a.c0) == 0 ? Mask{0} : static_cast<Mask>(MayBeZero(a.c0) & MayBeZero(a.c1));
}

// c0 in limbs 0 to 7, c1 in 8 to 15. Bounds: the sums inside have up to twice the factors' bounds,
// so the factors' product must stay below a quarter of kMaxProductBound. Of the product, c0 is
// biased by p and below 2.5 p, c1 below 1.5 p; both parts of the square are below 1.5 p.
void Mul2Kernel(Vec* out, const Vec* a, const Vec* b);
// `negated_bound` is a multiple of p, not below the value of a's c1.
void Sqr2Kernel(Vec* out, const Vec* a, const Limbs52& negated_bound);

// c0^2 + c1^2 in eight limbs, below 1.5 p.
void NormKernel(Vec* out, const Vec* a);

template <unsigned A, unsigned B>
GROAT_LANES_INLINE Fe2<3> operator*(const Fe2<A>& a, const Fe2<B>& b) {
  static_assert(4 * uint64_t{A} * B <= kMaxProductBound);
  Fe2<3> out;
  Mul2Kernel(out.c0.limb, a.c0.limb, b.c0.limb);
  return out;
}
template <unsigned A>
GROAT_LANES_INLINE Fe2<2> Sqr(const Fe2<A>& a) {
  static_assert(4 * uint64_t{A} * A <= kMaxProductBound);
  Fe2<2> out;
  Sqr2Kernel(out.c0.limb, a.c0.limb, kMultiple<A>);
  return out;
}

// c0^2 + c1^2, the product with the conjugate.
template <unsigned A>
GROAT_LANES_INLINE Fe<2> NormOf(const Fe2<A>& a) {
  static_assert(2 * uint64_t{A} * A <= kMaxProductBound);
  Fe<2> out;
  NormKernel(out.limb, a.c0.limb);
  return out;
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_FP2X8_H_
