#include "storage/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "storage/file_system.h"

namespace groat::storage {
namespace {

constexpr char kIdentityFile[] = "identity";
constexpr char kLockFile[] = "lock";
constexpr char kVersionKey[] = "format_version";
constexpr char kKindKey[] = "kind";
constexpr size_t kMaxIdentityBytes = 64 << 10;

bool IsKey(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool IsValue(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string Encode(const FolderIdentity& identity) {
  std::string text = absl::StrCat(kVersionKey, "=", identity.format_version, "\n", kKindKey, "=",
                                  identity.kind, "\n");
  for (const auto& [key, value] : identity.fields) absl::StrAppend(&text, key, "=", value, "\n");
  return text;
}

absl::StatusOr<FolderIdentity> Decode(const std::string& path, const std::string& text) {
  std::vector<std::pair<std::string, std::string>> entries;
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> entry =
        absl::StrSplit(lines[i], absl::MaxSplits('=', 1));
    if (lines[i].find('=') == absl::string_view::npos || !IsKey(entry.first) ||
        !IsValue(entry.second)) {
      return absl::DataLossError(absl::StrCat(path, ", line ", i + 1, ": want key=value"));
    }
    entries.emplace_back(entry.first, entry.second);
  }
  FolderIdentity identity;
  if (entries.size() < 2 || entries[0].first != kVersionKey || entries[1].first != kKindKey ||
      !absl::SimpleAtoi(entries[0].second, &identity.format_version)) {
    return absl::DataLossError(absl::StrCat(path, ": want the lines `", kVersionKey,
                                            "=<number>` and `", kKindKey, "=<service>` first"));
  }
  identity.kind = entries[1].second;
  identity.fields.insert(entries.begin() + 2, entries.end());
  return identity;
}

absl::Status Differs(const std::string& folder, absl::string_view key, absl::string_view found,
                     absl::string_view want) {
  return absl::FailedPreconditionError(
      absl::StrCat("data folder ", folder, " has ", key, " ", found, ", want ", want));
}

std::string Quoted(const std::map<std::string, std::string>& fields, const std::string& key) {
  const auto found = fields.find(key);
  return found == fields.end() ? "nothing" : absl::StrCat("`", found->second, "`");
}

absl::Status Compare(const std::string& folder, const FolderIdentity& found,
                     const FolderIdentity& want) {
  if (found.kind != want.kind) {
    return Differs(folder, kKindKey, absl::StrCat("`", found.kind, "`"),
                   absl::StrCat("`", want.kind, "`"));
  }
  if (found.format_version > want.format_version) {
    return Differs(folder, kVersionKey, absl::StrCat(found.format_version),
                   absl::StrCat("at most ", want.format_version, "; a newer program wrote it"));
  }
  std::map<std::string, std::string> keys = found.fields;
  keys.insert(want.fields.begin(), want.fields.end());
  for (const auto& [key, value] : keys) {
    const std::string on_disk = Quoted(found.fields, key);
    const std::string wanted = Quoted(want.fields, key);
    if (on_disk != wanted) return Differs(folder, key, on_disk, wanted);
  }
  return absl::OkStatus();
}

// FailedPrecondition if anything lies in the folder but a lock and what a new file system has.
absl::Status CheckEmpty(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    // A write of the identity that was cut short leaves a temporary file.
    if (name == kLockFile || name == "lost+found" || name.rfind("identity.", 0) == 0) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("data folder ", folder, " has `", name,
                     "` but no file `identity`; want an empty folder or one of this service"));
  }
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("list ", folder));
  return absl::OkStatus();
}

// The descriptor that holds the lock.
absl::StatusOr<int> Lock(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kLockFile);
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("open ", path));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(fd);
    if (error != EWOULDBLOCK) return absl::ErrnoToStatus(error, absl::StrCat("lock ", path));
    const absl::StatusOr<WholeFile> holder = ReadWholeFile(path, 64);
    return absl::FailedPreconditionError(
        absl::StrCat("data folder ", folder, " is in use by process ",
                     holder.ok() && !holder->content.empty() ? holder->content : "(unknown)"));
  }
  // For the message above only; the lock itself is the kernel's.
  const std::string pid = absl::StrCat(getpid());
  if (ftruncate(fd, 0) != 0 || write(fd, pid.data(), pid.size()) < 0) {
    const int error = errno;
    close(fd);
    return absl::ErrnoToStatus(error, absl::StrCat("write ", path));
  }
  return fd;
}

}  // namespace

absl::StatusOr<DataFolder> DataFolder::Open(const std::string& path,
                                            const FolderIdentity& identity) {
  GROAT_CHECK(IsKey(identity.kind)) << identity.kind;
  for (const auto& [key, value] : identity.fields) {
    GROAT_CHECK(IsKey(key) && key != kVersionKey && key != kKindKey) << key;
    if (!IsValue(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("identity field ", key, ": want printable ASCII"));
    }
  }
  GROAT_RETURN_IF_ERROR(RealFileSystem().CreateFolder(path));
  GROAT_ASSIGN_OR_RETURN(const int lock_fd, Lock(path));
  DataFolder folder(path, lock_fd);
  const std::string identity_path = folder.Inside(kIdentityFile);
  const absl::StatusOr<WholeFile> file = ReadWholeFile(identity_path, kMaxIdentityBytes);
  if (absl::IsNotFound(file.status())) {
    GROAT_RETURN_IF_ERROR(CheckEmpty(path));
    GROAT_RETURN_IF_ERROR(
        WriteWholeFile(identity_path, AsBytes(Encode(identity)), 0600, IfExists::kRefuse));
    folder.identity_ = identity;
    folder.is_new_ = true;
    return folder;
  }
  GROAT_RETURN_IF_ERROR(file.status());
  GROAT_ASSIGN_OR_RETURN(folder.identity_, Decode(identity_path, file->content));
  GROAT_RETURN_IF_ERROR(Compare(path, folder.identity_, identity));
  return folder;
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      identity_(std::move(other.identity_)),
      is_new_(other.is_new_) {}

DataFolder& DataFolder::operator=(DataFolder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_fd_, other.lock_fd_);
  std::swap(identity_, other.identity_);
  std::swap(is_new_, other.is_new_);
  return *this;
}

DataFolder::~DataFolder() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

absl::Status DataFolder::SetFormatVersion(uint32_t version) {
  FolderIdentity next = identity_;
  next.format_version = version;
  GROAT_RETURN_IF_ERROR(
      WriteWholeFile(Inside(kIdentityFile), AsBytes(Encode(next)), 0600, IfExists::kReplace));
  identity_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace groat::storage
