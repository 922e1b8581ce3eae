// Eight rows of eight 64-bit words to columns and back.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_TRANSPOSE_H_
#define GROAT_BLS_BULK_IFMA_TRANSPOSE_H_

#include "bls/bulk/ifma/fp8.h"

namespace groat::bls::ifma {

// column[i] holds word i of rows 0 to 7. The two may be the same array.
GROAT_LANES_INLINE void Transpose(const Vec (&row)[8], Vec (&column)[8]) {
  Vec pairs[8];  // Words of two neighbouring rows.
#pragma GCC unroll 4
  for (size_t i = 0; i < 8; i += 2) {
    pairs[i] = _mm512_unpacklo_epi64(row[i], row[i + 1]);      // Words 0 2 4 6.
    pairs[i + 1] = _mm512_unpackhi_epi64(row[i], row[i + 1]);  // Words 1 3 5 7.
  }
  Vec quads[8];  // Of four neighbouring rows: 0x88 takes words w and w + 4, 0xdd w + 2 and w + 6.
#pragma GCC unroll 2
  for (size_t i = 0; i < 8; i += 4) {
    quads[i] = _mm512_shuffle_i64x2(pairs[i], pairs[i + 2], 0x88);
    quads[i + 1] = _mm512_shuffle_i64x2(pairs[i + 1], pairs[i + 3], 0x88);
    quads[i + 2] = _mm512_shuffle_i64x2(pairs[i], pairs[i + 2], 0xdd);
    quads[i + 3] = _mm512_shuffle_i64x2(pairs[i + 1], pairs[i + 3], 0xdd);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
    column[i] = _mm512_shuffle_i64x2(quads[i], quads[i + 4], 0x88);
    column[i + 4] = _mm512_shuffle_i64x2(quads[i], quads[i + 4], 0xdd);
  }
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_TRANSPOSE_H_
