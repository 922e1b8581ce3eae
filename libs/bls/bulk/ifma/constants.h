// Numbers modulo p in 52-bit limbs, computed while compiling.
//
// Pure values. Included by sources that are compiled for AVX-512: it may hold nothing that the
// linker could take for code of other sources.
#ifndef GROAT_BLS_BULK_IFMA_CONSTANTS_H_
#define GROAT_BLS_BULK_IFMA_CONSTANTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bls/field/limbs.h"

namespace groat::bls::ifma {

// A number of eight limbs of 52 bits, the lowest first.
using Limbs52 = std::array<uint64_t, 8>;

inline constexpr uint64_t kLimbMask = (uint64_t{1} << 52) - 1;

// The same number, which must be below 2^384, in limbs of 52 bits.
constexpr Limbs52 SplitLimbs(const Limbs<6>& value) {
  Limbs52 out{};
  for (size_t i = 0; i < 8; ++i) {
    const size_t bit = 52 * i;
    uint64_t limb = value[bit / 64] >> (bit % 64);
    if (bit % 64 > 12 && bit / 64 + 1 < 6) limb |= value[bit / 64 + 1] << (64 - bit % 64);
    out[i] = limb & kLimbMask;
  }
  return out;
}

inline constexpr Limbs<6> kModulus64 = LimbsFromHex<6>(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaa"
    "ab");
inline constexpr Limbs52 kModulus = SplitLimbs(kModulus64);

// factor * p, for a factor below 2^34.
constexpr Limbs52 MultipleOfModulus(uint64_t factor) {
  Limbs52 out{};
  Uint128 carry = 0;
  for (size_t i = 0; i < 8; ++i) {
    carry += Uint128{kModulus[i]} * factor;
    out[i] = static_cast<uint64_t>(carry) & kLimbMask;
    carry >>= 52;
  }
  return out;
}

// i p at place i.
inline constexpr std::array<Limbs52, 8> kMultiples = {
    MultipleOfModulus(0), MultipleOfModulus(1), MultipleOfModulus(2), MultipleOfModulus(3),
    MultipleOfModulus(4), MultipleOfModulus(5), MultipleOfModulus(6), MultipleOfModulus(7)};

// -1 / p mod 2^52.
inline constexpr uint64_t kN0 = NegativeInverse64(kModulus64[0]) & kLimbMask;

// (kN0 p + 1) / 2^52. The multiple kN0 p is -1 mod 2^52, so adding t * kN0 p to a number whose
// lowest limb is t clears that limb without a multiplication for the factor: what is added to the
// limbs above is t * kFolded.
constexpr Limbs52 FoldedModulus() {
  Limbs52 out{};
  Uint128 carry = 1;
  for (size_t i = 0; i < 8; ++i) {
    carry += Uint128{kModulus[i]} * kN0;
    if (i > 0) out[i - 1] = static_cast<uint64_t>(carry) & kLimbMask;
    carry >>= 52;
  }
  out[7] = static_cast<uint64_t>(carry);
  return out;
}
inline constexpr Limbs52 kFolded = FoldedModulus();
static_assert(kN0 < uint64_t{1} << 50, "the bound of ReduceWide rests on it");
static_assert(kFolded[7] < uint64_t{1} << 16);

// 2^exponent mod p.
constexpr Limbs52 PowerOfTwo(size_t exponent) {
  return SplitLimbs(PowerOfTwoModulo<6>(exponent, kModulus64));
}
// The field's one: R = 2^416.
inline constexpr Limbs52 kOne = PowerOfTwo(416);
inline constexpr Limbs52 kRSquared = PowerOfTwo(832);

// a 2^exponent mod p for a < p.
constexpr Limbs52 TimesPowerOfTwo(Limbs<6> a, size_t exponent) {
  for (size_t i = 0; i < exponent; ++i) {
    AddModulo<6>(a.data(), a.data(), a.data(), kModulus64.data());
  }
  return SplitLimbs(a);
}
// a / 2^exponent mod p for a < p.
constexpr Limbs52 DividedByPowerOfTwo(Limbs<6> a, size_t exponent) {
  for (size_t i = 0; i < exponent; ++i) {
    // An odd number becomes even by adding p; p's top bits are clear, so nothing overflows.
    if (a[0] % 2 == 1) AddLimbs<6>(a.data(), a.data(), kModulus64.data());
    for (size_t j = 0; j < 6; ++j) a[j] = a[j] >> 1 | (j < 5 ? a[j + 1] << 63 : 0);
  }
  return SplitLimbs(a);
}
// A constant of the source in Montgomery form.
consteval Limbs52 FromHex(std::string_view hex) {
  return TimesPowerOfTwo(LimbsFromHex<6>(hex), 416);
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_CONSTANTS_H_
