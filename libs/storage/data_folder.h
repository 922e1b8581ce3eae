// A service's data folder: whose data it is, and that one process uses it at a time.
//
// The folder has a file `identity` of `key=value` lines, the first two being `format_version` and
// `kind`, and a file `lock`. So a service pointed at another's data stops instead of spoiling it.
// Movable, not thread-safe; owns the lock until destruction or the end of the process.
#ifndef GROAT_STORAGE_DATA_FOLDER_H_
#define GROAT_STORAGE_DATA_FOLDER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace groat::storage {

// Keys are lower-case letters, digits and `_`; values are printable ASCII and may be empty.
struct FolderIdentity {
  uint32_t format_version = 1;  // Of everything in the folder. Counted up by a change of layout.
  std::string kind;             // Of service: "relay", "ledger", ...
  // What else must agree, e.g. {"network", "main"}, {"relay_id", "7"}, {"shard", "0"}.
  std::map<std::string, std::string> fields = {};
};

class DataFolder {
 public:
  // Opens the folder, or creates it (not its parent) with this identity if it is absent or empty.
  // FailedPrecondition, with nothing changed, names the folder and
  // - the process that holds it, if another one does;
  // - both values, if kind, a field or a newer format version differs;
  // - what lies there, if the folder is not empty but has no identity.
  // DataLoss names the line of a damaged identity.
  static absl::StatusOr<DataFolder> Open(const std::string& path, const FolderIdentity& identity);

  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&& other) noexcept;
  ~DataFolder();

  const std::string& path() const { return path_; }
  // Path of a file or folder in it.
  std::string Inside(const std::string& name) const { return path_ + "/" + name; }
  // Whether this Open created the identity.
  bool is_new() const { return is_new_; }
  // On disk: at most what Open was given. If below, the service brings its files up to date, then
  // calls SetFormatVersion.
  uint32_t format_version() const { return identity_.format_version; }
  // Durable on return.
  absl::Status SetFormatVersion(uint32_t version);

 private:
  DataFolder(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}

  std::string path_;
  int lock_fd_;
  FolderIdentity identity_;
  bool is_new_ = false;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_DATA_FOLDER_H_
