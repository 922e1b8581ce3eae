#include "bls/bulk/engine.h"

#include <cstdint>

#if GROAT_BLS_IFMA
#include <cpuid.h>
#endif

namespace groat::bls {
namespace {

#if GROAT_BLS_IFMA
// What the operating system saves of a thread's registers.
uint64_t EnabledState() {
  uint32_t low = 0;
  uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

bool DetectIfma() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return false;
  // SSE, AVX, and the three parts of AVX-512's state.
  constexpr uint64_t kState = 0xe6;
  if ((EnabledState() & kState) != kState) return false;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr uint32_t kNeeded =
      bit_AVX512F | bit_AVX512DQ | bit_AVX512IFMA | bit_AVX512BW | bit_AVX512VL | bit_BMI2;
  return (b & kNeeded) == kNeeded;
}
#else
bool DetectIfma() { return false; }
#endif

}  // namespace

bool CpuHasIfma() {
  static const bool has = DetectIfma();
  return has;
}

Engine BestEngine() { return CpuHasIfma() ? Engine::kIfma : Engine::kScalar; }

std::ostream& operator<<(std::ostream& out, Engine engine) {
  return out << (engine == Engine::kIfma ? "ifma" : "scalar");
}

}  // namespace groat::bls
