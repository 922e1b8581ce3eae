#include "tools/groat/commands/shell.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>

#include "base/check.h"

namespace groat::commands {
namespace {

void Write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Bytes that are not UTF-8, of a foreign error message say, are replaced.
std::string Dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

constexpr int kInterrupted = 130;

}  // namespace

void Shell::Print(const Json& value, const std::string& text) const {
  Write(json ? Dump(value, 2) : text);
}

void Shell::PrintItem(const Json& value, const std::string& text) const {
  Write(json ? Dump(value, -1) : text);
}

ExitCode Shell::Fail(const absl::Status& status, ExitCode code) const {
  const std::string message(status.message());
  if (json) {
    const Json value = {
        {"error", {{"code", absl::StatusCodeToString(status.code())}, {"message", message}}}};
    std::fputs(Dump(value, 2).c_str(), stderr);
  } else {
    std::fprintf(stderr, "groat: %s\n", message.c_str());
  }
  return code;
}

SignalWatcher::SignalWatcher(rpc::Cancellation& cancellation) : end_fd_(eventfd(0, EFD_CLOEXEC)) {
  GROAT_CHECK(end_fd_ >= 0) << "eventfd";
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A closed pipe at the end of our output is an error of a write, not the end of us.
  signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this, &cancellation] { Run(cancellation); });
}

SignalWatcher::~SignalWatcher() {
  const uint64_t one = 1;
  GROAT_CHECK(write(end_fd_, &one, sizeof one) == sizeof one);
  thread_.join();
  close(end_fd_);
}

void SignalWatcher::Run(rpc::Cancellation& cancellation) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  const int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  GROAT_CHECK(signal_fd >= 0) << "signalfd";
  for (;;) {
    pollfd fds[] = {{end_fd_, POLLIN, 0}, {signal_fd, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[0].revents != 0) break;
    signalfd_siginfo info{};
    if (read(signal_fd, &info, sizeof info) != sizeof info) continue;
    // Children die with us, see platform/process.h.
    if (cancellation.cancelled()) _exit(kInterrupted);
    cancellation.Cancel();
  }
  close(signal_fd);
}

}  // namespace groat::commands
