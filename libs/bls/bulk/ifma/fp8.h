// Arithmetic of Fp in eight lanes: elements.h, reduction.h, zero_test.h, and multiplication.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_FP8_H_
#define GROAT_BLS_BULK_IFMA_FP8_H_

#include "bls/bulk/ifma/elements.h"
#include "bls/bulk/ifma/reduction.h"
#include "bls/bulk/ifma/zero_test.h"

namespace groat::bls::ifma {

// The products of bounds of the two factors of a multiplication.
inline constexpr uint64_t kMaxProductBound = uint64_t{1} << 33;

// The kernels behind the multiplications; `out` may overlap the factors. Limbs lie as in Fe.
//
// Bound of the result (all of them): with T the sum of products before the reduction, |T| <
// kMaxProductBound p^2, the result is (T + k p) / 2^416 with k < 2^364 (2^50 + 2^52), see
// ReduceWide. As p < 2^381, |T| / 2^416 < p / 4 and k p / 2^416 < 1.25 p.
void MulKernel(Vec* out, const Vec* a, const Vec* b);
void SqrKernel(Vec* out, const Vec* a);

template <unsigned A, unsigned B>
GROAT_LANES_INLINE Fe<2> operator*(const Fe<A>& a, const Fe<B>& b) {
  static_assert(uint64_t{A} * B <= kMaxProductBound);
  Fe<2> out;
  MulKernel(out.limb, a.limb, b.limb);
  return out;
}
template <unsigned A>
GROAT_LANES_INLINE Fe<2> Sqr(const Fe<A>& a) {
  static_assert(uint64_t{A} * A <= kMaxProductBound);
  Fe<2> out;
  SqrKernel(out.limb, a.limb);
  return out;
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_FP8_H_
