#include "hotstuff/verification.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"
#include "hotstuff/validator_change.h"

namespace groat::hotstuff {
namespace {

absl::Status CheckQuorum(Epoch epoch, const Proof& proof, const Verifier& verifier) {
  if (epoch != verifier.epoch) {
    return absl::InvalidArgumentError(
        absl::StrCat("certificate of epoch ", epoch.value(), ", want ", verifier.epoch.value()));
  }
  const size_t want = QuorumOf(verifier.replicas);
  if (proof.signers.count() < want) {
    return absl::InvalidArgumentError(
        absl::StrCat("certificate with ", proof.signers.count(), " signers, want ", want));
  }
  return absl::OkStatus();
}

JobResult Run(const CheckJob& job, const Verifier& verifier) {
  JobResult result;
  result.id = job.id;
  const auto note = [&result](absl::Status status) {
    if (result.status.ok()) result.status = std::move(status);
  };
  for (const BlockPtr& block : job.blocks) note(VerifyBlockSignature(*block, verifier));
  for (const QcPtr& qc : job.qcs) note(VerifyQc(*qc, verifier, job.known));
  for (const TcPtr& tc : job.tcs) note(VerifyTc(*tc, verifier));
  for (const ApprovedChangePtr& change : job.changes) {
    note(VerifyChange(*change, *job.genesis, verifier));
  }
  for (const SignedShare& share : job.shares) {
    if (!verifier.scheme->VerifyShare(share)) {
      note(absl::InvalidArgumentError(
          absl::StrCat("share of validator ", share.signer.value(), " is wrong")));
    }
  }
  return result;
}

JobResult Run(const AssembleJob& job, const Verifier& verifier) {
  JobResult result;
  result.id = job.id;
  CertificateScheme::Assembled assembled =
      verifier.scheme->Assemble(job.shares, QuorumOf(verifier.replicas), job.known);
  result.wrong = std::move(assembled.wrong);
  if (!assembled.proof.has_value()) return result;
  if (!job.timeouts) {
    result.qc =
        QuorumCertificate::Make(verifier.epoch, job.view, job.block, std::move(*assembled.proof));
    return result;
  }
  std::vector<View> views;
  for (size_t i = 0; i < job.shares.size(); ++i) {
    if (assembled.proof->signers.Contains(job.shares[i].signer.value())) {
      views.push_back(job.high_qc_views[i]);
    }
  }
  result.tc = TimeoutCertificate::Make(verifier.epoch, job.view, std::move(views),
                                       std::move(*assembled.proof));
  return result;
}

}  // namespace

absl::Status VerifyQc(const QuorumCertificate& qc, const Verifier& verifier,
                      std::span<const SignedShare> known) {
  GROAT_RETURN_IF_ERROR(CheckQuorum(qc.epoch(), qc.proof(), verifier));
  const Hash digest = VoteDigest(verifier.chain, qc.epoch(), qc.view(), qc.block());
  return verifier.scheme->Verify(qc.proof(), {&digest, 1}, known);
}

absl::Status VerifyTc(const TimeoutCertificate& tc, const Verifier& verifier) {
  GROAT_RETURN_IF_ERROR(CheckQuorum(tc.epoch(), tc.proof(), verifier));
  std::vector<Hash> digests;
  digests.reserve(tc.high_qc_views().size());
  for (size_t i = 0; i < tc.high_qc_views().size(); ++i) {
    const View high = tc.high_qc_views()[i];
    digests.push_back(i > 0 && tc.high_qc_views()[i - 1] == high
                          ? digests.back()
                          : TimeoutDigest(verifier.chain, tc.epoch(), tc.view(), high));
  }
  return verifier.scheme->Verify(tc.proof(), digests, {});
}

absl::Status VerifyBlockSignature(const Block& block, const Verifier& verifier) {
  const BlockHeader& header = block.header();
  if (!verifier.scheme->VerifyBlock(header.proposer, ProposalDigest(block.id()),
                                    block.signature())) {
    return absl::InvalidArgumentError(
        absl::StrCat("signature of the block of view ", header.view.value(),
                     " is not that of validator ", header.proposer.value()));
  }
  return absl::OkStatus();
}

JobResult RunJob(const Job& job, const Verifier& verifier) {
  return std::visit([&verifier](const auto& body) { return Run(body, verifier); }, job);
}

}  // namespace groat::hotstuff
