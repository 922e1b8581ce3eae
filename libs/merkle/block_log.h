// The ledger's log: an RFC 6962 Merkle tree (SHA-256) over 32-byte block ids.
//
// Leaf: SHA-256(0x00 | block id). Node: SHA-256(0x01 | left | right). The root of an empty log is
// SHA-256 of nothing. Source: RFC 9162, sections 2.1.1 to 2.1.4.
//
// Nodes of complete subtrees never change, so they are kept: node (level, index) covers the leaves
// index * 2^level up to (index + 1) * 2^level - 1. About 2 nodes a block. Whoever stores them, in
// memory or in a database, implements LogNodes; Append tells which nodes are new.
//
// Proof bytes: inclusion index u64 | size u64 | hashes; consistency old_size u64 | new_size u64 |
// hashes; the number of hashes is fixed by the two numbers.
//
// Pure but for what a LogNodes does. Const functions may run at the same time if its Read may.
#ifndef GROAT_MERKLE_BLOCK_LOG_H_
#define GROAT_MERKLE_BLOCK_LOG_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/sha256.h"

namespace groat::merkle {

using LogHash = Bytes32;

struct LogNode {
  uint32_t level = 0;  // 0 is a leaf.
  uint64_t index = 0;
  LogHash hash;
  friend bool operator==(const LogNode&, const LogNode&) = default;
};

// Where the nodes of complete subtrees lie.
class LogNodes {
 public:
  virtual ~LogNodes() = default;
  // NotFound if the node was not stored.
  virtual absl::StatusOr<LogHash> Read(uint32_t level, uint64_t index) const = 0;
};

// Nodes in memory.
class MemoryLogNodes final : public LogNodes {
 public:
  absl::StatusOr<LogHash> Read(uint32_t level, uint64_t index) const override;
  // In the order in which Append returned them (CHECKed).
  void Store(const std::vector<LogNode>& nodes);

 private:
  std::vector<std::vector<LogHash>> levels_;
};

struct LogInclusionProof {
  uint64_t index = 0;  // From 0: block height h has index h - 1.
  uint64_t size = 0;   // Of the log whose root is meant; above index.
  std::vector<LogHash> path;

  Bytes Encode() const;
  static absl::StatusOr<LogInclusionProof> Decode(ByteView bytes);
  friend bool operator==(const LogInclusionProof&, const LogInclusionProof&) = default;
};

struct LogConsistencyProof {
  uint64_t old_size = 0;
  uint64_t new_size = 0;  // At least old_size. The path is empty if equal or if old_size is 0.
  std::vector<LogHash> path;

  Bytes Encode() const;
  static absl::StatusOr<LogConsistencyProof> Decode(ByteView bytes);
  friend bool operator==(const LogConsistencyProof&, const LogConsistencyProof&) = default;
};

LogHash LogLeafHash(const Bytes32& block_id);
LogHash LogNodeHash(const LogHash& left, const LogHash& right);
LogHash EmptyLogRoot();

class BlockLog {
 public:
  // An empty log.
  BlockLog() = default;
  // A log of `size` blocks whose nodes were stored. A failed Read is passed on.
  static absl::StatusOr<BlockLog> Open(uint64_t size, const LogNodes& nodes);

  uint64_t size() const { return size_; }
  LogHash Root() const;

  // Appends a block and returns the nodes this completes, from the leaf up: the caller stores them,
  // and only then asks for proofs of the new size. O(1) amortised, no reads.
  std::vector<LogNode> Append(const Bytes32& block_id);

 private:
  uint64_t size_ = 0;
  std::vector<LogHash> peaks_;  // Roots of the complete subtrees, the largest first.
};

// Proofs read O(log size) nodes; a failed Read is passed on. The nodes may reach beyond `size`.
absl::StatusOr<LogHash> LogRoot(uint64_t size, const LogNodes& nodes);
// OutOfRange unless index < size.
absl::StatusOr<LogInclusionProof> ProveLogInclusion(uint64_t index, uint64_t size,
                                                    const LogNodes& nodes);
// OutOfRange unless old_size <= new_size.
absl::StatusOr<LogConsistencyProof> ProveLogConsistency(uint64_t old_size, uint64_t new_size,
                                                        const LogNodes& nodes);

// OK if `block_id` stands at proof.index in the log of proof.size blocks with that root.
absl::Status Verify(const LogInclusionProof& proof, const Bytes32& block_id, const LogHash& root);
// OK if the log with `new_root` and proof.new_size blocks starts with the log with `old_root` and
// proof.old_size blocks.
absl::Status Verify(const LogConsistencyProof& proof, const LogHash& old_root,
                    const LogHash& new_root);

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_BLOCK_LOG_H_
