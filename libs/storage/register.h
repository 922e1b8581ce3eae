// An atomic, versioned key-value register: the seam between a ledger and what keeps it.
//
// Bytes in, bytes out; it knows no protocol of ours. Three forms: MemoryRegister (tests),
// EmbeddedRegister (RocksDB, one node) and EtcdRegister (an etcd cluster, Raft).
//
// Thread-safe: any number of threads may call any method. Calls block, at most for the form's
// overall deadline. Watches and leases must be destroyed before their register.
//
// Model: a store has one revision number. Every transaction that writes raises it; so may reads and
// other users of the same store, hence revisions grow but have gaps. A key remembers the revision
// that created it and the one that last wrote it.
#ifndef GROAT_STORAGE_REGISTER_H_
#define GROAT_STORAGE_REGISTER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/strong_id.h"

namespace groat::storage {

// Zero means "no lease".
using LeaseId = StrongId<struct LeaseIdTag, int64_t>;

struct KeyValue {
  std::string key;
  std::string value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;

  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

// The keys k with begin <= k < end in the order of bytes. An empty `end` means no upper bound.
struct KeyRange {
  std::string begin;
  std::string end;

  static KeyRange Single(std::string_view key);
  // Every key that starts with `prefix`; every key if it is empty.
  static KeyRange Prefix(std::string_view prefix);

  bool Contains(std::string_view key) const { return key >= begin && (end.empty() || key < end); }
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// Holds if the key's mod_revision is this one; 0 means that the key is absent.
struct Compare {
  std::string key;
  int64_t mod_revision = 0;
};

struct Put {
  std::string key;
  std::string value;
  LeaseId lease;  // If set, the key vanishes with the lease.
};

// If every comparison holds, all puts and deletes happen at once, at one revision; else none does.
struct Transaction {
  std::vector<Compare> compares;
  std::vector<Put> puts;
  std::vector<KeyRange> deletes;
};

struct CommitResult {
  bool committed = false;
  // If committed, the revision that this transaction made (the present one if it found nothing to
  // delete and put nothing); else the store's when the comparison failed.
  int64_t revision = 0;
  // Only if not committed: the compared keys that exist, as they were when the comparison failed,
  // in the order of the comparisons.
  std::vector<KeyValue> current;
};

// Bounds of a transaction; a larger one is InvalidArgument.
inline constexpr size_t kMaxCompares = 128;
inline constexpr size_t kMaxWrites = 127;  // Puts and deletes together.
inline constexpr size_t kMaxTransactionBytes = 1 << 20;

struct RangeRead {
  KeyRange range;
  int64_t limit = 0;  // At most so many keys; 0 means all.
};

struct RangeContent {
  std::vector<KeyValue> items;  // In the order of keys.
  bool more = false;            // The limit cut off further keys.
};

struct ReadResult {
  int64_t revision = 0;  // Of the state that was read. A watch continues from revision + 1.
  std::vector<RangeContent> ranges;
};

struct RangeResult {
  int64_t revision = 0;
  std::vector<KeyValue> items;
  bool more = false;
};

enum class Consistency {
  // Sees every transaction that was acknowledged to anyone before the read began.
  kLinearizable,
  // Some earlier state, without an upper bound on its age. Cheaper, and answered without a quorum.
  kStale,
};

struct WatchEvent {
  enum class Kind { kPut, kDelete };
  Kind kind = Kind::kPut;
  // For a delete: the key and the revision of the deletion as mod_revision; nothing else.
  KeyValue item;

