// A file that receives a database snapshot from etcd: the database, then the SHA-256 of it.
//
// Not thread-safe. Removes what it wrote unless Finish() succeeds.
#ifndef GROAT_STORAGE_ETCD_SNAPSHOT_FILE_H_
#define GROAT_STORAGE_ETCD_SNAPSHOT_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace groat::storage {

class EtcdSnapshotFile {
 public:
  // Writes beside `path`, under the name `path`.partial, which must not be in use by another
  // process. Errors name the file.
  static absl::StatusOr<EtcdSnapshotFile> Create(const std::string& path);
  EtcdSnapshotFile(EtcdSnapshotFile&&) noexcept;
  EtcdSnapshotFile& operator=(EtcdSnapshotFile&&) = delete;
  ~EtcdSnapshotFile();

  absl::Status Append(std::string_view bytes);
  // Checks the digest (DataLoss), syncs, and gives the file its name, replacing an older one.
  // Returns its size in bytes.
  absl::StatusOr<int64_t> Finish();

 private:
  struct State;
  explicit EtcdSnapshotFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ETCD_SNAPSHOT_FILE_H_
