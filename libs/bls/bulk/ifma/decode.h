// Big-endian field elements of point encodings to limbs in eight lanes, and back.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_DECODE_H_
#define GROAT_BLS_BULK_IFMA_DECODE_H_

#include "bls/bulk/ifma/transpose.h"

namespace groat::bls::ifma {

// Numbers below 2^384: word[0] holds the lowest 64 bits.
struct Words {
  Vec word[6];
};

// Each 64-bit lane with its bytes reversed.
GROAT_LANES_INLINE Vec ReverseBytes(Vec words) {
  const Vec order = _mm512_set4_epi64(0x08090a0b0c0d0e0f, 0x0001020304050607, 0x08090a0b0c0d0e0f,
                                      0x0001020304050607);
  return _mm512_shuffle_epi8(words, order);
}

// Limbs of 52 bits of a number below 2^384.
GROAT_LANES_INLINE void SplitWords(const Words& words, Vec (&limb)[8]) {
  const Vec mask = Broadcast(kLimbMask);
  const Vec(&w)[6] = words.word;
  limb[0] = _mm512_and_si512(w[0], mask);
#pragma GCC unroll 8
  for (unsigned i = 1; i < 7; ++i) {
    const unsigned word = 52 * i / 64;
    const unsigned shift = 52 * i % 64;
    Vec bits = _mm512_srli_epi64(w[word], shift);
    if (shift > 12) bits = _mm512_or_si512(bits, _mm512_slli_epi64(w[word + 1], 64 - shift));
    limb[i] = _mm512_and_si512(bits, mask);
  }
  limb[7] = _mm512_srli_epi64(w[5], 44);
}

// Lanes whose number is below `limit`.
GROAT_LANES_INLINE Mask IsBelow(const Vec (&limb)[8], const Limbs52& limit) {
  Vec carry = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    carry = _mm512_add_epi64(_mm512_srai_epi64(carry, 52),
                             _mm512_sub_epi64(limb[i], Broadcast(limit[i])));
  }
  return static_cast<Mask>(_mm512_movepi64_mask(carry));
}
GROAT_LANES_INLINE Mask BelowModulus(const Vec (&limb)[8]) { return IsBelow(limb, kModulus); }

// The number below p that an element in Montgomery form stands for.
template <unsigned B>
GROAT_LANES_INLINE Fe<1> ToNumber(const Fe<B>& a) {
  Fe<1> plain_one = Zero();
  plain_one.limb[0] = Broadcast(1);
  // Below 1.25 p + B p / 2^416, so one subtraction is enough.
  const Fe<2> value = a * plain_one;
  const Mask below = BelowModulus(value.limb);
  Vec difference[8];
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    difference[i] = _mm512_mask_sub_epi64(value.limb[i], static_cast<Mask>(~below), value.limb[i],
                                          Broadcast(kModulus[i]));
  }
  return internal::Propagate<Fe<1>>(difference);
}

// (p + 1) / 2: the larger of two roots y and p - y is not below it.
constexpr Limbs52 HalfModulus() {
  Limbs<6> half = kModulus64;
  for (size_t i = 0; i < 6; ++i) half[i] = half[i] >> 1 | (i < 5 ? half[i + 1] << 63 : 0);
  half[0] += 1;
  return SplitLimbs(half);
}
inline constexpr Limbs52 kHalfModulus = HalfModulus();

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_DECODE_H_
