// Sums of points with public factors of 64 bits, and of 128 bits in the form a - b x^2.
//
// Pure, variable time. Sources: Pippenger, "On the evaluation of powers and related problems" (FOCS
// 1976), in the form with signed windows; for few points Straus, "Addition chains of vectors"
// (American Mathematical Monthly 71, 1964).
#ifndef GROAT_BLS_CURVE_BUCKET_SUM_H_
#define GROAT_BLS_CURVE_BUCKET_SUM_H_

#include <algorithm>
#include <array>
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

// Below this number of points the doublings are the greater part, and shared tables do better.
inline constexpr size_t kFewPoints = 16;

// By buckets, one for each magnitude of a window's digit.
template <typename Curve>
JacobianPoint<Curve> BucketSum(std::span<const AffinePoint<Curve>> points,
                               std::span<const uint64_t> factors) {
  constexpr size_t kBits = 64;
  const size_t width = BestWindowWidth(points.size(), kBits);
  const size_t windows = (kBits + 1 + width - 1) / width;
  std::vector<JacobianPoint<Curve>> buckets(size_t{1} << (width - 1));
  JacobianPoint<Curve> total;
  for (size_t window = windows; window-- > 0;) {
    for (size_t i = 0; i < width; ++i) total = total.Double();
    for (auto& bucket : buckets) bucket = JacobianPoint<Curve>::Infinity();
    for (size_t i = 0; i < points.size(); ++i) {
      const SignedDigit digit = BoothDigit(factors.subspan(i, 1), window, width);
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

// By non-adjacent forms that share the doublings.
template <typename Curve>
JacobianPoint<Curve> SmallSum(std::span<const AffinePoint<Curve>> points,
                              std::span<const uint64_t> factors) {
  constexpr int kWidth = 4;
  using OddMultiples = std::array<JacobianPoint<Curve>, size_t{1} << (kWidth - 2)>;
  std::vector<OddMultiples> tables(points.size());
  std::vector<std::vector<int8_t>> digits(points.size());
  size_t length = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    tables[i][0] = JacobianPoint<Curve>::FromAffine(points[i]);
    const JacobianPoint<Curve> twice = tables[i][0].Double();
    for (size_t j = 1; j < tables[i].size(); ++j) tables[i][j] = tables[i][j - 1] + twice;
    digits[i] = NonAdjacentFormVariableTime(factors.subspan(i, 1), kWidth);
    length = std::max(length, digits[i].size());
  }
  JacobianPoint<Curve> total;
  for (size_t bit = length; bit-- > 0;) {
    total = total.Double();
    for (size_t i = 0; i < points.size(); ++i) {
      const int digit = bit < digits[i].size() ? digits[i][bit] : 0;
      if (digit > 0) total += tables[i][static_cast<size_t>(digit) / 2];
      if (digit < 0) total += -tables[i][static_cast<size_t>(-digit) / 2];
    }
  }
  return total;
}

template <typename Curve>
JacobianPoint<Curve> SumOf(std::span<const AffinePoint<Curve>> points,
                           std::span<const uint64_t> factors) {
  return points.size() < kFewPoints ? SmallSum<Curve>(points, factors)
                                    : BucketSum<Curve>(points, factors);
}

// The sum of (factors[i][0] - factors[i][1] x^2) points[i], by `sum` of twice as many points with
// halves of the factors, for an endomorphism that multiplies by -x^2.
template <typename Curve, typename MinusXSquared, typename Sum>
JacobianPoint<Curve> SumWithFactors(std::span<const AffinePoint<Curve>> points,
                                    std::span<const Limbs<2>> factors,
                                    const MinusXSquared& minus_x_squared, const Sum& sum) {
  GROAT_CHECK_EQ(points.size(), factors.size());
  std::vector<AffinePoint<Curve>> both;
  std::vector<uint64_t> halves;
  both.reserve(2 * points.size());
  halves.reserve(2 * points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    both.push_back(points[i]);
    both.push_back(minus_x_squared(points[i]));
    halves.push_back(factors[i][0]);
    halves.push_back(factors[i][1]);
  }
  return sum(both, halves);
}

}  // namespace groat::bls::internal

#endif  // GROAT_BLS_CURVE_BUCKET_SUM_H_
