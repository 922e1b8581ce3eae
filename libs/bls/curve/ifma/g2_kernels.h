// The doors to the multiplications in G2 that need AVX-512 IFMA. Plain functions and plain data,
// because what stands in a source compiled for AVX-512 must not be shared with other sources.
//
// Call these only where CpuHasIfma() (field/cpu.h). Pure, no branch or index on points or digits.
#ifndef GROAT_BLS_CURVE_IFMA_G2_KERNELS_H_
#define GROAT_BLS_CURVE_IFMA_G2_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace groat::bls::ifma {

// Homogeneous coordinates X, Y, Z of a point of G2's curve, c0 before c1, in Montgomery form with
// R = 2^384: going in below p, in limbs of 64 bits; coming out below 3 p, in limbs of 52 bits.
struct G2Input {
  uint64_t limbs[6][6];
};
struct G2Output {
  uint64_t limbs[6][8];
};

// Signed digits of 5 bits, the lowest window first, of the four parts of a scalar to base |x|.
inline constexpr size_t kG2Windows = 13;
struct G2Digits {
  uint64_t magnitude[kG2Windows][4];  // 0 to 16.
  uint64_t negative[kG2Windows][4];   // A mask.
};

// The multiple of a point of the subgroup. What it leaves on the stack is overwritten.
void MultiplyG2(const G2Input& p, const G2Digits& k, G2Output& out);
// |x| p, for any point of the curve.
void MultiplyG2ByMinusX(const G2Input& p, G2Output& out);
// ClearCofactor of g2.h, for any point of the curve.
void ClearG2Cofactor(const G2Input& p, G2Output& out);

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_CURVE_IFMA_G2_KERNELS_H_
