// Proofs about one key in one root of the cumulative trie: inclusion and null (non-inclusion).
//
// Bytes (big-endian, nothing optional, nothing left over):
//   inclusion  0x01 | key 32 | value 32 | cycle u64 | path
//   null       0x02 | key 32 | 0x00 | path                              the place is empty
//              0x02 | key 32 | 0x01 | key' 32 | value' 32 | cycle' u64 | path   another leaf is
//              there
//   path       depth u16 (0..256) | bitmap of ceil(depth / 8) bytes | 32 bytes for each bit set
// Bit i of the bitmap (bit 0 the most significant of its first byte) tells whether the sibling at
// depth i + 1 is non-empty; bits from `depth` on are zero. The hashes follow from the root down.
// At most 2 + 32 + 72 + 2 + 32 + 256 * 32 = 8332 bytes; about 32 * log2(n) + 100 for n random keys.
//
// Why a proof convinces: folding the path along the key's bits gives the root, and hashes of
// leaves, of nodes and the empty 32 zeros never coincide (different BLAKE3 keys; a zero hash would
// be a preimage). Suppose one root had an inclusion and a null proof of the same key. Both walk the
// same bits from the same root, so at the lesser of their two depths the same hash would be a leaf
// on one side and a node, an empty subtree or another leaf on the other: a collision. This holds
// for any root, also one that no honest trie has. That the trie only grew is the growth proof's
// part. Canonical shape: a subtree with one leaf has no levels, so a proof that ends in a leaf or
// an empty place below depth 0 has a non-empty deepest sibling; each fact has exactly one proof for
// a root.
//
// Pure values. Decode and Verify take bytes from anybody: bounded work (256 hashes), never a CHECK.
#ifndef GROAT_MERKLE_TRIE_PROOF_H_
#define GROAT_MERKLE_TRIE_PROOF_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merkle/trie_hash.h"

namespace groat::merkle {

// siblings[i] is the subtree beside the path at depth i + 1; zeros if that is empty.
using SiblingPath = std::vector<Hash>;

struct InclusionProof {
  TrieLeaf leaf;
  SiblingPath siblings;  // At most 256.

  // CHECKs that the shape is canonical, which it is for whatever Trie and Decode return.
  Bytes Encode() const;
  // InvalidArgument if the bytes are not exactly what Encode writes for some proof.
  static absl::StatusOr<InclusionProof> Decode(ByteView bytes);
  friend bool operator==(const InclusionProof&, const InclusionProof&) = default;
};

struct NullProof {
  Bytes32 key;                    // The key that is not there.
  std::optional<TrieLeaf> other;  // The leaf in its place; nullopt if the place is empty.
  SiblingPath siblings;           // At most 256; at most 255 if `other` is set.

  Bytes Encode() const;
  static absl::StatusOr<NullProof> Decode(ByteView bytes);
  friend bool operator==(const NullProof&, const NullProof&) = default;
};

// OK if the proof's leaf is in the trie with that root. InvalidArgument tells what is wrong.
// The caller compares proof.leaf (key, value, cycle) with what it asked for.
absl::Status Verify(const InclusionProof& proof, const Hash& root);

// OK if proof.key is not in the trie with that root. InvalidArgument tells what is wrong.
absl::Status Verify(const NullProof& proof, const Hash& root);

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_TRIE_PROOF_H_
