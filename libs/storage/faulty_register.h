// A register that fails on command, around any other form. Tests only.
//
// Thread-safe. Several of them around one register are several clients with faults of their own.
#ifndef GROAT_STORAGE_FAULTY_REGISTER_H_
#define GROAT_STORAGE_FAULTY_REGISTER_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "storage/register.h"

namespace groat::storage {

// What happens to one Commit.
enum class CommitFault {
  kNone,
  kUnavailable,     // Unavailable; not applied.
  kAnswerLost,      // Applied, but the outcome is reported as unknown.
  kRequestLost,     // Not applied, and the outcome is reported as unknown.
  kRequestDelayed,  // The outcome is reported as unknown; it is applied by ReleaseDelayed().
};

class FaultyRegister : public Register {
 public:
  // `inner` must outlive this object.
  explicit FaultyRegister(Register* inner) : inner_(*inner) {}

  // The coming commits meet these faults, one each; after that none.
  void FailCommits(std::deque<CommitFault> faults);
  // While set, every call fails with Unavailable and has no effect. Running watches go on.
  void SetUnavailable(bool unavailable);
  // Commits what was delayed, in order, and returns what came of it.
  std::vector<absl::StatusOr<CommitResult>> ReleaseDelayed();
  // How many commits were asked for, failed ones included.
  int64_t commit_count() const;

  absl::StatusOr<CommitResult> Commit(const Transaction& transaction) override;
  absl::StatusOr<ReadResult> ReadRanges(const std::vector<RangeRead>& ranges,
                                        Consistency consistency) override;
  std::unique_ptr<Watch> WatchPrefix(std::string_view prefix, int64_t from_revision,
                                     WatchCallback callback) override;
  absl::StatusOr<std::unique_ptr<Lease>> GrantLease(absl::Duration ttl,
                                                    std::function<void()> on_lost) override;
  absl::Status Compact(int64_t revision) override;

 private:
  absl::Status CheckAvailable() const;
  // Takes the fault of the next commit.
  CommitFault NextFault();

  Register& inner_;
  mutable Mutex mutex_;
  bool unavailable_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<CommitFault> faults_ ABSL_GUARDED_BY(mutex_);
  std::vector<Transaction> delayed_ ABSL_GUARDED_BY(mutex_);
  int64_t commit_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_FAULTY_REGISTER_H_
