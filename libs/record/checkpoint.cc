#include "record/checkpoint.h"

#include <set>

#include "absl/strings/str_cat.h"

namespace groat::record {
namespace {

uint8_t BitOf(size_t index) { return static_cast<uint8_t>(0x80 >> (index % 8)); }

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

absl::StatusOr<NodeKeys> NodeKeys::Create(std::vector<Ed25519PublicKey> keys) {
  if (keys.empty() || keys.size() > kMaxLedgerNodes) {
    return absl::InvalidArgumentError(
        absl::StrCat(keys.size(), " ledger nodes, want 1 to ", kMaxLedgerNodes));
  }
  std::set<Ed25519PublicKey> seen;
  for (const Ed25519PublicKey& key : keys) {
    if (!seen.insert(key).second) {
      return absl::InvalidArgumentError(absl::StrCat("two ledger nodes have the key ", key.Hex()));
    }
  }
  return NodeKeys(std::move(keys));
}

absl::Status NodeKeys::VerifyShare(NodeIndex node, ByteView message,
                                   const Ed25519Signature& signature) const {
  if (node.value() >= keys_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("ledger node ", node.value(), ", want below ", keys_.size()));
  }
  if (!Ed25519Verify(key(node), message, signature)) {
    return absl::InvalidArgumentError(
        absl::StrCat("signature of ledger node ", node.value(), " is wrong"));
  }
  return absl::OkStatus();
}

QuorumSignature NodeKeys::Combine(const std::map<NodeIndex, Ed25519Signature>& shares) const {
  QuorumSignature out;
  out.signers.resize(BitmapBytes());
  for (const auto& [node, signature] : shares) {
    out.signers[node.value() / 8] |= BitOf(node.value());
    out.signatures.insert(out.signatures.end(), signature.begin(), signature.end());
  }
  return out;
}

absl::Status NodeKeys::VerifyQuorum(ByteView message, const QuorumSignature& quorum) const {
  if (quorum.signers.size() != BitmapBytes()) {
    return absl::InvalidArgumentError(
        absl::StrCat("signers' bitmap is ", quorum.signers.size(), " bytes, want ", BitmapBytes()));
  }
  std::vector<NodeIndex> signers;
  for (size_t i = 0; i < 8 * quorum.signers.size(); ++i) {
    if ((quorum.signers[i / 8] & BitOf(i)) == 0) continue;
    if (i >= keys_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("signers' bitmap names node ", i, ", want below ", keys_.size()));
    }
    signers.push_back(NodeIndex(static_cast<uint32_t>(i)));
  }
  if (signers.size() < this->quorum()) {
    return absl::InvalidArgumentError(
        absl::StrCat(signers.size(), " ledger nodes signed, want ", this->quorum()));
  }
  if (quorum.signatures.size() != signers.size() * Ed25519Signature::kSize) {
    return absl::InvalidArgumentError(absl::StrCat("signatures are ", quorum.signatures.size(),
                                                   " bytes, want ",
                                                   signers.size() * Ed25519Signature::kSize));
  }
  ByteReader reader(quorum.signatures);
  for (NodeIndex node : signers) {
    if (absl::Status status = VerifyShare(node, message, reader.Fixed<64>()); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace groat::record
