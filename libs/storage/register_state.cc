#include "storage/register_state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::storage {
namespace {

KeyValue ToKeyValue(const std::string& key, const RegisterState::Stored& stored) {
  return KeyValue{key, stored.value, stored.create_revision, stored.mod_revision};
}

}  // namespace

absl::StatusOr<RegisterState::Evaluation> RegisterState::Evaluate(
    const Transaction& transaction) const {
  Evaluation out;
  out.result.committed = true;
  out.result.revision = revision_;
  for (const Compare& compare : transaction.compares) {
    const auto found = keys_.find(compare.key);
    const int64_t mod_revision = found == keys_.end() ? 0 : found->second.mod_revision;
    if (mod_revision != compare.mod_revision) out.result.committed = false;
    if (found != keys_.end()) out.result.current.push_back(ToKeyValue(compare.key, found->second));
  }
  if (!out.result.committed) return out;
  out.result.current.clear();

  StateDelta delta;
  delta.revision = revision_ + 1;
  delta.entries = Deletes(transaction.deletes, delta.revision);
  for (const Put& put : transaction.puts) {
    if (put.lease != LeaseId() && !HasLease(put.lease)) {
      return absl::NotFoundError(absl::StrCat("lease ", put.lease.value(), " is gone"));
    }
    const auto found = keys_.find(put.key);
    const int64_t create = found == keys_.end() ? delta.revision : found->second.create_revision;
    delta.entries.push_back(
        {{WatchEvent::Kind::kPut, {put.key, put.value, create, delta.revision}}, put.lease});
  }
  if (delta.entries.empty()) delta.revision = revision_;
  out.result.revision = delta.revision;
  out.delta = std::move(delta);
  return out;
}

std::vector<StateDelta::Entry> RegisterState::Deletes(const std::vector<KeyRange>& ranges,
                                                      int64_t revision) const {
  std::vector<StateDelta::Entry> out;
  for (auto range = ranges.begin(); range != ranges.end(); ++range) {
    for (auto it = keys_.lower_bound(range->begin); it != keys_.end() && range->Contains(it->first);
         ++it) {
      // Ranges may overlap; a key is deleted once.
      const bool repeated = std::any_of(ranges.begin(), range,
                                        [&](const KeyRange& r) { return r.Contains(it->first); });
      if (repeated) continue;
      out.push_back({{WatchEvent::Kind::kDelete, {it->first, "", 0, revision}}, {}});
    }
  }
  return out;
}

StateDelta RegisterState::Grant(absl::Duration ttl) const {
  StateDelta delta;
  delta.revision = revision_;
  delta.granted = {last_lease_.Next(), ttl};
  return delta;
}

absl::StatusOr<StateDelta> RegisterState::End(LeaseId lease) const {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) {
    return absl::NotFoundError(absl::StrCat("lease ", lease.value(), " is gone"));
  }
  StateDelta delta;
  delta.revision = revision_ + 1;
  delta.ended = lease;
  for (const std::string& key : found->second.keys) {
    delta.entries.push_back({{WatchEvent::Kind::kDelete, {key, "", 0, delta.revision}}, {}});
  }
  if (delta.entries.empty()) delta.revision = revision_;
  return delta;
}

absl::StatusOr<std::optional<StateDelta>> RegisterState::Compact(int64_t revision) const {
  if (revision > revision_) {
    return absl::OutOfRangeError(
        absl::StrCat("compaction of revision ", revision, ", the store is at ", revision_));
  }
  if (revision <= compacted_revision_) return std::optional<StateDelta>();
  StateDelta delta;
  delta.revision = revision_;
  delta.compacted = revision;
  return std::optional<StateDelta>(std::move(delta));
}

void RegisterState::Apply(const StateDelta& delta) {
  revision_ = delta.revision;
  for (const StateDelta::Entry& entry : delta.entries) ApplyEntry(entry);
  if (delta.granted.has_value()) {
    last_lease_ = delta.granted->first;
    leases_[last_lease_].ttl = delta.granted->second;
  }
  if (delta.ended.has_value()) leases_.erase(*delta.ended);
  if (delta.compacted.has_value()) {
    compacted_revision_ = *delta.compacted;
    while (!history_.empty() && history_.front().item.mod_revision <= compacted_revision_) {
      history_.pop_front();
    }
  }
}

