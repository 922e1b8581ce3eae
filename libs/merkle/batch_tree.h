// The tree over one batch of client messages (Chop Chop, arXiv:2304.07081, section 4).
//
// Left-balanced binary tree: neighbours pair up from the left, a leftover node moves up unchanged.
// Leaf: H("groat 2026 batch leaf v1", client_id u32 | sequence u64 | payload).
// Node: H("groat 2026 batch node v1", left 32 | right 32).
//
// Proof bytes: index u32 | leaf_count u32 | the siblings from the leaf up, 32 bytes each. How many
// there are follows from index and leaf_count. A leaf and a node never have the same hash, and
// (index, leaf_count) fix on which side each sibling stands, so a root of `leaf_count` leaves has
// at most one leaf at an index. The root does not commit to leaf_count; who needs it signs both.
//
// Pure values.
#ifndef GROAT_MERKLE_BATCH_TREE_H_
#define GROAT_MERKLE_BATCH_TREE_H_

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/blake3.h"

namespace groat::merkle {

inline constexpr size_t kMaxBatchLeaves = size_t{1} << 24;

Hash BatchLeafHash(uint32_t client_id, uint64_t sequence, ByteView payload);
Hash BatchNodeHash(const Hash& left, const Hash& right);

struct BatchProof {
  uint32_t index = 0;
  uint32_t leaf_count = 0;     // 1..kMaxBatchLeaves.
  std::vector<Hash> siblings;  // From the leaf up; at most 24.

  Bytes Encode() const;
  // InvalidArgument if the bytes are not exactly what Encode writes for some proof.
  static absl::StatusOr<BatchProof> Decode(ByteView bytes);
  friend bool operator==(const BatchProof&, const BatchProof&) = default;
};

class BatchTree {
 public:
  // Takes 1..kMaxBatchLeaves leaf hashes (CHECKed) and hashes the tree; keeps about 64 bytes a
  // leaf.
  explicit BatchTree(std::vector<Hash> leaves);

  const Hash& root() const { return levels_.back().front(); }
  size_t leaf_count() const { return levels_.front().size(); }
  // CHECKs index < leaf_count().
  BatchProof Prove(size_t index) const;

 private:
  std::vector<std::vector<Hash>> levels_;
};

// OK if `leaf` stands at proof.index in the tree of proof.leaf_count leaves with that root.
// InvalidArgument tells what is wrong.
absl::Status Verify(const BatchProof& proof, const Hash& leaf, const Hash& root);

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_BATCH_TREE_H_
