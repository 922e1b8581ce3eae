#include "relay/cycle_buffer.h"

#include <algorithm>

#include "base/check.h"

namespace groat::relay {

const Bytes32* CycleBuffer::Find(const Hash& key) const {
  const auto it = values_.find(key);
  return it == values_.end() ? nullptr : &it->second;
}

void CycleBuffer::Insert(const merkle::TrieEntry& entry) {
  const bool inserted = values_.try_emplace(entry.key, entry.value).second;
  GROAT_CHECK(inserted) << "key " << entry.key << " twice in cycle " << cycle_;
  parts_[entry.key[0]].push_back(entry);
}

std::vector<merkle::TrieEntry> CycleBuffer::TakeSlice(size_t count) {
  std::vector<merkle::TrieEntry> slice;
  while (next_part_ < kParts && slice.size() < count) {
    std::vector<merkle::TrieEntry> part = std::move(parts_[next_part_++]);
    std::sort(part.begin(), part.end(),
              [](const merkle::TrieEntry& a, const merkle::TrieEntry& b) { return a.key < b.key; });
    slice.insert(slice.end(), part.begin(), part.end());
  }
  return slice;
}

}  // namespace groat::relay
