// The memory of a cumulative trie: leaves, forks, their hashes and the history of the upper ones.
// Internal to libs/merkle; Trie is the public face.
//
// Leaves have ids in the order in which they came, so "the trie at the end of cycle c" is "the
// leaves with ids below end", and within a cycle ids ascend by key. A fork is a node with two
// non-empty children; levels between forks are not stored but are hashed ("lifted"). Every leaf but
// the first makes exactly one fork, and that fork has the leaf's id. Two things follow from it:
// - Leaf f lies below fork f, on the fork's own side, and everything older in the subtree lies on
//   the other side. So the trie as of `end` is the same forks with ids below `end`; a later fork is
//   looked through to its other side. No fork ever moves or goes, so a reference stays good.
// - Leaf f's key is an example of a key below fork f, which tells how the levels above it turn.
//
// 112 bytes a leaf: entry 64, fork 16, fork hash 32. Leaf hashes are recomputed.
//
// History. A fork's hash is that of its current subtree. Forks of kHistoryLeaves leaves or more
// (the upper ones) also keep their hash for each cycle that changed it: those with no upper fork
// below and, from there up, every other one. So an old hash is found within two forks, or is
// recomputed from less than kHistoryLeaves leaves on either side.
#ifndef GROAT_MERKLE_TRIE_STORE_H_
#define GROAT_MERKLE_TRIE_STORE_H_

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "merkle/chunked_array.h"
#include "merkle/hash_plan.h"
#include "merkle/trie.h"

namespace groat::merkle {

// Leaves from which on a fork is an upper one. Measured with 10 million leaves and 100,000 a cycle:
// with 512 an insert takes a sixth less and a leaf 6 bytes less, but a null proof in the cycle
// before, which every proof of provenance has, takes half as long again.
inline constexpr uint16_t kHistoryLeaves = 256;
inline constexpr uint32_t kMaxLeaves = (uint32_t{1} << 31) - 1;

// Nothing, a leaf or a fork.
class NodeRef {
 public:
  constexpr NodeRef() = default;
  constexpr explicit NodeRef(uint32_t raw) : raw_(raw) {}
  static constexpr NodeRef OfLeaf(uint32_t id) { return NodeRef(id | kLeafFlag); }
  static constexpr NodeRef OfFork(uint32_t id) { return NodeRef(id); }

  constexpr bool empty() const { return raw_ == 0; }
  constexpr bool is_leaf() const { return (raw_ & kLeafFlag) != 0; }
  constexpr bool is_fork() const { return raw_ != 0 && !is_leaf(); }
  constexpr uint32_t id() const { return raw_ & ~kLeafFlag; }
  constexpr uint32_t raw() const { return raw_; }

 private:
  static constexpr uint32_t kLeafFlag = uint32_t{1} << 31;  // Fork ids start at 1, so 0 is free.
  uint32_t raw_ = 0;
};

struct Fork {
  // One past the greatest leaf id that the hash covers.
  static constexpr uint32_t kNeverHashed = ~uint32_t{0};
  // Few levels are skipped above a fork; knowing their turns saves a look at the leaf.
  static constexpr size_t kTurnBits = 5;
  static constexpr uint8_t kTurnsMask = (1u << kTurnBits) - 1;

  NodeRef child[2];
  uint32_t hashed_end = kNeverHashed;
  uint16_t size = 0;         // Leaves below, at most kHistoryLeaves.
  uint8_t bit = 0;           // The key bit that parts the children; also the fork's depth.
  uint8_t own_side : 1 = 0;  // Where leaf `id` is.
  uint8_t dirty : 1 = 0;     // An upper fork whose hash waits for Seal.
  uint8_t has_history : 1 = 0;
  uint8_t turns : kTurnBits = 0;  // The key bits just above `bit`, the lowest next to it.

  bool is_upper() const { return size >= kHistoryLeaves; }
};
static_assert(sizeof(Fork) == 16);

// A cycle with new leaves.
struct CycleRecord {
  uint64_t cycle = 0;
  Hash root;
};

class TrieStore {
 public:
  uint32_t leaf_count() const { return static_cast<uint32_t>(entries_.size()); }
  const TrieEntry& entry(uint32_t id) const { return entries_[id]; }
  TrieLeaf LeafAt(uint32_t id) const;
  const Fork& fork(uint32_t id) const { return forks_[id]; }
  Fork& fork(uint32_t id) { return forks_[id]; }
  const Hash& hash(uint32_t fork_id) const { return hashes_[fork_id]; }
  NodeRef root() const { return root_; }

