#include "bls/curve/scalar_digits.h"

#include "bls/curve/curves.h"

namespace groat::bls {
namespace {

// floor((2^128 - 1) / |x|) - 2^64; |x| has its top bit set, as the method asks.
constexpr uint64_t kReciprocal = static_cast<uint64_t>(~Uint128{0} / kMinusX);
static_assert(kMinusX >> 63 == 1);

// (high 2^64 + low) / |x| for high < |x|; the remainder replaces `high`. Method: algorithm 4 of
// Moller and Granlund with its two corrections done by masks.
uint64_t DivideStep(uint64_t& high, uint64_t low) {
  const Uint128 estimate = Uint128{kReciprocal} * high + (Uint128{high} << 64 | low);
  uint64_t quotient = static_cast<uint64_t>(estimate >> 64) + 1;
  uint64_t remainder = low - quotient * kMinusX;
  const auto at_least = [](uint64_t a, uint64_t b) {  // 1 if a >= b.
    return 1 ^ (static_cast<uint64_t>((Uint128{a} - b) >> 64) & 1);
  };
  const uint64_t low_estimate = static_cast<uint64_t>(estimate);
  const Choice too_large = !Choice::FromBit(at_least(low_estimate, remainder));
  quotient += too_large.mask();
  remainder += kMinusX & too_large.mask();
  const Choice too_small = Choice::FromBit(at_least(remainder, kMinusX));
  quotient -= too_small.mask();
  remainder -= kMinusX & too_small.mask();
  high = remainder;
  return quotient;
}

}  // namespace

std::array<uint64_t, 4> DigitsToBaseX(const Fr& k) {
  Limbs<4> rest = k.ToLimbs();
  std::array<uint64_t, 4> digits;
  for (uint64_t& digit : digits) {
    uint64_t remainder = 0;
    for (size_t i = 4; i-- > 0;) rest[i] = DivideStep(remainder, rest[i]);
    digit = remainder;
  }
  return digits;
}

SignedDigit BoothDigit(std::span<const uint64_t> limbs, size_t index, size_t width) {
  // The window's bits and the bit below it: 2^w b_w + .. + 2 b_1 + b_0 with b_0 from below.
  const auto bits_from = [&](size_t position) {
    const size_t word = position / 64;
    const size_t shift = position % 64;
    uint64_t bits = word < limbs.size() ? limbs[word] >> shift : 0;
    if (shift != 0 && word + 1 < limbs.size()) bits |= limbs[word + 1] << (64 - shift);
    return bits;
  };
  const uint64_t mask = (uint64_t{2} << width) - 1;
  const uint64_t window = (index == 0 ? limbs[0] << 1 : bits_from(index * width - 1)) & mask;
  // The window's value is ceil(window / 2), less 2^width where its top bit is set.
  const Choice negative = Choice::FromBit(window >> width);
  const uint64_t rounded = (window + 1) >> 1;
  const uint64_t complement = (uint64_t{1} << width) - rounded;
  return {rounded ^ ((rounded ^ complement) & negative.mask()), negative};
}

std::vector<int8_t> NonAdjacentFormVariableTime(std::span<const uint64_t> limbs, int width) {
  std::vector<uint64_t> rest(limbs.begin(), limbs.end());
  rest.push_back(0);
  const auto is_zero = [&] {
    for (uint64_t limb : rest) {
      if (limb != 0) return false;
    }
    return true;
  };
  std::vector<int8_t> digits;
  const int64_t base = int64_t{1} << width;
  while (!is_zero()) {
    int64_t digit = 0;
    if (rest[0] & 1) {
      digit = static_cast<int64_t>(rest[0] & static_cast<uint64_t>(base - 1));
      if (digit >= base / 2) digit -= base;
      // rest -= digit.
      uint64_t carry = digit < 0 ? static_cast<uint64_t>(-digit) : 0;
      rest[0] -= digit > 0 ? static_cast<uint64_t>(digit) : 0;
      for (size_t i = 0; carry != 0 && i < rest.size(); ++i) {
        rest[i] += carry;
        carry = rest[i] < carry ? 1 : 0;
      }
    }
    digits.push_back(static_cast<int8_t>(digit));
    for (size_t i = 0; i + 1 < rest.size(); ++i) rest[i] = rest[i] >> 1 | rest[i + 1] << 63;
    rest.back() >>= 1;
  }
  return digits;
}

}  // namespace groat::bls
