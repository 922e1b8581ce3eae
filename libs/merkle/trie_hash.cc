#include "merkle/trie_hash.h"

#include <bit>

#include "merkle/leaf_batch.h"

namespace groat::merkle {

const Blake3Context& TrieLeafContext() {
  static const Blake3Context context("groat 2026 trie leaf v1");
  return context;
}

const Blake3Context& TrieNodeContext() {
  static const Blake3Context context("groat 2026 trie node v1");
  return context;
}

Hash TrieLeafHash(const TrieLeaf& leaf) { return TrieLeafContext()(EncodeLeaf(leaf)); }

Hash TrieNodeHash(const Hash& left, const Hash& right) {
  FixedBytes<64> block;
  std::memcpy(block.data(), left.data(), 32);
  std::memcpy(block.data() + 32, right.data(), 32);
  const uint8_t* const input = block.data();
  Hash out;
  TrieNodeContext().HashBlocks(&input, 1, out.data());
  return out;
}

size_t CommonPrefixBits(const Bytes32& a, const Bytes32& b) {
  for (size_t i = 0; i < 32; i += 8) {
    const uint64_t difference = LoadBigEndian(a.data() + i, 8) ^ LoadBigEndian(b.data() + i, 8);
    if (difference != 0) return 8 * i + static_cast<size_t>(std::countl_zero(difference));
  }
  return kKeyBits;
}

}  // namespace groat::merkle
