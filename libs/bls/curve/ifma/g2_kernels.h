// The doors to the multiplications in G2 that need AVX-512 IFMA. Plain functions and plain data,
// because what stands in a source compiled for AVX-512 must not be shared with other sources.
//
// Call these only where CpuHasIfma() (field/cpu.h). Pure; no branch or index on points or digits,
// except in SumG2Products, which is for public input.
#ifndef GROAT_BLS_CURVE_IFMA_G2_KERNELS_H_
#define GROAT_BLS_CURVE_IFMA_G2_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace groat::bls::ifma {

// Homogeneous coordinates X, Y, Z of a point of G2's curve, c0 before c1, in Montgomery form with
// R = 2^384: going in below p, coming out below 2 p.
struct G2Input {
  uint64_t limbs[6][6];
};
struct G2Output {
  uint64_t limbs[6][6];
};

// Signed digits of 5 bits, the lowest window first, of the four parts of a scalar to base |x|.
inline constexpr size_t kG2Windows = 13;
struct G2Digits {
  uint64_t magnitude[kG2Windows][4];  // 0 to 16.
  uint64_t negative[kG2Windows][4];   // A mask.
};

// The multiple of a point of the subgroup. Its table and its running sum are overwritten at the
// end; what the compiler kept elsewhere on the stack is not.
void MultiplyG2(const G2Input& p, const G2Digits& k, G2Output& out);
// |x| p, for any point of the curve.
void MultiplyG2ByMinusX(const G2Input& p, G2Output& out);
// ClearCofactor of g2.h, for any point of the curve.
void ClearG2Cofactor(const G2Input& p, G2Output& out);

// Public points and factors of 64 bits in signed digits: factor i is the sum of
// digits[window * count + i] 2^(window width), each of magnitude up to 2^(width - 1). Affine
// points, none of them infinity; coordinates as in G2Input.
struct G2AffineInput {
  uint64_t limbs[4][6];
};
struct G2Sum {
  const G2AffineInput* points;
  const int16_t* digits;
  size_t count;
  size_t width;
  size_t windows;
};
// Memory that SumG2Products needs, at an address that is a multiple of 64.
size_t SumG2ProductsWorkspaceBytes(const G2Sum& sum);
// The sum of the points with their factors, by buckets (see bucket_sum.h).
void SumG2Products(const G2Sum& sum, void* workspace, G2Output& out);

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_CURVE_IFMA_G2_KERNELS_H_
