#include "tools/groat/platform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::platform {
namespace {

namespace fs = std::filesystem;

// Variables that a child keeps from its parent.
constexpr const char* kKeptEnvironment[] = {"PATH", "HOME",         "TMPDIR",      "LANG",
                                            "TZ",   "ASAN_OPTIONS", "TSAN_OPTIONS"};

std::vector<std::string> ChildEnvironment(const ProcessSpec& spec) {
  std::vector<std::string> environment;
  for (const char* name : kKeptEnvironment) {
    if (const char* value = std::getenv(name))
      environment.push_back(absl::StrCat(name, "=", value));
  }
  environment.insert(environment.end(), spec.environment.begin(), spec.environment.end());
  return environment;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What the child needs between fork and exec, prepared before: after fork only async-signal-safe
// calls are allowed, since another thread may hold any lock.
struct ChildPlan {
  char* const* argv;
  char* const* environment;
  int log_fd;
  int error_fd;  // Gets errno if exec fails; closed by exec.
  pid_t parent;
};

[[noreturn]] void RunChild(const ChildPlan& plan) {
  const auto fail = [&plan] {
    const int error = errno;
    // The parent sees a short read as a failure too.
    static_cast<void>(!write(plan.error_fd, &error, sizeof error));
    _exit(127);
  };
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail();
  if (getppid() != plan.parent) _exit(127);  // It died before the line above.
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGQUIT}) {
    signal(number, SIG_DFL);
  }
  const int null_fd = open("/dev/null", O_RDONLY);
  if (null_fd < 0 || dup2(null_fd, 0) < 0) fail();
  if (dup2(plan.log_fd, 1) < 0 || dup2(plan.log_fd, 2) < 0) fail();
  // Nothing of the parent's, sockets of running calls say, may stay open in a child. An old kernel
  // without the call still closes what was opened close-on-exec.
  syscall(SYS_close_range, 3u, ~0u, static_cast<unsigned>(CLOSE_RANGE_CLOEXEC));
  execve(plan.argv[0], plan.argv, plan.environment);
  fail();
  _exit(127);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// The errno that exec failed with; 0 if it succeeded, which closed the other end.
int ReadExecError(int fd) {
  int error = 0;
  ssize_t size = 0;
  do {
    size = read(fd, &error, sizeof error);
  } while (size < 0 && errno == EINTR);
  return size == static_cast<ssize_t>(sizeof error) ? error : 0;
}

void Reap(pid_t pid, int* wait_status) {
  while (waitpid(pid, wait_status, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::string ProcessExit::Text() const {
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    return absl::StrCat("signal ", number, " (", strsignal(number), ")");
  }
  return absl::StrCat("exit status ", WEXITSTATUS(wait_status));
}

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const ProcessSpec& spec) {
  GROAT_CHECK(!spec.argv.empty());
  Descriptor log(open(spec.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (log.get() < 0) {
    return absl::UnavailableError(
        absl::StrCat(spec.name, ": cannot open ", spec.log_file.string(), ": ", strerror(errno)));
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::UnavailableError(absl::StrCat(spec.name, ": pipe: ", strerror(errno)));
  }
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  std::vector<std::string> arguments = spec.argv;
  std::vector<std::string> variables = ChildEnvironment(spec);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> environment = Pointers(variables);
  const ChildPlan plan{argv.data(), environment.data(), log.get(), write_end.get(), getpid()};

  const pid_t pid = fork();
  if (pid < 0) return absl::UnavailableError(absl::StrCat(spec.name, ": fork: ", strerror(errno)));
  if (pid == 0) RunChild(plan);
  write_end.Close();
  const int error = ReadExecError(read_end.get());
  // The child is not reaped yet, so the pid is still its own.
  const int pid_fd = error == 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1;
  if (error != 0 || pid_fd < 0) {
    const int reason = error != 0 ? error : errno;
    kill(pid, SIGKILL);
    Reap(pid, nullptr);
    const std::string message =
        absl::StrCat(spec.name, ": cannot run ", spec.argv[0], ": ", strerror(reason));
    return reason == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
  }
  return std::unique_ptr<Process>(new Process(pid, pid_fd));
}

Process::~Process() {
  if (!exit_.has_value()) {
    Signal(SIGKILL);
    Reap(pid_, nullptr);
  }
  close(pid_fd_);
}

std::optional<ProcessExit> Process::Poll() {
  if (exit_.has_value()) return exit_;
  int wait_status = 0;
  if (waitpid(pid_, &wait_status, WNOHANG) == pid_) exit_ = ProcessExit{wait_status};
  return exit_;
}

void Process::Signal(int signal_number) const {
  // Fails only with ESRCH, for a process that has ended.
  static_cast<void>(syscall(SYS_pidfd_send_signal, pid_fd_, signal_number, nullptr, 0));
}

fs::path ExecutableFolder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : self.parent_path();
}

absl::StatusOr<fs::path> FindExecutable(const std::string& name) {
  const fs::path beside = ExecutableFolder() / name;
  if (access(beside.c_str(), X_OK) == 0) return beside;
  const char* variable = std::getenv("PATH");
  std::istringstream folders(variable == nullptr ? "" : variable);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path candidate = fs::path(folder) / name;
    std::error_code error;
    if (fs::is_regular_file(candidate, error) && access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return absl::NotFoundError(
      absl::StrCat("no executable ", name, " in ", ExecutableFolder().string(), " or in PATH"));
}

}  // namespace groat::platform
