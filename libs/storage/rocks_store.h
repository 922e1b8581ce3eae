// A durable, ordered key-value store: RocksDB behind our Status.
//
// Thread-safe. Keys and values are free bytes; keys are ordered as unsigned bytes.
// Errors name the folder. DataLoss: damage was found; the operator restores from a backup. After a
// failed write the store refuses every later one, so the process should stop.
#ifndef GROAT_STORAGE_ROCKS_STORE_H_
#define GROAT_STORAGE_ROCKS_STORE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace groat::storage {

// Changes that become visible and durable together, in the order given.
class RocksBatch {
 public:
  RocksBatch& Put(ByteView key, ByteView value);
  RocksBatch& Delete(ByteView key);
  bool empty() const { return changes_.empty(); }

 private:
  friend class RocksStore;
  struct Change {
    std::string key;
    std::optional<std::string> value;  // Absent: delete.
  };
  std::vector<Change> changes_;
};

class RocksStore {
 public:
  // Creates the folder if it is not there. FailedPrecondition if another process has it open.
  static absl::StatusOr<RocksStore> Open(const std::string& folder);

  RocksStore(RocksStore&&) noexcept;
  RocksStore& operator=(RocksStore&&) noexcept;
  ~RocksStore();

  // The value, or nothing if the key is not there.
  absl::StatusOr<std::optional<Bytes>> Get(ByteView key) const;

  enum class Durability {
    kSynced,    // Survives a crash of the machine when Write returns.
    kBuffered,  // Survives a crash of the process; a later synced write makes it durable too.
  };
  absl::Status Write(const RocksBatch& batch, Durability durability);

  // True: go on. The views are valid during the call.
  using Visitor = std::function<bool(ByteView key, ByteView value)>;
  // Visits begin <= key < end in order, as of one moment. An empty `end` means no end.
  absl::Status Scan(ByteView begin, ByteView end, const Visitor& visit) const;
  // The last entry with begin <= key < end, or nothing. An empty `end` means no end.
  absl::StatusOr<std::optional<std::pair<Bytes, Bytes>>> Last(ByteView begin, ByteView end) const;

  // Writes a consistent copy, which Open opens, to `folder`, which must not exist. Linked, not
  // copied, where both are on one file system.
  absl::Status Checkpoint(const std::string& folder) const;

 private:
  RocksStore(std::string folder, std::unique_ptr<rocksdb::DB> db);
  std::string folder_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ROCKS_STORE_H_
