// The seam between the durable log and the disk: just the file operations that a log needs.
//
// Two forms: the operating system's (`RealFileSystem`) and one in memory that can fail, tear and
// lose writes (memory_file_system.h). An object is owned by one thread; the file system itself is
// safe to use from many threads.
#ifndef GROAT_STORAGE_FILE_SYSTEM_H_
#define GROAT_STORAGE_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace groat::storage {

// A file open for writing at its end. After a failed call the content past the last successful
// Sync is unknown, and so must not be used any more.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  // Writes all of `bytes`; they are not durable before Sync.
  virtual absl::Status Append(ByteView bytes) = 0;
  // Makes content and size durable (fdatasync).
  virtual absl::Status Sync() = 0;
};

// A file open for reading.
class ReadFile {
 public:
  virtual ~ReadFile() = default;
  // Fills `out` from `offset`; fewer bytes than asked for only at the end of the file.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) = 0;
  virtual absl::StatusOr<uint64_t> SizeBytes() = 0;
};

// Every error names the operation, the path and what the system said; its code is that of
// absl::ErrnoToStatus (NotFound, AlreadyExists, PermissionDenied, ResourceExhausted, ...).
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Creates the folder if it is not there; its parent must be. Durable on return.
  virtual absl::Status CreateFolder(const std::string& folder) = 0;
  // Names (not paths) of the regular files in `folder`, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;
  // AlreadyExists if the file is there. The name is durable only after SyncFolder.
  virtual absl::StatusOr<std::unique_ptr<AppendFile>> Create(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<AppendFile>> OpenForAppend(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<ReadFile>> OpenForRead(const std::string& path) = 0;
  // Durable only after a Sync of the file.
  virtual absl::Status Truncate(const std::string& path, uint64_t size_bytes) = 0;
  // Durable only after SyncFolder.
  virtual absl::Status Remove(const std::string& path) = 0;
  // Makes the names in `folder` durable.
  virtual absl::Status SyncFolder(const std::string& folder) = 0;
};

// The operating system's files. Lives as long as the process.
FileSystem& RealFileSystem();

}  // namespace groat::storage

#endif  // GROAT_STORAGE_FILE_SYSTEM_H_
