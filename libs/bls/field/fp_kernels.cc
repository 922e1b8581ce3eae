#include "bls/field/fp_kernels.h"

#include "bls/field/fp.h"
#include "bls/field/fp_wide.h"

#if defined(__x86_64__)
extern "C" {
void groat_bls_fp_multiply(uint64_t* out, const uint64_t* a, const uint64_t* b);
void groat_bls_fp_square(uint64_t* out, const uint64_t* a);
void groat_bls_fp_multiply_wide(uint64_t* out, const uint64_t* a, const uint64_t* b);
void groat_bls_fp_reduce(uint64_t* out, const uint64_t* a);
void groat_bls_fp2_multiply(uint64_t* out, const uint64_t* a, const uint64_t* b);
void groat_bls_fp2_square(uint64_t* out, const uint64_t* a);
void groat_bls_fp2_multiply_wide(uint64_t* out, const uint64_t* a, const uint64_t* b);
}
#endif

namespace groat::bls {
namespace {

constexpr const uint64_t* kP = FpParams::kModulus.data();

void Multiply(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  MultiplyMontgomery<6>(out, a, b, kP, FpParams::kN0);
}
void Square(uint64_t* out, const uint64_t* a) { Multiply(out, a, a); }
void MultiplyWide6(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  MultiplyWide<6>(out, a, b);
}
void Reduce(uint64_t* out, const uint64_t* a) { ReduceMontgomery<6>(out, a, kP, FpParams::kN0); }

// Karatsuba's method. With p < R / 9: (a0 + a1)(b0 + b1) < 4 p^2 < p R, and what is left of it,
// a0 b1 + a1 b0, is below 2 p^2 < p R. a0 b0 - a1 b1 is above -p^2, so one p R brings it into
// range.
void Fp2MultiplyWide(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  Limbs<6> a_sum;
  Limbs<6> b_sum;
  AddLimbs<6>(a_sum.data(), a, a + 6);
  AddLimbs<6>(b_sum.data(), b, b + 6);
  Limbs<12> low;
  Limbs<12> high;
  Limbs<12> cross;
  MultiplyWide<6>(low.data(), a, b);
  MultiplyWide<6>(high.data(), a + 6, b + 6);
  MultiplyWide<6>(cross.data(), a_sum.data(), b_sum.data());
  SubLimbs<12>(cross.data(), cross.data(), low.data());
  SubLimbs<12>(out + 12, cross.data(), high.data());
  const Choice below = Choice::FromBit(SubLimbs<12>(out, low.data(), high.data()));
  Limbs<6> correction;
  for (size_t i = 0; i < 6; ++i) correction[i] = kP[i] & below.mask();
  AddLimbs<6>(out + 6, out + 6, correction.data());
}

void Fp2Multiply(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  Limbs<24> wide;
  Fp2MultiplyWide(wide.data(), a, b);
  Reduce(out, wide.data());
  Reduce(out + 6, wide.data() + 12);
}

// (a0 + a1)(a0 - a1) + 2 a0 a1 u.
void Fp2Square(uint64_t* out, const uint64_t* a) {
  Limbs<6> sum;
  Limbs<6> difference;
  Limbs<6> twice;
  AddModulo<6>(sum.data(), a, a + 6, kP);
  SubModulo<6>(difference.data(), a, a + 6, kP);
  AddModulo<6>(twice.data(), a, a, kP);
  Multiply(out + 6, twice.data(), a + 6);
  Multiply(out, sum.data(), difference.data());
}

constexpr FpKernels kPortable = {Multiply,    Square,    MultiplyWide6,   Reduce,
                                 Fp2Multiply, Fp2Square, Fp2MultiplyWide, "portable"};

}  // namespace

constinit FpKernels fp_kernels = kPortable;

void ChooseFpKernels(CpuLevel level) {
  fp_kernels = kPortable;
#if defined(__x86_64__) && defined(__linux__)
  if (level >= CpuLevel::kMulx) {
    fp_kernels = {groat_bls_fp_multiply,       groat_bls_fp_square,
                  groat_bls_fp_multiply_wide,  groat_bls_fp_reduce,
                  groat_bls_fp2_multiply,      groat_bls_fp2_square,
                  groat_bls_fp2_multiply_wide, "mulx"};
  }
#else
  (void)level;
#endif
}

namespace {
// Before main(). It stands here because every program that multiplies links this file.
[[maybe_unused]] const bool kChosen = (LimitCpuForTest(CpuLevel::kIfma), true);
}  // namespace

}  // namespace groat::bls
