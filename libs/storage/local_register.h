// What the two forms of the register that live in one process share: locking, watches, leases.
//
// Thread-safe. One thread of its own delivers watch events and calls of `on_lost`, and ends leases.
#ifndef GROAT_STORAGE_LOCAL_REGISTER_H_
#define GROAT_STORAGE_LOCAL_REGISTER_H_

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "storage/register.h"
#include "storage/register_state.h"

namespace groat::storage {

class LocalRegister : public Register {
 public:
  // Makes a delta durable before it returns. Called by one thread at a time, in order.
  using Persist = std::function<void(const StateDelta&)>;
  // The present time; must not go back.
  using Clock = std::function<absl::Time()>;

  ~LocalRegister() override;

  absl::StatusOr<CommitResult> Commit(const Transaction& transaction) override;
  absl::StatusOr<ReadResult> ReadRanges(const std::vector<RangeRead>& ranges,
                                        Consistency consistency) override;
  std::unique_ptr<Watch> WatchPrefix(std::string_view prefix, int64_t from_revision,
                                     WatchCallback callback) override;
  absl::StatusOr<std::unique_ptr<Lease>> GrantLease(absl::Duration ttl,
                                                    std::function<void()> on_lost) override;
  absl::Status Compact(int64_t revision) override;

 protected:
  LocalRegister(RegisterState state, Persist persist, Clock clock);

  // Ends the leases whose time is over by the clock. The own thread does it too when the clock
  // follows real time.
  void ExpireLeases();
  // Ends every lease now, held or not: what a long stall of their holders does.
  void ExpireAllLeases();
  // In the copy nobody holds a lease.
  RegisterState CopyState() const;
  // Leases that the new state does not know are lost.
  void ReplaceState(RegisterState state);

 private:
  class LocalWatch;
  class LocalLease;
  struct WatchEntry {
    std::string prefix;
    int64_t next_revision = 1;
    WatchCallback callback;
    bool due = true;  // There may be news.
  };
  using WatchMap = std::map<uint64_t, WatchEntry>;
  struct LeaseEntry {
    std::function<void()> on_lost;
    bool lost = false;
  };

  // Persists and applies; wakes the own thread.
  void Execute(const StateDelta& delta) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  absl::Status EndLease(LeaseId lease, bool tell_holder) ABSL_LOCKS_EXCLUDED(commit_mutex_);
  void EndWatch(uint64_t id);
  void ReleaseLease(LeaseId lease);
  bool IsLost(LeaseId lease) const;

  // The own thread, and one piece of its work each; false if there was nothing to do.
  void Run();
  std::chrono::steady_clock::time_point NextDeadline() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool DeliverLoss() ABSL_LOCKS_EXCLUDED(mutex_);
  bool DeliverEvents() ABSL_LOCKS_EXCLUDED(mutex_);
  // The next watch in turn that has news, with the news; else the end.
  WatchMap::iterator NextDueWatch(WatchUpdate& update) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Persist persist_;
  const Clock clock_;

  // Puts the writers in order. Held over the write to disk, against the house rule: a register is
  // one sequence of writes, and readers do not need this mutex.
  Mutex commit_mutex_;

  mutable Mutex mutex_ ABSL_ACQUIRED_AFTER(commit_mutex_);
  CondVar changed_;  // Work for the own thread, or the end of a callback.
  RegisterState state_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_watch_ ABSL_GUARDED_BY(mutex_) = 0;
  WatchMap watches_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_served_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t running_watch_ ABSL_GUARDED_BY(mutex_) = 0;  // Whose callback runs now; 0 for none.
  std::map<LeaseId, LeaseEntry> held_leases_ ABSL_GUARDED_BY(mutex_);
  LeaseId running_lease_ ABSL_GUARDED_BY(mutex_);  // Whose on_lost runs now.
  std::deque<LeaseId> lost_leases_ ABSL_GUARDED_BY(mutex_);
  bool leases_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_LOCAL_REGISTER_H_
