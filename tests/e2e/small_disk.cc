#include "tests/e2e/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::e2e {
namespace {

namespace fs = std::filesystem;

absl::Status Denied(const std::string& what) {
  return absl::PermissionDeniedError(absl::StrCat(what, ": ", strerror(errno)));
}

bool WriteText(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// As a user who is root in a namespace of its own.
absl::Status EnterUserNamespace() {
  const std::string user = absl::StrCat("0 ", getuid(), " 1");
  const std::string group = absl::StrCat("0 ", getgid(), " 1");
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return Denied("unshare");
  if (!WriteText("/proc/self/setgroups", "deny") || !WriteText("/proc/self/uid_map", user) ||
      !WriteText("/proc/self/gid_map", group)) {
    return Denied("/proc/self/uid_map");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EnterMountNamespace() {
  if (unshare(CLONE_NEWNS) != 0) GROAT_RETURN_IF_ERROR(EnterUserNamespace());
  // What is mounted from here on stays here.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return Denied("mount /");
  return absl::OkStatus();
}

SmallDisk::~SmallDisk() {
  if (!folder_.empty()) umount2(folder_.c_str(), MNT_DETACH);
}

absl::Status SmallDisk::Mount(const fs::path& folder, size_t size_bytes) {
  std::error_code error;
  fs::create_directories(folder, error);
  const std::string options = absl::StrCat("size=", size_bytes, ",mode=0700");
  if (mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return Denied(absl::StrCat("mount ", folder.string()));
  }
  folder_ = folder;
  return absl::OkStatus();
}

absl::Status SmallDisk::Fill() const {
  const int fd = open(Filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return absl::InternalError(absl::StrCat(Filler().string(), ": ", strerror(errno)));
  const std::vector<char> content(1 << 20, 'x');
  // Smaller and smaller pieces, until there is no room for a byte.
  for (size_t piece = content.size(); piece > 0;) {
    if (write(fd, content.data(), piece) > 0) continue;
    if (errno != ENOSPC) break;
    piece /= 2;
  }
  const int last_error = errno;
  close(fd);
  if (last_error == ENOSPC) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(Filler().string(), ": ", strerror(last_error)));
}

absl::Status SmallDisk::MakeRoom() const {
  std::error_code error;
  if (fs::remove(Filler(), error)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(Filler().string(), ": ", error.message()));
}

}  // namespace groat::e2e
