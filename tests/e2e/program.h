// Runs a program to its end and keeps what it wrote. Tests only.
#ifndef GROAT_TESTS_E2E_PROGRAM_H_
#define GROAT_TESTS_E2E_PROGRAM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace groat::e2e {

struct ProgramResult {
  int exit_status = 0;
  std::string output;  // Standard output and error.
};

// `argv`: the first is the path of the executable. `log_file` is overwritten. DeadlineExceeded,
// with the output, if the program has not ended by itself after kPatience; then it is killed.
absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& argv,
                                         const std::string& log_file);

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_PROGRAM_H_
