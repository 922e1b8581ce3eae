#include "loadtest/mesh/node_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace groat::load {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kEndTime(5);

}  // namespace

absl::StatusOr<std::unique_ptr<NodeProcess>> NodeProcess::Start(
    const std::vector<std::string>& args) {
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
    return absl::UnavailableError(absl::StrCat("pipe: ", std::strerror(errno)));
  }
  std::vector<const char*> argv = {"mesh-node"};
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return absl::UnavailableError(absl::StrCat("fork: ", std::strerror(errno)));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    execv("/proc/self/exe", const_cast<char* const*>(argv.data()));
    _exit(127);
  }
  close(input[0]);
  close(output[1]);
  return std::unique_ptr<NodeProcess>(new NodeProcess(pid, input[1], output[0]));
}

NodeProcess::~NodeProcess() {
  if (!reaped_) {
    Signal(SIGKILL);
    Reap(/*wait=*/true);
  }
  if (input_ >= 0) close(input_);
  close(output_);
}

void NodeProcess::Signal(int signal_number) const {
  if (!reaped_) kill(pid_, signal_number);
}

bool NodeProcess::Reap(bool wait) {
  if (!reaped_) reaped_ = waitpid(pid_, nullptr, wait ? 0 : WNOHANG) == pid_;
  return reaped_;
}

absl::Status NodeProcess::Tell(const std::string& line) {
  const std::string text = line + "\n";
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t size = write(input_, text.data() + written, text.size() - written);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      return absl::UnavailableError(absl::StrCat("node ", pid_, ": ", std::strerror(errno)));
    }
    written += static_cast<size_t>(size);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> NodeProcess::Hear(const std::string& expected,
                                                           std::chrono::milliseconds within) {
  const Clock::time_point deadline = Clock::now() + within;
  size_t end = 0;
  while ((end = unread_.find('\n')) == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waited = {output_, POLLIN, 0};
    const int ready = left <= 0 ? 0 : poll(&waited, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      return absl::DeadlineExceededError(
          absl::StrCat("node ", pid_, ": no \"", expected, "\" in ", within.count(), " ms"));
    }
    char text[4096];
    const ssize_t size = read(output_, text, sizeof(text));
    if (size <= 0) {
      return absl::UnavailableError(
          absl::StrCat("node ", pid_, " ended before \"", expected, "\""));
    }
    unread_.append(text, static_cast<size_t>(size));
  }
  const std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  std::vector<std::string> words = absl::StrSplit(line, ' ');
  if (words[0] != expected) {
    return absl::InternalError(
        absl::StrCat("node ", pid_, " says \"", line, "\", want \"", expected, "\""));
  }
  return words;
}

void NodeProcess::End() {
  if (input_ >= 0) close(input_);
  input_ = -1;
  const Clock::time_point deadline = Clock::now() + kEndTime;
  while (!Reap(/*wait=*/false) && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

absl::StatusOr<uint64_t> AnonymousMemoryBytes(pid_t pid) {
  const std::string path = absl::StrCat("/proc/", pid, "/status");
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    uint64_t kib = 0;
    if (word == "RssAnon:" && file >> kib) return kib << 10;
  }
  return absl::NotFoundError(path + ": no RssAnon");
}

}  // namespace groat::load
