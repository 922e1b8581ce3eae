#include "tests/e2e/program.h"

#include <poll.h>
#include <sys/wait.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "tests/e2e/cluster.h"
#include "tools/groat/platform/process.h"

namespace groat::e2e {
namespace {

constexpr size_t kMaxOutputBytes = 1 << 20;

}  // namespace

absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& argv,
                                         const std::string& log_file) {
  std::error_code error;
  std::filesystem::remove(log_file, error);
  platform::ProcessSpec spec;
  spec.name = argv[0];
  spec.argv = argv;
  spec.log_file = log_file;
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<platform::Process> process,
                         platform::Process::Start(spec));
  pollfd ended{process->poll_fd(), POLLIN, 0};
  const bool in_time = poll(&ended, 1, static_cast<int>(kPatience.count())) == 1;
  GROAT_ASSIGN_OR_RETURN(const WholeFile output, ReadWholeFile(log_file, kMaxOutputBytes));
  const std::optional<platform::ProcessExit> exit = process->Poll();
  if (!in_time || !exit.has_value()) {
    return absl::DeadlineExceededError(absl::StrCat(argv[0], " has not ended: ", output.content));
  }
  if (!WIFEXITED(exit->wait_status)) {
    return absl::InternalError(absl::StrCat(argv[0], ": ", exit->Text(), ": ", output.content));
  }
  return ProgramResult{WEXITSTATUS(exit->wait_status), output.content};
}

}  // namespace groat::e2e
