#include "hotstuff/validator_change.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {

Bytes ValidatorChange::Encode() const {
  ByteWriter writer;
  writer.U64(next.value()).U64(last_height.value());
  EncodeValidators(validators, writer);
  return writer.Take();
}

absl::StatusOr<ValidatorChange> ValidatorChange::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  ValidatorChange change;
  change.next = Epoch(reader.U64());
  change.last_height = Height(reader.U64());
  GROAT_ASSIGN_OR_RETURN(change.validators, DecodeValidators(reader));
  GROAT_RETURN_IF_ERROR(reader.Finish("validator change"));
  return change;
}

Hash ChangeDigest(const ValidatorChange& change, const ChainId& chain) {
  return HandoverDigest(chain, change.next.Previous(), change.Encode());
}

Bytes ApprovedChange::Encode() const {
  const Bytes body = change.Encode();
  return ByteWriter()
      .U32(static_cast<uint32_t>(body.size()))
      .Raw(body)
      .U16(static_cast<uint16_t>(approval.signers.members()))
      .Raw(approval.signers.Encode())
      .Raw(approval.signature)
      .Take();
}

absl::StatusOr<ApprovedChange> ApprovedChange::Decode(ByteView bytes, const ChainId& chain) {
  ByteReader reader(bytes);
  ApprovedChange approved;
  const ByteView body = reader.Raw(reader.U32());
  const size_t members = reader.U16();
  if (members > kMaxReplicas) {
    return absl::InvalidArgumentError(
        absl::StrCat("approval of ", members, " members, want at most ", kMaxReplicas));
  }
  const ByteView bitmap = reader.Raw(bls::SignerSet::EncodedSize(members));
  if (reader.failed() || reader.remaining() > Proof::kMaxSignatureBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("approved change of ", bytes.size(), " bytes is cut short or too long"));
  }
  const ByteView signature = reader.Raw(reader.remaining());
  GROAT_ASSIGN_OR_RETURN(approved.change, ValidatorChange::Decode(body));
  GROAT_ASSIGN_OR_RETURN(approved.approval.signers, bls::SignerSet::Decode(bitmap, members));
  if (approved.change.next == Epoch(0)) {
    return absl::InvalidArgumentError("validator change to epoch 0, want 1 or more");
  }
  approved.approval.signature.assign(signature.begin(), signature.end());
  approved.digest = ChangeDigest(approved.change, chain);
  return approved;
}

absl::Status VerifyChange(const ApprovedChange& approved, const Genesis& genesis,
                          const Verifier& verifier) {
  const ValidatorChange& change = approved.change;
  if (change.next != verifier.epoch.Next()) {
    return absl::InvalidArgumentError(absl::StrCat("change to epoch ", change.next.value(),
                                                   ", want ", verifier.epoch.Next().value()));
  }
  GROAT_RETURN_IF_ERROR(CheckValidators(change.validators, genesis.certificates));
  GROAT_RETURN_IF_ERROR(CheckCanProgress(change.validators.size(), genesis.rules, genesis.votes));
  const size_t want = QuorumOf(verifier.replicas);
  if (approved.approval.signers.count() < want) {
    return absl::InvalidArgumentError(absl::StrCat(
        "change approved by ", approved.approval.signers.count(), " validators, want ", want));
  }
  return verifier.scheme->Verify(approved.approval, {&approved.digest, 1});
}

absl::StatusOr<Command> MakeChangeCommand(const ValidatorChange& change,
                                          const std::vector<SignedShare>& shares,
                                          const Verifier& verifier) {
  const size_t want = QuorumOf(verifier.replicas);
  CertificateScheme::Assembled assembled = verifier.scheme->Assemble(shares, want);
  if (!assembled.proof.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(shares.size(), " approvals, of which ",
                                                   assembled.wrong.size(), " are wrong, want ",
                                                   want, " right ones"));
  }
  ApprovedChange approved{change, std::move(*assembled.proof),
                          ChangeDigest(change, verifier.chain)};
  return Command{{kChangeClient, Sequence(change.next.value())}, approved.Encode()};
}

ApprovedChangePtr FindChange(const std::vector<Command>& commands, Height height,
                             const Genesis& genesis, const Verifier& verifier) {
  for (const Command& command : commands) {
    if (command.key.client != kChangeClient) continue;
    absl::StatusOr<ApprovedChange> approved =
        ApprovedChange::Decode(command.payload, verifier.chain);
    if (!approved.ok() ||
        approved->change.last_height.value() < height.value() + kChangeNoticeBlocks ||
        !VerifyChange(*approved, genesis, verifier).ok()) {
      continue;
    }
    return std::make_shared<const ApprovedChange>(*std::move(approved));
  }
  return nullptr;
}

absl::Status VerifyHandover(const HandoverProof& proof, const Genesis& genesis,
                            const CommitRule& rule, const Verifier& verifier) {
  GROAT_RETURN_IF_ERROR(VerifyChange(proof.approved, genesis, verifier));
  if (proof.commit.headers.empty()) {
    return absl::InvalidArgumentError(
        "handover proof without headers, want the epoch's last block");
  }
  const BlockHeader& last = proof.commit.headers.front();
  if (last.height != proof.approved.change.last_height || last.handover != proof.approved.digest) {
    return absl::InvalidArgumentError(absl::StrCat(
        "handover by the block of height ", last.height.value(), " that names the change ",
        last.handover.Hex(), ", want height ", proof.approved.change.last_height.value(), " and ",
        proof.approved.digest.Hex()));
  }
  return VerifyCommit(proof.commit, last.Id(), rule, verifier);
}

}  // namespace groat::hotstuff
