// How leaves enter a TrieStore and how its hashes follow. Internal to libs/merkle.
//
// Keys of a slice ascend, so the path to the last key is kept as a stack: what the next key no
// longer passes is final, and goes to the hash plan bottom-up; then the whole slice is hashed level
// by level. Forks of kHistoryLeaves leaves or more are only marked, and hashed once, at Seal.
// Pure; single owner.
#ifndef GROAT_MERKLE_TRIE_WRITER_H_
#define GROAT_MERKLE_TRIE_WRITER_H_

#include <optional>
#include <span>
#include <vector>

#include "merkle/hash_plan.h"
#include "merkle/trie_store.h"

namespace groat::merkle {

class TrieWriter {
 public:
  // Forgets the order of the cycle before.
  void BeginCycle() { last_key_.reset(); }

  // As Trie::Add, but for the check that a cycle is open.
  absl::Status Add(TrieStore& store, std::span<const TrieEntry> slice);

  // Hashes what Add marked, keeps versions of it, and returns the root.
  Hash Seal(TrieStore& store);

  size_t memory_bytes() const;

 private:
  // A fork on the path to the last key inserted; the first of the stack stands above the root.
  struct Frame {
    NodeRef fork;
    HashPlan::Slot child[2];  // kNoSlot: the child did not change in this slice.
    uint32_t added = 0;       // Leaves inserted below and not yet counted in Fork::size.
  };
  struct Result {
    uint32_t fork_id;
    HashPlan::Slot slot;
  };

  absl::Status Validate(const TrieStore& store, std::span<const TrieEntry> slice);
  // shared_bits_[i] = bits that slice[i] shares with the nearest key in the trie.
  void FindSharedBits(const TrieStore& store, std::span<const TrieEntry> slice);
  void Insert(TrieStore& store, const TrieEntry& entry, size_t fork_bit);
  void Pop(TrieStore& store);
  HashPlan::Slot ChildSlot(const TrieStore& store, const Frame& frame, unsigned side);
  HashPlan::Slot RehashUpper(TrieStore& store, uint32_t fork_id, bool parent_has_history);
  void StoreResults(TrieStore& store);

  std::optional<Bytes32> last_key_;  // Of the open cycle.
  std::vector<uint16_t> shared_bits_;
  std::vector<Frame> path_;
  HashPlan plan_;
  std::vector<Result> results_;
};

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_TRIE_WRITER_H_
