// Products in the base field before their reduction: numbers of 12 limbs, so that a sum of
// products is reduced once.
//
// Invariant: every FpWide is in [0, p R). A product of reduced elements is below p^2 < p R, and
// sums and differences are brought back by p R, which touches the upper 6 limbs alone. So Reduce()
// is always allowed, and no chain of additions can overflow: p R < 2^765.
//
// Pure values, constant time. Source: Aranha et al., "Faster explicit formulas for computing
// pairings over ordinary curves" (EUROCRYPT 2011), section 3.1.
#ifndef GROAT_BLS_FIELD_FP_WIDE_H_
#define GROAT_BLS_FIELD_FP_WIDE_H_

#include "bls/field/fp.h"

namespace groat::bls {

struct FpWide {
  Limbs<12> limbs;

  static FpWide Product(const Fp& a, const Fp& b) {
    FpWide out;
    fp_kernels.multiply_wide(out.limbs.data(), a.montgomery().data(), b.montgomery().data());
    return out;
  }
  Fp Reduce() const {
    Limbs<6> out;
    fp_kernels.reduce(out.data(), limbs.data());
    return Fp::FromMontgomery(out);
  }
};

namespace internal {

// out = a + b mod p R, with 12 limbs each.
inline void AddWide(uint64_t* out, const uint64_t* a, const uint64_t* b) {
#if defined(__x86_64__)
  uint64_t t0, t1, t2, t3, t4, t5;
  asm("movq 0(%[a]), %[t0]\n\t"
      "movq 8(%[a]), %[t1]\n\t"
      "movq 16(%[a]), %[t2]\n\t"
      "movq 24(%[a]), %[t3]\n\t"
      "movq 32(%[a]), %[t4]\n\t"
      "movq 40(%[a]), %[t5]\n\t"
      "addq 0(%[b]), %[t0]\n\t"
      "adcq 8(%[b]), %[t1]\n\t"
      "adcq 16(%[b]), %[t2]\n\t"
      "adcq 24(%[b]), %[t3]\n\t"
      "adcq 32(%[b]), %[t4]\n\t"
      "adcq 40(%[b]), %[t5]\n\t"
      "movq %[t0], 0(%[out])\n\t"
      "movq %[t1], 8(%[out])\n\t"
      "movq %[t2], 16(%[out])\n\t"
      "movq %[t3], 24(%[out])\n\t"
      "movq %[t4], 32(%[out])\n\t"
      "movq %[t5], 40(%[out])\n\t"
      "movq 48(%[a]), %[t0]\n\t"
      "movq 56(%[a]), %[t1]\n\t"
      "movq 64(%[a]), %[t2]\n\t"
      "movq 72(%[a]), %[t3]\n\t"
      "movq 80(%[a]), %[t4]\n\t"
      "movq 88(%[a]), %[t5]\n\t"
      "adcq 48(%[b]), %[t0]\n\t"
      "adcq 56(%[b]), %[t1]\n\t"
      "adcq 64(%[b]), %[t2]\n\t"
      "adcq 72(%[b]), %[t3]\n\t"
      "adcq 80(%[b]), %[t4]\n\t"
      "adcq 88(%[b]), %[t5]\n\t"
      :
      [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4), [t5] "=&r"(t5)
      : [a] "r"(a), [b] "r"(b), [out] "r"(out)
      : "cc", "memory");
  SubtractModulusOnce(t0, t1, t2, t3, t4, t5);
  out[6] = t0;
  out[7] = t1;
  out[8] = t2;
  out[9] = t3;
  out[10] = t4;
  out[11] = t5;
#else
  AddLimbs<12>(out, a, b);
  SubtractOnce<6>(out + 6, out + 6, FpParams::kModulus.data());
#endif
}

// out = a - b mod p R, with 12 limbs each.
inline void SubtractWide(uint64_t* out, const uint64_t* a, const uint64_t* b) {
#if defined(__x86_64__)
  uint64_t t0, t1, t2, t3, t4, t5, below;
  asm("movq 0(%[a]), %[t0]\n\t"
      "movq 8(%[a]), %[t1]\n\t"
      "movq 16(%[a]), %[t2]\n\t"
      "movq 24(%[a]), %[t3]\n\t"
      "movq 32(%[a]), %[t4]\n\t"
      "movq 40(%[a]), %[t5]\n\t"
      "xorl %k[below], %k[below]\n\t"
      "subq 0(%[b]), %[t0]\n\t"
      "sbbq 8(%[b]), %[t1]\n\t"
      "sbbq 16(%[b]), %[t2]\n\t"
      "sbbq 24(%[b]), %[t3]\n\t"
      "sbbq 32(%[b]), %[t4]\n\t"
      "sbbq 40(%[b]), %[t5]\n\t"
      "movq %[t0], 0(%[out])\n\t"
      "movq %[t1], 8(%[out])\n\t"
      "movq %[t2], 16(%[out])\n\t"
      "movq %[t3], 24(%[out])\n\t"
      "movq %[t4], 32(%[out])\n\t"
      "movq %[t5], 40(%[out])\n\t"
      "movq 48(%[a]), %[t0]\n\t"
      "movq 56(%[a]), %[t1]\n\t"
      "movq 64(%[a]), %[t2]\n\t"
      "movq 72(%[a]), %[t3]\n\t"
      "movq 80(%[a]), %[t4]\n\t"
      "movq 88(%[a]), %[t5]\n\t"
      "sbbq 48(%[b]), %[t0]\n\t"
      "sbbq 56(%[b]), %[t1]\n\t"
      "sbbq 64(%[b]), %[t2]\n\t"
      "sbbq 72(%[b]), %[t3]\n\t"
      "sbbq 80(%[b]), %[t4]\n\t"
      "sbbq 88(%[b]), %[t5]\n\t"
      "sbbq %[below], %[below]\n\t"
      : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4),
        [t5] "=&r"(t5), [below] "=&r"(below)
      : [a] "r"(a), [b] "r"(b), [out] "r"(out)
      : "cc", "memory");
  AddMaskedModulus(t0, t1, t2, t3, t4, t5, below);
  out[6] = t0;
  out[7] = t1;
  out[8] = t2;
  out[9] = t3;
  out[10] = t4;
  out[11] = t5;
#else
  const Choice below = Choice::FromBit(SubLimbs<12>(out, a, b));
  Limbs<6> correction;
  for (size_t i = 0; i < 6; ++i) correction[i] = FpParams::kModulus[i] & below.mask();
  AddLimbs<6>(out + 6, out + 6, correction.data());
#endif
}

}  // namespace internal

inline FpWide operator+(const FpWide& a, const FpWide& b) {
  FpWide out;
  internal::AddWide(out.limbs.data(), a.limbs.data(), b.limbs.data());
  return out;
}
inline FpWide operator-(const FpWide& a, const FpWide& b) {
  FpWide out;
  internal::SubtractWide(out.limbs.data(), a.limbs.data(), b.limbs.data());
  return out;
}

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_FP_WIDE_H_
