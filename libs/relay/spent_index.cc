#include "relay/spent_index.h"

#include "base/check.h"

namespace groat::relay {

SpentIndex::ValueTag SpentIndex::TagOf(const Bytes32& value) {
  static const Blake3Context context("groat 2026 spent value tag v1");
  const Hash hash = context(value);
  ValueTag tag;
  std::memcpy(tag.data(), hash.data(), tag.size());
  return tag;
}

void SpentIndex::Insert(const Hash& key, const Bytes32& value, record::Cycle cycle) {
  const bool inserted = entries_.try_emplace(key, Entry{cycle, TagOf(value)}).second;
  GROAT_CHECK(inserted) << "key " << key << " set twice, again in cycle " << cycle;
}

std::optional<SpentIndex::Spent> SpentIndex::Find(const Hash& key, const Bytes32& value) const {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return std::nullopt;
  return Spent{it->second.cycle, it->second.tag == TagOf(value)};
}

std::optional<record::Cycle> SpentIndex::CycleOf(const Hash& key) const {
  const auto it = entries_.find(key);
  return it == entries_.end() ? std::nullopt : std::optional(it->second.cycle);
}

}  // namespace groat::relay
