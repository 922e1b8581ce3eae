#include "base/whole_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat {
namespace {

absl::Status SystemError(absl::string_view operation, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(operation, " ", path));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAll(int fd, ByteView content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", path);
    content = content.subspan(static_cast<size_t>(written));
  }
  if (fsync(fd) != 0) return SystemError("fsync", path);
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError("open folder", folder);
  if (fsync(fd.get()) != 0) return SystemError("fsync folder", folder);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WholeFile> ReadWholeFile(const std::string& path, size_t max_bytes) {
  // Not blocking, so that a named pipe is refused instead of waited for.
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return SystemError("open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return SystemError("stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  }
  WholeFile file;
  file.mode = info.st_mode & 07777;
  file.content.resize(max_bytes + 1);
  size_t size = 0;
  while (size < file.content.size()) {
    const ssize_t got = read(fd.get(), file.content.data() + size, file.content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " is longer than ", max_bytes, " bytes"));
  }
  file.content.resize(size);
  return file;
}

absl::Status WriteWholeFile(const std::string& path, ByteView content, mode_t mode,
                            IfExists if_exists) {
  std::string temporary = path + ".XXXXXX";
  // Creates with O_EXCL and mode 0600.
  const Descriptor fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (fd.get() < 0) return SystemError("create", temporary);
  const absl::Status written = [&]() -> absl::Status {
    GROAT_RETURN_IF_ERROR(WriteAll(fd.get(), content, temporary));
    if (fchmod(fd.get(), mode) != 0) return SystemError("chmod", temporary);
    // link fails where rename would overwrite.
    if (if_exists == IfExists::kRefuse) {
      if (link(temporary.c_str(), path.c_str()) != 0) return SystemError("create", path);
    } else if (rename(temporary.c_str(), path.c_str()) != 0) {
      return SystemError("rename to", path);
    }
    return absl::OkStatus();
  }();
  if (!written.ok() || if_exists == IfExists::kRefuse) unlink(temporary.c_str());
  GROAT_RETURN_IF_ERROR(written);
  return SyncFolderOf(path);
}

}  // namespace groat
