// Eight elements of Fp at a time, and their sums and differences: radix 2^52, Montgomery form with
// R = 2^416, AVX-512 IFMA.
//
// Lane i of the eight limb vectors holds element i. p has 381 bits and R 416, so values need no
// reduction below p: products of values up to 2^16 p are right, and a result is below 2p again.
// What must hold is stated in the types, and the compiler checks it:
// - Fe<B>: a value in [0, B p), each limb in [0, 2^52). Only these may be multiplied, since IFMA
//   reads the lowest 52 bits of each limb.
// - Loose<N, P>: a value in (-N p, P p) with signed limbs of magnitude up to (N + P) 2^52, what
//   sums and differences without a carry give. N + P stays below 2^10, so limbs stay below 2^62.
// Carry and Reduce lead back from Loose to Fe.
//
// Pure. Only for sources compiled for AVX-512 (see this folder's CMakeLists.txt); callers outside
// enter by bulk/kernels.h after asking the processor.
#ifndef GROAT_BLS_BULK_IFMA_ELEMENTS_H_
#define GROAT_BLS_BULK_IFMA_ELEMENTS_H_

#include <immintrin.h>

#include "bls/bulk/ifma/constants.h"

#define GROAT_LANES_INLINE inline __attribute__((always_inline))

namespace groat::bls::ifma {

using Vec = __m512i;
// One bit a lane.
using Mask = uint8_t;

template <unsigned kBound>
struct Fe {
  Vec limb[8];
};

template <unsigned kBelow, unsigned kAbove>
struct Loose {
  static_assert(kBelow + kAbove < 1024, "limbs could leave 64 bits");
  Vec limb[8];
};

GROAT_LANES_INLINE Vec Broadcast(uint64_t value) {
  return _mm512_set1_epi64(static_cast<long long>(value));
}

GROAT_LANES_INLINE Fe<1> Constant(const Limbs52& value) {
  Fe<1> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = Broadcast(value[i]);
  return out;
}
GROAT_LANES_INLINE Fe<1> Zero() {
  Fe<1> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_setzero_si512();
  return out;
}

// A larger bound for the same value.
template <unsigned kTo, unsigned kFrom>
GROAT_LANES_INLINE Fe<kTo> Widen(const Fe<kFrom>& a) {
  static_assert(kTo >= kFrom);
  Fe<kTo> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = a.limb[i];
  return out;
}

namespace internal {
template <typename Out, typename A, typename B>
GROAT_LANES_INLINE Out AddLimbwise(const A& a, const B& b) {
  Out out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_add_epi64(a.limb[i], b.limb[i]);
  return out;
}
template <typename Out, typename A, typename B>
GROAT_LANES_INLINE Out SubLimbwise(const A& a, const B& b) {
  Out out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_sub_epi64(a.limb[i], b.limb[i]);
  return out;
}
// Moves what exceeds 52 bits of each limb, with its sign, to the next. The value must not be
// negative.
template <typename Out>
GROAT_LANES_INLINE Out Propagate(const Vec (&limb)[8]) {
  const Vec mask = Broadcast(kLimbMask);
  Out out;
  Vec t = limb[0];
#pragma GCC unroll 8
  for (size_t i = 0; i < 7; ++i) {
    out.limb[i] = _mm512_and_si512(t, mask);
    t = _mm512_add_epi64(limb[i + 1], _mm512_srai_epi64(t, 52));
  }
  out.limb[7] = t;
  return out;
}
}  // namespace internal

template <unsigned A, unsigned B>
GROAT_LANES_INLINE Loose<0, A + B> operator+(const Fe<A>& a, const Fe<B>& b) {
  return internal::AddLimbwise<Loose<0, A + B>>(a, b);
}
template <unsigned A, unsigned B>
GROAT_LANES_INLINE Loose<B, A> operator-(const Fe<A>& a, const Fe<B>& b) {
  return internal::SubLimbwise<Loose<B, A>>(a, b);
}
template <unsigned N, unsigned P, unsigned B>
GROAT_LANES_INLINE Loose<N, P + B> operator+(const Loose<N, P>& a, const Fe<B>& b) {
  return internal::AddLimbwise<Loose<N, P + B>>(a, b);
}
template <unsigned N, unsigned P, unsigned B>
GROAT_LANES_INLINE Loose<N + B, P> operator-(const Loose<N, P>& a, const Fe<B>& b) {
  return internal::SubLimbwise<Loose<N + B, P>>(a, b);
}
template <unsigned N, unsigned P, unsigned N2, unsigned P2>
GROAT_LANES_INLINE Loose<N + N2, P + P2> operator+(const Loose<N, P>& a, const Loose<N2, P2>& b) {
  return internal::AddLimbwise<Loose<N + N2, P + P2>>(a, b);
}
template <unsigned N, unsigned P, unsigned N2, unsigned P2>
GROAT_LANES_INLINE Loose<N + P2, P + N2> operator-(const Loose<N, P>& a, const Loose<N2, P2>& b) {
  return internal::SubLimbwise<Loose<N + P2, P + N2>>(a, b);
}

template <unsigned B, unsigned N, unsigned P>
GROAT_LANES_INLINE Loose<P, N + B> operator-(const Fe<B>& a, const Loose<N, P>& b) {
  return internal::SubLimbwise<Loose<P, N + B>>(a, b);
}

// a, plus or minus b in the lanes of the mask.
template <unsigned N, unsigned P, unsigned N2, unsigned P2>
GROAT_LANES_INLINE Loose<N + N2, P + P2> AddIn(Mask mask, const Loose<N, P>& a,
                                               const Loose<N2, P2>& b) {
  Loose<N + N2, P + P2> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    out.limb[i] = _mm512_mask_add_epi64(a.limb[i], mask, a.limb[i], b.limb[i]);
  }
  return out;
}
template <unsigned N, unsigned P, unsigned N2, unsigned P2>
GROAT_LANES_INLINE Loose<N + P2, P + N2> SubIn(Mask mask, const Loose<N, P>& a,
                                               const Loose<N2, P2>& b) {
  Loose<N + P2, P + N2> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    out.limb[i] = _mm512_mask_sub_epi64(a.limb[i], mask, a.limb[i], b.limb[i]);
  }
  return out;
}

// a in the lanes of the mask, 0 in the others.
template <unsigned B>
GROAT_LANES_INLINE Loose<0, B> Keep(Mask mask, const Fe<B>& a) {
  Loose<0, B> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_maskz_mov_epi64(mask, a.limb[i]);
  return out;
}

// 2^kShift a.
template <unsigned kShift, unsigned B>
GROAT_LANES_INLINE Loose<0, (B << kShift)> Shift(const Fe<B>& a) {
  Loose<0, (B << kShift)> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_slli_epi64(a.limb[i], kShift);
  return out;
}
template <unsigned kShift, unsigned N, unsigned P>
GROAT_LANES_INLINE Loose<(N << kShift), (P << kShift)> Shift(const Loose<N, P>& a) {
  Loose<(N << kShift), (P << kShift)> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_slli_epi64(a.limb[i], kShift);
  return out;
}

// mask ? a : b in each lane.
template <unsigned A, unsigned B>
GROAT_LANES_INLINE Fe<(A > B ? A : B)> Select(Mask mask, const Fe<A>& a, const Fe<B>& b) {
  Fe<(A > B ? A : B)> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    out.limb[i] = _mm512_mask_blend_epi64(mask, b.limb[i], a.limb[i]);
  }
  return out;
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_ELEMENTS_H_
