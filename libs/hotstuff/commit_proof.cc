#include "hotstuff/commit_proof.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::hotstuff {

Bytes CommitProof::Encode() const {
  ByteWriter writer;
  writer.U16(static_cast<uint16_t>(headers.size()));
  for (const BlockHeader& header : headers) writer.Raw(header.Encode());
  return writer.Raw(certificate->Encode()).Take();
}

absl::StatusOr<CommitProof> CommitProof::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  const size_t count = reader.U16();
  if (count == 0 || count > kMaxHeaders) {
    return absl::InvalidArgumentError(
        absl::StrCat("commit proof of ", count, " headers, want 1 to ", kMaxHeaders));
  }
  CommitProof proof;
  for (size_t i = 0; i < count; ++i) {
    GROAT_ASSIGN_OR_RETURN(BlockHeader header,
                           BlockHeader::Decode(reader.Raw(BlockHeader::kEncodedSize)));
    proof.headers.push_back(std::move(header));
  }
  GROAT_ASSIGN_OR_RETURN(proof.certificate,
                         QuorumCertificate::Decode(reader.Raw(reader.remaining())));
  return proof;
}

absl::Status VerifyCommit(const CommitProof& proof, const BlockId& block, const CommitRule& rule,
                          const Verifier& verifier) {
  if (proof.headers.size() < rule.chain_length()) {
    return absl::InvalidArgumentError(absl::StrCat("commit proof of ", proof.headers.size(),
                                                   " headers, want ", rule.chain_length(),
                                                   " or more"));
  }
  // From here on views are consecutive.
  const size_t direct = proof.headers.size() - rule.chain_length();
  BlockId expected = block;
  for (size_t i = 0; i < proof.headers.size(); ++i) {
    const BlockHeader& header = proof.headers[i];
    if (i > 0) {
      const BlockHeader& below = proof.headers[i - 1];
      if (header.parent != expected || (i > direct && header.view != below.view.Next())) {
        return absl::InvalidArgumentError(absl::StrCat(
            "commit proof's block of view ", header.view.value(), " on ", header.parent.Hex(),
            ", want the child of ", expected.Hex(), " above view ", below.view.value()));
      }
      expected = header.Id();
    } else if (header.Id() != block) {
      return absl::InvalidArgumentError(
          absl::StrCat("commit proof for ", header.Id().Hex(), ", want ", block.Hex()));
    }
    if (header.chain != verifier.chain || header.epoch != verifier.epoch) {
      return absl::InvalidArgumentError(absl::StrCat(
          "commit proof of chain ", header.chain.Hex(), " epoch ", header.epoch.value(), ", want ",
          verifier.chain.Hex(), " epoch ", verifier.epoch.value()));
    }
  }
  if (proof.certificate->block() != expected ||
      proof.certificate->view() != proof.headers.back().view) {
    return absl::InvalidArgumentError(absl::StrCat("commit proof's certificate is of view ",
                                                   proof.certificate->view().value(), ", want ",
                                                   proof.headers.back().view.value()));
  }
  return VerifyQc(*proof.certificate, verifier);
}

}  // namespace groat::hotstuff
