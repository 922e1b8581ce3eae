#include "tools/groat/terminal/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"

namespace groat::terminal {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr size_t kUsualWidth = 80;
constexpr size_t kMaxBar = 30;

size_t TerminalWidth() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                         : kUsualWidth;
}

}  // namespace

bool IsTerminal() { return isatty(STDERR_FILENO) == 1; }

std::string BarLine(double share, const std::string& text, size_t width) {
  const double part = std::clamp(share, 0.0, 1.0);
  const size_t bar = std::min(kMaxBar, width / 3);
  const auto filled = static_cast<size_t>(part * static_cast<double>(bar));
  std::string line = "[" + std::string(filled, '=');
  if (filled < bar) line += ">" + std::string(bar - filled - 1, ' ');
  line += absl::StrFormat("] %3d%%  %s", static_cast<int>(part * 100), text);
  return line.size() > width ? line.substr(0, width) : line;
}

void Progress::Erase() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void Progress::Update(double share, const std::string& text) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  MutexLock lock(mutex_);
  if (drawn_ && now - drawn_at_ < kRedraw) return;
  Erase();
  // One column less: a full line would wrap.
  std::fputs(BarLine(share, text, TerminalWidth() - 1).c_str(), stderr);
  std::fflush(stderr);
  drawn_ = true;
  drawn_at_ = now;
}

void Progress::Clear() {
  MutexLock lock(mutex_);
  Erase();
  std::fflush(stderr);
}

void Progress::Line(const std::string& text) {
  MutexLock lock(mutex_);
  Erase();
  std::fprintf(stderr, "%s\n", text.c_str());
}

}  // namespace groat::terminal
