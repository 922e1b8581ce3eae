// A line on standard error that shows how far long work has come; nothing unless that is a
// terminal.
//
// Thread-safe: other lines can be printed in between by any thread.
#ifndef GROAT_TOOLS_GROAT_TERMINAL_PROGRESS_H_
#define GROAT_TOOLS_GROAT_TERMINAL_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "base/mutex.h"

namespace groat::terminal {

// Whether progress is shown: standard error is a terminal.
bool IsTerminal();

// "[=====>    ]  51%  text" of a given total width; pure.
std::string BarLine(double share, const std::string& text, size_t width);

class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown) {}
  // Removes the line.
  ~Progress() { Clear(); }

  // Draws the bar again, at most ten times a second. `share` is 0 to 1.
  void Update(double share, const std::string& text);
  // Removes the bar; the next Update draws it again.
  void Clear();
  // Prints a whole line on standard error above the bar, also when no bar is shown.
  void Line(const std::string& text);

 private:
  void Erase() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const bool shown_;
  Mutex mutex_;
  bool drawn_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point drawn_at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::terminal

#endif  // GROAT_TOOLS_GROAT_TERMINAL_PROGRESS_H_
