#include "wire/provenance.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "wire/common.h"

namespace groat::wire {
namespace {

constexpr size_t kMaxBundleBytes = 64 << 20;
constexpr uint32_t kBundleVersion = 1;
constexpr size_t kMaxLogPath = 64;

absl::StatusOr<std::vector<asset::NullProofAt>> NullsFromProto(
    const google::protobuf::RepeatedPtrField<common::v1::NullProof>& protos) {
  if (static_cast<size_t>(protos.size()) > asset::kMaxNullProofs) {
    return absl::InvalidArgumentError(
        absl::StrCat(protos.size(), " null proofs, want at most ", asset::kMaxNullProofs));
  }
  std::vector<asset::NullProofAt> out;
  for (const common::v1::NullProof& proto : protos) {
    asset::NullProofAt& null = out.emplace_back();
    GROAT_ASSIGN_OR_RETURN(null.root, FromProto(proto.root()));
    GROAT_ASSIGN_OR_RETURN(null.proof, merkle::NullProof::Decode(View(proto.proof())));
  }
  return out;
}

void NullsToProto(const std::vector<asset::NullProofAt>& nulls,
                  google::protobuf::RepeatedPtrField<common::v1::NullProof>* out) {
  for (const asset::NullProofAt& null : nulls) {
    common::v1::NullProof* proto = out->Add();
    ToProto(null.root, proto->mutable_root());
    proto->set_proof(ToString(null.proof.Encode()));
  }
}

absl::StatusOr<asset::BlockEvidence> EvidenceFromProto(const common::v1::BlockEvidence& proto) {
  asset::BlockEvidence out;
  GROAT_ASSIGN_OR_RETURN(out.block, FromProto(proto.block()));
  if (static_cast<size_t>(proto.log_path_size()) > kMaxLogPath) {
    return absl::InvalidArgumentError(absl::StrCat("log_path has ", proto.log_path_size(),
                                                   " hashes, want at most ", kMaxLogPath));
  }
  for (const std::string& hash : proto.log_path()) {
    GROAT_ASSIGN_OR_RETURN(const Bytes32 fixed, Fixed<32>(hash, "hash of a log_path"));
    out.log_path.push_back(fixed);
  }
  return out;
}

}  // namespace

void ToProto(const asset::ProofOfProvenance& proof, common::v1::ProofOfProvenance* out) {
  SetBytes(proof.key(), out->mutable_key());
  SetBytes(proof.value(), out->mutable_value());
  out->set_cycle(proof.cycle().value());
  ToProto(proof.root, out->mutable_root());
  out->set_inclusion_proof(ToString(proof.inclusion.Encode()));
  NullsToProto(proof.nulls, out->mutable_null_proofs());
  out->set_since_cycle(proof.since.value());
}

void ToProto(const asset::ProofOfAbsence& proof, common::v1::ProofOfAbsence* out) {
  SetBytes(proof.key, out->mutable_key());
  out->set_cycle(proof.cycle.value());
  NullsToProto(proof.nulls, out->mutable_null_proofs());
  out->set_since_cycle(proof.since.value());
}

void ToProto(const asset::ProofBundle& bundle, common::v1::ProofBundle* out) {
  out->set_version(kBundleVersion);
  ToProto(bundle.provenance, out->mutable_provenance());
  for (const asset::BlockEvidence& evidence : bundle.blocks) {
    common::v1::BlockEvidence* proto = out->add_blocks();
    ToProto(evidence.block, proto->mutable_block());
    for (const merkle::LogHash& hash : evidence.log_path) SetBytes(hash, proto->add_log_path());
  }
  ToProto(bundle.checkpoint, out->mutable_checkpoint());
}

absl::StatusOr<asset::ProofOfProvenance> FromProto(const common::v1::ProofOfProvenance& proto) {
  asset::ProofOfProvenance out;
  GROAT_ASSIGN_OR_RETURN(const Bytes32 key, Fixed<32>(proto.key(), "key"));
  GROAT_ASSIGN_OR_RETURN(const Bytes32 value, Fixed<32>(proto.value(), "value"));
  GROAT_ASSIGN_OR_RETURN(out.root, FromProto(proto.root()));
  GROAT_ASSIGN_OR_RETURN(out.inclusion,
                         merkle::InclusionProof::Decode(View(proto.inclusion_proof())));
  GROAT_ASSIGN_OR_RETURN(out.nulls, NullsFromProto(proto.null_proofs()));
  out.since = record::Cycle(proto.since_cycle());
  const merkle::TrieLeaf stated{key, value, proto.cycle()};
  if (out.inclusion.leaf != stated) {
    return absl::InvalidArgumentError(absl::StrCat("proof says key ", key.Hex(), ", value ",
                                                   value.Hex(), ", cycle ", proto.cycle(),
                                                   ", but its leaf has ", out.key().Hex(), ", ",
                                                   out.value().Hex(), ", ", out.cycle().value()));
  }
  return out;
}

absl::StatusOr<asset::ProofOfAbsence> FromProto(const common::v1::ProofOfAbsence& proto) {
  asset::ProofOfAbsence out;
  GROAT_ASSIGN_OR_RETURN(out.key, Fixed<32>(proto.key(), "key"));
  out.cycle = record::Cycle(proto.cycle());
  GROAT_ASSIGN_OR_RETURN(out.nulls, NullsFromProto(proto.null_proofs()));
  out.since = record::Cycle(proto.since_cycle());
  return out;
}

absl::StatusOr<asset::ProofBundle> FromProto(const common::v1::ProofBundle& proto) {
  if (proto.version() != kBundleVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("bundle version ", proto.version(), ", want ", kBundleVersion));
  }
  asset::ProofBundle out;
  GROAT_ASSIGN_OR_RETURN(out.provenance, FromProto(proto.provenance()));
  if (static_cast<size_t>(proto.blocks_size()) > asset::kMaxNullProofs + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(proto.blocks_size(), " blocks, want at most ", asset::kMaxNullProofs + 1));
  }
  for (const common::v1::BlockEvidence& evidence : proto.blocks()) {
    GROAT_ASSIGN_OR_RETURN(asset::BlockEvidence block, EvidenceFromProto(evidence));
    out.blocks.push_back(std::move(block));
  }
  GROAT_ASSIGN_OR_RETURN(out.checkpoint, FromProto(proto.checkpoint()));
  return out;
}

std::string FormatBundle(const asset::ProofBundle& bundle) {
  common::v1::ProofBundle proto;
  ToProto(bundle, &proto);
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string out;
  GROAT_CHECK(google::protobuf::util::MessageToJsonString(proto, &out, options).ok());
  return out;
}

absl::StatusOr<asset::ProofBundle> ParseBundle(std::string_view json) {
  if (json.size() > kMaxBundleBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("bundle is ", json.size(), " bytes, want at most ", kMaxBundleBytes));
  }
  common::v1::ProofBundle proto;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &proto);
  if (!status.ok()) {
    return absl::InvalidArgumentError("bundle is not the JSON of a ProofBundle: " +
                                      std::string(status.message()));
  }
  return FromProto(proto);
}

}  // namespace groat::wire
