#include "storage/memory_store.h"

namespace groat::storage {
namespace {

Bytes ToBytes(const std::string& text) { return Bytes(text.begin(), text.end()); }

}  // namespace

void MemoryStore::Crash() {
  MutexLock lock(mutex_);
  for (; !undo_.empty(); undo_.pop_back()) {
    StoreBatch::Change& change = undo_.back();
    if (change.value.has_value()) {
      content_[change.key] = *std::move(change.value);
    } else {
      content_.erase(change.key);
    }
  }
}

void MemoryStore::FailWrites(absl::Status status) {
  MutexLock lock(mutex_);
  failure_ = std::move(status);
}

uint64_t MemoryStore::sync_count() const {
  MutexLock lock(mutex_);
  return syncs_;
}

absl::StatusOr<std::optional<Bytes>> MemoryStore::Get(ByteView key) const {
  MutexLock lock(mutex_);
  const auto found = content_.find(ToString(key));
  if (found == content_.end()) return std::nullopt;
  return ToBytes(found->second);
}

void MemoryStore::Erase(Content::iterator found) {
  undo_.push_back({found->first, std::move(found->second), std::nullopt});
  content_.erase(found);
}

absl::Status MemoryStore::Write(const StoreBatch& batch, Durability durability) {
  MutexLock lock(mutex_);
  if (!failure_.ok()) return failure_;
  for (const StoreBatch::Change& change : batch.changes()) {
    const auto found = content_.find(change.key);
    if (change.value.has_value()) {
      undo_.push_back({change.key, std::nullopt, std::nullopt});
      if (found != content_.end()) undo_.back().value = std::move(found->second);
      content_[change.key] = *change.value;
    } else if (change.range_end.has_value()) {
      auto next = content_.lower_bound(change.key);
      while (next != content_.end() && next->first < *change.range_end) Erase(next++);
    } else if (found != content_.end()) {
      Erase(found);
    }
  }
  if (durability == Durability::kSynced) {
    undo_.clear();
    ++syncs_;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::Scan(ByteView begin, ByteView end, const Visitor& visit) const {
  // A visitor may read the store again, so it is shown a copy.
  Content part;
  {
    MutexLock lock(mutex_);
    const auto last = end.empty() ? content_.end() : content_.lower_bound(ToString(end));
    part.insert(content_.lower_bound(ToString(begin)), last);
  }
  for (const auto& [key, value] : part) {
    if (!visit(AsBytes(key), AsBytes(value))) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::pair<Bytes, Bytes>>> MemoryStore::Last(ByteView begin,
                                                                         ByteView end) const {
  MutexLock lock(mutex_);
  auto found = end.empty() ? content_.end() : content_.lower_bound(ToString(end));
  if (found == content_.begin()) return std::nullopt;
  --found;
  if (found->first < ToString(begin)) return std::nullopt;
  return std::pair(ToBytes(found->first), ToBytes(found->second));
}

}  // namespace groat::storage
