#include "bls/bulk/ifma/power.h"

namespace groat::bls::ifma {
namespace {

constexpr PowerPlan kInverseSquareRoot = PlanPower(InverseSquareRootExponent());

template <size_t kVectors>
void Power(const PowerPlan& plan, Fe<2>* value) {
  constexpr size_t kTableSize = size_t{1} << (kPowerWindow - 1);
  Fe<2> table[kTableSize][kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    table[0][v] = value[v];
    const Fe<2> squared = Sqr(value[v]);
    for (size_t i = 1; i < kTableSize; ++i) table[i][v] = table[i - 1][v] * squared;
  }
  Fe<2> result[kVectors];
  for (size_t v = 0; v < kVectors; ++v) result[v] = table[plan.first_index][v];
  for (size_t step = 0; step < plan.count; ++step) {
    for (size_t i = 0; i < plan.steps[step].squarings; ++i) {
      for (size_t v = 0; v < kVectors; ++v) SqrKernel(result[v].limb, result[v].limb);
    }
    const uint8_t index = plan.steps[step].table_index;
    if (index == PowerStep::kNone) continue;
    for (size_t v = 0; v < kVectors; ++v) {
      MulKernel(result[v].limb, result[v].limb, table[index][v].limb);
    }
  }
  for (size_t v = 0; v < kVectors; ++v) value[v] = result[v];
}

}  // namespace

void InverseSquareRootPowers(Fe<2>* value, size_t count) {
  size_t i = 0;
  for (; i + 2 <= count; i += 2) Power<2>(kInverseSquareRoot, value + i);
  if (i < count) Power<1>(kInverseSquareRoot, value + i);
}

}  // namespace groat::bls::ifma
