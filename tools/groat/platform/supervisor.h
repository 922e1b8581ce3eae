// Keeps a set of child processes running.
//
// All children belong to one thread of the supervisor (see process.h). A process that ends without
// being asked to is started again after a back-off that doubles from 200 ms to 5 s and starts over
// once it ran for 10 s.
//
// Thread-safe.
#ifndef GROAT_TOOLS_GROAT_PLATFORM_SUPERVISOR_H_
#define GROAT_TOOLS_GROAT_PLATFORM_SUPERVISOR_H_

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "tools/groat/platform/process.h"

namespace groat::platform {

// Something that happened to a process.
struct ProcessEvent {
  enum class Kind {
    kStarted,        // `pid` runs.
    kEnded,          // `pid` ended as `detail` says; `restart_in` says when it is started again.
    kRestartFailed,  // It could not be started, as `detail` says; tried again in `restart_in`.
    kKilled,         // `pid` did not stop in time and got SIGKILL.
  };
  Kind kind = Kind::kStarted;
  std::string name;
  pid_t pid = 0;
  std::string detail;
  std::chrono::milliseconds restart_in{-1};  // Negative: not at all.
  uint32_t starts = 0;                       // How often it was started, this one included.

  // "ledger-1 (pid 42) ended: signal 9 (Killed); restart in 200 ms".
  std::string Text() const;
};

// Where one process stands.
struct ProcessState {
  bool running = false;
  pid_t pid = 0;        // Of the last start.
  uint32_t starts = 0;  // From 1.
};

class Supervisor {
 public:
  // Called on the supervisor's thread; must not call back into it.
  using OnEvent = std::function<void(const ProcessEvent&)>;

  explicit Supervisor(OnEvent on_event);
  // Kills what still runs.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts a process and keeps it running. AlreadyExists for a name in use; else errors of
  // Process::Start, and then the name is free again; Cancelled if Stop came between.
  absl::Status Start(const ProcessSpec& spec);

  // Sends a signal to exactly this process. NotFound for an unknown name, FailedPrecondition if it
  // is not running now.
  absl::Status Signal(const std::string& name, int signal_number);

  // Whether the process is started again when it ends; true at first. Turning it on starts one that
  // is down at once. NotFound for an unknown name.
  absl::Status SetRestart(const std::string& name, bool restart);

  // NotFound for an unknown name.
  absl::StatusOr<ProcessState> State(const std::string& name) const;
  std::vector<std::string> names() const;

  // Sends SIGTERM to these processes, waits until they have ended, and sends SIGKILL to those that
  // have not after `grace`. They are not started again and are then forgotten. Unknown names are
  // skipped. Returns the names that had to be killed.
  std::vector<std::string> Stop(const std::vector<std::string>& names,
                                std::chrono::milliseconds grace);

 private:
  using Clock = std::chrono::steady_clock;
  struct Child {
    ProcessSpec spec;
    std::unique_ptr<Process> process;  // Null while it is down.
    bool restart = true;
    bool stopping = false;
    bool first_start_pending = true;
    absl::Status first_start;  // Once it is not pending.
    uint32_t starts = 0;
    pid_t pid = 0;
    std::chrono::milliseconds backoff;
    Clock::time_point started_at;
    Clock::time_point start_at;  // When it is down: when to start it.
  };

  void Run();
  // Waits for a child's end, a wake-up or the next start.
  void WaitForWork(const std::vector<int>& poll_fds, Clock::time_point until) const;
  void Wake() const;
  std::vector<ProcessEvent> ReapEnded(Clock::time_point now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<ProcessEvent> StartDue(Clock::time_point now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ProcessEvent StartChild(Child& child) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AnyRunning(const std::vector<std::string>& names) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const OnEvent on_event_;
  const int wake_fd_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Child> children_ ABSL_GUARDED_BY(mutex_);
  std::vector<ProcessEvent> pending_events_ ABSL_GUARDED_BY(mutex_);
  bool quit_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace groat::platform

#endif  // GROAT_TOOLS_GROAT_PLATFORM_SUPERVISOR_H_
