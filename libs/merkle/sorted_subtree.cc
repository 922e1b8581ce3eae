#include "merkle/sorted_subtree.h"

#include "base/check.h"

namespace groat::merkle {

void SortedSubtree::Clear() {
  lefts_.clear();
  empty_ = true;
}

void SortedSubtree::Append(HashPlan& plan, const TrieLeaf& leaf) {
  if (!empty_) {
    const size_t fork_bit = CommonPrefixBits(last_key_, leaf.key);
    GROAT_CHECK(last_key_ < leaf.key) << last_key_ << " before " << leaf.key;
    // Forks below that bit have got all their leaves.
    JoinDownTo(plan, fork_bit);
    lefts_.push_back({Lifted(plan, fork_bit + 1), fork_bit});
  }
  empty_ = false;
  last_is_leaf_ = true;
  last_slot_ = plan.Leaf(leaf);
  last_key_ = leaf.key;
}

HashPlan::Slot SortedSubtree::Finish(HashPlan& plan, size_t depth) {
  GROAT_CHECK(!empty_) << "no leaves at depth " << depth;
  JoinDownTo(plan, 0);
  const HashPlan::Slot slot = Lifted(plan, depth);
  Clear();
  return slot;
}

// Makes the forks at bits above `fork_bit`; with 0 all of them, bit 0 included, for no more leaves
// can come then.
void SortedSubtree::JoinDownTo(HashPlan& plan, size_t fork_bit) {
  while (!lefts_.empty() && lefts_.back().fork_bit >= fork_bit) {
    const Left left = lefts_.back();
    lefts_.pop_back();
    last_slot_ = plan.Node(left.slot, Lifted(plan, left.fork_bit + 1));
    last_depth_ = left.fork_bit;
    last_is_leaf_ = false;
  }
}

HashPlan::Slot SortedSubtree::Lifted(HashPlan& plan, size_t depth) const {
  HashPlan::Slot slot = last_slot_;
  if (last_is_leaf_) return slot;
  for (size_t at = last_depth_; at > depth; --at) {
    slot = KeyBit(last_key_, at - 1) == 0 ? plan.Node(slot, HashPlan::kEmpty)
                                          : plan.Node(HashPlan::kEmpty, slot);
  }
  return slot;
}

}  // namespace groat::merkle
