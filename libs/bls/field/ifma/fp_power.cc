#include "bls/field/ifma/fp_power.h"

#include "bls/bulk/ifma/power.h"
#include "bls/field/ifma/lane_io.h"

namespace groat::bls::ifma {
namespace {

constexpr PowerPlan kPlan = PlanPower(InverseSquareRootExponent());
constexpr size_t kTableSize = size_t{1} << (kPowerWindow - 1);

// Not inlined, so that the code stays in the first cache.
__attribute__((noinline)) void SquareLanes(Fe<2>& a) {
  Wide t = SqrWide(a.limb);
  ReduceWide(a.limb, t);
}
__attribute__((noinline)) void MultiplyLanes(Fe<2>& a, const Fe<2>& b) {
  Wide t = WideZero();
  MulAccumulate(t, a.limb, b.limb);
  ReduceWide(a.limb, t);
}

// Several vectors in turn keep the multipliers busy, since each chain waits for its own results.
template <size_t kVectors>
void Power(Fe<2> (&value)[kVectors]) {
  Fe<2> table[kTableSize][kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    table[0][v] = value[v];
    Fe<2> squared = value[v];
    SquareLanes(squared);
    for (size_t i = 1; i < kTableSize; ++i) {
      table[i][v] = table[i - 1][v];
      MultiplyLanes(table[i][v], squared);
    }
  }
  for (size_t v = 0; v < kVectors; ++v) value[v] = table[kPlan.first_index][v];
  for (size_t step = 0; step < kPlan.count; ++step) {
    for (size_t i = 0; i < kPlan.steps[step].squarings; ++i) {
      for (size_t v = 0; v < kVectors; ++v) SquareLanes(value[v]);
    }
    const uint8_t index = kPlan.steps[step].table_index;
    if (index == PowerStep::kNone) continue;
    for (size_t v = 0; v < kVectors; ++v) MultiplyLanes(value[v], table[index][v]);
  }
}

template <size_t kVectors>
void PowerOf(Number64* numbers, size_t count) {
  const auto lanes_of = [count](size_t vector) {
    return count - 8 * vector < 8 ? count - 8 * vector : size_t{8};
  };
  Fe<2> value[kVectors];
  for (size_t v = 0; v < kVectors; ++v) value[v] = ReadLanes(numbers + 8 * v, lanes_of(v));
  Power(value);
  for (size_t v = 0; v < kVectors; ++v) WriteLanes(value[v], numbers + 8 * v, lanes_of(v));
}

}  // namespace

void RaiseToInverseSqrt(uint64_t (*numbers)[6], size_t count) {
  while (count > 8) {
    const size_t taken = count < 16 ? count : 16;
    PowerOf<2>(numbers, taken);
    numbers += taken;
    count -= taken;
  }
  if (count > 0) PowerOf<1>(numbers, count);
}

}  // namespace groat::bls::ifma
