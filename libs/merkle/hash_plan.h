// A set of trie hashes that depend on each other, computed level by level so that every SIMD lane
// of the bulk hash is filled, whatever order they were asked for.
//
// Name what is known and what is wanted; Run; read the results. Pure; single owner.
#ifndef GROAT_MERKLE_HASH_PLAN_H_
#define GROAT_MERKLE_HASH_PLAN_H_

#include <vector>

#include "merkle/leaf_batch.h"
#include "merkle/trie_hash.h"

namespace groat::merkle {

class HashPlan {
 public:
  using Slot = uint32_t;
  // The slot of the empty subtree, always known.
  static constexpr Slot kEmpty = 0;

  HashPlan();

  Slot Known(const Hash& hash);
  Slot Leaf(const TrieLeaf& leaf);
  // Both children are slots of this plan that already exist.
  Slot Node(Slot left, Slot right);

  // Computes every slot that is not known. Slots added later need another Run.
  void Run();

  // The hash in a slot; of a leaf or a node only after Run.
  const Hash& operator[](Slot slot) const { return hashes_[slot]; }
  // Slots in use, a measure of work and memory (about 150 bytes each at most).
  size_t size() const { return hashes_.size(); }
  // Forgets everything but the memory.
  void Clear();
  size_t memory_bytes() const;

 private:
  struct NodeStep {
    Slot left;
    Slot right;
    Slot out;
  };
  Slot NewSlot(uint32_t height);
  void RunLeaves();
  void RunNodes();

  std::vector<Hash> hashes_;
  std::vector<uint32_t> heights_;  // Of each slot: 0 for what Run needs no node step for.
  std::vector<LeafBytes> leaves_;
  std::vector<Slot> leaf_slots_;
  std::vector<NodeStep> nodes_;
  std::vector<NodeStep> ordered_;  // `nodes_` by height; scratch of Run.
  std::vector<uint32_t> starts_;   // Where each height starts in `ordered_`; scratch of Run.
};

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_HASH_PLAN_H_
