// Eight elements of Fp at a time: radix 2^52, Montgomery form with R = 2^416, AVX-512 IFMA.
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
#ifndef GROAT_BLS_BULK_IFMA_FP8_H_
#define GROAT_BLS_BULK_IFMA_FP8_H_

#include <immintrin.h>

#include "bls/bulk/ifma/constants.h"

#define GROAT_LANES_INLINE inline __attribute__((always_inline))

namespace groat::bls::ifma {

using Vec = __m512i;
// One bit a lane.
using Mask = uint8_t;

// The products of bounds of the two factors of a multiplication.
inline constexpr uint64_t kMaxProductBound = uint64_t{1} << 33;

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

template <unsigned kFactor>
inline constexpr Limbs52 kMultiple = MultipleOfModulus(kFactor);

// The same value modulo p with limbs of 52 bits: adds kBelow p, so nothing is negative.
template <unsigned N, unsigned P>
GROAT_LANES_INLINE Fe<N + P> Carry(const Loose<N, P>& a) {
  if constexpr (N == 0) {
    return internal::Propagate<Fe<N + P>>(a.limb);
  } else {
    Vec biased[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
      biased[i] = _mm512_add_epi64(a.limb[i], Broadcast(kMultiple<N>[i]));
    }
    return internal::Propagate<Fe<N + P>>(biased);
  }
}

// For Reduce: which multiple of p to add to a value in (-6p, 3p), by bits 17 to 19 of its highest
// limb. The limb is read before carries reach it, so it may be off by 1 either way; the value
// divided by 2^364 thus lies in [2^17 e - 1, 2^17 (e + 1) + 1) for the entry e = -5 .. 2. The entry
// is the least multiple that makes all of these positive; since 2^17 * 2^364 < 1.231 p, the sum is
// below (1 + 1.232) p.
struct ReductionTable {
  alignas(64) uint64_t limb[8][8];
};
constexpr ReductionTable MakeReductionTable() {
  ReductionTable out{};
  for (int entry = -5; entry <= 2; ++entry) {
    // Multiples of p by sign: the least m with m p + (2^17 entry - 1) 2^364 >= 0.
    const int64_t lowest = (int64_t{entry} << 17) - 1;
    int m = -8;
    const auto enough = [lowest](int candidate) {
      // floor(candidate p / 2^364) + lowest >= 0 suffices and is exact up to one unit.
      const Limbs52 multiple = MultipleOfModulus(candidate < 0 ? static_cast<uint64_t>(-candidate)
                                                               : static_cast<uint64_t>(candidate));
      const int64_t top = static_cast<int64_t>(multiple[7]);
      return (candidate < 0 ? -top - 1 : top) + lowest >= 0;
    };
    while (!enough(m)) ++m;
    const Limbs52 multiple =
        MultipleOfModulus(m < 0 ? static_cast<uint64_t>(-m) : static_cast<uint64_t>(m));
    for (size_t i = 0; i < 8; ++i) {
      out.limb[i][static_cast<size_t>(entry & 7)] = m < 0 ? 0 - multiple[i] : multiple[i];
    }
  }
  return out;
}
inline constexpr ReductionTable kReductionTable = MakeReductionTable();

// The same value modulo p in [0, 2.232 p).
template <unsigned N, unsigned P>
GROAT_LANES_INLINE Fe<3> Reduce(const Loose<N, P>& a) {
  static_assert(N <= 6 && P <= 3, "outside the table");
  const Vec top = _mm512_add_epi64(a.limb[7], _mm512_srai_epi64(a.limb[6], 52));
  const Vec entry = _mm512_srli_epi64(top, 17);  // The permutation reads three bits.
  Vec sum[8];
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    sum[i] = _mm512_add_epi64(
        a.limb[i], _mm512_permutexvar_epi64(entry, _mm512_load_si512(kReductionTable.limb[i])));
  }
  return internal::Propagate<Fe<3>>(sum);
}

// 2^416 - p: added q times and reduced modulo 2^416, it subtracts q p.
constexpr Limbs52 NegatedModulus() {
  Limbs52 out{};
  for (size_t i = 0; i < 8; ++i) out[i] = kLimbMask - kModulus[i];
  out[0] += 1;  // No carry: the modulus is not a multiple of 2^52.
  return out;
}
inline constexpr Limbs52 kNegatedModulus = NegatedModulus();
// About 2^52 / (p / 2^364), rounded down.
inline constexpr uint64_t kTopReciprocal = (uint64_t{1} << 52) / (kModulus[7] + 1);

