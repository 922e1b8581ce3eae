#include "bls/bulk/two_pairings.h"

#include <algorithm>

#include "base/check.h"
#include "bls/bulk/engine.h"
#include "bls/bulk/fp_limb52.h"
#include "bls/bulk/kernels.h"

namespace groat::bls {

#if GROAT_BLS_IFMA
namespace {

ifma::PairingPoints Convert(const PointPair& pair) {
  GROAT_CHECK(!(pair.p.IsInfinity() | pair.q.IsInfinity()).Declassify()) << "a point is infinity";
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

bool TwoPairingsAreOne(const PointPair& a, const PointPair& b) {
  GROAT_CHECK(CpuHasIfma()) << "the processor has no AVX-512 IFMA";
#if GROAT_BLS_IFMA
  const ifma::PairingPoints pairs[2] = {Convert(a), Convert(b)};
  return ifma::TwoPairingsAreOne(pairs);
#else
  (void)a;
  (void)b;
  return false;
#endif
}

}  // namespace groat::bls
