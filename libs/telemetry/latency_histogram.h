// A histogram of latencies for load generators: exact counts, values to 0.8 percent, fixed memory.
//
// Buckets grow with the value: 128 equal ones for each power of two (the form of HdrHistogram).
// Pure; not thread-safe: one a thread, then Merge. 58 KiB each.
#ifndef GROAT_TELEMETRY_LATENCY_HISTOGRAM_H_
#define GROAT_TELEMETRY_LATENCY_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace groat::telemetry {

class LatencyHistogram {
 public:
  LatencyHistogram();

  // Any unit, as long as it is one: tools use nanoseconds. O(1).
  void Record(uint64_t value) { Record(value, 1); }
  void Record(uint64_t value, uint64_t times);
  void Merge(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }  // Exact.
  uint64_t max() const { return max_; }                    // Exact.
  double mean() const;                                     // Exact but for rounding.
  // The smallest recorded value v, to 0.8 percent above, such that at least a share `quantile`
  // (0 to 1) of all values is at most v. 0 if nothing was recorded.
  uint64_t Quantile(double quantile) const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace groat::telemetry

#endif  // GROAT_TELEMETRY_LATENCY_HISTOGRAM_H_
