// Nodes of a benchmark as processes: this program starts itself again, tells each node what to do
// by lines on its standard input, and reads lines from its standard output.
//
// A node dies with the thread that started it. Not thread-safe. Linux only.
#ifndef GROAT_LOADTEST_MESH_NODE_PROCESS_H_
#define GROAT_LOADTEST_MESH_NODE_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace groat::load {

class NodeProcess {
 public:
  // Runs this executable with the arguments given. Unavailable if it cannot.
  static absl::StatusOr<std::unique_ptr<NodeProcess>> Start(const std::vector<std::string>& args);
  // Kills it, and waits for its end.
  ~NodeProcess();
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal_number) const;
  // Writes one line.
  absl::Status Tell(const std::string& line);
  // The words of the next line, of which the first must be `expected`. DeadlineExceeded if none
  // comes in time, Unavailable if the process has ended, Internal for another line.
  absl::StatusOr<std::vector<std::string>> Hear(const std::string& expected,
                                                std::chrono::milliseconds within);
  // Closes its standard input, upon which a node ends, and waits for that; kills it after a while.
  void End();

 private:
  NodeProcess(pid_t pid, int input, int output) : pid_(pid), input_(input), output_(output) {}
  // True once the process is gone.
  bool Reap(bool wait);

  const pid_t pid_;
  int input_;
  const int output_;
  bool reaped_ = false;
  std::string unread_;
};

// Anonymous memory of a process that is in use, bytes.
absl::StatusOr<uint64_t> AnonymousMemoryBytes(pid_t pid);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_NODE_PROCESS_H_
