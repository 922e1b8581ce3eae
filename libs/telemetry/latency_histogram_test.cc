#include "telemetry/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace groat::telemetry {
namespace {

TEST(LatencyHistogramTest, EmptyIsZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.Quantile(0.5), 0u);
}

TEST(LatencyHistogramTest, SmallValuesAreExact) {
  LatencyHistogram histogram;
  for (uint64_t value = 1; value <= 100; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.Quantile(0), 1u);
  EXPECT_EQ(histogram.Quantile(0.5), 50u);
  EXPECT_EQ(histogram.Quantile(0.99), 99u);
  EXPECT_EQ(histogram.Quantile(1), 100u);
  EXPECT_EQ(histogram.Quantile(-1), 1u);
  EXPECT_EQ(histogram.Quantile(2), 100u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

// Against a sorted list, over the whole range of values.
TEST(LatencyHistogramTest, WithinOnePercentOfTheTruth) {
  std::mt19937_64 random(1);
  for (int range_bits = 1; range_bits <= 64; ++range_bits) {
    LatencyHistogram histogram;
    std::vector<uint64_t> values;
    for (int i = 0; i < 500; ++i) values.push_back(random() >> (64 - range_bits));
    for (const uint64_t value : values) histogram.Record(value);
    std::sort(values.begin(), values.end());
    EXPECT_EQ(histogram.min(), values.front());
    EXPECT_EQ(histogram.max(), values.back());
    for (const double quantile : {0.01, 0.5, 0.9, 0.99, 0.999}) {
      const auto rank = static_cast<size_t>(std::ceil(quantile * 500));
      const uint64_t truth = values[rank - 1];
      const uint64_t found = histogram.Quantile(quantile);
      EXPECT_GE(found, truth) << range_bits;
      EXPECT_LE(static_cast<double>(found), static_cast<double>(truth) * 1.0079 + 0.5)
          << range_bits;
    }
  }
}

TEST(LatencyHistogramTest, BoundaryValues) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, uint64_t{255},
                               uint64_t{256}, uint64_t{257}, UINT64_MAX - 1, UINT64_MAX}) {
    LatencyHistogram histogram;
    histogram.Record(value);
    EXPECT_EQ(histogram.Quantile(0.5), value);
    EXPECT_EQ(histogram.min(), value);
  }
}

TEST(LatencyHistogramTest, MergedIsAsIfRecordedInOne) {
  LatencyHistogram a, b, both;
  for (uint64_t i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? a : b).Record(i * i, i % 4);
    both.Record(i * i, i % 4);
  }
  a.Merge(b);
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.min(), both.min());
  EXPECT_EQ(a.max(), both.max());
  EXPECT_DOUBLE_EQ(a.mean(), both.mean());
  for (const double quantile : {0.1, 0.5, 0.99}) {
    EXPECT_EQ(a.Quantile(quantile), both.Quantile(quantile));
  }
}

}  // namespace
}  // namespace groat::telemetry
