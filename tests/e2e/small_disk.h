// A small file system of its own under a folder, which can be filled up. Tests only.
//
// A tmpfs in a mount namespace of this process and of those that it starts later: nobody else sees
// it, and it is gone with them. Needs root or user namespaces.
#ifndef GROAT_TESTS_E2E_SMALL_DISK_H_
#define GROAT_TESTS_E2E_SMALL_DISK_H_

#include <cstddef>
#include <filesystem>

#include "absl/status/status.h"

namespace groat::e2e {

// Gives this process a mount namespace of its own. Call it before there is another thread.
// PermissionDenied where the system does not allow it.
absl::Status EnterMountNamespace();

class SmallDisk {
 public:
  SmallDisk() = default;
  // Unmounts.
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // After EnterMountNamespace; makes `folder` too. PermissionDenied.
  absl::Status Mount(const std::filesystem::path& folder, size_t size_bytes);
  // Writes one file until not a byte fits any more.
  absl::Status Fill() const;
  // Deletes it.
  absl::Status MakeRoom() const;

 private:
  std::filesystem::path Filler() const { return folder_ / "filler"; }
  std::filesystem::path folder_;
};

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_SMALL_DISK_H_
