#include "storage/faulty_register.h"

#include <utility>

#include "base/status_macros.h"

namespace groat::storage {

void FaultyRegister::FailCommits(std::deque<CommitFault> faults) {
  MutexLock lock(mutex_);
  faults_ = std::move(faults);
}

void FaultyRegister::SetUnavailable(bool unavailable) {
  MutexLock lock(mutex_);
  unavailable_ = unavailable;
}

std::vector<absl::StatusOr<CommitResult>> FaultyRegister::ReleaseDelayed() {
  std::vector<Transaction> delayed;
  {
    MutexLock lock(mutex_);
    delayed.swap(delayed_);
  }
  std::vector<absl::StatusOr<CommitResult>> out;
  for (const Transaction& transaction : delayed) out.push_back(inner_.Commit(transaction));
  return out;
}

int64_t FaultyRegister::commit_count() const {
  MutexLock lock(mutex_);
  return commit_count_;
}

absl::Status FaultyRegister::CheckAvailable() const {
  MutexLock lock(mutex_);
  if (unavailable_) return absl::UnavailableError("injected: the register is not reachable");
  return absl::OkStatus();
}

CommitFault FaultyRegister::NextFault() {
  MutexLock lock(mutex_);
  ++commit_count_;
  if (unavailable_) return CommitFault::kUnavailable;
  if (faults_.empty()) return CommitFault::kNone;
  const CommitFault fault = faults_.front();
  faults_.pop_front();
  return fault;
}

absl::StatusOr<CommitResult> FaultyRegister::Commit(const Transaction& transaction) {
  switch (NextFault()) {
    case CommitFault::kNone:
      return inner_.Commit(transaction);
    case CommitFault::kUnavailable:
      return absl::UnavailableError("injected: the register is not reachable");
    case CommitFault::kAnswerLost:
      GROAT_RETURN_IF_ERROR(inner_.Commit(transaction).status());
      return OutcomeUnknownError("injected: the answer was lost");
    case CommitFault::kRequestLost:
      return OutcomeUnknownError("injected: the request was lost");
    case CommitFault::kRequestDelayed: {
      MutexLock lock(mutex_);
      delayed_.push_back(transaction);
      return OutcomeUnknownError("injected: the request is delayed");
    }
  }
  return absl::InternalError("no such fault");
}

absl::StatusOr<ReadResult> FaultyRegister::ReadRanges(const std::vector<RangeRead>& ranges,
                                                      Consistency consistency) {
  GROAT_RETURN_IF_ERROR(CheckAvailable());
  return inner_.ReadRanges(ranges, consistency);
}

std::unique_ptr<Watch> FaultyRegister::WatchPrefix(std::string_view prefix, int64_t from_revision,
                                                   WatchCallback callback) {
  return inner_.WatchPrefix(prefix, from_revision, std::move(callback));
}

absl::StatusOr<std::unique_ptr<Lease>> FaultyRegister::GrantLease(absl::Duration ttl,
                                                                  std::function<void()> on_lost) {
  GROAT_RETURN_IF_ERROR(CheckAvailable());
  return inner_.GrantLease(ttl, std::move(on_lost));
}

absl::Status FaultyRegister::Compact(int64_t revision) {
  GROAT_RETURN_IF_ERROR(CheckAvailable());
  return inner_.Compact(revision);
}

}  // namespace groat::storage
