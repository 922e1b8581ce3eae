// How a run of an end-to-end test is asked for, and what it leaves behind.
//
//   GROAT_ROUNDS=200 GROAT_SEED=7 GROAT_REPORT=report.md build/dev/bin/relay_kill_test
//
// Thread-safe but for Report.
#ifndef GROAT_TESTS_E2E_RUN_H_
#define GROAT_TESTS_E2E_RUN_H_

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/latency_histogram.h"

namespace groat::e2e {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// GROAT_ROUNDS, or `few` where it is not set: enough to notice a broken recovery in `make test`.
int Rounds(int few);

// GROAT_SEED, or another one in every run. Printed, so that a failed run can be repeated.
uint64_t Seed();

using Random = std::mt19937_64;
// Evenly from `least` to `most`, both included.
uint64_t Pick(Random& random, uint64_t least, uint64_t most);

milliseconds Since(Clock::time_point begin);

// "p50 / max" in milliseconds of a histogram that holds milliseconds.
std::string MedianAndMax(const telemetry::LatencyHistogram& ms);

// One row of results: printed, and appended as a Markdown table to the file GROAT_REPORT if set.
class Report {
 public:
  explicit Report(std::string title) : title_(std::move(title)) {}
  Report& Add(std::string column, std::string value) {
    cells_.emplace_back(std::move(column), std::move(value));
    return *this;
  }
  Report& Add(std::string column, uint64_t value) {
    return Add(std::move(column), std::to_string(value));
  }
  void Print() const;

 private:
  const std::string title_;
  std::vector<std::pair<std::string, std::string>> cells_;
};

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_RUN_H_
