// Sums of many points with factors of 128 bits, by buckets.
//
// Pure, variable time. Source: Pippenger, "On the evaluation of powers and related problems" (FOCS
// 1976), in the form with signed windows.
#ifndef GROAT_BLS_CURVE_BUCKET_SUM_H_
#define GROAT_BLS_CURVE_BUCKET_SUM_H_

#include <bit>
#include <span>
#include <vector>

#include "bls/curve/jacobian.h"
#include "bls/curve/scalar_digits.h"

namespace groat::bls::internal {

// The window's width that needs the fewest additions: a window costs one addition a point and two
// a bucket.
inline size_t BestWindowWidth(size_t count, size_t bits) {
  size_t best = 2;
  size_t least = ~size_t{0};
  for (size_t width = 2; width <= 8; ++width) {
    const size_t windows = (bits + 1 + width - 1) / width;
    const size_t cost = windows * (count + (size_t{2} << (width - 1)) + width);
    if (cost < least) {
      least = cost;
      best = width;
    }
  }
  return best;
}

template <typename Curve>
JacobianPoint<Curve> BucketSum(std::span<const AffinePoint<Curve>> points,
                               std::span<const Limbs<2>> factors) {
  GROAT_CHECK_EQ(points.size(), factors.size());
  constexpr size_t kBits = 128;
  const size_t width = BestWindowWidth(points.size(), kBits);
  const size_t windows = (kBits + 1 + width - 1) / width;
  std::vector<JacobianPoint<Curve>> buckets(size_t{1} << (width - 1));
  JacobianPoint<Curve> total;
  for (size_t window = windows; window-- > 0;) {
    for (size_t i = 0; i < width; ++i) total = total.Double();
    for (auto& bucket : buckets) bucket = JacobianPoint<Curve>::Infinity();
    for (size_t i = 0; i < points.size(); ++i) {
      const SignedDigit digit = BoothDigit(factors[i], window, width);
      if (digit.magnitude == 0) continue;
      buckets[digit.magnitude - 1] += digit.negative.Declassify() ? -points[i] : points[i];
    }
    // bucket[0] + 2 bucket[1] + 3 bucket[2] + .. as a sum of the suffixes' sums.
    JacobianPoint<Curve> suffix;
    for (size_t i = buckets.size(); i-- > 0;) {
      suffix += buckets[i];
      total += suffix;
    }
  }
  return total;
}

}  // namespace groat::bls::internal

#endif  // GROAT_BLS_CURVE_BUCKET_SUM_H_
