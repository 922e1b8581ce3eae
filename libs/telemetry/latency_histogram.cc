#include "telemetry/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace groat::telemetry {
namespace {

// Values below 2^kPrecisionBits have a bucket each; above, each power of two has that many.
constexpr int kPrecisionBits = 7;
constexpr size_t kSubBuckets = size_t{1} << kPrecisionBits;
constexpr size_t kBucketCount = (64 - kPrecisionBits + 1) * kSubBuckets;

size_t BucketOf(uint64_t value) {
  const auto width = static_cast<int>(std::bit_width(value));
  if (width <= kPrecisionBits) return static_cast<size_t>(value);
  const int shift = width - kPrecisionBits - 1;  // Leaves a leading one and kPrecisionBits more.
  return (static_cast<size_t>(shift) + 1) * kSubBuckets +
         (static_cast<size_t>(value >> shift) - kSubBuckets);
}

// The largest value of a bucket.
uint64_t UpperEnd(size_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  const size_t shift = bucket / kSubBuckets - 1;
  const uint64_t leading = bucket % kSubBuckets + kSubBuckets;
  return (leading << shift) + ((uint64_t{1} << shift) - 1);
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBucketCount) {}

void LatencyHistogram::Record(uint64_t value, uint64_t times) {
  if (times == 0) return;
  buckets_[BucketOf(value)] += times;
  count_ += times;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value) * static_cast<double>(times);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < kBucketCount; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double LatencyHistogram::mean() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

uint64_t LatencyHistogram::Quantile(double quantile) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count_);
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBucketCount; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(UpperEnd(i), max_);
  }
  return max_;
}

}  // namespace groat::telemetry
