// Numbers of N limbs of 64 bits, the lowest first, and Montgomery arithmetic on them in portable
// C++. Everything also runs in constant expressions; nothing branches on the numbers except where
// a name says VariableTime.
//
// Pure. Source of the multiplication: Koc, Acar, Kaliski, "Analyzing and comparing Montgomery
// multiplication algorithms" (IEEE Micro 16, 1996), method CIOS.
#ifndef GROAT_BLS_FIELD_LIMBS_H_
#define GROAT_BLS_FIELD_LIMBS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bls/field/choice.h"

namespace groat::bls {

__extension__ typedef unsigned __int128 Uint128;

template <size_t N>
using Limbs = std::array<uint64_t, N>;

// out = a + b; the carry out (0 or 1) is returned.
template <size_t N>
constexpr uint64_t AddLimbs(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  uint64_t carry = 0;
  for (size_t i = 0; i < N; ++i) {
    const Uint128 sum = Uint128{a[i]} + b[i] + carry;
    out[i] = static_cast<uint64_t>(sum);
    carry = static_cast<uint64_t>(sum >> 64);
  }
  return carry;
}

// out = a - b; the borrow out (0 or 1) is returned.
template <size_t N>
constexpr uint64_t SubLimbs(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  uint64_t borrow = 0;
  for (size_t i = 0; i < N; ++i) {
    const Uint128 difference = Uint128{a[i]} - b[i] - borrow;
    out[i] = static_cast<uint64_t>(difference);
    borrow = static_cast<uint64_t>(difference >> 64) & 1;
  }
  return borrow;
}

// out = choice ? a : b.
template <size_t N>
constexpr void SelectLimbs(uint64_t* out, Choice choice, const uint64_t* a, const uint64_t* b) {
#pragma GCC unroll 8
  for (size_t i = 0; i < N; ++i) out[i] = b[i] ^ ((a[i] ^ b[i]) & choice.mask());
}

// out = a if a < m, else a - m.
template <size_t N>
constexpr void SubtractOnce(uint64_t* out, const uint64_t* a, const uint64_t* m) {
  Limbs<N> less{};
  const uint64_t borrow = SubLimbs<N>(less.data(), a, m);
  SelectLimbs<N>(out, Choice::FromBit(borrow), a, less.data());
}

// out = a + b mod m, for a, b < m < 2^(64N - 1).
template <size_t N>
constexpr void AddModulo(uint64_t* out, const uint64_t* a, const uint64_t* b, const uint64_t* m) {
  Limbs<N> sum{};
  AddLimbs<N>(sum.data(), a, b);
  SubtractOnce<N>(out, sum.data(), m);
}

// out = a - b mod m, for a, b < m.
template <size_t N>
constexpr void SubModulo(uint64_t* out, const uint64_t* a, const uint64_t* b, const uint64_t* m) {
  Limbs<N> difference{};
  const Choice below = Choice::FromBit(SubLimbs<N>(difference.data(), a, b));
  Limbs<N> correction{};
  for (size_t i = 0; i < N; ++i) correction[i] = m[i] & below.mask();
  AddLimbs<N>(out, difference.data(), correction.data());
}

// The 2N limbs of a * b.
template <size_t N>
constexpr void MultiplyWide(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  Limbs<2 * N> product{};
  for (size_t i = 0; i < N; ++i) {
    uint64_t carry = 0;
    for (size_t j = 0; j < N; ++j) {
      const Uint128 sum = Uint128{a[j]} * b[i] + product[i + j] + carry;
      product[i + j] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    product[i + N] = carry;
  }
  for (size_t i = 0; i < 2 * N; ++i) out[i] = product[i];
}

// out = wide / 2^(64N) mod m, below m, for wide < m * 2^(64N). `n0` = -1/m mod 2^64.
template <size_t N>
constexpr void ReduceMontgomery(uint64_t* out, const uint64_t* wide, const uint64_t* m,
                                uint64_t n0) {
  Limbs<2 * N> t{};
  for (size_t i = 0; i < 2 * N; ++i) t[i] = wide[i];
  uint64_t top = 0;
  for (size_t i = 0; i < N; ++i) {
    const uint64_t factor = t[i] * n0;
    uint64_t carry = 0;
    for (size_t j = 0; j < N; ++j) {
      const Uint128 sum = Uint128{factor} * m[j] + t[i + j] + carry;
      t[i + j] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    const Uint128 sum = Uint128{t[i + N]} + carry + top;
    t[i + N] = static_cast<uint64_t>(sum);
    top = static_cast<uint64_t>(sum >> 64);
  }
  // The value is (wide + k m) / 2^(64N) < 2m < 2^(64N), so `top` is 0.
  SubtractOnce<N>(out, t.data() + N, m);
}

// out = a * b / 2^(64N) mod m, below m, for a * b < m * 2^(64N).
template <size_t N>
constexpr void MultiplyMontgomery(uint64_t* out, const uint64_t* a, const uint64_t* b,
                                  const uint64_t* m, uint64_t n0) {
  Limbs<2 * N> wide{};
  MultiplyWide<N>(wide.data(), a, b);
  ReduceMontgomery<N>(out, wide.data(), m, n0);
}

// -1 / m mod 2^64 for odd m, by Newton's iteration.
constexpr uint64_t NegativeInverse64(uint64_t m) {
  uint64_t inverse = m;  // Right in the lowest 3 bits.
  for (int i = 0; i < 5; ++i) inverse *= 2 - m * inverse;
  return 0 - inverse;
}

// 2^exponent mod m for m < 2^(64N - 1): the Montgomery constants.
template <size_t N>
constexpr Limbs<N> PowerOfTwoModulo(size_t exponent, const Limbs<N>& m) {
  Limbs<N> value{1};
  for (size_t i = 0; i < exponent; ++i) {
    AddModulo<N>(value.data(), value.data(), value.data(), m.data());
  }
  return value;
}

// Hexadecimal digits with or without 0x, for constants in the source only: there, a wrong digit or
// too many do not compile, since `throw` is not constant.
template <size_t N>
constexpr Limbs<N> LimbsFromHex(std::string_view hex) {
  if (hex.substr(0, 2) == "0x") hex.remove_prefix(2);
  if (hex.size() > 16 * N) throw "too many digits";
  Limbs<N> value{};
  for (size_t i = 0; i < hex.size(); ++i) {
    const char c = hex[hex.size() - 1 - i];
    uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint64_t>(c - 'a') + 10;
    } else {
      throw "not a lower-case hexadecimal digit";
    }
    value[i / 16] |= digit << (4 * (i % 16));
  }
  return value;
}

// -1, 0 or 1 as a is below, equal to or above b. Variable time: for public numbers.
template <size_t N>
constexpr int CompareVariableTime(const Limbs<N>& a, const Limbs<N>& b) {
  for (size_t i = N; i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

template <size_t N>
constexpr Choice LimbsAreZero(const Limbs<N>& a) {
  uint64_t all = 0;
  for (uint64_t limb : a) all |= limb;
  return Choice::IsZero(all);
}

template <size_t N>
constexpr Choice LimbsEqual(const Limbs<N>& a, const Limbs<N>& b) {
  uint64_t all = 0;
  for (size_t i = 0; i < N; ++i) all |= a[i] ^ b[i];
  return Choice::IsZero(all);
}

// a >= b, without a branch.
template <size_t N>
constexpr Choice LimbsAtLeast(const Limbs<N>& a, const Limbs<N>& b) {
  Limbs<N> ignored{};
  return !Choice::FromBit(SubLimbs<N>(ignored.data(), a.data(), b.data()));
}

template <size_t N>
constexpr Limbs<N> LoadBigEndianLimbs(const uint8_t* bytes) {
  Limbs<N> value{};
  for (size_t i = 0; i < N; ++i) {
    for (size_t j = 0; j < 8; ++j) value[N - 1 - i] = value[N - 1 - i] << 8 | bytes[8 * i + j];
  }
  return value;
}

template <size_t N>
constexpr void StoreBigEndianLimbs(const Limbs<N>& value, uint8_t* bytes) {
  for (size_t i = 0; i < N; ++i) {
    for (size_t j = 0; j < 8; ++j) {
      bytes[8 * i + j] = static_cast<uint8_t>(value[N - 1 - i] >> (56 - 8 * j));
    }
  }
}

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_LIMBS_H_
