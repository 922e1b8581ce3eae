// A disk in memory that loses, tears and refuses writes as a real one may. For tests.
//
// Thread-safe. Deterministic for a given seed and order of calls.
#ifndef GROAT_STORAGE_MEMORY_FILE_SYSTEM_H_
#define GROAT_STORAGE_MEMORY_FILE_SYSTEM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "storage/file_system.h"

namespace groat::storage {

class MemoryFileSystem : public FileSystem {
 public:
  // What becomes of writes that were not synced.
  enum class Unsynced {
    kDrop,  // All are lost.
    kKeep,  // All arrive, as when only the process ends.
    kTear,  // Each 512-byte sector arrives, or is zeros, at random; then the size is cut at random.
  };

  explicit MemoryFileSystem(uint64_t seed = 1) : random_(seed) {}

  // The machine stops and starts again. Names that were not synced by SyncFolder are lost, or with
  // kKeep kept. Objects opened before act from now on as if every call succeeded, but do nothing.
  void Crash(Unsynced unsynced) ABSL_LOCKS_EXCLUDED(mutex_);

  // The n-th write, or sync of a file or folder, from now fails; 1 is the next one.
  void FailWrite(uint64_t n) ABSL_LOCKS_EXCLUDED(mutex_);
  void FailSync(uint64_t n) ABSL_LOCKS_EXCLUDED(mutex_);
  // What all files together hold: of an append beyond it only what fits is written, and it fails.
  // nullopt: no limit.
  void SetCapacity(std::optional<uint64_t> bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  // Direct access, to damage files. The file must be there.
  Bytes Content(const std::string& path) const ABSL_LOCKS_EXCLUDED(mutex_);
  void SetContent(const std::string& path, Bytes content) ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t sync_count() const ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Status CreateFolder(const std::string& folder) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::StatusOr<std::unique_ptr<AppendFile>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenForAppend(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenForRead(const std::string& path) override;
  absl::Status Truncate(const std::string& path, uint64_t size_bytes) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncFolder(const std::string& folder) override;

 private:
  friend class MemoryAppendFile;
  friend class MemoryReadFile;
  struct File {
    Bytes content;
    Bytes durable;
  };
  using Files = std::map<std::string, std::shared_ptr<File>>;  // By path.

  absl::Status CountWrite(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CountSync(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t FreeBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Bytes Torn(const File& file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> folders_ ABSL_GUARDED_BY(mutex_);
  Files files_ ABSL_GUARDED_BY(mutex_);
  Files durable_names_ ABSL_GUARDED_BY(mutex_);
  uint64_t crashes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t syncs_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t writes_until_failure_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: none is asked for.
  uint64_t syncs_until_failure_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<uint64_t> capacity_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_MEMORY_FILE_SYSTEM_H_
