// The seam to a durable, ordered key-value store.
//
// Two forms: RocksDB (rocks_store.h) and one in memory that can lose what was not synced
// (memory_store.h). Keys and values are free bytes; keys are ordered as unsigned bytes.
// Thread-safe.
#ifndef GROAT_STORAGE_ORDERED_STORE_H_
#define GROAT_STORAGE_ORDERED_STORE_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace groat::storage {

// Changes that become visible and durable together, in the order given.
class StoreBatch {
 public:
  struct Change {
    std::string key;
    std::optional<std::string> value;      // Absent: delete.
    std::optional<std::string> range_end;  // Present: delete every key from `key` to below it.
  };

  StoreBatch& Put(ByteView key, ByteView value) {
    changes_.push_back({ToString(key), ToString(value), std::nullopt});
    return *this;
  }
  StoreBatch& Delete(ByteView key) {
    changes_.push_back({ToString(key), std::nullopt, std::nullopt});
    return *this;
  }
  // Deletes begin <= key < end; nothing unless begin < end. RocksDB marks the range whatever is in
  // it; the store in memory takes time for each key.
  StoreBatch& DeleteRange(ByteView begin, ByteView end) {
    changes_.push_back({ToString(begin), std::nullopt, ToString(end)});
    return *this;
  }
  bool empty() const { return changes_.empty(); }
  const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;
};

class OrderedStore {
 public:
  virtual ~OrderedStore() = default;

  // The value, or nothing if the key is not there.
  virtual absl::StatusOr<std::optional<Bytes>> Get(ByteView key) const = 0;

  enum class Durability {
    kSynced,    // Survives a crash of the machine when Write returns.
    kBuffered,  // Survives a crash of the process; a later synced write makes it durable too.
  };
  // After a failed write the store refuses every later one, so the process should stop.
  virtual absl::Status Write(const StoreBatch& batch, Durability durability) = 0;

  // True: go on. The views are valid during the call.
  using Visitor = std::function<bool(ByteView key, ByteView value)>;
  // Visits begin <= key < end in order, as of one moment. An empty `end` means no end.
  virtual absl::Status Scan(ByteView begin, ByteView end, const Visitor& visit) const = 0;
  // The last entry with begin <= key < end, or nothing. An empty `end` means no end.
  virtual absl::StatusOr<std::optional<std::pair<Bytes, Bytes>>> Last(ByteView begin,
                                                                      ByteView end) const = 0;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ORDERED_STORE_H_
