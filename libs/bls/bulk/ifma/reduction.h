// The ways from sums and differences of lanes back to elements that can be multiplied.
//
// Carry keeps the value (and adds a multiple of p where it could be negative); Reduce and Shrink
// make it small: Reduce for differences of a few elements, Shrink for any, at twice the cost.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_REDUCTION_H_
#define GROAT_BLS_BULK_IFMA_REDUCTION_H_

#include "bls/bulk/ifma/elements.h"

namespace groat::bls::ifma {

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

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_REDUCTION_H_
