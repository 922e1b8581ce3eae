#include "tests/e2e/run.h"

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::e2e {
namespace {

// The number in an environment variable; `fallback` if it is not set.
uint64_t Variable(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return fallback;
  uint64_t value = 0;
  GROAT_CHECK(absl::SimpleAtoi(text, &value)) << name << " is " << text << ", want a number";
  return value;
}

}  // namespace

int Rounds(int few) {
  return static_cast<int>(Variable("GROAT_ROUNDS", static_cast<uint64_t>(few)));
}

uint64_t Seed() {
  const uint64_t seed = Variable("GROAT_SEED", std::random_device()());
  std::cout << "seed " << seed << " (repeat with GROAT_SEED=" << seed << ")" << std::endl;
  return seed;
}

uint64_t Pick(Random& random, uint64_t least, uint64_t most) {
  return std::uniform_int_distribution<uint64_t>(least, most)(random);
}

milliseconds Since(Clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

std::string MedianAndMax(const telemetry::LatencyHistogram& ms) {
  return absl::StrCat(ms.Quantile(0.5), " / ", ms.max());
}

void Report::Print() const {
  std::string text = absl::StrCat("### ", title_, "\n\n|");
  for (const auto& [column, value] : cells_) absl::StrAppend(&text, " ", column, " |");
  absl::StrAppend(&text, "\n|");
  for (size_t i = 0; i < cells_.size(); ++i) absl::StrAppend(&text, "---|");
  absl::StrAppend(&text, "\n|");
  for (const auto& [column, value] : cells_) absl::StrAppend(&text, " ", value, " |");
  absl::StrAppend(&text, "\n\n");
  std::cout << text << std::flush;
  if (const char* path = std::getenv("GROAT_REPORT")) {
    std::ofstream file(path, std::ios::app);
    file << text << std::flush;
    GROAT_CHECK(file.good()) << path;
  }
}

}  // namespace groat::e2e
