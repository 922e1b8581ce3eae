#include "record/checkpoint.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "bls/aggregate.h"
#include "bls/quorum_certificate.h"

namespace groat::record {
namespace {

absl::Status CheckCount(size_t nodes) {
  if (nodes >= 1 && nodes <= kMaxLedgerNodes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(nodes, " ledger nodes, want 1 to ", kMaxLedgerNodes));
}

}  // namespace

Bytes Checkpoint::Encode() const {
  return ByteWriter()
      .Text("groat checkpoint v1\n")
      .Raw(ledger_id)
      .U64(height.value())
      .Raw(block_id)
      .Raw(log_root)
      .Take();
}

NodeSignature SignAsNode(const bls::SecretKey& key, ByteView message) {
  return bls::Sign(key, message).Encode();
}

absl::StatusOr<NodeKeys> NodeKeys::Create(std::span<const bls::Registration> nodes) {
  GROAT_RETURN_IF_ERROR(CheckCount(nodes.size()));
  GROAT_ASSIGN_OR_RETURN(bls::KeyDirectory directory, bls::KeyDirectory::Create(nodes));
  return NodeKeys(std::move(directory));
}

absl::StatusOr<NodeKeys> NodeKeys::FromProven(std::span<const bls::Registration> nodes) {
  GROAT_RETURN_IF_ERROR(CheckCount(nodes.size()));
  std::vector<bls::PublicKey> keys;
  keys.reserve(nodes.size());
  for (const bls::Registration& node : nodes) keys.push_back(node.key);
  GROAT_ASSIGN_OR_RETURN(bls::KeyDirectory directory,
                         bls::KeyDirectory::FromProvenKeys(std::move(keys)));
  return NodeKeys(std::move(directory));
}

absl::Status NodeKeys::VerifyShare(NodeIndex node, ByteView message,
                                   const NodeSignature& signature) const {
  if (node.value() >= size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("ledger node ", node.value(), ", want below ", size()));
  }
  const absl::StatusOr<bls::Signature> decoded = bls::Signature::Decode(signature);
  if (!decoded.ok() || !bls::Verify(key(node), message, *decoded)) {
    return absl::InvalidArgumentError(
        absl::StrCat("signature of ledger node ", node.value(), " is wrong"));
  }
  return absl::OkStatus();
}

QuorumSignature NodeKeys::Combine(const std::map<NodeIndex, NodeSignature>& shares) const {
  bls::SignerSet signers(size());
  std::vector<bls::Signature> signatures;
  for (const auto& [node, signature] : shares) {
    absl::StatusOr<bls::Signature> decoded = bls::Signature::Decode(signature);
    GROAT_CHECK_OK(decoded.status());
    signers.Insert(node.value());
    signatures.push_back(*std::move(decoded));
  }
  const absl::StatusOr<bls::Signature> sum = bls::Aggregate(signatures);
  GROAT_CHECK_OK(sum.status());
  return {signers.Encode(), sum->Encode()};
}

absl::Status NodeKeys::VerifyQuorum(ByteView message, const QuorumSignature& quorum) const {
  GROAT_ASSIGN_OR_RETURN(bls::SignerSet signers, bls::SignerSet::Decode(quorum.signers, size()));
  // Before the costly decoding of the point.
  if (signers.count() < this->quorum()) {
    return absl::InvalidArgumentError(
        absl::StrCat(signers.count(), " ledger nodes signed, want ", this->quorum()));
  }
  GROAT_ASSIGN_OR_RETURN(const bls::Signature signature, bls::Signature::Decode(quorum.signature));
  return bls::VerifyQuorum({std::move(signers), signature}, directory_, this->quorum(), message);
}

}  // namespace groat::record
