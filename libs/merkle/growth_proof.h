// Growth proof: the new root is the old root plus the given new leaves and nothing else.
//
// The proof walks the old trie in pre-order, only where new keys go. Bytes, one item a subtree:
//   0x00                     empty before and after
//   0x01 | hash 32           not empty, the same before and after
//   0x02 | left | right      a node before, with new leaves below; two items follow
//   0x03 | count u32 | count * (key 32 | value 32)
//                            empty before; holds these new leaves after
//   0x04 | key 32 | value 32 | cycle u64 | count u32 | count * (key 32 | value 32)
//                            one old leaf before, given in full; that and these new leaves after
// A new leaf's cycle is the cycle being proved. Leaves ascend by key and lie in their subtree;
// counts are at least 1; a 0x02 item has new leaves below it. A cycle without new leaves has a
// proof of zero bytes, and equal roots. About 65 + 33 * log2(n / count) bytes a new leaf.
//
// Why it convinces: let the old root be that of a trie T of the right shape (by induction from the
// empty trie, whose root is zeros). The items fold to the old root, and leaf, node and empty hashes
// never coincide, so each item names what T has at its place: 0x02 a node, 0x03 an empty subtree,
// 0x04 that one leaf, 0x01 that hash. The verifier folds the same items, with the new leaves put
// where their keys belong by the trie's own rules, to the new root. A node has two leaves or more
// and so stays a node; a displaced leaf reappears in full below; nothing else of T changes and no
// key repeats. So the new root is that of T and the new leaves, and the shape is right again.
//
// Pure. Single owner. The verifier takes bytes from anybody, cut anywhere, and holds at most
// 257 levels of hashes and one cut item; it never recurses.
// Deviation from pre-order with all leaves at the end: leaves stand in the place where they are
// hashed, so memory does not grow with the proof.
#ifndef GROAT_MERKLE_GROWTH_PROOF_H_
#define GROAT_MERKLE_GROWTH_PROOF_H_

#include <memory>

#include "absl/status/status.h"
#include "merkle/trie_hash.h"

namespace groat::merkle {

// What a growth proof is checked against: the claim about cycle `cycle`.
struct GrowthClaim {
  uint64_t cycle = 0;
  Hash old_root;  // At the end of the cycle before; zeros at the start of a period.
  Hash new_root;
  uint64_t old_leaf_count = 0;  // Zero exactly if old_root is zeros.
  uint64_t new_leaf_count = 0;  // Of the cycle alone: after it there are old + new leaves.
};

class GrowthVerifier {
 public:
  explicit GrowthVerifier(const GrowthClaim& claim);
  ~GrowthVerifier();
  GrowthVerifier(GrowthVerifier&&) noexcept;
  GrowthVerifier& operator=(GrowthVerifier&&) noexcept;

  // Takes the next bytes of the proof, of any length. InvalidArgument as soon as no continuation
  // could be right; the error stays, and further calls repeat it.
  absl::Status Feed(ByteView chunk);

  // OK if the bytes fed are exactly one proof of the claim. Call once, at the end.
  absl::Status Finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Feed and Finish in one call.
absl::Status VerifyGrowth(const GrowthClaim& claim, ByteView proof);

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_GROWTH_PROOF_H_
