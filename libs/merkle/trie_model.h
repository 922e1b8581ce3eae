// The trie's rules written down as plainly as possible, and keys of awkward shapes. Tests only.
#ifndef GROAT_MERKLE_TRIE_MODEL_H_
#define GROAT_MERKLE_TRIE_MODEL_H_

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <vector>

#include "merkle/trie.h"

namespace groat::merkle {

inline Hash ModelLeafHash(const TrieLeaf& leaf) {
  uint8_t cycle[8];
  StoreBigEndian(leaf.cycle, cycle, 8);
  return Blake3Context("groat 2026 trie leaf v1")({leaf.key, leaf.value, ByteView(cycle)});
}

// Hash of the subtree at `depth` that holds `leaves`, which ascend by key.
inline Hash ModelHash(std::span<const TrieLeaf> leaves, size_t depth = 0) {
  if (leaves.empty()) return Hash{};
  if (leaves.size() == 1) return ModelLeafHash(leaves[0]);
  const auto right = std::find_if(leaves.begin(), leaves.end(), [&](const TrieLeaf& leaf) {
    return KeyBit(leaf.key, depth) == 1;
  });
  const size_t left_count = static_cast<size_t>(right - leaves.begin());
  const Hash left_hash = ModelHash(leaves.first(left_count), depth + 1);
  const Hash right_hash = ModelHash(leaves.subspan(left_count), depth + 1);
  return Blake3Context("groat 2026 trie node v1")({left_hash, right_hash});
}

// All leaves ever added, and the trie at the end of any cycle.
class TrieModel {
 public:
  void Add(const TrieEntry& entry, uint64_t cycle) {
    leaves_[entry.key] = {entry.key, entry.value, cycle};
  }
  std::vector<TrieLeaf> LeavesAt(uint64_t cycle) const {
    std::vector<TrieLeaf> leaves;
    for (const auto& [key, leaf] : leaves_) {
      if (leaf.cycle <= cycle) leaves.push_back(leaf);
    }
    return leaves;
  }
  bool Has(const Bytes32& key) const { return leaves_.count(key) != 0; }
  const std::map<Bytes32, TrieLeaf>& leaves() const { return leaves_; }

 private:
  std::map<Bytes32, TrieLeaf> leaves_;
};

enum class KeyShape { kUniform, kClustered, kDeep };

class KeySource {
 public:
  KeySource(uint32_t seed, KeyShape shape) : random_(seed), shape_(shape), base_(Uniform()) {}

  Bytes32 Next() {
    Bytes32 key = Uniform();
    switch (shape_) {
      case KeyShape::kUniform:
        break;
      case KeyShape::kClustered:  // Few prefixes of a few bytes.
        for (size_t i = 0; i < 4; ++i) key[i] = static_cast<uint8_t>(key[i] % 2 * 255);
        break;
      case KeyShape::kDeep: {  // Shares any number of bits, up to 255, with the others.
        const size_t shared = Below(256);
        Bytes32 deep = base_;
        deep[shared / 8] ^= static_cast<uint8_t>(0x80u >> (shared % 8));
        if (Below(2) == 0) deep[31] ^= static_cast<uint8_t>(Below(4));
        key = deep;
        break;
      }
    }
    return key;
  }
  Bytes32 Uniform() {
    Bytes32 out;
    for (size_t i = 0; i < 32; ++i) out[i] = static_cast<uint8_t>(random_());
    return out;
  }
  size_t Below(size_t bound) { return random_() % bound; }

 private:
  std::mt19937 random_;
  KeyShape shape_;
  Bytes32 base_;
};

// Up to `count` new entries, ascending by key, none of which `model` has.
inline std::vector<TrieEntry> NewEntries(KeySource& keys, const TrieModel& model, size_t count) {
  std::map<Bytes32, Bytes32> entries;
  for (size_t i = 0; i < count; ++i) {
    const Bytes32 key = keys.Next();
    if (!model.Has(key)) entries.emplace(key, keys.Uniform());
  }
  std::vector<TrieEntry> out;
  for (const auto& [key, value] : entries) out.push_back({key, value});
  return out;
}

// `count` keys that `model` does not have, or fewer if they are hard to find.
inline std::vector<Bytes32> AbsentKeys(KeySource& keys, const TrieModel& model, size_t count) {
  std::vector<Bytes32> absent;
  for (size_t tries = 0; tries < 10 * count && absent.size() < count; ++tries) {
    const Bytes32 key = keys.Next();
    if (!model.Has(key)) absent.push_back(key);
  }
  return absent;
}

inline Bytes WholeGrowthProof(const Trie& trie, uint64_t cycle, size_t chunk_bytes = 1 << 16) {
  GrowthCursor cursor = *trie.ProveGrowth(cycle);
  Bytes proof;
  while (true) {
    const Bytes chunk = trie.NextGrowthChunk(cursor, chunk_bytes);
    if (chunk.empty()) return proof;
    proof.insert(proof.end(), chunk.begin(), chunk.end());
  }
}

inline GrowthClaim ClaimOf(const Trie& trie, uint64_t cycle) {
  const TrieSummary before = *trie.At(cycle - 1);
  const TrieSummary after = *trie.At(cycle);
  return {cycle, before.root, after.root, before.leaf_count, after.new_leaf_count};
}

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_TRIE_MODEL_H_
