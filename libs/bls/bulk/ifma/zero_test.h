// Which lanes hold zero, in any of its forms 0, p, 2p, ..
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_ZERO_TEST_H_
#define GROAT_BLS_BULK_IFMA_ZERO_TEST_H_

#include "bls/bulk/ifma/elements.h"

namespace groat::bls::ifma {

// For IsZero: the multiples of p below 5p at bits 16 to 18 of their highest limbs, which are
// distinct. Elsewhere 0, so that nothing but a multiple of p equals the entry at its own place.
struct MultipleTable {
  alignas(64) uint64_t limb[8][8];
};
constexpr MultipleTable MakeMultipleTable() {
  MultipleTable out{};
  for (size_t multiple = 0; multiple < 5; ++multiple) {
    for (size_t i = 0; i < 8; ++i) {
      out.limb[i][kMultiples[multiple][7] >> 16 & 7] = kMultiples[multiple][i];
    }
  }
  return out;
}
inline constexpr MultipleTable kMultipleTable = MakeMultipleTable();
static_assert(kMultiples[1][7] >> 16 == 1 && kMultiples[2][7] >> 16 == 3 &&
              kMultiples[3][7] >> 16 == 4 && kMultiples[4][7] >> 16 == 6);

// Lanes whose value is a multiple of p.
template <unsigned B>
GROAT_LANES_INLINE Mask IsZero(const Fe<B>& a) {
  static_assert(B <= kMultiples.size());
  Vec difference = _mm512_setzero_si512();
  const Vec place = _mm512_srli_epi64(a.limb[7], 16);  // The permutation reads three bits.
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    const Vec entry = _mm512_permutexvar_epi64(place, _mm512_load_si512(kMultipleTable.limb[i]));
    difference = _mm512_or_si512(difference, _mm512_xor_si512(a.limb[i], entry));
  }
  Mask zero = _mm512_testn_epi64_mask(difference, difference);
#pragma GCC unroll 8
  for (size_t multiple = 5; multiple < B; ++multiple) {
    difference = _mm512_setzero_si512();
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

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_ZERO_TEST_H_