  friend bool operator==(const WatchEvent&, const WatchEvent&) = default;
};

struct WatchUpdate {
  enum class Kind {
    kEvents,
    // The history was compacted and events may have been missed: read the range. The watch goes on
    // by itself with the events that are left.
    kCompacted,
  };
  Kind kind = Kind::kEvents;
  std::vector<WatchEvent>
      events;  // In the order of revisions. All events of one revision, at once.
  // kEvents: of the last event. kCompacted: the history is gone up to and including this one.
  int64_t revision = 0;
};

// Called on a thread of the register, one call at a time for each watch. It may call the register
// and may destroy its own watch; it delays this register's other callbacks, so it should be short.
using WatchCallback = std::function<void(const WatchUpdate&)>;

// A running watch. Destroying it ends it: the callback is not running and will never be called
// again once the destructor returns (called from the callback itself: after that callback returns).
class Watch {
 public:
  virtual ~Watch() = default;
};

// A lease that is kept alive in the background as long as this object lives. Destroying it ends the
// keeping alive and the lease runs out by itself; Revoke() ends it at once.
class Lease {
 public:
  virtual ~Lease() = default;
  virtual LeaseId id() const = 0;
  // True from the moment that the lease may have run out, by this process' clock, at the latest.
  // Never turns false again.
  virtual bool lost() const = 0;
  // Deletes the lease and its keys now. NotFound if it was gone already; on any other error it runs
  // out by itself. The lease counts as lost afterwards, without a call of `on_lost`.
  virtual absl::Status Revoke() = 0;
};

// The status of a transaction that was sent but whose answer was lost. It may have been applied,
// and it may STILL be applied after this call returned, even after a linearizable read that does
// not show it yet (it can wait in a paused member). It certainly will not once a key that it
// compares has changed. So the caller repeats it, or another one, with the same comparisons: if the
// lost one came first, the comparison fails and the result shows what stands. A transaction without
// a comparison must be idempotent.
absl::Status OutcomeUnknownError(std::string_view message);
inline bool IsOutcomeUnknown(const absl::Status& status) {
  return absl::IsDeadlineExceeded(status);
}

class Register {
 public:
  virtual ~Register() = default;

  // Errors, after all but one of which the transaction certainly did not and will not happen:
  //   InvalidArgument    it breaks a bound, writes nothing, has an empty key, compares or puts a
  //                      key twice, or puts a key that it also deletes
  //   NotFound           a put names a lease that is gone
  //   ResourceExhausted  the store is full or overloaded
  //   Unavailable        no store could be reached, or it has no quorum; safe to repeat
  //   PermissionDenied, Internal, FailedPrecondition   the store refused
  //   DeadlineExceeded   UNKNOWN OUTCOME, see OutcomeUnknownError: it may have been applied and may
  //                      still be. Never repeated by the register itself.
  // A failed comparison is a result, not an error.
  virtual absl::StatusOr<CommitResult> Commit(const Transaction& transaction) = 0;

  // Reads 1 to 64 ranges of one and the same state. Unavailable or DeadlineExceeded if no store
  // answered in time; safe to repeat.
  virtual absl::StatusOr<ReadResult> ReadRanges(const std::vector<RangeRead>& ranges,
                                                Consistency consistency) = 0;

  // Reports the events of keys that start with `prefix`, from `from_revision` (values below 1 count
  // as 1) on, in order and without a gap or a repetition as long as the store keeps its history,
  // across reconnections. Yet only a hint: it may lag without bound, so back it with reads.
  virtual std::unique_ptr<Watch> WatchPrefix(std::string_view prefix, int64_t from_revision,
                                             WatchCallback callback) = 0;

  // A lease with a time to live of whole seconds, at least 1 s; a form may lengthen it. `on_lost`
  // may be empty; it is called at most once, from a thread of the register, and may destroy the
  // lease. Leases only tidy up and elect: they NEVER decide safety, since a holder can be late in
  // noticing the loss. Unavailable or DeadlineExceeded as for reads (an unknown lease runs out).
  virtual absl::StatusOr<std::unique_ptr<Lease>> GrantLease(absl::Duration ttl,
                                                            std::function<void()> on_lost) = 0;

  // Forgets the history (not the current values) up to and including `revision`. It concerns the
  // whole store, so with etcd also other registers in the same cluster. OutOfRange if `revision` is
  // in the future; OK if it was compacted before. Safe to repeat.
  virtual absl::Status Compact(int64_t revision) = 0;

  // Short forms of ReadRanges.
  absl::StatusOr<std::optional<KeyValue>> Read(
      std::string_view key, Consistency consistency = Consistency::kLinearizable);
  absl::StatusOr<RangeResult> ReadRange(const KeyRange& range, int64_t limit = 0,
                                        Consistency consistency = Consistency::kLinearizable);
};

inline constexpr size_t kMaxRangesInRead = 64;

}  // namespace groat::storage

#endif  // GROAT_STORAGE_REGISTER_H_
