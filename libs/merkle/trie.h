// Cumulative Merkle trie: the insert-only map from keys to values of one period, with the root and
// the proofs of every cycle.
//
// Shape and hashes: trie_hash.h. Proofs: trie_proof.h, growth_proof.h.
// Pure: no thread, clock or I/O. Const functions may run at the same time; one writer at a time,
// with no reader meanwhile. A writer may let readers in between any two calls, also in the middle
// of an open cycle: what they ask about sealed cycles is answered as if the open cycle did not
// exist.
#ifndef GROAT_MERKLE_TRIE_H_
#define GROAT_MERKLE_TRIE_H_

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merkle/growth_proof.h"
#include "merkle/trie_hash.h"
#include "merkle/trie_proof.h"

namespace groat::merkle {

struct TrieEntry {
  Bytes32 key;
  Bytes32 value;
};

// The trie at the end of a cycle.
struct TrieSummary {
  Hash root;
  uint64_t leaf_count = 0;      // Of this cycle and all before it.
  uint64_t new_leaf_count = 0;  // Of this cycle alone.
  friend bool operator==(const TrieSummary&, const TrieSummary&) = default;
};

class TrieStore;

// Where a growth proof that is written in chunks stands. A value; stays good while the trie grows.
class GrowthCursor;

class Trie {
 public:
  Trie();
  ~Trie();
  Trie(Trie&&) noexcept;
  Trie& operator=(Trie&&) noexcept;

  // Writing: BeginCycle, any number of Add, Seal.

  // Opens `cycle`, above every cycle opened before; cycles may be left out, and then have no
  // leaves. FailedPrecondition if a cycle is open, InvalidArgument if `cycle` is not above
  // LastSealed(); then nothing changes.
  absl::Status BeginCycle(uint64_t cycle);

  // Adds leaves to the open cycle; entries ascend by key, within the slice and from slice to slice.
  // All or nothing: InvalidArgument names an entry out of order, AlreadyExists a key that is there,
  // FailedPrecondition that no cycle is open, ResourceExhausted 2^31 leaves. Takes O(log n) an
  // entry, hashing included; a slice of 2,000 takes 1 to 3 ms.
  absl::Status Add(std::span<const TrieEntry> slice);

  // Takes the memory that `leaves` more leaves need from the system. Not needed, but a system may
  // take milliseconds for it, and unlike Add this may run beside all const functions but
  // memory_bytes.
  void Reserve(size_t leaves);

  // Hashes what is left, a path from the root to a leaf, and closes the open cycle. CHECKs that one
  // is open. O(log n) whatever the cycle has.
  TrieSummary Seal();

  // Reading.

  // The greatest sealed cycle, 0 if there is none.
  uint64_t LastSealed() const;

  // Also finds leaves of the open cycle, whose cycle is then above LastSealed().
  std::optional<TrieLeaf> Find(const Bytes32& key) const;

  // At the end of `cycle`, whether or not it was ever opened: before the first the trie is empty,
  // and without new leaves the root of the cycle before stands. OutOfRange above LastSealed().
  absl::StatusOr<TrieSummary> At(uint64_t cycle) const;

  // Proof against At(cycle).root that the key is there: NotFound if it was not yet there.
  // OutOfRange above LastSealed(). O(log n): in the current state without hashing, in an old one by
  // rehashing a few hundred leaves around the key.
  absl::StatusOr<InclusionProof> ProveInclusion(const Bytes32& key, uint64_t cycle) const;

  // Proof against At(cycle).root that the key is not there: AlreadyExists if it was.
  absl::StatusOr<NullProof> ProveNull(const Bytes32& key, uint64_t cycle) const;

  // Proof that At(cycle) is At(cycle - 1) and the leaves of `cycle`. OutOfRange above LastSealed().
  absl::StatusOr<GrowthCursor> ProveGrowth(uint64_t cycle) const;
  // The next bytes of the proof, at most `max_bytes` (at least 256 are taken as the bound);
  // empty at the end and only there. The cursor must come from this trie.
  Bytes NextGrowthChunk(GrowthCursor& cursor, size_t max_bytes) const;

  // The leaves of `cycle`, ascending by key, from index `first` on, at most `max_count`.
  // OutOfRange above LastSealed().
  absl::StatusOr<std::vector<TrieEntry>> NewLeaves(uint64_t cycle, size_t first,
                                                   size_t max_count) const;

  // Gives back the memory that only writing needs; for a trie that will not grow soon.
  void ShrinkToFit();

  // Heap memory held, in bytes.
  size_t memory_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class GrowthCursor {
 public:
  // True once every byte was returned.
  bool done() const { return pending_.empty(); }

 private:
  friend class Trie;
  // A subtree of the old trie that is not yet written, and the new leaves that go into it.
  struct Subtree {
    uint32_t node = 0;  // As NodeRef has it.
    uint32_t first_leaf = 0;
    uint32_t end_leaf = 0;
    uint16_t depth = 0;
    bool leaves_only = false;  // The item has begun; leaves from first_leaf on are missing.
  };
  GrowthCursor(const TrieStore& store, uint32_t old_end, uint32_t new_end);
  Bytes Next(const TrieStore& store, size_t max_bytes);

  uint32_t old_end_;
  std::vector<Subtree> pending_;  // A stack, the next on top; at most one a level and one.
};

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_TRIE_H_
