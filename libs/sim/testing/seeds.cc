#include "sim/testing/seeds.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::sim::testing {
namespace {

// For the handler of SIGABRT, which may take no memory. Empty while no seed runs.
std::array<char, 1024> command_to_repeat;
size_t command_size = 0;

void OnAbort(int signal) {
  const ssize_t written = write(STDERR_FILENO, command_to_repeat.data(), command_size);
  static_cast<void>(written);  // There is nobody left to tell.
  ::signal(signal, SIG_DFL);
  raise(signal);
}

void Announce(const std::string& command) {
  const std::string line = command.empty() ? "" : absl::StrCat("repeat: ", command, "\n");
  command_size = line.copy(command_to_repeat.data(), command_to_repeat.size());
}

// Nothing, unless the variable is set.
uint64_t Variable(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  uint64_t value = 0;
  GROAT_CHECK(absl::SimpleAtoi(text, &value)) << name << " is " << text << ", want a number";
  return value;
}

std::string ProgramPath() {
  std::array<char, 4096> path;
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  return size <= 0 ? "?" : std::string(path.data(), static_cast<size_t>(size));
}

}  // namespace

std::string RepeatCommand(uint64_t seed) {
  const ::testing::TestInfo* test = ::testing::UnitTest::GetInstance()->current_test_info();
  return absl::StrCat("GROAT_SEED=", seed, " ", ProgramPath(),
                      test == nullptr ? ""
                                      : absl::StrCat(" --gtest_filter=", test->test_suite_name(),
                                                     ".", test->name()));
}

void ForEachSeed(uint64_t count, const std::function<void(uint64_t seed)>& body) {
  const uint64_t only = Variable("GROAT_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t last = only != 0 ? only : Variable("GROAT_SEEDS", count);
  const auto before = ::signal(SIGABRT, &OnAbort);
  for (uint64_t seed = first; seed <= last && !::testing::Test::HasFailure(); ++seed) {
    const std::string command = RepeatCommand(seed);
    Announce(command);
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, command);
    body(seed);
  }
  Announce("");
  ::signal(SIGABRT, before);
}

}  // namespace groat::sim::testing
