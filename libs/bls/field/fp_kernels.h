// The multiplications of the base field and of its quadratic extension, as the CPU at hand does
// them best: by mulx, adcx and adox where it has BMI2 and ADX, else in portable C++.
//
// The table is filled before main() and never changed after, except by LimitCpuForTest (cpu.h).
// Until it is filled, portable code answers; both give the same results.
//
// Bounds. p < 2^381 is 26/256 of R = 2^384, so a number below 9 p fits 6 limbs. "Reduced" is below
// p. Every entry states what it takes; results overlap operands freely.
#ifndef GROAT_BLS_FIELD_FP_KERNELS_H_
#define GROAT_BLS_FIELD_FP_KERNELS_H_

#include <cstdint>

#include "bls/field/cpu.h"

namespace groat::bls {

struct FpKernels {
  // 6 limbs: a b / R mod p, reduced, for reduced a and b.
  void (*multiply)(uint64_t* out, const uint64_t* a, const uint64_t* b);
  // 6 limbs: a^2 / R mod p, reduced, for reduced a.
  void (*square)(uint64_t* out, const uint64_t* a);
  // 12 limbs: a b, for any a and b of 6 limbs.
  void (*multiply_wide)(uint64_t* out, const uint64_t* a, const uint64_t* b);
  // 6 limbs: a / R mod p, reduced, for a of 12 limbs below p R.
  void (*reduce)(uint64_t* out, const uint64_t* a);
  // Fp2 = Fp[u] / (u^2 + 1), c0 before c1, so 12 limbs: a b / R, all coefficients reduced.
  void (*fp2_multiply)(uint64_t* out, const uint64_t* a, const uint64_t* b);
  void (*fp2_square)(uint64_t* out, const uint64_t* a);
  // 24 limbs: a b with both coefficients unreduced but below p R (see fp_wide.h).
  void (*fp2_multiply_wide)(uint64_t* out, const uint64_t* a, const uint64_t* b);
  // "mulx" or "portable".
  const char* name;
};

extern constinit FpKernels fp_kernels;

// Takes the kernels of a level that the processor has. For cpu.cc, which see.
void ChooseFpKernels(CpuLevel level);

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_FP_KERNELS_H_
