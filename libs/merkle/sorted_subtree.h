// The hash of the subtree that holds given leaves, from the leaves in ascending order of their
// keys, in memory of one level each. For the growth verifier. Pure; single owner.
#ifndef GROAT_MERKLE_SORTED_SUBTREE_H_
#define GROAT_MERKLE_SORTED_SUBTREE_H_

#include <vector>

#include "merkle/hash_plan.h"

namespace groat::merkle {

class SortedSubtree {
 public:
  // Forgets all leaves.
  void Clear();

  // `leaf` must come after every leaf before it.
  void Append(HashPlan& plan, const TrieLeaf& leaf);

  // The slot of the subtree's hash at `depth`; its leaves, of which there must be one or more,
  // share that many bits. Clears.
  HashPlan::Slot Finish(HashPlan& plan, size_t depth);

  // Calls move(slot) for every slot held, which may change it: how a plan is exchanged.
  template <typename Move>
  void MoveSlots(Move move) {
    for (Left& left : lefts_) move(left.slot);
    if (!empty_) move(last_slot_);
  }

 private:
  // A complete left subtree that waits for its sibling.
  struct Left {
    HashPlan::Slot slot;  // At depth fork_bit + 1.
    size_t fork_bit;      // Ascends along the stack, so there are at most 256.
  };
  void JoinDownTo(HashPlan& plan, size_t fork_bit);
  HashPlan::Slot Lifted(HashPlan& plan, size_t depth) const;

  std::vector<Left> lefts_;
  // The subtree with the last leaf: its hash at last_depth_, or at any depth if it is that leaf.
  bool empty_ = true;
  bool last_is_leaf_ = false;
  HashPlan::Slot last_slot_ = HashPlan::kEmpty;
  size_t last_depth_ = 0;
  Bytes32 last_key_;
};

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_SORTED_SUBTREE_H_
