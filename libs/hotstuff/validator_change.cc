#include "hotstuff/validator_change.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

// An approved change whose validators, which cost most to decode, are still bytes.
struct Undecoded {
  ByteView change;
  Epoch next;
  Height last_height;
  Proof approval;
  Hash digest;
};

absl::StatusOr<Undecoded> TakeApart(ByteView bytes, const ChainId& chain) {
  ByteReader reader(bytes);
  Undecoded out;
  out.change = reader.Raw(reader.U32());
  const size_t members = reader.U16();
  if (members > kMaxReplicas) {
    return absl::InvalidArgumentError(
        absl::StrCat("approval of ", members, " members, want at most ", kMaxReplicas));
  }
  const ByteView bitmap = reader.Raw(bls::SignerSet::EncodedSize(members));
  ByteReader change(out.change);
  out.next = Epoch(change.U64());
  out.last_height = Height(change.U64());
  if (reader.failed() || change.failed() || reader.remaining() > Proof::kMaxSignatureBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("approved change of ", bytes.size(), " bytes is cut short or too long"));
  }
  const ByteView signature = reader.Raw(reader.remaining());
  GROAT_ASSIGN_OR_RETURN(out.approval.signers, bls::SignerSet::Decode(bitmap, members));
  if (out.next == Epoch(0)) {
    return absl::InvalidArgumentError("validator change to epoch 0, want 1 or more");
  }
  out.approval.signature.assign(signature.begin(), signature.end());
  out.digest = HandoverDigest(chain, out.next.Previous(), out.change);
  return out;
}

absl::Status CheckApproval(Epoch next, const Hash& digest, const Proof& approval,
                           const Verifier& verifier) {
  if (next != verifier.epoch.Next()) {
    return absl::InvalidArgumentError(
        absl::StrCat("change to epoch ", next.value(), ", want ", verifier.epoch.Next().value()));
  }
  const size_t want = QuorumOf(verifier.replicas);
  if (approval.signers.count() < want) {
    return absl::InvalidArgumentError(
        absl::StrCat("change approved by ", approval.signers.count(), " validators, want ", want));
  }
  return verifier.scheme->Verify(approval, {&digest, 1}, {});
}

absl::Status CheckChangeHeight(Height last_height, Height height) {
  const uint64_t low = height.value() + kChangeNoticeBlocks;
  const uint64_t high = height.value() + kChangeLeadBlocks;
  if (last_height.value() >= low && last_height.value() <= high) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("last height ", last_height.value(),
                                                    " of a change in the block of height ",
                                                    height.value(), ", want ", low, " to ", high));
}

}  // namespace

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
  GROAT_ASSIGN_OR_RETURN(Undecoded undecoded, TakeApart(bytes, chain));
  GROAT_ASSIGN_OR_RETURN(ValidatorChange change, ValidatorChange::Decode(undecoded.change));
  return ApprovedChange{std::move(change), std::move(undecoded.approval), undecoded.digest};
}

CommandKey ChangeKey(const Hash& digest) {
  ByteReader reader(digest);
  return {kChangeClient, Sequence(reader.U64())};
}

absl::Status CheckNewValidators(const ValidatorChange& change, const Genesis& genesis) {
  GROAT_RETURN_IF_ERROR(CheckCanProgress(change.validators.size(), genesis.rules, genesis.votes));
  return CheckValidators(change.validators, genesis.certificates);
}

absl::Status CheckChangeHeight(const ValidatorChange& change, Height height) {
  return CheckChangeHeight(change.last_height, height);
}

absl::Status VerifyChange(const ApprovedChange& approved, const Genesis& genesis,
                          const Verifier& verifier) {
  GROAT_RETURN_IF_ERROR(
      CheckApproval(approved.change.next, approved.digest, approved.approval, verifier));
  return CheckNewValidators(approved.change, genesis);
}

absl::StatusOr<Command> MakeChangeCommand(const ValidatorChange& change,
                                          const std::vector<SignedShare>& shares,
                                          const Verifier& verifier) {
  const size_t want = QuorumOf(verifier.replicas);
  CertificateScheme::Assembled assembled = verifier.scheme->Assemble(shares, want, {});
  if (!assembled.proof.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(shares.size(), " approvals, of which ",
                                                   assembled.wrong.size(), " are wrong, want ",
                                                   want, " right ones"));
  }
  ApprovedChange approved{change, std::move(*assembled.proof),
                          ChangeDigest(change, verifier.chain)};
  return Command{ChangeKey(approved.digest), approved.Encode()};
}

absl::StatusOr<ApprovedChange> ChangeOf(const Command& command, Height height,
                                        const Genesis& genesis, const Verifier& verifier) {
  if (command.key.client != kChangeClient) {
    return absl::InvalidArgumentError(
        absl::StrCat("client ", command.key.client.value(), ", want that of changes"));
  }
  GROAT_ASSIGN_OR_RETURN(Undecoded undecoded, TakeApart(command.payload, verifier.chain));
  const CommandKey want = ChangeKey(undecoded.digest);
  if (command.key != want) {
    return absl::InvalidArgumentError(absl::StrCat(
        "change with sequence ", command.key.sequence.value(), ", want ", want.sequence.value()));
  }
  GROAT_RETURN_IF_ERROR(CheckChangeHeight(undecoded.last_height, height));
  GROAT_RETURN_IF_ERROR(
      CheckApproval(undecoded.next, undecoded.digest, undecoded.approval, verifier));
  GROAT_ASSIGN_OR_RETURN(ValidatorChange change, ValidatorChange::Decode(undecoded.change));
  GROAT_RETURN_IF_ERROR(CheckNewValidators(change, genesis));
  return ApprovedChange{std::move(change), std::move(undecoded.approval), undecoded.digest};
}

ApprovedChangePtr FindChange(const std::vector<Command>& commands, Height height,
                             const Genesis& genesis, const Verifier& verifier) {
  for (const Command& command : commands) {
    if (command.key.client != kChangeClient) continue;
    absl::StatusOr<ApprovedChange> approved = ChangeOf(command, height, genesis, verifier);
    if (approved.ok()) return std::make_shared<const ApprovedChange>(*std::move(approved));
  }
  return nullptr;
}

Bytes HandoverProof::Encode() const {
  const Bytes change = approved.Encode();
  return ByteWriter()
      .U32(static_cast<uint32_t>(change.size()))
      .Raw(change)
      .Raw(commit.Encode())
      .Take();
}

absl::StatusOr<HandoverProof> HandoverProof::Decode(ByteView bytes, const ChainId& chain) {
  if (bytes.size() > kMaxEncodedSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("handover proof of ", bytes.size(), " bytes, want at most ", kMaxEncodedSize));
  }
  ByteReader reader(bytes);
  const ByteView change = reader.Raw(reader.U32());
  const ByteView commit = reader.Raw(reader.remaining());
  HandoverProof proof;
  GROAT_ASSIGN_OR_RETURN(proof.approved, ApprovedChange::Decode(change, chain));
  GROAT_ASSIGN_OR_RETURN(proof.commit, CommitProof::Decode(commit));
  return proof;
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
