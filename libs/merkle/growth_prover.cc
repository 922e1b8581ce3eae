// GrowthCursor: writes growth proofs. The format is described in growth_proof.h.
#include <algorithm>

#include "merkle/growth_items.h"
#include "merkle/trie.h"
#include "merkle/trie_store.h"

namespace groat::merkle {
namespace {

constexpr size_t kLeastChunkBytes = 256;
// Hashes planned for one chunk, so that a chunk about an old cycle, where every hash may cost
// hundreds, stays a bounded piece of work.
constexpr size_t kPlanSlots = size_t{1} << 14;

// A hash that stands in the chunk once the plan has run.
struct Pending {
  size_t offset;
  HashPlan::Slot slot;
};

}  // namespace

GrowthCursor::GrowthCursor(const TrieStore& store, uint32_t old_end, uint32_t new_end)
    : old_end_(old_end) {
  if (old_end == new_end) return;
  const NodeRef root = old_end == 0 ? NodeRef() : store.AsOf(store.root(), old_end);
  pending_.push_back({root.raw(), old_end, new_end, 0, false});
}

Bytes GrowthCursor::Next(const TrieStore& store, size_t max_bytes) {
  max_bytes = std::max(max_bytes, kLeastChunkBytes);
  ByteWriter out;
  HashPlan plan;
  std::vector<Pending> hashes;
  const auto room = [&] { return max_bytes - out.bytes().size(); };

  while (!pending_.empty() && room() >= kLargestItemBytes && plan.size() < kPlanSlots) {
    Subtree& top = pending_.back();
    if (top.leaves_only) {
      const size_t count = std::min<size_t>(top.end_leaf - top.first_leaf, room() / kNewLeafBytes);
      for (size_t i = 0; i < count; ++i) {
        const TrieEntry& entry = store.entry(top.first_leaf++);
        out.Raw(entry.key).Raw(entry.value);
      }
      if (top.first_leaf == top.end_leaf) pending_.pop_back();
      continue;
    }
    const NodeRef node(top.node);
    if (top.first_leaf == top.end_leaf) {
      if (node.empty()) {
        out.U8(kItemEmpty);
      } else {
        out.U8(kItemSame);
        hashes.push_back({out.bytes().size(), store.HashAt(plan, node, top.depth, old_end_)});
        out.Raw(Hash{});
      }
      pending_.pop_back();
      continue;
    }
    if (!node.is_fork()) {
      if (node.empty()) {
        out.U8(kItemFilled);
      } else {
        const TrieLeaf leaf = store.LeafAt(node.id());
        out.U8(kItemDisplaced).Raw(leaf.key).Raw(leaf.value).U64(leaf.cycle);
      }
      out.U32(top.end_leaf - top.first_leaf);
      top.leaves_only = true;
      continue;
    }

    out.U8(kItemNode);
    const Subtree whole = top;
    pending_.pop_back();
    // Where the new leaves turn from left to right at this depth.
    uint32_t middle = whole.first_leaf;
    for (uint32_t count = whole.end_leaf - whole.first_leaf; count > 0;) {
      const uint32_t half = count / 2;
      if (KeyBit(store.entry(middle + half).key, whole.depth) == 0) {
        middle += half + 1;
        count -= half + 1;
      } else {
        count = half;
      }
    }
    const Fork& fork = store.fork(node.id());
    NodeRef child[2];
    if (fork.bit > whole.depth) {
      child[KeyBit(store.entry(node.id()).key, whole.depth)] = node;
    } else {
      for (unsigned side = 0; side < 2; ++side)
        child[side] = store.AsOf(fork.child[side], old_end_);
    }
    const uint16_t below = static_cast<uint16_t>(whole.depth + 1);
    pending_.push_back({child[1].raw(), middle, whole.end_leaf, below, false});
    pending_.push_back({child[0].raw(), whole.first_leaf, middle, below, false});
  }

  plan.Run();
  Bytes bytes = out.Take();
  for (const Pending& pending : hashes) {
    std::copy_n(plan[pending.slot].begin(), Hash::kSize,
                bytes.begin() + static_cast<ptrdiff_t>(pending.offset));
  }
  return bytes;
}

}  // namespace groat::merkle
