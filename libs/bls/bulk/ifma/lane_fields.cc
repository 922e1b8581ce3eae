#include "bls/bulk/ifma/lane_fields.h"

#include "bls/bulk/limb52.h"

namespace groat::bls::ifma {

Fe<2> InvertLanes(const Fe<3>& a) {
  // The products of 2, 4 and 8 neighbours; the last is the same number in all lanes, though
  // perhaps not the same multiple of p.
  const auto a4 = RotateLanes(a, 4);
  const Fe<2> two = a * a4;
  const auto two2 = RotateLanes(two, 2);
  const Fe<2> four = two * two2;
  const auto four1 = RotateLanes(four, 1);
  const Fe<2> all = four * four1;
  Limbs52 limbs;
  for (size_t i = 0; i < 8; ++i) {
    limbs[i] = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(all.limb[i])));
  }
  InvertLimbs52(limbs.data());
  // The inverse of all, times the other seven.
  return Constant(limbs) * (a4 * two2 * four1);
}

}  // namespace groat::bls::ifma
