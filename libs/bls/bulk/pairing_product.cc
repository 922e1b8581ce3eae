#include "bls/bulk/pairing_product.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "bls/bulk/engine.h"
#include "bls/bulk/fp_limb52.h"
#include "bls/bulk/kernels.h"

namespace groat::bls {

#if GROAT_BLS_IFMA
namespace {

ifma::PairingPoints Convert(const PointPair& pair) {
  ifma::PairingPoints out;
  std::ranges::copy(ToLimbs52(pair.p.x), out.p_x);
  std::ranges::copy(ToLimbs52(pair.p.y), out.p_y);
  std::ranges::copy(ToLimbs52(pair.q.x.c0), out.q_x[0]);
  std::ranges::copy(ToLimbs52(pair.q.x.c1), out.q_x[1]);
  std::ranges::copy(ToLimbs52(pair.q.y.c0), out.q_y[0]);
  std::ranges::copy(ToLimbs52(pair.q.y.c1), out.q_y[1]);
  return out;
}

}  // namespace
#endif

bool PairingProductIsOneIfma(std::span<const PointPair> pairs) {
  GROAT_CHECK(CpuHasIfma()) << "the processor has no AVX-512 IFMA";
#if GROAT_BLS_IFMA
  std::vector<ifma::PairingPoints> points;
  points.reserve(pairs.size());
  for (const PointPair& pair : pairs) {
    if ((pair.p.IsInfinity() | pair.q.IsInfinity()).Declassify()) continue;
    points.push_back(Convert(pair));
  }
  return ifma::PairingProductIsOne(points.data(), points.size());
#else
  return pairs.empty();
#endif
}

}  // namespace groat::bls
