// The state of a register that lives in one process: keys, history, leases.
//
// Pure: no I/O, clock, thread or randomness; time and results are values. Not thread-safe. Every
// change is first computed as a StateDelta, made durable by the owner, and then applied.
#ifndef GROAT_STORAGE_REGISTER_STATE_H_
#define GROAT_STORAGE_REGISTER_STATE_H_

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/register.h"

namespace groat::storage {

struct StateDelta {
  // What happens to one key; `lease` only for a put.
  struct Entry {
    WatchEvent event;
    LeaseId lease;
  };
  int64_t revision = 0;  // Of the state afterwards.
  std::vector<Entry> entries;
  std::optional<std::pair<LeaseId, absl::Duration>> granted;
  std::optional<LeaseId> ended;
  std::optional<int64_t> compacted;  // The history up to and including this revision goes.
};

class RegisterState {
 public:
  struct Stored {
    std::string value;
    int64_t create_revision = 0;
    int64_t mod_revision = 0;
    LeaseId lease;
  };
  struct LeaseState {
    absl::Duration ttl;
    // Unset while a holder keeps the lease alive.
    std::optional<absl::Time> expires_at;
    std::set<std::string> keys;
  };
  // Either `delta` is set and is to be applied, or the comparison failed.
  struct Evaluation {
    CommitResult result;
    std::optional<StateDelta> delta;
  };

  // `transaction` is valid. NotFound if a put names a lease that is gone.
  absl::StatusOr<Evaluation> Evaluate(const Transaction& transaction) const;
  StateDelta Grant(absl::Duration ttl) const;
  // Ends the lease and deletes its keys. NotFound if it is gone.
  absl::StatusOr<StateDelta> End(LeaseId lease) const;
  // Empty delta if it was compacted before; OutOfRange if the revision is in the future.
  absl::StatusOr<std::optional<StateDelta>> Compact(int64_t revision) const;

  void Apply(const StateDelta& delta);

  // The holder is gone: the lease runs out its time to live from `now`. Nothing if it is unknown.
  void Release(LeaseId lease, absl::Time now);
  // As Release, for every lease that is held: after a restart no holder is left.
  void ReleaseAll(absl::Time now);
  // The lease is kept alive (again). Nothing if it is unknown.
  void Hold(LeaseId lease);
  // The leases whose time is over.
  std::vector<LeaseId> Expired(absl::Time now) const;
  std::optional<absl::Time> NextExpiry() const;
  bool HasLease(LeaseId lease) const { return leases_.count(lease) != 0; }

  ReadResult Read(const std::vector<RangeRead>& ranges) const;

  // What a watch of `prefix` that has reached `next_revision` is told next, with that revision
  // moved on; nothing if there is no news. At most about `max_events`, but always whole revisions.
  std::optional<WatchUpdate> NextUpdate(std::string_view prefix, size_t max_events,
                                        int64_t& next_revision) const;

  int64_t revision() const { return revision_; }
  int64_t compacted_revision() const { return compacted_revision_; }

  // For a durable form that reads back what it wrote, once, before anything else. History in order
  // of revisions.
  void LoadMeta(int64_t revision, int64_t compacted_revision, LeaseId last_lease);
  void LoadLease(LeaseId lease, absl::Duration ttl);
  void LoadKey(std::string key, Stored stored);
  void LoadHistory(WatchEvent event);
  LeaseId last_lease() const { return last_lease_; }

 private:
  void ApplyEntry(const StateDelta::Entry& entry);
  std::vector<StateDelta::Entry> Deletes(const std::vector<KeyRange>& ranges,
                                         int64_t revision) const;
  void Detach(const std::string& key, LeaseId lease);

  int64_t revision_ = 1;  // As etcd: an empty store is at revision 1.
  int64_t compacted_revision_ = 0;
  LeaseId last_lease_;
  std::map<std::string, Stored, std::less<>> keys_;
  std::deque<WatchEvent> history_;  // By mod_revision, ascending.
  std::map<LeaseId, LeaseState> leases_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_REGISTER_STATE_H_
