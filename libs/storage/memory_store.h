// An ordered store in memory that forgets what was not synced, and refuses writes, as a real one
// may. For tests.
//
// Thread-safe.
#ifndef GROAT_STORAGE_MEMORY_STORE_H_
#define GROAT_STORAGE_MEMORY_STORE_H_

#include <map>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "storage/ordered_store.h"

namespace groat::storage {

class MemoryStore final : public OrderedStore {
 public:
  // The machine stops and starts again: what was not synced is gone.
  void Crash() ABSL_LOCKS_EXCLUDED(mutex_);
  // Every write from now on fails with this status; OK ends it.
  void FailWrites(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t sync_count() const ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<std::optional<Bytes>> Get(ByteView key) const override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Write(const StoreBatch& batch, Durability durability) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Scan(ByteView begin, ByteView end, const Visitor& visit) const override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::optional<std::pair<Bytes, Bytes>>> Last(ByteView begin,
                                                              ByteView end) const override
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // std::string compares as unsigned bytes.
  using Content = std::map<std::string, std::string>;

  void Erase(Content::iterator found) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Content content_ ABSL_GUARDED_BY(mutex_);
  // What undoes the writes since the last sync, newest last.
  std::vector<StoreBatch::Change> undo_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  uint64_t syncs_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_MEMORY_STORE_H_
