// A block height, its id and the root of the log over all blocks, signed by a quorum of ledger
// nodes: a majority saw this history, and that the trie only grew in it.
//
// Pure. Layout: docs/formats.md, "Checkpoint".
#ifndef GROAT_RECORD_CHECKPOINT_H_
#define GROAT_RECORD_CHECKPOINT_H_

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "record/ids.h"

namespace groat::record {

// A ledger node's place in the network's list of nodes, from 0; also its bit in a signers' bitmap.
using NodeIndex = StrongId<struct NodeIndexTag, uint32_t>;

inline constexpr size_t kMaxLedgerNodes = 256;

struct Checkpoint {
  Bytes32 ledger_id;
  Height height;
  Bytes32 block_id;
  Bytes32 log_root;  // RFC 6962 root over the ids of blocks 1 to height.

  // The signed bytes: "groat checkpoint v1\n", then the fields in order.
  Bytes Encode() const;

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// Signatures of several nodes over one message, in a form that only this file looks into, so that
// another scheme can take its place.
struct QuorumSignature {
  // One bit a node, node 0 at the highest bit of the first byte; as long as the node list needs.
  Bytes signers;
  // Ed25519: the 64-byte signatures of the nodes whose bit is set, in order of index.
  Bytes signatures;

  friend bool operator==(const QuorumSignature&, const QuorumSignature&) = default;
};

struct SignedCheckpoint {
  Checkpoint checkpoint;
  QuorumSignature quorum;
};

// The keys of all nodes of a ledger, by index, and what a quorum of them is.
class NodeKeys {
 public:
  // InvalidArgument unless there are 1 to kMaxLedgerNodes distinct keys.
  static absl::StatusOr<NodeKeys> Create(std::vector<Ed25519PublicKey> keys);

  size_t size() const { return keys_.size(); }
  // The least majority: size / 2 + 1.
  size_t quorum() const { return keys_.size() / 2 + 1; }
  const Ed25519PublicKey& key(NodeIndex node) const { return keys_[node.value()]; }

  // InvalidArgument if the node is unknown or the signature is not its own.
  absl::Status VerifyShare(NodeIndex node, ByteView message,
                           const Ed25519Signature& signature) const;
  // Joins shares that VerifyShare accepted.
  QuorumSignature Combine(const std::map<NodeIndex, Ed25519Signature>& shares) const;
  // InvalidArgument unless a quorum of distinct known nodes signed `message` and every signature
  // in `quorum` is right.
  absl::Status VerifyQuorum(ByteView message, const QuorumSignature& quorum) const;

 private:
  explicit NodeKeys(std::vector<Ed25519PublicKey> keys) : keys_(std::move(keys)) {}
  size_t BitmapBytes() const { return (keys_.size() + 7) / 8; }
  std::vector<Ed25519PublicKey> keys_;
};

}  // namespace groat::record

#endif  // GROAT_RECORD_CHECKPOINT_H_