void RegisterState::ApplyEntry(const StateDelta::Entry& entry) {
  const KeyValue& item = entry.event.item;
  history_.push_back(entry.event);
  const auto found = keys_.find(item.key);
  if (found != keys_.end()) Detach(item.key, found->second.lease);
  if (entry.event.kind == WatchEvent::Kind::kDelete) {
    keys_.erase(item.key);
    return;
  }
  keys_[item.key] = Stored{item.value, item.create_revision, item.mod_revision, entry.lease};
  if (entry.lease != LeaseId()) leases_[entry.lease].keys.insert(item.key);
}

void RegisterState::Detach(const std::string& key, LeaseId lease) {
  const auto found = leases_.find(lease);
  if (found != leases_.end()) found->second.keys.erase(key);
}

void RegisterState::Release(LeaseId lease, absl::Time now) {
  const auto found = leases_.find(lease);
  if (found != leases_.end()) found->second.expires_at = now + found->second.ttl;
}

void RegisterState::ReleaseAll(absl::Time now) {
  for (auto& [id, lease] : leases_) {
    if (!lease.expires_at.has_value()) lease.expires_at = now + lease.ttl;
  }
}

void RegisterState::Hold(LeaseId lease) {
  const auto found = leases_.find(lease);
  if (found != leases_.end()) found->second.expires_at.reset();
}

std::vector<LeaseId> RegisterState::Expired(absl::Time now) const {
  std::vector<LeaseId> out;
  for (const auto& [id, lease] : leases_) {
    if (lease.expires_at.has_value() && *lease.expires_at <= now) out.push_back(id);
  }
  return out;
}

std::optional<absl::Time> RegisterState::NextExpiry() const {
  std::optional<absl::Time> out;
  for (const auto& [id, lease] : leases_) {
    if (!lease.expires_at.has_value()) continue;
    if (!out.has_value() || *lease.expires_at < *out) out = lease.expires_at;
  }
  return out;
}

ReadResult RegisterState::Read(const std::vector<RangeRead>& ranges) const {
  ReadResult out;
  out.revision = revision_;
  for (const RangeRead& read : ranges) {
    RangeContent& content = out.ranges.emplace_back();
    for (auto it = keys_.lower_bound(read.range.begin);
         it != keys_.end() && read.range.Contains(it->first); ++it) {
      if (read.limit > 0 && static_cast<int64_t>(content.items.size()) == read.limit) {
        content.more = true;
        break;
      }
      content.items.push_back(ToKeyValue(it->first, it->second));
    }
  }
  return out;
}

std::optional<WatchUpdate> RegisterState::NextUpdate(std::string_view prefix, size_t max_events,
                                                     int64_t& next_revision) const {
  WatchUpdate out;
  if (next_revision <= compacted_revision_) {
    out.kind = WatchUpdate::Kind::kCompacted;
    out.revision = compacted_revision_;
    next_revision = compacted_revision_ + 1;
    return out;
  }
  auto it = std::lower_bound(
      history_.begin(), history_.end(), next_revision,
      [](const WatchEvent& event, int64_t revision) { return event.item.mod_revision < revision; });
  for (; it != history_.end(); ++it) {
    if (it->item.mod_revision != out.revision && out.events.size() >= max_events) break;
    if (it->item.key.compare(0, prefix.size(), prefix) != 0) continue;
    out.revision = it->item.mod_revision;
    out.events.push_back(*it);
  }
  if (it != history_.end()) {
    next_revision = it->item.mod_revision;
  } else {
    next_revision = std::max(next_revision, revision_ + 1);
  }
  if (out.events.empty()) return std::nullopt;
  return out;
}

void RegisterState::LoadMeta(int64_t revision, int64_t compacted_revision, LeaseId last_lease) {
  revision_ = revision;
  compacted_revision_ = compacted_revision;
  last_lease_ = last_lease;
}

void RegisterState::LoadLease(LeaseId lease, absl::Duration ttl) { leases_[lease].ttl = ttl; }

void RegisterState::LoadKey(std::string key, Stored stored) {
  if (stored.lease != LeaseId()) leases_[stored.lease].keys.insert(key);
  keys_[std::move(key)] = std::move(stored);
}

void RegisterState::LoadHistory(WatchEvent event) { history_.push_back(std::move(event)); }

}  // namespace groat::storage
