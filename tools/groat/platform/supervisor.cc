#include "tools/groat/platform/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::platform {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstBackoff{200};
constexpr milliseconds kMaxBackoff{5000};
// A process that ran so long starts over with the first back-off.
constexpr std::chrono::seconds kStable{10};
constexpr std::chrono::hours kIdle{1};

}  // namespace

std::string ProcessEvent::Text() const {
  const std::string again = restart_in.count() >= 0
                                ? absl::StrCat("; restart in ", restart_in.count(), " ms")
                                : std::string();
  switch (kind) {
    case Kind::kStarted:
      return absl::StrCat(name, " (pid ", pid, ") ", starts > 1 ? "started again" : "started");
    case Kind::kEnded:
      return absl::StrCat(name, " (pid ", pid, ") ended: ", detail, again);
    case Kind::kRestartFailed:
      return absl::StrCat(name, " could not be started: ", detail, again);
    case Kind::kKilled:
      return absl::StrCat(name, " (pid ", pid, ") did not stop in time and was killed");
  }
  return name;
}

Supervisor::Supervisor(OnEvent on_event)
    : on_event_(std::move(on_event)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  GROAT_CHECK(wake_fd_ >= 0) << "eventfd";
  thread_ = std::thread([this] { Run(); });
}

Supervisor::~Supervisor() {
  {
    MutexLock lock(mutex_);
    quit_ = true;
  }
  Wake();
  thread_.join();
  close(wake_fd_);
}

void Supervisor::Wake() const {
  const uint64_t one = 1;
  // Fails only if the counter is full, and then the thread is awake anyway.
  static_cast<void>(!write(wake_fd_, &one, sizeof one));
}

absl::Status Supervisor::Start(const ProcessSpec& spec) {
  MutexLock lock(mutex_);
  const auto [position, inserted] = children_.try_emplace(spec.name);
  if (!inserted) return absl::AlreadyExistsError(absl::StrCat(spec.name, " is running already"));
  Child& child = position->second;
  child.spec = spec;
  child.backoff = kFirstBackoff;
  child.start_at = Clock::now();
  Wake();
  for (;;) {
    const auto found = children_.find(spec.name);
    if (found == children_.end()) {
      return absl::CancelledError(absl::StrCat(spec.name, " was stopped while it started"));
    }
    if (!found->second.first_start_pending) {
      absl::Status status = found->second.first_start;
      if (!status.ok()) children_.erase(found);
      return status;
    }
    changed_.Wait(mutex_);
  }
}

absl::Status Supervisor::Signal(const std::string& name, int signal_number) {
  MutexLock lock(mutex_);
  const auto found = children_.find(name);
  if (found == children_.end()) return absl::NotFoundError(absl::StrCat("no process ", name));
  if (found->second.process == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(name, " is not running"));
  }
  found->second.process->Signal(signal_number);
  return absl::OkStatus();
}

absl::Status Supervisor::SetRestart(const std::string& name, bool restart) {
  MutexLock lock(mutex_);
  const auto found = children_.find(name);
  if (found == children_.end()) return absl::NotFoundError(absl::StrCat("no process ", name));
  if (restart && !found->second.restart) found->second.start_at = Clock::now();
  found->second.restart = restart;
  Wake();
  return absl::OkStatus();
}

absl::StatusOr<ProcessState> Supervisor::State(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto found = children_.find(name);
  if (found == children_.end()) return absl::NotFoundError(absl::StrCat("no process ", name));
  const Child& child = found->second;
  return ProcessState{child.process != nullptr, child.pid, child.starts};
}

std::vector<std::string> Supervisor::names() const {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, child] : children_) names.push_back(name);
  return names;
}

bool Supervisor::AnyRunning(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    const auto found = children_.find(name);
    if (found == children_.end()) continue;
    if (found->second.process != nullptr || found->second.first_start_pending) return true;
  }
  return false;
}

std::vector<std::string> Supervisor::Stop(const std::vector<std::string>& names,
                                          milliseconds grace) {
  std::vector<std::string> killed;
  const Clock::time_point deadline = Clock::now() + grace;
  MutexLock lock(mutex_);
  for (const std::string& name : names) {
    const auto found = children_.find(name);
    if (found == children_.end()) continue;
    found->second.stopping = true;
    if (found->second.process != nullptr) found->second.process->Signal(SIGTERM);
  }
  while (AnyRunning(names) && changed_.WaitUntil(mutex_, deadline)) {
  }
  for (const std::string& name : names) {
    const auto found = children_.find(name);
    if (found == children_.end() || found->second.process == nullptr) continue;
    found->second.process->Signal(SIGKILL);
    killed.push_back(name);
    ProcessEvent event;
    event.kind = ProcessEvent::Kind::kKilled;
    event.name = name;
    event.pid = found->second.pid;
    pending_events_.push_back(std::move(event));
  }
  while (AnyRunning(names)) changed_.Wait(mutex_);
  for (const std::string& name : names) children_.erase(name);
  return killed;
}

