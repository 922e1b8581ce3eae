// What every subcommand shares: output in one of two forms, exit codes, and being interrupted.
//
// Thread-safe where gRPC or a supervisor calls back: cancellation and SignalWatcher.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_SHELL_H_
#define GROAT_TOOLS_GROAT_COMMANDS_SHELL_H_

#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "rpc/retry.h"

namespace groat::commands {

// Fields keep the order in which they are set.
using Json = nlohmann::ordered_json;

enum class ExitCode : int {
  kOk = 0,
  kNo = 1,       // The thing asked is not so: a proof is invalid, an update is a double spend.
  kUnknown = 2,  // It could not be found out: no connection, an unreadable file.
  kUsage = 64,   // Wrong flags or arguments.
};

struct Shell {
  bool json = false;
  ExitCode exit = ExitCode::kOk;
  rpc::Cancellation cancellation;  // SIGINT and SIGTERM cancel it.

  // Writes a result to standard output: `text` (ends with a line break), or with --json `value`.
  void Print(const Json& value, const std::string& text) const;
  // One of a stream of results: with --json on one line.
  void PrintItem(const Json& value, const std::string& text) const;
  // Writes "groat: MESSAGE" to standard error, with --json {"error": ...}; returns `code`.
  ExitCode Fail(const absl::Status& status, ExitCode code = ExitCode::kUnknown) const;
  ExitCode Usage(const std::string& message) const {
    return Fail(absl::InvalidArgumentError(message), ExitCode::kUsage);
  }
};

// Turns SIGINT and SIGTERM into a cancellation; a second one ends the process at once. Make it
// before any other thread, which then has both signals blocked.
class SignalWatcher {
 public:
  explicit SignalWatcher(rpc::Cancellation& cancellation);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  void Run(rpc::Cancellation& cancellation);
  int end_fd_;
  std::thread thread_;
};

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_SHELL_H_
