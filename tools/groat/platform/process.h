// One child process: started, signalled, waited for.
//
// A child dies with its parent: the kernel sends it SIGKILL when the THREAD that started it ends
// (PR_SET_PDEATHSIG goes by thread), so start children from a thread that lives as long as they
// should. It has its own process group, so Ctrl-C on the terminal reaches the parent alone, which
// then stops the children in the right order. Linux only.
//
// Not thread-safe but for Signal and pid.
#ifndef GROAT_TOOLS_GROAT_PLATFORM_PROCESS_H_
#define GROAT_TOOLS_GROAT_PLATFORM_PROCESS_H_

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace groat::platform {

// What to run.
struct ProcessSpec {
  std::string name;               // Distinct in a supervisor, as "ledger-1".
  std::vector<std::string> argv;  // The first is the path of the executable.
  // "NAME=value", in addition to the variables of `kept_environment` of process.cc (PATH and the
  // like): a GROAT_ or ETCD_ variable of the user's must not reconfigure a child.
  std::vector<std::string> environment;
  std::filesystem::path log_file;  // Receives standard output and error, appended.
};

// How a process ended.
struct ProcessExit {
  int wait_status = 0;  // As waitpid gives it.
  // "exit status 1" or "signal 9 (Killed)".
  std::string Text() const;
  bool clean() const { return wait_status == 0; }
};

class Process {
 public:
  // NotFound if the executable is missing; Unavailable if it or its log file cannot be started or
  // opened.
  static absl::StatusOr<std::unique_ptr<Process>> Start(const ProcessSpec& spec);
  // Kills and reaps a process that still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  // A descriptor that polls readable once the process has ended.
  int poll_fd() const { return pid_fd_; }
  // The exit, once it has ended. Does not block.
  std::optional<ProcessExit> Poll();
  // By the process descriptor, so never to another process that got the same pid. No effect on one
  // that has ended.
  void Signal(int signal_number) const;

 private:
  Process(pid_t pid, int pid_fd) : pid_(pid), pid_fd_(pid_fd) {}
  const pid_t pid_;
  const int pid_fd_;
  std::optional<ProcessExit> exit_;
};

// Where an executable is: beside the running one, else in PATH. NotFound names both places.
absl::StatusOr<std::filesystem::path> FindExecutable(const std::string& name);

// The folder of the running executable.
std::filesystem::path ExecutableFolder();

}  // namespace groat::platform

#endif  // GROAT_TOOLS_GROAT_PLATFORM_PROCESS_H_
