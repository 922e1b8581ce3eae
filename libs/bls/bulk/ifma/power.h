// Powers with an exponent that is known while compiling.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_POWER_H_
#define GROAT_BLS_BULK_IFMA_POWER_H_

#include "bls/bulk/ifma/fp8.h"

namespace groat::bls::ifma {

// One step of a sliding window: square `squarings` times, then multiply by the odd power
// 2 table_index + 1, unless the index is kNone.
struct PowerStep {
  static constexpr uint8_t kNone = 255;
  uint8_t squarings;
  uint8_t table_index;
};
struct PowerPlan {
  static constexpr size_t kMaxSteps = 128;
  uint8_t first_index = 0;  // The power to start with.
  size_t count = 0;
  PowerStep steps[kMaxSteps] = {};
};

inline constexpr size_t kPowerWindow = 5;

// Windows of at most kPowerWindow bits that start and end with a 1, from the exponent's top.
constexpr PowerPlan PlanPower(const Limbs<6>& exponent) {
  PowerPlan plan;
  const auto bit = [&exponent](size_t i) { return (exponent[i / 64] >> (i % 64)) & 1; };
  size_t left = 384;
  size_t pending = 0;
  bool started = false;
  while (left > 0) {
    if (bit(left - 1) == 0) {
      --left;
      if (started) ++pending;
      continue;
    }
    size_t low = left > kPowerWindow ? left - kPowerWindow : 0;
    while (bit(low) == 0) ++low;
    size_t digit = 0;
    for (size_t i = left; i-- > low;) digit = 2 * digit + bit(i);
    if (!started) {
      plan.first_index = static_cast<uint8_t>(digit / 2);
      started = true;
    } else {
      plan.steps[plan.count++] = {static_cast<uint8_t>(pending + left - low),
                                  static_cast<uint8_t>(digit / 2)};
    }
    pending = 0;
    left = low;
  }
  if (pending > 0) plan.steps[plan.count++] = {static_cast<uint8_t>(pending), PowerStep::kNone};
  return plan;
}

// (p - 3) / 4.
constexpr Limbs<6> InverseSquareRootExponent() {
  Limbs<6> out = kModulus64;
  out[0] -= 3;
  for (size_t i = 0; i < 6; ++i) out[i] = out[i] >> 2 | (i < 5 ? out[i + 1] << 62 : 0);
  return out;
}

// value[i]^((p - 3) / 4) for `count` vectors: for a square its inverse square root; 0 for 0. Two
// vectors at a time keep the multipliers busy, since each chain waits for its own results.
void InverseSquareRootPowers(Fe<2>* value, size_t count);

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_POWER_H_
