#include "asset/bundle.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::asset {
namespace {

absl::Status CheckCheckpoint(const record::SignedCheckpoint& checkpoint, const Trust& trust) {
  if (checkpoint.checkpoint.ledger_id != trust.ledger_id) {
    return absl::InvalidArgumentError(absl::StrCat("checkpoint of ledger ",
                                                   checkpoint.checkpoint.ledger_id.Hex(), ", want ",
                                                   trust.ledger_id.Hex()));
  }
  GROAT_ASSIGN_OR_RETURN(const record::NodeKeys nodes,
                         record::NodeKeys::FromProven(trust.ledger_nodes));
  return nodes.VerifyQuorum(checkpoint.checkpoint.Encode(), checkpoint.quorum);
}

absl::Status CheckBlock(const BlockEvidence& evidence, const record::SignedRoot& root,
                        const record::Checkpoint& checkpoint) {
  const uint64_t height = evidence.block.height.value();
  if (evidence.block.root.statement != root.statement) {
    return absl::InvalidArgumentError(
        absl::StrCat("block ", height, " records ", evidence.block.root.statement.Name(),
                     " with root ", evidence.block.root.statement.root.Hex(), ", want ",
                     root.statement.Name(), " with root ", root.statement.root.Hex()));
  }
  if (height == 0 || height > checkpoint.height.value()) {
    return absl::InvalidArgumentError(absl::StrCat("block ", height, ", want 1 to ",
                                                   checkpoint.height.value(),
                                                   ", the height of the checkpoint"));
  }
  const merkle::LogInclusionProof proof{
      .index = height - 1, .size = checkpoint.height.value(), .path = evidence.log_path};
  if (absl::Status status = merkle::Verify(proof, evidence.block.Id(), checkpoint.log_root);
      !status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("block ", height, " is not in the log: ", status.message()));
  }
  return absl::OkStatus();
}

std::string NullText(const record::SignedRoot& root, uint64_t height) {
  return absl::StrCat("the key was unused up to cycle ", root.statement.cycle.value(),
                      " of period ", root.statement.period.value(), ", block ", height);
}

}  // namespace

absl::Status Verify(const ProofBundle& bundle, const Trust& trust,
                    std::vector<VerifiedStep>* steps) {
  const auto passed = [&](std::string text) {
    if (steps != nullptr) steps->push_back({std::move(text)});
  };
  const ProofOfProvenance& proof = bundle.provenance;
  const record::Checkpoint& checkpoint = bundle.checkpoint.checkpoint;

  GROAT_RETURN_IF_ERROR(CheckCheckpoint(bundle.checkpoint, trust));
  passed(absl::StrCat("a majority of the ledger's nodes signed the checkpoint of height ",
                      checkpoint.height.value()));

  GROAT_ASSIGN_OR_RETURN(const RelayTrust relay, trust.Relay(proof.root.statement.relay));
  GROAT_RETURN_IF_ERROR(Verify(proof, relay));
  if (bundle.blocks.size() != 1 + proof.nulls.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(bundle.blocks.size(), " blocks, want ", 1 + proof.nulls.size()));
  }

  GROAT_RETURN_IF_ERROR(CheckBlock(bundle.blocks[0], proof.root, checkpoint));
  passed(absl::StrCat("the key was set in cycle ", proof.cycle().value(), " of relay ",
                      relay.relay.value(), ", and is in the root of block ",
                      bundle.blocks[0].block.height.value()));
  for (size_t i = 0; i < proof.nulls.size(); ++i) {
    GROAT_RETURN_IF_ERROR(CheckBlock(bundle.blocks[i + 1], proof.nulls[i].root, checkpoint));
    passed(NullText(proof.nulls[i].root, bundle.blocks[i + 1].block.height.value()));
  }
  passed(absl::StrCat("so it was set once in the cycles from ", proof.since.value(), " to ",
                      proof.cycle().value()));
  return absl::OkStatus();
}

}  // namespace groat::asset
