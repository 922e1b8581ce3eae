// Rows of the tables that groat-load prints. Pure but for standard output.
#ifndef GROAT_LOADTEST_GROAT_LOAD_REPORT_H_
#define GROAT_LOADTEST_GROAT_LOAD_REPORT_H_

#include <iostream>
#include <string>

#include "absl/strings/str_format.h"
#include "telemetry/latency_histogram.h"

namespace groat::load {

inline double Ms(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

// "| name | rate unit | p50 | p99 | max |"; the histogram is of nanoseconds.
inline void PrintLatencyRow(const std::string& name, double rate, const std::string& unit,
                            const telemetry::LatencyHistogram& latency) {
  std::cout << absl::StrFormat("| %s | %.0f %s | %.2f | %.2f | %.2f |\n", name, rate, unit,
                               Ms(latency.Quantile(0.5)), Ms(latency.Quantile(0.99)),
                               Ms(latency.max()));
}

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_REPORT_H_