ProcessEvent Supervisor::StartChild(Child& child) {
  ProcessEvent event;
  event.name = child.spec.name;
  event.starts = child.starts + 1;
  absl::StatusOr<std::unique_ptr<Process>> process = Process::Start(child.spec);
  if (process.ok()) {
    child.process = *std::move(process);
    child.pid = child.process->pid();
    ++child.starts;
    child.started_at = Clock::now();
    event.pid = child.pid;
  } else {
    event.kind = ProcessEvent::Kind::kRestartFailed;
    event.detail = std::string(process.status().message());
    event.restart_in = child.backoff;
    child.start_at = Clock::now() + child.backoff;
    child.backoff = std::min(2 * child.backoff, kMaxBackoff);
  }
  if (child.first_start_pending) {
    child.first_start_pending = false;
    child.first_start = process.status();
    // Start forgets it and tells its caller.
    if (!child.first_start.ok()) {
      child.stopping = true;
      event.restart_in = milliseconds(-1);
    }
  }
  return event;
}

std::vector<ProcessEvent> Supervisor::ReapEnded(Clock::time_point now) {
  std::vector<ProcessEvent> events;
  for (auto& [name, child] : children_) {
    if (child.process == nullptr) continue;
    const std::optional<ProcessExit> exit = child.process->Poll();
    if (!exit.has_value()) continue;
    ProcessEvent event;
    event.kind = ProcessEvent::Kind::kEnded;
    event.name = name;
    event.pid = child.pid;
    event.detail = exit->Text();
    event.starts = child.starts;
    if (now - child.started_at >= kStable) child.backoff = kFirstBackoff;
    child.start_at = now + child.backoff;
    if (child.restart && !child.stopping) event.restart_in = child.backoff;
    child.backoff = std::min(2 * child.backoff, kMaxBackoff);
    child.process.reset();
    events.push_back(std::move(event));
  }
  return events;
}

std::vector<ProcessEvent> Supervisor::StartDue(Clock::time_point now) {
  std::vector<ProcessEvent> events;
  for (auto& [name, child] : children_) {
    const bool wanted = child.first_start_pending || (child.process == nullptr && child.restart &&
                                                      !child.stopping && child.start_at <= now);
    if (!wanted) continue;
    events.push_back(StartChild(child));
    // It was told to stop before it was there.
    if (child.stopping && child.process != nullptr) child.process->Signal(SIGTERM);
  }
  return events;
}

void Supervisor::WaitForWork(const std::vector<int>& poll_fds, Clock::time_point until) const {
  std::vector<pollfd> fds;
  fds.push_back({wake_fd_, POLLIN, 0});
  for (const int fd : poll_fds) fds.push_back({fd, POLLIN, 0});
  // Rounded up, so that a due start is not polled for in a spin.
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
  poll(fds.data(), fds.size(), static_cast<int>(std::max<int64_t>(left, 0)));
  uint64_t count = 0;
  static_cast<void>(!read(wake_fd_, &count, sizeof count));
}

void Supervisor::Run() {
  for (;;) {
    std::vector<ProcessEvent> events;
    std::vector<int> poll_fds;
    Clock::time_point until = Clock::now() + kIdle;
    {
      MutexLock lock(mutex_);
      if (quit_) {
        children_.clear();  // Kills and reaps.
        return;
      }
      events = std::exchange(pending_events_, {});
      for (auto collect : {&Supervisor::ReapEnded, &Supervisor::StartDue}) {
        std::vector<ProcessEvent> more = (this->*collect)(Clock::now());
        events.insert(events.end(), more.begin(), more.end());
      }
      for (const auto& [name, child] : children_) {
        if (child.process != nullptr) {
          poll_fds.push_back(child.process->poll_fd());
        } else if (child.restart && !child.stopping) {
          until = std::min(until, child.start_at);
        }
      }
      changed_.NotifyAll();
    }
    for (const ProcessEvent& event : events) on_event_(event);
    WaitForWork(poll_fds, until);
  }
}

}  // namespace groat::platform
