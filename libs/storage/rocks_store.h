// A durable, ordered key-value store: RocksDB behind our Status.
//
// As OrderedStore says. Errors name the folder. DataLoss: damage was found; the operator restores
// from a backup.
#ifndef GROAT_STORAGE_ROCKS_STORE_H_
#define GROAT_STORAGE_ROCKS_STORE_H_

#include <memory>
#include <string>

#include "storage/ordered_store.h"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace groat::storage {

using RocksBatch = StoreBatch;

class RocksStore final : public OrderedStore {
 public:
  enum class Values {
    kSmall,  // Kept beside their keys.
    // Those over 4 KiB go to files of their own and are not written again when tables are merged. A
    // file's space comes back when its last value is deleted: for what is deleted in about the
    // order it was written in. Tables and these files are written at the pace of table_pace.h.
    kLarge,
  };
  // Creates the folder if it is not there. FailedPrecondition if another process has it open.
  static absl::StatusOr<RocksStore> Open(const std::string& folder, Values values = Values::kSmall);

  RocksStore(RocksStore&&) noexcept;
  RocksStore& operator=(RocksStore&&) noexcept;
  ~RocksStore() override;

  absl::StatusOr<std::optional<Bytes>> Get(ByteView key) const override;
  absl::Status Write(const StoreBatch& batch, Durability durability) override;
  absl::Status Scan(ByteView begin, ByteView end, const Visitor& visit) const override;
  absl::StatusOr<std::optional<std::pair<Bytes, Bytes>>> Last(ByteView begin,
                                                              ByteView end) const override;

  // Writes a consistent copy, which Open opens, to `folder`, which must not exist. Linked, not
  // copied, where both are on one file system.
  absl::Status Checkpoint(const std::string& folder) const;

 private:
  class Pacer;
  RocksStore(std::string folder, std::unique_ptr<rocksdb::DB> db, std::unique_ptr<Pacer> pacer);
  std::string folder_;
  std::unique_ptr<rocksdb::DB> db_;
  std::unique_ptr<Pacer> pacer_;  // None if tables are written as fast as the disk takes them.
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ROCKS_STORE_H_
