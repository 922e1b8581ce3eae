#include "wire/common.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::wire {
namespace {

absl::Status Missing(std::string_view field) {
  return absl::InvalidArgumentError(
      absl::StrCat(absl::string_view(field.data(), field.size()), " is missing"));
}

}  // namespace

void ToProto(const record::RootStatement& statement, common::v1::RootStatement* out) {
  out->set_relay_id(statement.relay.value());
  out->set_shard(statement.shard.value());
  out->set_period(statement.period.value());
  out->set_cycle(statement.cycle.value());
  SetBytes(statement.root, out->mutable_root());
  out->set_leaf_count(statement.leaf_count);
  out->set_new_leaf_count(statement.new_leaf_count);
}

void ToProto(const record::SignedRoot& root, common::v1::SignedRoot* out) {
  ToProto(root.statement, out->mutable_statement());
  SetBytes(root.signature, out->mutable_signature());
}

void ToProto(const record::Block& block, common::v1::Block* out) {
  out->set_height(block.height.value());
  SetBytes(block.previous_id, out->mutable_previous_id());
  out->set_timestamp_ms(block.timestamp_ms);
  ToProto(block.root, out->mutable_root());
  SetBytes(block.Id(), out->mutable_id());
}

void ToProto(const record::SignedCheckpoint& checkpoint, common::v1::Checkpoint* out) {
  SetBytes(checkpoint.checkpoint.ledger_id, out->mutable_ledger_id());
  out->set_height(checkpoint.checkpoint.height.value());
  SetBytes(checkpoint.checkpoint.block_id, out->mutable_block_id());
  SetBytes(checkpoint.checkpoint.log_root, out->mutable_log_root());
  out->mutable_quorum()->set_signers(ToString(checkpoint.quorum.signers));
  out->mutable_quorum()->set_signature(ToString(checkpoint.quorum.signature));
}

absl::StatusOr<record::RootStatement> FromProto(const common::v1::RootStatement& proto) {
  record::RootStatement out;
  out.relay = record::RelayId(proto.relay_id());
  out.shard = record::Shard(proto.shard());
  out.period = record::Period(proto.period());
  out.cycle = record::Cycle(proto.cycle());
  GROAT_ASSIGN_OR_RETURN(out.root, Fixed<32>(proto.root(), "root"));
  out.leaf_count = proto.leaf_count();
  out.new_leaf_count = proto.new_leaf_count();
  return out;
}

absl::StatusOr<record::SignedRoot> FromProto(const common::v1::SignedRoot& proto) {
  if (!proto.has_statement()) return Missing("statement of a signed root");
  record::SignedRoot out;
  GROAT_ASSIGN_OR_RETURN(out.statement, FromProto(proto.statement()));
  GROAT_ASSIGN_OR_RETURN(out.signature, Fixed<64>(proto.signature(), "signature of a root"));
  return out;
}

absl::StatusOr<record::Block> FromProto(const common::v1::Block& proto) {
  if (!proto.has_root()) return Missing("root of a block");
  record::Block out;
  out.height = record::Height(proto.height());
  GROAT_ASSIGN_OR_RETURN(out.previous_id, Fixed<32>(proto.previous_id(), "previous_id"));
  out.timestamp_ms = proto.timestamp_ms();
  GROAT_ASSIGN_OR_RETURN(out.root, FromProto(proto.root()));
  GROAT_ASSIGN_OR_RETURN(const Bytes32 id, Fixed<32>(proto.id(), "id of a block"));
  if (id != out.Id()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "block ", proto.height(), " says that its id is ", id.Hex(), ", want ", out.Id().Hex()));
  }
  return out;
}

absl::StatusOr<record::SignedCheckpoint> FromProto(const common::v1::Checkpoint& proto) {
  record::SignedCheckpoint out;
  GROAT_ASSIGN_OR_RETURN(out.checkpoint.ledger_id, Fixed<32>(proto.ledger_id(), "ledger_id"));
  out.checkpoint.height = record::Height(proto.height());
  GROAT_ASSIGN_OR_RETURN(out.checkpoint.block_id, Fixed<32>(proto.block_id(), "block_id"));
  GROAT_ASSIGN_OR_RETURN(out.checkpoint.log_root, Fixed<32>(proto.log_root(), "log_root"));
  const auto& quorum = proto.quorum();
  if (quorum.signers().size() > record::kMaxLedgerNodes / 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("quorum signature with ", quorum.signers().size(),
                     " bytes of signers, want at most ", record::kMaxLedgerNodes / 8));
  }
  out.quorum.signers.assign(quorum.signers().begin(), quorum.signers().end());
  GROAT_ASSIGN_OR_RETURN(out.quorum.signature,
                         Fixed<96>(quorum.signature(), "signature of a quorum"));
  return out;
}

}  // namespace groat::wire
