#include "merkle/batch_tree.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"

namespace groat::merkle {
namespace {

const Blake3Context& NodeContext() {
  static const Blake3Context context("groat 2026 batch node v1");
  return context;
}

absl::Status Invalid(const std::string& what) {
  return absl::InvalidArgumentError("batch proof: " + what);
}

// Siblings on the way up from `index`: none on a level where the node is the leftover.
size_t PathLength(size_t index, size_t leaf_count) {
  size_t length = 0;
  for (; leaf_count > 1; index /= 2, leaf_count = (leaf_count + 1) / 2) {
    if ((index ^ 1) < leaf_count) ++length;
  }
  return length;
}

absl::Status CheckShape(const BatchProof& proof) {
  if (proof.leaf_count == 0 || proof.leaf_count > kMaxBatchLeaves) {
    return Invalid(std::to_string(proof.leaf_count) + " leaves, want 1 to " +
                   std::to_string(kMaxBatchLeaves));
  }
  if (proof.index >= proof.leaf_count) {
    return Invalid("index " + std::to_string(proof.index) + " of " +
                   std::to_string(proof.leaf_count) + " leaves");
  }
  const size_t want = PathLength(proof.index, proof.leaf_count);
  if (proof.siblings.size() != want) {
    return Invalid(std::to_string(proof.siblings.size()) + " siblings, want " +
                   std::to_string(want));
  }
  return absl::OkStatus();
}

}  // namespace

Hash BatchLeafHash(uint32_t client_id, uint64_t sequence, ByteView payload) {
  static const Blake3Context context("groat 2026 batch leaf v1");
  uint8_t head[12];
  StoreBigEndian(client_id, head, 4);
  StoreBigEndian(sequence, head + 4, 8);
  return context({ByteView(head), payload});
}

Hash BatchNodeHash(const Hash& left, const Hash& right) { return NodeContext()({left, right}); }

Bytes BatchProof::Encode() const {
  GROAT_CHECK_OK(CheckShape(*this));
  ByteWriter writer;
  writer.U32(index).U32(leaf_count);
  for (const Hash& sibling : siblings) writer.Raw(sibling);
  return writer.Take();
}

absl::StatusOr<BatchProof> BatchProof::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  BatchProof proof;
  proof.index = reader.U32();
  proof.leaf_count = reader.U32();
  if (reader.failed()) return reader.Finish("batch proof");
  if (reader.remaining() > 24 * Hash::kSize) {
    return Invalid(std::to_string(bytes.size()) + " bytes");
  }
  while (reader.remaining() >= Hash::kSize) proof.siblings.push_back(reader.Fixed<32>());
  GROAT_RETURN_IF_ERROR(reader.Finish("batch proof"));
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  return proof;
}

BatchTree::BatchTree(std::vector<Hash> leaves) {
  GROAT_CHECK(!leaves.empty() && leaves.size() <= kMaxBatchLeaves) << leaves.size() << " leaves";
  levels_.push_back(std::move(leaves));
  std::vector<const uint8_t*> inputs;
  while (levels_.back().size() > 1) {
    // Neighbours lie side by side, so each pair already is the 64-byte block of its parent.
    const std::vector<Hash>& below = levels_.back();
    const size_t pairs = below.size() / 2;
    std::vector<Hash> level((below.size() + 1) / 2);
    inputs.clear();
    for (size_t i = 0; i < pairs; ++i) inputs.push_back(below[2 * i].data());
    NodeContext().HashBlocks(inputs.data(), pairs, level[0].data());
    if (below.size() % 2 != 0) level.back() = below.back();
    levels_.push_back(std::move(level));
  }
}

BatchProof BatchTree::Prove(size_t index) const {
  GROAT_CHECK_LT(index, leaf_count());
  BatchProof proof;
  proof.index = static_cast<uint32_t>(index);
  proof.leaf_count = static_cast<uint32_t>(leaf_count());
  for (const std::vector<Hash>& level : levels_) {
    if ((index ^ 1) < level.size()) proof.siblings.push_back(level[index ^ 1]);
    index /= 2;
  }
  return proof;
}

absl::Status Verify(const BatchProof& proof, const Hash& leaf, const Hash& root) {
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  Hash hash = leaf;
  size_t index = proof.index;
  size_t count = proof.leaf_count;
  auto sibling = proof.siblings.begin();
  for (; count > 1; index /= 2, count = (count + 1) / 2) {
    if ((index ^ 1) >= count) continue;
    hash = index % 2 == 0 ? BatchNodeHash(hash, *sibling) : BatchNodeHash(*sibling, hash);
    ++sibling;
  }
  if (hash != root) return Invalid("root " + hash.Hex() + ", want " + root.Hex());
  return absl::OkStatus();
}

}  // namespace groat::merkle
