#include "storage/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace groat::storage {
namespace {

absl::Status SystemError(int error, absl::string_view operation, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(operation, " ", path));
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

int OpenRetrying(const std::string& path, int flags) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

class PosixAppendFile : public AppendFile {
 public:
  PosixAppendFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  absl::Status Append(ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return SystemError(errno, "write", path_);
      }
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // Not retried: after a failed fsync the kernel may have dropped the pages, and a second call
    // would report success for data that is gone.
    if (fdatasync(fd_.get()) != 0) return SystemError(errno, "fdatasync", path_);
    return absl::OkStatus();
  }

 private:
  Descriptor fd_;
  const std::string path_;
};

class PosixReadFile : public ReadFile {
 public:
  PosixReadFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0) {
        if (errno == EINTR) continue;
        return SystemError(errno, "read", path_);
      }
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  absl::StatusOr<uint64_t> SizeBytes() override {
    struct stat info;
    if (fstat(fd_.get(), &info) != 0) return SystemError(errno, "stat", path_);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  Descriptor fd_;
  const std::string path_;
};

class PosixFileSystem : public FileSystem {
 public:
  absl::Status CreateFolder(const std::string& folder) override {
    if (mkdir(folder.c_str(), 0700) != 0) {
      if (errno != EEXIST) return SystemError(errno, "mkdir", folder);
      struct stat info;
      if (stat(folder.c_str(), &info) != 0) return SystemError(errno, "stat", folder);
      if (!S_ISDIR(info.st_mode)) return SystemError(ENOTDIR, "mkdir", folder);
      return absl::OkStatus();
    }
    const std::string parent = std::filesystem::path(folder).parent_path();
    return SyncFolder(parent.empty() ? "." : parent);
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    std::error_code error;
    std::vector<std::string> names;
    auto entry = std::filesystem::directory_iterator(folder, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      if (entry->is_regular_file(error)) names.push_back(entry->path().filename());
    }
    if (error) return SystemError(error.value(), "list", folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::StatusOr<std::unique_ptr<AppendFile>> Create(const std::string& path) override {
    return OpenAppend(path, O_CREAT | O_EXCL, "create");
  }
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenForAppend(const std::string& path) override {
    return OpenAppend(path, 0, "open");
  }

  absl::StatusOr<std::unique_ptr<ReadFile>> OpenForRead(const std::string& path) override {
    const int fd = OpenRetrying(path, O_RDONLY);
    if (fd < 0) return SystemError(errno, "open", path);
    return std::make_unique<PosixReadFile>(fd, path);
  }

  absl::Status Truncate(const std::string& path, uint64_t size_bytes) override {
    if (truncate(path.c_str(), static_cast<off_t>(size_bytes)) != 0) {
      return SystemError(errno, "truncate", path);
    }
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return SystemError(errno, "remove", path);
    return absl::OkStatus();
  }

  absl::Status SyncFolder(const std::string& folder) override {
    const Descriptor fd(OpenRetrying(folder, O_RDONLY | O_DIRECTORY));
    if (fd.get() < 0) return SystemError(errno, "open folder", folder);
    if (fsync(fd.get()) != 0) return SystemError(errno, "fsync folder", folder);
    return absl::OkStatus();
  }

 private:
  static absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path, int flags,
                                                                absl::string_view operation) {
    const int fd = OpenRetrying(path, O_WRONLY | O_APPEND | flags);
    if (fd < 0) return SystemError(errno, operation, path);
    return std::make_unique<PosixAppendFile>(fd, path);
  }
};

}  // namespace

FileSystem& RealFileSystem() {
  static PosixFileSystem file_system;
  return file_system;
}

}  // namespace groat::storage
