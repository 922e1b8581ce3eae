#include "storage/memory_file_system.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::storage {
namespace {

constexpr size_t kSectorBytes = 512;

absl::Status NotFound(const std::string& path) {
  return absl::NotFoundError(absl::StrCat("open ", path, ": no such file"));
}

absl::Status NoSpace(const std::string& path) {
  return absl::ResourceExhaustedError(absl::StrCat("write ", path, ": no space left on device"));
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

class MemoryAppendFile : public AppendFile {
 public:
  MemoryAppendFile(MemoryFileSystem* disk, std::shared_ptr<MemoryFileSystem::File> file,
                   std::string path, uint64_t opened_after_crashes)
      : disk_(disk),
        file_(std::move(file)),
        path_(std::move(path)),
        opened_after_crashes_(opened_after_crashes) {}

  absl::Status Append(ByteView bytes) override {
    const MutexLock lock(disk_->mutex_);
    if (disk_->crashes_ != opened_after_crashes_) return absl::OkStatus();
    absl::Status status = disk_->CountWrite(path_);
    // A failed write may leave a part behind.
    if (!status.ok()) bytes = bytes.first(bytes.size() / 2);
    const uint64_t free_bytes = disk_->FreeBytes();
    if (bytes.size() > free_bytes) {
      status = NoSpace(path_);
      bytes = bytes.first(static_cast<size_t>(free_bytes));
    }
    file_->content.insert(file_->content.end(), bytes.begin(), bytes.end());
    return status;
  }

  absl::Status Sync() override {
    const MutexLock lock(disk_->mutex_);
    if (disk_->crashes_ != opened_after_crashes_) return absl::OkStatus();
    const absl::Status status = disk_->CountSync(path_);
    if (status.ok()) file_->durable = file_->content;
    return status;
  }

 private:
  MemoryFileSystem* const disk_;
  const std::shared_ptr<MemoryFileSystem::File> file_;
  const std::string path_;
  const uint64_t opened_after_crashes_;
};

class MemoryReadFile : public ReadFile {
 public:
  MemoryReadFile(MemoryFileSystem* disk, std::shared_ptr<MemoryFileSystem::File> file)
      : disk_(disk), file_(std::move(file)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    const MutexLock lock(disk_->mutex_);
    const Bytes& content = file_->content;
    if (offset >= content.size()) return 0;
    const auto size = std::min<size_t>(out.size(), content.size() - static_cast<size_t>(offset));
    std::copy_n(content.data() + offset, size, out.data());
    return size;
  }

  absl::StatusOr<uint64_t> SizeBytes() override {
    const MutexLock lock(disk_->mutex_);
    return file_->content.size();
  }

 private:
  MemoryFileSystem* const disk_;
  const std::shared_ptr<MemoryFileSystem::File> file_;
};

void MemoryFileSystem::Crash(Unsynced unsynced) {
  const MutexLock lock(mutex_);
  ++crashes_;
  writes_until_failure_ = 0;
  syncs_until_failure_ = 0;
  // New File objects, so that a handle from before the crash reaches none of them.
  Files after;
  for (const auto& [path, file] : unsynced == Unsynced::kKeep ? files_ : durable_names_) {
    auto copy = std::make_shared<File>();
    switch (unsynced) {
      case Unsynced::kDrop:
        copy->content = file->durable;
        break;
      case Unsynced::kKeep:
        copy->content = file->content;
        break;
      case Unsynced::kTear:
        copy->content = Torn(*file);
        break;
    }
    // After kKeep the machine went on, so what was not durable still is not.
    copy->durable = unsynced == Unsynced::kKeep ? file->durable : copy->content;
    after.emplace(path, std::move(copy));
  }
  if (unsynced == Unsynced::kKeep) {
    for (auto& [path, file] : durable_names_) {
      const auto found = after.find(path);
      if (found != after.end()) file = found->second;
    }
  } else {
    durable_names_ = after;
  }
  files_ = std::move(after);
}

Bytes MemoryFileSystem::Torn(const File& file) {
  // Truncation that was not synced may or may not have happened.
  Bytes out =
      file.content.size() < file.durable.size() && random_() % 2 == 0 ? file.durable : file.content;
  const size_t durable = std::min(file.durable.size(), out.size());
  for (size_t start = durable; start < out.size();) {
    const size_t end = std::min(out.size(), (start / kSectorBytes + 1) * kSectorBytes);
    if (random_() % 2 == 0)
      std::fill(out.begin() + static_cast<ptrdiff_t>(start),
                out.begin() + static_cast<ptrdiff_t>(end), uint8_t{0});
    start = end;
  }
  out.resize(durable + static_cast<size_t>(random_() % (out.size() - durable + 1)));
  return out;
}

void MemoryFileSystem::FailWrite(uint64_t n) {
  const MutexLock lock(mutex_);
  writes_until_failure_ = n;
}

void MemoryFileSystem::FailSync(uint64_t n) {
  const MutexLock lock(mutex_);
  syncs_until_failure_ = n;
}

void MemoryFileSystem::SetCapacity(std::optional<uint64_t> bytes) {
  const MutexLock lock(mutex_);
  capacity_ = bytes;
}

uint64_t MemoryFileSystem::FreeBytes() const {
  if (!capacity_.has_value()) return std::numeric_limits<uint64_t>::max();
  uint64_t used = 0;
  for (const auto& [path, file] : files_) used += file->content.size();
  return used < *capacity_ ? *capacity_ - used : 0;
}

absl::Status MemoryFileSystem::CountWrite(const std::string& path) {
  if (writes_until_failure_ == 0 || --writes_until_failure_ > 0) return absl::OkStatus();
  return NoSpace(path);
}

absl::Status MemoryFileSystem::CountSync(const std::string& path) {
  ++syncs_;
  if (syncs_until_failure_ == 0 || --syncs_until_failure_ > 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("fdatasync ", path, ": input/output error"));
}

Bytes MemoryFileSystem::Content(const std::string& path) const {
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  GROAT_CHECK(found != files_.end()) << path;
  return found->second->content;
}

void MemoryFileSystem::SetContent(const std::string& path, Bytes content) {
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  GROAT_CHECK(found != files_.end()) << path;
  found->second->content = content;
  found->second->durable = std::move(content);
}

uint64_t MemoryFileSystem::sync_count() const {
  const MutexLock lock(mutex_);
  return syncs_;
}

absl::Status MemoryFileSystem::CreateFolder(const std::string& folder) {
  const MutexLock lock(mutex_);
  folders_.insert(folder);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& folder) {
  const MutexLock lock(mutex_);
  if (!folders_.contains(folder)) return NotFound(folder);
  std::vector<std::string> names;
  for (const auto& [path, file] : files_) {
    if (FolderOf(path) == folder) names.push_back(path.substr(folder.size() + 1));
  }
  return names;
}

absl::StatusOr<std::unique_ptr<AppendFile>> MemoryFileSystem::Create(const std::string& path) {
  const MutexLock lock(mutex_);
  if (!folders_.contains(FolderOf(path))) return NotFound(FolderOf(path));
  const auto [entry, is_new] = files_.try_emplace(path, nullptr);
  if (!is_new) return absl::AlreadyExistsError(absl::StrCat("create ", path, ": file exists"));
  entry->second = std::make_shared<File>();
  return std::make_unique<MemoryAppendFile>(this, entry->second, path, crashes_);
}

absl::StatusOr<std::unique_ptr<AppendFile>> MemoryFileSystem::OpenForAppend(
    const std::string& path) {
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  if (found == files_.end()) return NotFound(path);
  return std::make_unique<MemoryAppendFile>(this, found->second, path, crashes_);
}

absl::StatusOr<std::unique_ptr<ReadFile>> MemoryFileSystem::OpenForRead(const std::string& path) {
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  if (found == files_.end()) return NotFound(path);
  return std::make_unique<MemoryReadFile>(this, found->second);
}

absl::Status MemoryFileSystem::Truncate(const std::string& path, uint64_t size_bytes) {
  const MutexLock lock(mutex_);
  const auto found = files_.find(path);
  if (found == files_.end()) return NotFound(path);
  const absl::Status status = CountWrite(path);
  if (status.ok()) found->second->content.resize(static_cast<size_t>(size_bytes));
  return status;
}

absl::Status MemoryFileSystem::Remove(const std::string& path) {
  const MutexLock lock(mutex_);
  if (files_.erase(path) == 0) return NotFound(path);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::SyncFolder(const std::string& folder) {
  const MutexLock lock(mutex_);
  const absl::Status status = CountSync(folder);
  if (!status.ok()) return status;
  for (auto entry = durable_names_.begin(); entry != durable_names_.end();) {
    const bool removed = FolderOf(entry->first) == folder && !files_.contains(entry->first);
    entry = removed ? durable_names_.erase(entry) : std::next(entry);
  }
  for (const auto& [path, file] : files_) {
    if (FolderOf(path) == folder) durable_names_[path] = file;
  }
  return absl::OkStatus();
}

}  // namespace groat::storage
