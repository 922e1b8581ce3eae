#include "bls/quorum_certificate.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bls/aggregate.h"

namespace groat::bls {

Bytes QuorumCertificate::Encode() const {
  return ByteWriter().Raw(signers.Encode()).Raw(signature.Encode()).Take();
}

absl::StatusOr<QuorumCertificate> QuorumCertificate::Decode(ByteView bytes, size_t members) {
  const size_t want = SignerSet::EncodedSize(members) + Signature::kSize;
  if (bytes.size() != want) {
    return absl::InvalidArgumentError(
        absl::StrCat("quorum certificate is ", bytes.size(), " bytes, want ", want));
  }
  GROAT_ASSIGN_OR_RETURN(SignerSet signers,
                         SignerSet::Decode(bytes.first(want - Signature::kSize), members));
  GROAT_ASSIGN_OR_RETURN(const Signature signature,
                         Signature::Decode(bytes.last(Signature::kSize)));
  return QuorumCertificate{std::move(signers), signature};
}

absl::Status VerifyQuorum(const QuorumCertificate& certificate, const KeyDirectory& directory,
                          size_t threshold, ByteView message) {
  const SignerSet& signers = certificate.signers;
  if (signers.members() != directory.size()) {
    return absl::InvalidArgumentError(absl::StrCat("quorum certificate over ", signers.members(),
                                                   " members, want ", directory.size()));
  }
  if (threshold == 0) return absl::InvalidArgumentError("threshold 0, want at least 1");
  if (signers.count() < threshold) {
    return absl::InvalidArgumentError(
        absl::StrCat(signers.count(), " members signed, want ", threshold));
  }
  if (!FastAggregateVerify(directory.Sum(signers), message, certificate.signature)) {
    return absl::InvalidArgumentError("signature of the quorum certificate is wrong");
  }
  return absl::OkStatus();
}

}  // namespace groat::bls
