// The hashes of the cumulative trie and the arithmetic of its 256-bit keys.
//
// Leaf: H("groat 2026 trie leaf v1", key 32 | value 32 | cycle u64).
// Node: H("groat 2026 trie node v1", left 32 | right 32).
// An empty subtree is 32 zero bytes; a subtree with one leaf is that leaf's hash, at whatever
// depth; every other subtree is a node. Bit 0 is a key's most significant bit; depth d is the
// subtree of the keys that share the first d bits, so the root has depth 0 and no leaf lies deeper
// than 256.
//
// Pure and thread-safe.
#ifndef GROAT_MERKLE_TRIE_HASH_H_
#define GROAT_MERKLE_TRIE_HASH_H_

#include <cstddef>
#include <cstdint>

#include "crypto/blake3.h"

namespace groat::merkle {

inline constexpr size_t kKeyBits = 256;

// What is set once, in cycle `cycle`, and never changes.
struct TrieLeaf {
  Bytes32 key;
  Bytes32 value;
  uint64_t cycle = 0;
  friend bool operator==(const TrieLeaf&, const TrieLeaf&) = default;
};

const Blake3Context& TrieLeafContext();
const Blake3Context& TrieNodeContext();

Hash TrieLeafHash(const TrieLeaf& leaf);
// CHECKs nothing: the empty subtree is a legal child on either side.
Hash TrieNodeHash(const Hash& left, const Hash& right);

// Bit `index` (0..255) of a key: 0 goes left, 1 goes right.
inline unsigned KeyBit(const Bytes32& key, size_t index) {
  return (key[index / 8] >> (7 - index % 8)) & 1u;
}

// The number of leading bits that both keys share, 0..256.
size_t CommonPrefixBits(const Bytes32& a, const Bytes32& b);

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_TRIE_HASH_H_