// The same value modulo p in [0, 1.01 p), for any bounds up to 256 p. The quotient by p is
// estimated from the highest limb: less one for the carry that has not reached it, times a
// reciprocal that is too small by less than 2^-16, so it is never too large, and too small by less
// than 1 + 2^-8 + 2^-16.
template <unsigned N, unsigned P>
GROAT_LANES_INLINE Fe<2> Shrink(const Loose<N, P>& a) {
  static_assert(N + P <= 256, "the estimate would be too rough");
  Vec sum[8];
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    sum[i] = N == 0 ? a.limb[i] : _mm512_add_epi64(a.limb[i], Broadcast(kMultiple<N>[i]));
  }
  const Vec zero = _mm512_setzero_si512();
  const Vec top = _mm512_add_epi64(sum[7], _mm512_srai_epi64(sum[6], 52));
  const Vec lowest = _mm512_max_epi64(_mm512_sub_epi64(top, Broadcast(1)), zero);
  const Vec quotient = _mm512_madd52hi_epu64(zero, lowest, Broadcast(kTopReciprocal));
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    sum[i] = _mm512_madd52lo_epu64(sum[i], quotient, Broadcast(kNegatedModulus[i]));
    if (i < 7) {
      sum[i + 1] = _mm512_madd52hi_epu64(sum[i + 1], quotient, Broadcast(kNegatedModulus[i]));
    }
  }
  Fe<2> out = internal::Propagate<Fe<2>>(sum);
  out.limb[7] = _mm512_and_si512(out.limb[7], Broadcast(kLimbMask));
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

// Lanes whose value is a multiple of p.
template <unsigned B>
GROAT_LANES_INLINE Mask IsZero(const Fe<B>& a) {
  static_assert(B <= kMultiples.size());
  Mask zero = 0;
#pragma GCC unroll 8
  for (size_t multiple = 0; multiple < B; ++multiple) {
    Vec difference = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
      difference = _mm512_or_si512(difference,
                                   _mm512_xor_si512(a.limb[i], Broadcast(kMultiples[multiple][i])));
    }
    zero = static_cast<Mask>(zero | _mm512_testn_epi64_mask(difference, difference));
  }
  return zero;
}
// Lanes whose value may be a multiple of p, by the lowest limb: wrongly one in about 2^52 of
// others.
template <unsigned B>
GROAT_LANES_INLINE Mask MayBeZero(const Fe<B>& a) {
  static_assert(B <= kMultiples.size());
  Mask zero = 0;
#pragma GCC unroll 8
  for (size_t multiple = 0; multiple < B; ++multiple) {
    zero = static_cast<Mask>(
        zero | _mm512_cmpeq_epi64_mask(a.limb[0], Broadcast(kMultiples[multiple][0])));
  }
  return zero;
}

// The kernels behind the multiplications; `out` may overlap the factors. Limbs lie as in Fe.
//
// Bound of the result (all of them): with T the sum of products before the reduction, |T| <
// kMaxProductBound p^2, the result is (T + k p) / 2^416 with k < 2^364 (2^50 + 2^52), see
// ReduceWide. As p < 2^381, |T| / 2^416 < p / 4 and k p / 2^416 < 1.25 p.
void MulKernel(Vec* out, const Vec* a, const Vec* b);
void SqrKernel(Vec* out, const Vec* a);

template <unsigned A, unsigned B>
GROAT_LANES_INLINE Fe<2> operator*(const Fe<A>& a, const Fe<B>& b) {
  static_assert(uint64_t{A} * B <= kMaxProductBound);
  Fe<2> out;
  MulKernel(out.limb, a.limb, b.limb);
  return out;
}
template <unsigned A>
GROAT_LANES_INLINE Fe<2> Sqr(const Fe<A>& a) {
  static_assert(uint64_t{A} * A <= kMaxProductBound);
  Fe<2> out;
  SqrKernel(out.limb, a.limb);
  return out;
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_FP8_H_