  // The number of leaves at the end of `cycle`.
  uint32_t EndOf(uint64_t cycle) const;
  Hash RootAt(uint64_t cycle) const;

  // `node` of the trie as it is, in the trie of the leaves below `end`. There must be such a leaf
  // below it: so for the root if end > 0, and for both children of a fork with an id below `end`.
  NodeRef AsOf(NodeRef node, uint32_t end) const;

  // The hash of the subtree `node` (as AsOf gives it) as of `end`, seen at `depth`, at most the
  // depth of a fork. `end` is that of a sealed cycle.
  HashPlan::Slot HashAt(HashPlan& plan, NodeRef node, size_t depth, uint32_t end) const;

  // The hash at `depth` of the subtree whose hash at the depth of its fork is in `slot`.
  HashPlan::Slot Lift(HashPlan& plan, HashPlan::Slot slot, uint32_t fork_id, size_t depth) const;

  // The leaf that shares the longest prefix with `key` among all; the trie must not be empty.
  uint32_t Nearest(const Bytes32& key) const;

  // Writing; TrieWriter keeps the invariants.
  uint32_t AppendLeaf(const TrieEntry& entry);  // Also makes room for its fork.
  void Reserve(size_t leaves);
  void set_root(NodeRef node) { root_ = node; }
  // The hash of a fork with all leaves below `end`, the last for the open cycle. Kept for ever if
  // the fork has a history.
  void SetHash(uint32_t fork_id, const Hash& hash, uint32_t end);
  void OpenCycle(uint64_t cycle) { open_cycle_ = cycle; }
  void CloseCycle(uint64_t cycle, const Hash& root);

  // Ask the processor for what a descent (the node) or a rehash (its hash) will read.
  void PrefetchNode(NodeRef node) const {
    if (node.is_leaf()) {
      Prefetch(&entries_[node.id()]);
    } else {
      Prefetch(&forks_[node.id()]);
    }
  }
  void PrefetchHash(NodeRef node) const {
    if (node.is_leaf()) {
      Prefetch(&entries_[node.id()]);
    } else {
      Prefetch(&hashes_[node.id()]);
    }
  }

  size_t memory_bytes() const;

 private:
  // A hash that is right from the cycle on in which `end` lies. Cycles end somewhere at or after
  // their versions' ends and before those of the next cycle, so searching by a cycle's end works.
  struct Version {
    uint32_t end;
    Hash hash;
  };
  void AddVersion(uint32_t fork_id, const Hash& hash, uint32_t end);
  static void Prefetch(const void* address) {
    __builtin_prefetch(address);
    // Without an effect that it must keep, GCC takes functions that only prefetch for pure and
    // drops the calls.
    asm volatile("" : : "r"(address));
  }
  // The hash of a fork with an id below `end` at its own depth, as of `end`, if it is stored.
  const Hash* KeptHash(uint32_t fork_id, uint32_t end) const;
  // The same from what is below it.
  HashPlan::Slot RehashAt(HashPlan& plan, uint32_t fork_id, uint32_t end) const;
  // Null if the fork has no version as of `end`.
  const Hash* FindVersion(uint32_t fork_id, uint32_t end) const;

  // Chunks of 2 MiB each.
  ChunkedArray<TrieEntry, (size_t{1} << 15)> entries_;
  ChunkedArray<Fork, (size_t{1} << 17)> forks_;
  ChunkedArray<Hash, (size_t{1} << 16)> hashes_;
  NodeRef root_;
  absl::flat_hash_map<uint32_t, std::vector<Version>> history_;
  std::vector<CycleRecord> cycles_;
  std::vector<uint32_t> cycle_ends_;  // Of each of cycles_, apart because searched most.
  // The index in cycles_ of the cycle of leaf i * kCycleBlock: where to look for a leaf's cycle.
  static constexpr uint32_t kCycleBlock = 1024;
  std::vector<uint32_t> block_cycles_;
  uint64_t open_cycle_ = 0;  // The cycle of leaves past the last of cycle_ends_.
};

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_TRIE_STORE_H_
