#include "loadtest/consensus/submit_run.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::load {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{100};
constexpr size_t kMaxBatch = 10'000;
constexpr size_t kMaxPayloadBytes = 1 << 20;

absl::Status Check(const SubmitLoad& load) {
  const auto refuse = [](const char* name, auto value, const std::string& wanted) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is ", value, ", want ", wanted));
  };
  if (load.endpoints.empty()) return refuse("the number of endpoints", 0, "1 or more");
  if (load.clients == 0) return refuse("clients", load.clients, "1 or more");
  if (load.batch == 0 || load.batch > kMaxBatch) {
    return refuse("commands in a request", load.batch, absl::StrCat("1 to ", kMaxBatch));
  }
  if (load.payload_bytes > kMaxPayloadBytes) {
    return refuse("payload bytes", load.payload_bytes, absl::StrCat("at most ", kMaxPayloadBytes));
  }
  if (load.commands_per_second < 0) {
    return refuse("commands a second", load.commands_per_second, "0 or more");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SubmitRun>> SubmitRun::Start(const SubmitLoad& load) {
  GROAT_RETURN_IF_ERROR(Check(load));
  std::unique_ptr<SubmitRun> run(new SubmitRun(load));
  for (size_t i = 0; i < load.endpoints.size(); ++i) {
    run->sessions_.push_back(std::make_unique<SubmitSession>(run->load_, i));
    GROAT_RETURN_IF_ERROR(run->sessions_.back()->Connect());
  }
  run->begin_ = Clock::now();
  for (const auto& session : run->sessions_) session->Start(run->begin_);
  run->watcher_ = std::thread([run = run.get()] { run->Watch(); });
  return run;
}

SubmitRun::~SubmitRun() {
  {
    MutexLock lock(mutex_);
    quit_ = true;
    changed_.NotifyAll();
  }
  if (watcher_.joinable()) watcher_.join();
}

bool SubmitRun::WaitForQuit(Clock::time_point deadline) {
  MutexLock lock(mutex_);
  if (!quit_) changed_.WaitUntil(mutex_, deadline);
  return quit_;
}

void SubmitRun::Watch() {
  while (!WaitForQuit(Clock::now() + kWatchInterval)) {
    for (const auto& session : sessions_) session->LeaveIfSilent(Clock::now());
  }
}

uint64_t SubmitRun::height() const {
  uint64_t height = 0;
  for (const auto& session : sessions_) height = std::max(height, session->height());
  return height;
}

SubmitResult SubmitRun::Stop(std::chrono::milliseconds patience) {
  for (const auto& session : sessions_) session->Stop();
  return Gather(Clock::now() + patience);
}

SubmitResult SubmitRun::Finish(std::chrono::milliseconds patience) {
  return Gather(measured_until() + patience);
}

SubmitResult SubmitRun::Gather(Clock::time_point deadline) {
  SubmitResult total;
  for (const auto& session : sessions_) session->Finish(deadline, total);
  return total;
}

}  // namespace groat::load
