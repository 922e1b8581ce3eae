// A block height, its id and the root of the log over all blocks, signed by a quorum of ledger
// nodes: a majority saw this history, and that the trie only grew in it.
//
// Pure. Layout: docs/formats.md, "Checkpoint".
#ifndef GROAT_RECORD_CHECKPOINT_H_
#define GROAT_RECORD_CHECKPOINT_H_

#include <map>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bls/key_directory.h"
#include "bls/secret_key.h"
#include "bls/signature.h"
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

// The encoded BLS signature of one node, and of several as their sum (bls/signature.h): 96 bytes.
using NodeSignature = FixedBytes<bls::Signature::kSize>;

// The signature of a ledger node over `message`, e.g. an encoded checkpoint.
NodeSignature SignAsNode(const bls::SecretKey& key, ByteView message);

// An encoded quorum certificate of several nodes over one message (bls/quorum_certificate.h), as it
// comes from others: nothing in it has been checked.
struct QuorumSignature {
  // One bit a node, node 0 at the highest bit of the first byte; as long as the node list needs.
  Bytes signers;
  // The sum of the signatures of the nodes whose bit is set.
  NodeSignature signature;

  friend bool operator==(const QuorumSignature&, const QuorumSignature&) = default;
};

struct SignedCheckpoint {
  Checkpoint checkpoint;
  QuorumSignature quorum;
};

// The keys of all nodes of a ledger, by index, and what a quorum of them is.
class NodeKeys {
 public:
  // InvalidArgument unless there are 1 to kMaxLedgerNodes distinct keys, each with the proof that
  // its node has the secret. About 1 ms a node.
  static absl::StatusOr<NodeKeys> Create(std::span<const bls::Registration> nodes);
  // For nodes whose proofs were verified before. Otherwise as above.
  static absl::StatusOr<NodeKeys> FromProven(std::span<const bls::Registration> nodes);

  size_t size() const { return directory_.size(); }
  // The least majority: size / 2 + 1.
  size_t quorum() const { return size() / 2 + 1; }
  const bls::PublicKey& key(NodeIndex node) const { return directory_.key(node.value()); }

  // InvalidArgument if the node is unknown or the signature is not its own.
  absl::Status VerifyShare(NodeIndex node, ByteView message, const NodeSignature& signature) const;
  // Adds up shares that VerifyShare accepted.
  QuorumSignature Combine(const std::map<NodeIndex, NodeSignature>& shares) const;
  // InvalidArgument unless a quorum of known nodes signed `message` and the signature in `quorum`
  // is the sum of exactly theirs.
  absl::Status VerifyQuorum(ByteView message, const QuorumSignature& quorum) const;

 private:
  explicit NodeKeys(bls::KeyDirectory directory) : directory_(std::move(directory)) {}
  bls::KeyDirectory directory_;
};

}  // namespace groat::record

#endif  // GROAT_RECORD_CHECKPOINT_H_
