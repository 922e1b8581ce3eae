#include "merkle/hash_plan.h"

#include <algorithm>
#include <cstring>

namespace groat::merkle {
namespace {

// Nodes hashed at a time: large enough to fill lanes, small enough for the first-level cache.
constexpr size_t kBatch = 128;

}  // namespace

HashPlan::HashPlan() { Clear(); }

void HashPlan::Clear() {
  hashes_.assign(1, Hash{});
  heights_.assign(1, 0);
  leaves_.clear();
  leaf_slots_.clear();
  nodes_.clear();
}

size_t HashPlan::memory_bytes() const {
  return hashes_.capacity() * sizeof(Hash) + heights_.capacity() * sizeof(uint32_t) +
         leaves_.capacity() * sizeof(LeafBytes) + leaf_slots_.capacity() * sizeof(Slot) +
         (nodes_.capacity() + ordered_.capacity()) * sizeof(NodeStep) +
         starts_.capacity() * sizeof(uint32_t);
}

HashPlan::Slot HashPlan::NewSlot(uint32_t height) {
  hashes_.emplace_back();
  heights_.push_back(height);
  return static_cast<Slot>(hashes_.size() - 1);
}

HashPlan::Slot HashPlan::Known(const Hash& hash) {
  hashes_.push_back(hash);
  heights_.push_back(0);
  return static_cast<Slot>(hashes_.size() - 1);
}

HashPlan::Slot HashPlan::Leaf(const TrieLeaf& leaf) {
  const Slot slot = NewSlot(0);
  leaves_.push_back(EncodeLeaf(leaf));
  leaf_slots_.push_back(slot);
  return slot;
}

HashPlan::Slot HashPlan::Node(Slot left, Slot right) {
  const Slot slot = NewSlot(std::max(heights_[left], heights_[right]) + 1);
  nodes_.push_back({left, right, slot});
  return slot;
}

void HashPlan::Run() {
  RunLeaves();
  RunNodes();
}

void HashPlan::RunLeaves() {
  Hash hashes[kBatch];
  for (size_t first = 0; first < leaves_.size(); first += kBatch) {
    const size_t count = std::min(kBatch, leaves_.size() - first);
    TrieLeafHashes({leaves_.data() + first, count}, hashes);
    for (size_t i = 0; i < count; ++i) hashes_[leaf_slots_[first + i]] = hashes[i];
  }
  leaves_.clear();
  leaf_slots_.clear();
}

void HashPlan::RunNodes() {
  // Counting sort by height: all nodes of one height depend on lower ones only.
  starts_.clear();
  for (const NodeStep& node : nodes_) {
    const size_t height = heights_[node.out];
    if (starts_.size() <= height) starts_.resize(height + 1, 0);
    ++starts_[height];
  }
  uint32_t total = 0;
  for (uint32_t& start : starts_) {
    const uint32_t count = start;
    start = total;
    total += count;
  }
  ordered_.resize(nodes_.size());
  for (const NodeStep& node : nodes_) ordered_[starts_[heights_[node.out]]++] = node;

  alignas(64) uint8_t blocks[kBatch][64];
  const uint8_t* inputs[kBatch];
  for (size_t i = 0; i < kBatch; ++i) inputs[i] = blocks[i];
  Hash hashes[kBatch];
  size_t first = 0;
  for (const uint32_t end : starts_) {  // Each start has moved to the end of its height.
    for (; first < end;) {
      const size_t count = std::min<size_t>(kBatch, end - first);
      for (size_t i = 0; i < count; ++i) {
        const NodeStep& node = ordered_[first + i];
        std::memcpy(blocks[i], hashes_[node.left].data(), 32);
        std::memcpy(blocks[i] + 32, hashes_[node.right].data(), 32);
      }
      TrieNodeContext().HashBlocks(inputs, count, hashes[0].data());
      for (size_t i = 0; i < count; ++i) hashes_[ordered_[first + i].out] = hashes[i];
      first += count;
    }
  }
  for (const NodeStep& node : nodes_) heights_[node.out] = 0;
  nodes_.clear();
}

}  // namespace groat::merkle
