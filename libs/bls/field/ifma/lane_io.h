// Numbers between the 64-bit limbs of Fp and the lanes of AVX-512 vectors.
//
// Pure, no branch or index on the numbers. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_FIELD_IFMA_LANE_IO_H_
#define GROAT_BLS_FIELD_IFMA_LANE_IO_H_

#include "bls/bulk/ifma/fp8.h"
#include "bls/bulk/ifma/wide.h"

namespace groat::bls::ifma {

// Six limbs of 64 bits in Montgomery form with R = 2^384, as Fp holds them.
using Number64 = uint64_t[6];

// 2^448, which takes numbers from R = 2^384 to 2^416, and 2^384, which takes them back: with the
// division by 2^416 of each product they are factors of 2^32 and 2^-32.
inline constexpr Limbs52 kToLanes = PowerOfTwo(448);
inline constexpr Limbs52 kFromLanes = PowerOfTwo(384);

GROAT_LANES_INLINE Fe<2> MultiplyByConstant(const Vec* limb, const Limbs52& constant) {
  const Fe<1> factor = Constant(constant);
  Wide t = WideZero();
  MulAccumulate(t, limb, factor.limb);
  Fe<2> out;
  ReduceWide(out.limb, t);
  return out;
}

// `count` numbers, at most 8, below 2^384; the lanes beyond them are zero.
GROAT_LANES_INLINE Fe<2> ReadLanes(const Number64* numbers, size_t count) {
  alignas(64) uint64_t lanes[8][8] = {};
  for (size_t lane = 0; lane < count; ++lane) {
    for (size_t i = 0; i < 8; ++i) {
      const size_t bit = 52 * i;
      uint64_t limb = numbers[lane][bit / 64] >> (bit % 64);
      if (bit % 64 > 12 && bit / 64 + 1 < 6) {
        limb |= numbers[lane][bit / 64 + 1] << (64 - bit % 64);
      }
      lanes[i][lane] = limb & kLimbMask;
    }
  }
  Vec limb[8];
  for (size_t i = 0; i < 8; ++i) limb[i] = _mm512_load_si512(lanes[i]);
  return MultiplyByConstant(limb, kToLanes);
}

// The first `count` lanes, below 2 p.
template <unsigned B>
GROAT_LANES_INLINE void WriteLanes(const Fe<B>& value, Number64* numbers, size_t count) {
  const Fe<2> converted = MultiplyByConstant(value.limb, kFromLanes);
  alignas(64) uint64_t lanes[8][8];
  for (size_t i = 0; i < 8; ++i) _mm512_store_si512(lanes[i], converted.limb[i]);
  for (size_t lane = 0; lane < count; ++lane) {
    for (size_t j = 0; j < 6; ++j) numbers[lane][j] = 0;
    for (size_t i = 0; i < 8; ++i) {
      const size_t bit = 52 * i;
      numbers[lane][bit / 64] |= lanes[i][lane] << (bit % 64);
      if (bit % 64 > 12 && bit / 64 + 1 < 6) {
        numbers[lane][bit / 64 + 1] |= lanes[i][lane] >> (64 - bit % 64);
      }
    }
  }
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_FIELD_IFMA_LANE_IO_H_
