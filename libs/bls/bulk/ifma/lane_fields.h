// Fp and Fp2 in eight lanes as fields of bulk/batch_affine.h.
//
// Pure. Only for sources compiled for AVX-512.
#ifndef GROAT_BLS_BULK_IFMA_LANE_FIELDS_H_
#define GROAT_BLS_BULK_IFMA_LANE_FIELDS_H_

#include "bls/bulk/batch_affine.h"
#include "bls/bulk/ifma/fp2x8.h"

namespace groat::bls::ifma {

// The lanes moved cyclically: lane i gets what lane i + by held.
template <unsigned B>
GROAT_LANES_INLINE Fe<B> RotateLanes(const Fe<B>& a, size_t by) {
  const Vec index = _mm512_add_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), Broadcast(by));
  Fe<B> out;
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) out.limb[i] = _mm512_permutexvar_epi64(index, a.limb[i]);
  return out;
}

// 1 / a in each lane; no lane may be zero (that stops the process).
Fe<2> InvertLanes(const Fe<3>& a);

struct LanesFp {
  using Element = Fe<3>;
  using Sum = Fe<6>;
  using Norm = Fe<6>;
  using Chain = Fe<3>;
  static constexpr size_t kLanes = 8;

  template <unsigned N, unsigned P>
  GROAT_LANES_INLINE static Fe<N + P> Carry(const Loose<N, P>& a) {
    return ifma::Carry(a);
  }
  template <unsigned N, unsigned P>
  GROAT_LANES_INLINE static Element Reduce(const Loose<N, P>& a) {
    return ifma::Reduce(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static Element ToElement(const Fe<B>& a) {
    return ifma::Widen<3>(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static Sum Widen(const Fe<B>& a) {
    return ifma::Widen<6>(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static auto Twice(const Fe<B>& a) {
    return Shift<1>(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static Fe<2> Square(const Fe<B>& a) {
    return Sqr(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static LaneMask IsZero(const Fe<B>& a) {
    return ifma::IsZero(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static LaneMask MayBeZero(const Fe<B>& a) {
    return ifma::MayBeZero(a);
  }
  GROAT_LANES_INLINE static LaneMask MayBeInfinity(const Element& y) {
    return _mm512_testn_epi64_mask(y.limb[0], y.limb[0]);
  }
  template <unsigned A, unsigned B>
  GROAT_LANES_INLINE static auto Select(LaneMask mask, const Fe<A>& a, const Fe<B>& b) {
    return ifma::Select(mask, a, b);
  }
  GROAT_LANES_INLINE static Element One() { return ifma::Widen<3>(Constant(kOne)); }
  GROAT_LANES_INLINE static Element Zero() { return ifma::Widen<3>(ifma::Zero()); }
  GROAT_LANES_INLINE static const Norm& NormOf(const Sum& a) { return a; }
  template <unsigned B>
  GROAT_LANES_INLINE static Chain ToChain(const Fe<B>& a) {
    return ifma::Widen<3>(a);
  }
  GROAT_LANES_INLINE static Chain ChainOne() { return One(); }
  static Chain InvertChain(const Chain& a) { return ifma::Widen<3>(InvertLanes(a)); }
  GROAT_LANES_INLINE static Fe<2> Quotient(const Sum& numerator, const Sum&,
                                           const Fe<2>& inverted_norm) {
    return numerator * inverted_norm;
  }
  GROAT_LANES_INLINE static Element RotateLanes(const Element& a, size_t by) {
    return ifma::RotateLanes(a, by);
  }
};

struct LanesFp2 {
  using Element = Fe2<3>;
  using Sum = Fe2<6>;
  using Norm = Fe<2>;
  using Chain = Fe<3>;
  static constexpr size_t kLanes = 8;

  template <unsigned N, unsigned P>
  GROAT_LANES_INLINE static Fe2<N + P> Carry(const Loose2<N, P>& a) {
    return ifma::Carry(a);
  }
  template <unsigned N, unsigned P>
  GROAT_LANES_INLINE static Element Reduce(const Loose2<N, P>& a) {
    return ifma::Reduce(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static Element ToElement(const Fe2<B>& a) {
    return ifma::Widen<3>(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static Sum Widen(const Fe2<B>& a) {
    return ifma::Widen<6>(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static auto Twice(const Fe2<B>& a) {
    return Shift<1>(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static Fe2<2> Square(const Fe2<B>& a) {
    return Sqr(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static LaneMask IsZero(const Fe2<B>& a) {
    return ifma::IsZero(a);
  }
  template <unsigned B>
  GROAT_LANES_INLINE static LaneMask MayBeZero(const Fe2<B>& a) {
    return ifma::MayBeZero(a);
  }
  GROAT_LANES_INLINE static LaneMask MayBeInfinity(const Element& y) {
    const Vec low = _mm512_or_si512(y.c0.limb[0], y.c1.limb[0]);
    return _mm512_testn_epi64_mask(low, low);
  }
  template <unsigned A, unsigned B>
  GROAT_LANES_INLINE static auto Select(LaneMask mask, const Fe2<A>& a, const Fe2<B>& b) {
    return ifma::Select(mask, a, b);
  }
  GROAT_LANES_INLINE static Element One() { return {LanesFp::One(), LanesFp::Zero()}; }
  GROAT_LANES_INLINE static Element Zero() { return ifma::Widen<3>(Zero2()); }
  GROAT_LANES_INLINE static Norm NormOf(const Sum& a) { return ifma::NormOf(a); }
  template <unsigned B>
  GROAT_LANES_INLINE static Chain ToChain(const Fe<B>& a) {
    return ifma::Widen<3>(a);
  }
  GROAT_LANES_INLINE static Chain ChainOne() { return LanesFp::One(); }
  static Chain InvertChain(const Chain& a) { return LanesFp::InvertChain(a); }
  GROAT_LANES_INLINE static Fe2<3> Quotient(const Sum& numerator, const Sum& denominator,
                                            const Fe<2>& inverted_norm) {
    const Fe<2> c0 = denominator.c0 * inverted_norm;
    const Fe<2> c1 = ifma::Carry(ifma::Zero() - denominator.c1) * inverted_norm;
    return numerator * Fe2<2>{c0, c1};
  }
  GROAT_LANES_INLINE static Element RotateLanes(const Element& a, size_t by) {
    return {ifma::RotateLanes(a.c0, by), ifma::RotateLanes(a.c1, by)};
  }
};

}  // namespace groat::bls::ifma

#endif  // GROAT_BLS_BULK_IFMA_LANE_FIELDS_H_
