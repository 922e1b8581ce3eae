// The tries of all periods, for readers: the open one, which the engine writes in slices, and old
// ones, which are built again from the log when they are asked for and kept in bounded memory.
//
// Thread-safe.
#ifndef GROAT_SERVICES_RELAY_TRIE_SHELF_H_
#define GROAT_SERVICES_RELAY_TRIE_SHELF_H_

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "merkle/trie.h"
#include "relay/log_group.h"
#include "storage/log_segment.h"

namespace groat::relay_service {

class TrieShelf {
 public:
  // Replays the durable records of one group of the log.
  using ReplayGroup = std::function<absl::Status(uint64_t group, const storage::LogVisitor& visit)>;

  TrieShelf(uint64_t period_cycles, size_t max_bytes, ReplayGroup replay);

  // Held by the engine while it changes the open trie or the index of keys.
  SharedMutex& open_mutex() { return open_mutex_; }
  // The trie of `period` is the open one from now on; the one before goes to the old ones.
  void SetOpen(record::Period period, std::shared_ptr<const merkle::Trie> trie)
      ABSL_LOCKS_EXCLUDED(open_mutex_, old_mutex_);

  // Calls `read` with the trie of a period while nobody changes it. An old period may be read from
  // disk first, which takes about a second a million keys; DataLoss if the log is damaged,
  // OutOfRange if the period has not begun. `read` must not block or call the shelf.
  absl::Status Read(record::Period period,
                    const std::function<absl::Status(const merkle::Trie&)>& read)
      ABSL_LOCKS_EXCLUDED(open_mutex_, old_mutex_);

  // Memory of the open trie when its last cycle closed.
  size_t open_bytes() const { return open_bytes_; }

 private:
  using TriePtr = std::shared_ptr<const merkle::Trie>;
  absl::StatusOr<TriePtr> Old(record::Period period) ABSL_LOCKS_EXCLUDED(old_mutex_);
  absl::StatusOr<std::map<record::Period, TriePtr>> Build(uint64_t group) const;
  void Keep(record::Period period, TriePtr trie) ABSL_EXCLUSIVE_LOCKS_REQUIRED(old_mutex_);

  const uint64_t period_cycles_;
  const size_t max_bytes_;
  const ReplayGroup replay_;

  mutable SharedMutex open_mutex_;
  record::Period open_period_ ABSL_GUARDED_BY(open_mutex_);
  TriePtr open_ ABSL_GUARDED_BY(open_mutex_);
  std::atomic<size_t> open_bytes_{0};

  Mutex old_mutex_;
  CondVar built_;
  std::map<record::Period, TriePtr> old_ ABSL_GUARDED_BY(old_mutex_);
  std::list<record::Period> used_ ABSL_GUARDED_BY(old_mutex_);  // The last used at the front.
  size_t old_bytes_ ABSL_GUARDED_BY(old_mutex_) = 0;
  std::set<uint64_t> building_ ABSL_GUARDED_BY(old_mutex_);  // Groups that a reader replays now.
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_TRIE_SHELF_H_
