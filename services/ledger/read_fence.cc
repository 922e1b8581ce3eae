#include "services/ledger/read_fence.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::ledger_service {

void ReadFence::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ReadFence::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  wakeup_.Stop();
  if (thread_.joinable()) thread_.join();
  std::vector<Passed> left;
  {
    MutexLock lock(mutex_);
    left.swap(waiting_);
  }
  for (const Passed& passed : left) passed(absl::UnavailableError("the node is stopping"));
}

bool ReadFence::TryPass(Passed passed) {
  {
    MutexLock lock(mutex_);
    if (stopped_ || waiting_.size() >= max_waiting_) return false;
    waiting_.push_back(std::move(passed));
  }
  wakeup_.Wake();
  return true;
}

void ReadFence::Run() {
  while (!wakeup_.stopped()) {
    std::vector<Passed> round;
    {
      MutexLock lock(mutex_);
      round.swap(waiting_);
    }
    if (round.empty()) {
      wakeup_.Sleep(std::chrono::seconds(3600));
      continue;
    }
    // All of the round came before this look, so it is late enough for each of them.
    const absl::Status status = Look();
    for (const Passed& passed : round) passed(status);
  }
}

absl::Status ReadFence::Look() {
  GROAT_RETURN_IF_ERROR(context_.halt->status());
  context_.metrics->read_fences.Increment();
  GROAT_ASSIGN_OR_RETURN(const RegisterView::Seen seen, view_.Read());
  if (wait_applied_(seen.head.height)) return absl::OkStatus();
  GROAT_RETURN_IF_ERROR(context_.halt->status());
  return absl::UnavailableError(absl::StrCat("this node has applied ",
                                             context_.store->applied().value(), " of ",
                                             seen.head.height.value(), " blocks"));
}

}  // namespace groat::ledger_service
