#include "bls/field/cpu.h"

#include <algorithm>
#include <cstdint>

#include "bls/field/fp_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace groat::bls {
namespace {

#if defined(__x86_64__)
struct Features {
  bool mulx = false;
  bool ifma = false;
};

// What the operating system saves of a thread's registers (XCR0).
uint64_t EnabledState() {
  uint32_t low = 0;
  uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

Features Detect() {
  Features out;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return out;
  const uint32_t extended = b;
  constexpr uint32_t kMulx = bit_BMI2 | bit_ADX;
  out.mulx = (extended & kMulx) == kMulx;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return out;
  // SSE, AVX, and the three parts of AVX-512's state.
  constexpr uint64_t kState = 0xe6;
  constexpr uint32_t kIfma =
      bit_AVX512F | bit_AVX512DQ | bit_AVX512IFMA | bit_AVX512BW | bit_AVX512VL | bit_BMI2;
  out.ifma = (EnabledState() & kState) == kState && (extended & kIfma) == kIfma;
  return out;
}

const Features& Cpu() {
  static const Features features = Detect();
  return features;
}
#endif

CpuLevel HighestLevel() {
  if (!CpuHasMulx()) return CpuLevel::kPortable;
  return CpuHasIfma() ? CpuLevel::kIfma : CpuLevel::kMulx;
}

constinit CpuLevel used_level = CpuLevel::kPortable;

}  // namespace

#if defined(__x86_64__)
bool CpuHasMulx() { return Cpu().mulx; }
bool CpuHasIfma() { return Cpu().ifma; }
#else
bool CpuHasMulx() { return false; }
bool CpuHasIfma() { return false; }
#endif

CpuLevel UsedCpuLevel() { return used_level; }

void LimitCpuForTest(CpuLevel highest) {
  used_level = std::min(highest, HighestLevel());
  ChooseFpKernels(used_level);
}

}  // namespace groat::bls
