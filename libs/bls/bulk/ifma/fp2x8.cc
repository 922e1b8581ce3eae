#include "bls/bulk/ifma/fp2x8.h"

#include "bls/bulk/ifma/wide.h"

namespace groat::bls::ifma {
namespace {

// Limbs of 52 bits of a + b.
GROAT_LANES_INLINE void AddCarried(Vec* out, const Vec* a, const Vec* b) {
  const Vec mask = Broadcast(kLimbMask);
  Vec t = _mm512_add_epi64(a[0], b[0]);
#pragma GCC unroll 8
  for (size_t i = 0; i < 7; ++i) {
    out[i] = _mm512_and_si512(t, mask);
    t = _mm512_add_epi64(_mm512_add_epi64(a[i + 1], b[i + 1]), _mm512_srai_epi64(t, 52));
  }
  out[7] = t;
}

// Limbs of 52 bits of a - b + bias, which must not be negative.
GROAT_LANES_INLINE void SubCarried(Vec* out, const Vec* a, const Vec* b, const Limbs52& bias) {
  const Vec mask = Broadcast(kLimbMask);
  const auto limb = [&](size_t i) {
    return _mm512_add_epi64(_mm512_sub_epi64(a[i], b[i]), Broadcast(bias[i]));
  };
  Vec t = limb(0);
#pragma GCC unroll 8
  for (size_t i = 0; i < 7; ++i) {
    out[i] = _mm512_and_si512(t, mask);
    t = _mm512_add_epi64(limb(i + 1), _mm512_srai_epi64(t, 52));
  }
  out[7] = t;
}

}  // namespace

// Karatsuba with two reductions: c0 = a0 b0 - a1 b1, c1 = (a0 + a1)(b0 + b1) - a0 b0 - a1 b1.
void Mul2Kernel(Vec* out, const Vec* a, const Vec* b) {
  Wide low = WideZero();
  MulAccumulate(low, a, b);
  Wide high = WideZero();
  MulAccumulate(high, a + 8, b + 8);
  Vec a_sum[8];
  Vec b_sum[8];
  AddCarried(a_sum, a, a + 8);
  AddCarried(b_sum, b, b + 8);
  Wide cross = WideZero();
  MulAccumulate(cross, a_sum, b_sum);
  Subtract(cross, low);
  Subtract(cross, high);
  Subtract(low, high);
  Add(low, WideBias());
  ReduceWide(out, low);
  ReduceWide(out + 8, cross);
}

// c0 = (a0 + a1)(a0 - a1), c1 = 2 a0 a1.
void Sqr2Kernel(Vec* out, const Vec* a, const Limbs52& negated_bound) {
  Vec sum[8];
  Vec difference[8];
  AddCarried(sum, a, a + 8);
  SubCarried(difference, a, a + 8, negated_bound);
  Wide cross = WideZero();
  MulAccumulate(cross, a, a + 8);
  Add(cross, cross);
  Wide real = WideZero();
  MulAccumulate(real, sum, difference);
  ReduceWide(out + 8, cross);
  ReduceWide(out, real);
}

void NormKernel(Vec* out, const Vec* a) {
  Wide sum = SqrWide(a);
  Add(sum, SqrWide(a + 8));
  ReduceWide(out, sum);
}

}  // namespace groat::bls::ifma
