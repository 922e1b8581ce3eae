// Products of eight pairs of field elements before their reduction, so that sums of products need
// one reduction.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_WIDE_H_
#define GROAT_BLS_BULK_IFMA_WIDE_H_

#include "bls/bulk/ifma/fp8.h"

namespace groat::bls::ifma {

// Sixteen signed limbs of weight 2^(52 i). One product adds less than 2^56 to a limb.
struct Wide {
  Vec limb[16];
};

GROAT_LANES_INLINE Wide WideZero() {
  Wide out;
#pragma GCC unroll 16
  for (size_t i = 0; i < 16; ++i) out.limb[i] = _mm512_setzero_si512();
  return out;
}
// p 2^416: added to a difference of products, it makes the reduced value positive and adds p to it.
GROAT_LANES_INLINE Wide WideBias() {
  Wide out = WideZero();
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[8 + i] = Broadcast(kModulus[i]);
  return out;
}

// t += a b. The row of one limb of `a` adds all low halves and then all high halves, so that no
// two additions to the same limb stand closer than the instruction's latency.
GROAT_LANES_INLINE void MulAccumulate(Wide& t, const Vec* a, const Vec* b) {
  Vec factor[8];
#pragma GCC unroll 8
  for (size_t j = 0; j < 8; ++j) factor[j] = b[j];
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    const Vec row = a[i];
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) {
      t.limb[i + j] = _mm512_madd52lo_epu64(t.limb[i + j], row, factor[j]);
    }
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) {
      t.limb[i + j + 1] = _mm512_madd52hi_epu64(t.limb[i + j + 1], row, factor[j]);
    }
  }
}

// a^2; of the cross products each is computed once and doubled.
GROAT_LANES_INLINE Wide SqrWide(const Vec* a) {
  Wide t = WideZero();
  Vec factor[8];
#pragma GCC unroll 8
  for (size_t j = 0; j < 8; ++j) factor[j] = a[j];
#pragma GCC unroll 8
  for (size_t i = 0; i < 7; ++i) {
#pragma GCC unroll 8
    for (size_t j = i + 1; j < 8; ++j) {
      t.limb[i + j] = _mm512_madd52lo_epu64(t.limb[i + j], factor[i], factor[j]);
    }
#pragma GCC unroll 8
    for (size_t j = i + 1; j < 8; ++j) {
      t.limb[i + j + 1] = _mm512_madd52hi_epu64(t.limb[i + j + 1], factor[i], factor[j]);
    }
  }
#pragma GCC unroll 16
  for (size_t i = 1; i < 15; ++i) t.limb[i] = _mm512_add_epi64(t.limb[i], t.limb[i]);
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    t.limb[2 * i] = _mm512_madd52lo_epu64(t.limb[2 * i], factor[i], factor[i]);
    t.limb[2 * i + 1] = _mm512_madd52hi_epu64(t.limb[2 * i + 1], factor[i], factor[i]);
  }
  return t;
}

GROAT_LANES_INLINE void Add(Wide& t, const Wide& a) {
#pragma GCC unroll 16
  for (size_t i = 0; i < 16; ++i) t.limb[i] = _mm512_add_epi64(t.limb[i], a.limb[i]);
}
GROAT_LANES_INLINE void Subtract(Wide& t, const Wide& a) {
#pragma GCC unroll 16
  for (size_t i = 0; i < 16; ++i) t.limb[i] = _mm512_sub_epi64(t.limb[i], a.limb[i]);
}

// out = t / 2^416 mod p. Rows 0 to 6 clear the lowest limb with the multiple kN0 p (constants.h):
// the factor is the limb itself, and the signed shift carries the rest of it. The last row uses p,
// so that the bound stays at p's size: what the rows add is below
//   2^364 kN0 p + 2^52 2^364 p < (2^50 + 2^52) 2^364 p.
// There kN0 t + .. clears limb 7: the sum of its 52 bits is 0 or 2^52, so the carry is the limb
// divided by 2^52, rounded up.
// Limbs of t up to 2^60 in magnitude are allowed: the rows add less than 17 * 2^52 to each.
GROAT_LANES_INLINE void ReduceWide(Vec* out, Wide& t) {
  Vec folded[8];
#pragma GCC unroll 8
  for (size_t j = 0; j < 8; ++j) folded[j] = Broadcast(kFolded[j]);
#pragma GCC unroll 8
  for (size_t i = 0; i < 7; ++i) {
    const Vec factor = t.limb[i];
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) {
      t.limb[i + j + 1] = _mm512_madd52lo_epu64(t.limb[i + j + 1], factor, folded[j]);
    }
    t.limb[i + 1] = _mm512_add_epi64(t.limb[i + 1], _mm512_srai_epi64(factor, 52));
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) {
      t.limb[i + j + 2] = _mm512_madd52hi_epu64(t.limb[i + j + 2], factor, folded[j]);
    }
  }
  const Vec mask = Broadcast(kLimbMask);
  const Vec factor = _mm512_madd52lo_epu64(_mm512_setzero_si512(), t.limb[7], Broadcast(kN0));
  t.limb[8] = _mm512_add_epi64(t.limb[8], _mm512_srai_epi64(_mm512_add_epi64(t.limb[7], mask), 52));
#pragma GCC unroll 8
  for (size_t j = 1; j < 8; ++j) {
    t.limb[7 + j] = _mm512_madd52lo_epu64(t.limb[7 + j], factor, Broadcast(kModulus[j]));
  }
#pragma GCC unroll 8
  for (size_t j = 0; j < 8; ++j) {
    t.limb[8 + j] = _mm512_madd52hi_epu64(t.limb[8 + j], factor, Broadcast(kModulus[j]));
  }
  Vec carried = t.limb[8];
#pragma GCC unroll 8
  for (size_t i = 0; i < 7; ++i) {
    out[i] = _mm512_and_si512(carried, mask);
    carried = _mm512_add_epi64(t.limb[9 + i], _mm512_srai_epi64(carried, 52));
  }
  out[7] = carried;
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_WIDE_H_
