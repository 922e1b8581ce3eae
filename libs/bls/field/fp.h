// The base field of BLS12-381: integers modulo the 381-bit prime p, in 6 limbs of 64 bits,
// Montgomery form with R = 2^384. See prime_field.h for the operations.
//
// Pure values, constant time except where a name says VariableTime.
#ifndef GROAT_BLS_FIELD_FP_H_
#define GROAT_BLS_FIELD_FP_H_

#include <optional>
#include <span>

#include "bls/field/fp_kernels.h"
#include "bls/field/prime_field.h"

namespace groat::bls {

struct FpParams {
  static constexpr size_t kLimbs = 6;
  static constexpr const char* kName = "field element";
  static constexpr Limbs<6> kModulus = LimbsFromHex<6>(
      "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffff"
      "b9feffffffffaaab");
  static constexpr uint64_t kN0 = NegativeInverse64(kModulus[0]);

  static constexpr void Add(Limbs<6>& out, const Limbs<6>& a, const Limbs<6>& b);
  static constexpr void Subtract(Limbs<6>& out, const Limbs<6>& a, const Limbs<6>& b);
  static constexpr void Multiply(Limbs<6>& out, const Limbs<6>& a, const Limbs<6>& b) {
    if (std::is_constant_evaluated()) {
      MultiplyMontgomery<6>(out.data(), a.data(), b.data(), kModulus.data(), kN0);
    } else {
      fp_kernels.multiply(out.data(), a.data(), b.data());
    }
  }
  static constexpr void Square(Limbs<6>& out, const Limbs<6>& a) {
    if (std::is_constant_evaluated()) {
      MultiplyMontgomery<6>(out.data(), a.data(), a.data(), kModulus.data(), kN0);
    } else {
      fp_kernels.square(out.data(), a.data());
    }
  }
  static constexpr void Reduce(Limbs<6>& out, const Limbs<12>& a) {
    if (std::is_constant_evaluated()) {
      ReduceMontgomery<6>(out.data(), a.data(), kModulus.data(), kN0);
    } else {
      fp_kernels.reduce(out.data(), a.data());
    }
  }
};

using Fp = PrimeField<FpParams>;

// x^((p - 3) / 4): for a square x != 0 this is 1 / sqrt(x).
Fp InverseSqrtCandidate(const Fp& x);

// The same for each of many, in place; eight at a time where the processor has AVX-512 IFMA.
void InverseSqrtCandidates(std::span<Fp> x);

// x^((p + 1) / 4): a square root where one exists, else something of no meaning.
Fp SqrtCandidate(const Fp& x);

// A square root of x, of no particular sign; none if x is not a square. Whether there is one is
// not kept secret.
std::optional<Fp> Sqrt(const Fp& x);

// True if x is zero or has a square root; by x^((p - 1) / 2), so constant time.
Choice IsSquare(const Fp& x);

// The same, faster, for public x.
bool IsSquareVariableTime(const Fp& x);

// True if x > (p - 1) / 2 as a number: the sign bit of the ZCash encoding.
Choice IsLexicographicallyLargest(const Fp& x);

// ---- Addition, inlined: a call would cost as much as the sum. ----

#if defined(__x86_64__)
namespace internal {

inline constexpr Limbs<6> kFpModulus = FpParams::kModulus;

// t - p if t >= p, else t; for t < 2p.
inline void SubtractModulusOnce(uint64_t& t0, uint64_t& t1, uint64_t& t2, uint64_t& t3,
                                uint64_t& t4, uint64_t& t5) {
  uint64_t u0 = t0, u1 = t1, u2 = t2, u3 = t3, u4 = t4, u5 = t5;
  asm("subq %[p0], %[u0]\n\t"
      "sbbq %[p1], %[u1]\n\t"
      "sbbq %[p2], %[u2]\n\t"
      "sbbq %[p3], %[u3]\n\t"
      "sbbq %[p4], %[u4]\n\t"
      "sbbq %[p5], %[u5]\n\t"
      "cmovncq %[u0], %[t0]\n\t"
      "cmovncq %[u1], %[t1]\n\t"
      "cmovncq %[u2], %[t2]\n\t"
      "cmovncq %[u3], %[t3]\n\t"
      "cmovncq %[u4], %[t4]\n\t"
      "cmovncq %[u5], %[t5]\n\t"
      : [t0] "+r"(t0), [t1] "+r"(t1), [t2] "+r"(t2), [t3] "+r"(t3), [t4] "+r"(t4), [t5] "+r"(t5),
        [u0] "+r"(u0), [u1] "+r"(u1), [u2] "+r"(u2), [u3] "+r"(u3), [u4] "+r"(u4), [u5] "+r"(u5)
      : [p0] "m"(kFpModulus[0]), [p1] "m"(kFpModulus[1]), [p2] "m"(kFpModulus[2]),
        [p3] "m"(kFpModulus[3]), [p4] "m"(kFpModulus[4]), [p5] "m"(kFpModulus[5])
      : "cc");
}

// t + (p & mask), for a mask of all ones or of zeros.
inline void AddMaskedModulus(uint64_t& t0, uint64_t& t1, uint64_t& t2, uint64_t& t3, uint64_t& t4,
                             uint64_t& t5, uint64_t mask) {
  const uint64_t p0 = kFpModulus[0] & mask, p1 = kFpModulus[1] & mask, p2 = kFpModulus[2] & mask,
                 p3 = kFpModulus[3] & mask, p4 = kFpModulus[4] & mask, p5 = kFpModulus[5] & mask;
  asm("addq %[p0], %[t0]\n\t"
      "adcq %[p1], %[t1]\n\t"
      "adcq %[p2], %[t2]\n\t"
      "adcq %[p3], %[t3]\n\t"
      "adcq %[p4], %[t4]\n\t"
      "adcq %[p5], %[t5]\n\t"
      :
      [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [t4] "+&r"(t4), [t5] "+&r"(t5)
      : [p0] "rm"(p0), [p1] "rm"(p1), [p2] "rm"(p2), [p3] "rm"(p3), [p4] "rm"(p4), [p5] "rm"(p5)
      : "cc");
}

inline void AddFp(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], t4 = a[4], t5 = a[5];
  asm("addq %[b0], %[t0]\n\t"
      "adcq %[b1], %[t1]\n\t"
      "adcq %[b2], %[t2]\n\t"
      "adcq %[b3], %[t3]\n\t"
      "adcq %[b4], %[t4]\n\t"
      "adcq %[b5], %[t5]\n\t"
      :
      [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [t4] "+&r"(t4), [t5] "+&r"(t5)
      :
      [b0] "m"(b[0]), [b1] "m"(b[1]), [b2] "m"(b[2]), [b3] "m"(b[3]), [b4] "m"(b[4]), [b5] "m"(b[5])
      : "cc");
  SubtractModulusOnce(t0, t1, t2, t3, t4, t5);
  out[0] = t0;
  out[1] = t1;
  out[2] = t2;
  out[3] = t3;
  out[4] = t4;
  out[5] = t5;
}

inline void SubtractFp(uint64_t* out, const uint64_t* a, const uint64_t* b) {
  uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], t4 = a[4], t5 = a[5];
  uint64_t below = 0;
  asm("subq %[b0], %[t0]\n\t"
      "sbbq %[b1], %[t1]\n\t"
      "sbbq %[b2], %[t2]\n\t"
      "sbbq %[b3], %[t3]\n\t"
      "sbbq %[b4], %[t4]\n\t"
      "sbbq %[b5], %[t5]\n\t"
      "sbbq %[below], %[below]\n\t"
      : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [t4] "+&r"(t4),
        [t5] "+&r"(t5), [below] "+&r"(below)
      :
      [b0] "m"(b[0]), [b1] "m"(b[1]), [b2] "m"(b[2]), [b3] "m"(b[3]), [b4] "m"(b[4]), [b5] "m"(b[5])
      : "cc");
  AddMaskedModulus(t0, t1, t2, t3, t4, t5, below);
  out[0] = t0;
  out[1] = t1;
  out[2] = t2;
  out[3] = t3;
  out[4] = t4;
  out[5] = t5;
}

}  // namespace internal
#endif

constexpr void FpParams::Add(Limbs<6>& out, const Limbs<6>& a, const Limbs<6>& b) {
#if defined(__x86_64__)
  if (!std::is_constant_evaluated()) {
    internal::AddFp(out.data(), a.data(), b.data());
    return;
  }
#endif
  AddModulo<6>(out.data(), a.data(), b.data(), kModulus.data());
}

constexpr void FpParams::Subtract(Limbs<6>& out, const Limbs<6>& a, const Limbs<6>& b) {
#if defined(__x86_64__)
  if (!std::is_constant_evaluated()) {
    internal::SubtractFp(out.data(), a.data(), b.data());
    return;
  }
#endif
  SubModulo<6>(out.data(), a.data(), b.data(), kModulus.data());
}

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_FP_H_
