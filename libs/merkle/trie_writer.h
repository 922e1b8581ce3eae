// How leaves enter a TrieStore and how its hashes follow. Internal to libs/merkle.
//
// The keys of a cycle ascend, so the path to the last key is kept as a stack, and a fork that the
// next key no longer passes has got all its leaves of the cycle. Such forks go to a hash plan from
// below, and at the end of a slice the plan is hashed level by level. What is on the path when the
// cycle ends, a fork a level, is left to Seal. Every hash of the trie is so computed once a cycle.
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
  // Before the first Add of each cycle.
  void BeginCycle();

  // As Trie::Add, but for the check that a cycle is open.
  absl::Status Add(TrieStore& store, std::span<const TrieEntry> slice);

  // Hashes what is left and returns the root.
  Hash Seal(TrieStore& store);

  size_t memory_bytes() const;

 private:
  static constexpr HashPlan::Slot kNoSlot = ~HashPlan::Slot{0};
  // A fork on the path to the last key; the first of the stack stands above the root.
  struct Frame {
    NodeRef fork;
    HashPlan::Slot child[2] = {kNoSlot, kNoSlot};  // Or where its new hash is planned.
    unsigned side = 0;                             // On which side of the frame above it hangs.
    uint32_t added = 0;  // Leaves inserted below and not yet counted in Fork::size.
  };
  struct Result {
    uint32_t fork_id;
    HashPlan::Slot slot;
  };

  absl::Status Validate(const TrieStore& store, std::span<const TrieEntry> slice);
  // shared_bits_[i] = bits that slice[i] shares with the nearest key in the trie.
  void FindSharedBits(const TrieStore& store, std::span<const TrieEntry> slice);
  // Asks for the memory that inserting `keys` and hashing above them will read.
  void PrefetchRehash(const TrieStore& store, std::span<const TrieEntry> keys);
  void Insert(TrieStore& store, const TrieEntry& entry, size_t fork_bit);
  void Pop(TrieStore& store);
  HashPlan::Slot ChildSlot(const TrieStore& store, const Frame& frame, unsigned side);
  static bool HistoryBelow(const TrieStore& store, const Fork& fork);
  void RunPlan(TrieStore& store);

  std::optional<Bytes32> last_key_;  // Of the open cycle.
  std::vector<uint16_t> shared_bits_;
  std::vector<Frame> path_;
  HashPlan plan_;
  std::vector<Result> results_;
};

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_TRIE_WRITER_H_
