// Moving elements between lanes.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_PERMUTE_H_
#define GROAT_BLS_BULK_IFMA_PERMUTE_H_

#include "bls/bulk/ifma/fp2x8.h"

namespace groat::bls::ifma {

// Lane i of the result is lane k_i of a, and lane 4 + i is lane 4 + k_i.
template <unsigned k0, unsigned k1, unsigned k2, unsigned k3, unsigned B>
GROAT_LANES_INLINE Fe<B> Permute4(const Fe<B>& a) {
  Fe<B> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    out.limb[i] = _mm512_permutex_epi64(a.limb[i], k0 | k1 << 2 | k2 << 4 | k3 << 6);
  }
  return out;
}
template <unsigned k0, unsigned k1, unsigned k2, unsigned k3, unsigned B>
GROAT_LANES_INLINE Fe2<B> Permute4(const Fe2<B>& a) {
  return {Permute4<k0, k1, k2, k3>(a.c0), Permute4<k0, k1, k2, k3>(a.c1)};
}

// Lane i of the result is lane index[i] of a.
template <unsigned B>
GROAT_LANES_INLINE Fe<B> Permute8(Vec index, const Fe<B>& a) {
  Fe<B> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_permutexvar_epi64(index, a.limb[i]);
  return out;
}
template <unsigned B>
GROAT_LANES_INLINE Fe2<B> Permute8(Vec index, const Fe2<B>& a) {
  return {Permute8(index, a.c0), Permute8(index, a.c1)};
}

GROAT_LANES_INLINE Vec LaneIndex(int i0, int i1, int i2, int i3, int i4, int i5, int i6, int i7) {
  return _mm512_set_epi64(i7, i6, i5, i4, i3, i2, i1, i0);
}

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_PERMUTE_H_
