// Proofs of provenance and bundles: groat.common.v1 <-> libs/asset.
//
// Pure. FromProto bounds and decodes everything and checks that repeated statements agree;
// InvalidArgument names the field. Whether a proof is valid is libs/asset's to say.
#ifndef GROAT_WIRE_PROVENANCE_H_
#define GROAT_WIRE_PROVENANCE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "asset/bundle.h"
#include "asset/provenance.h"
#include "groat/common/v1/provenance.pb.h"

namespace groat::wire {

void ToProto(const asset::ProofOfProvenance& proof, common::v1::ProofOfProvenance* out);
void ToProto(const asset::ProofOfAbsence& proof, common::v1::ProofOfAbsence* out);
void ToProto(const asset::ProofBundle& bundle, common::v1::ProofBundle* out);

absl::StatusOr<asset::ProofOfProvenance> FromProto(const common::v1::ProofOfProvenance& proto);
absl::StatusOr<asset::ProofOfAbsence> FromProto(const common::v1::ProofOfAbsence& proto);
absl::StatusOr<asset::ProofBundle> FromProto(const common::v1::ProofBundle& proto);

// The file form of a bundle: proto3 JSON, indented, with the proto's field names.
std::string FormatBundle(const asset::ProofBundle& bundle);
// Refuses text over 64 MiB.
absl::StatusOr<asset::ProofBundle> ParseBundle(std::string_view json);

}  // namespace groat::wire

#endif  // GROAT_WIRE_PROVENANCE_H_
