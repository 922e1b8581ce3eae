#include "hotstuff/bls_scheme.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "bls/aggregate.h"
#include "bls/quorum_builder.h"
#include "bls/quorum_certificate.h"
#include "hotstuff/ed25519_scheme.h"

namespace groat::hotstuff {
namespace {

Bytes ToBytes(const FixedBytes<bls::Signature::kSize>& encoded) {
  return Bytes(encoded.begin(), encoded.end());
}

ReplicaIndex IndexOf(size_t member) { return ReplicaIndex(static_cast<uint16_t>(member)); }

}  // namespace

BlsScheme::BlsScheme(std::vector<Ed25519PublicKey> keys, bls::KeyDirectory directory)
    : keys_(std::move(keys)), directory_(std::move(directory)) {
  GROAT_CHECK_EQ(keys_.size(), directory_.size());
}

bool BlsScheme::VerifyShare(const SignedShare& share) const {
  if (share.signer.value() >= directory_.size()) return false;
  const auto signature = bls::Signature::Decode(share.share);
  return signature.ok() &&
         bls::Verify(directory_.key(share.signer.value()), share.digest, *signature);
}

bool BlsScheme::VerifyBlock(ReplicaIndex proposer, const Hash& digest,
                            const Ed25519Signature& signature) const {
  return proposer.value() < keys_.size() &&
         Ed25519Verify(keys_[proposer.value()], digest, signature);
}

CertificateScheme::Assembled BlsScheme::Assemble(std::span<const SignedShare> shares,
                                                 size_t threshold,
                                                 std::span<const SignedShare> /*known*/) const {
  if (shares.size() < threshold) return {};
  const bool one = std::all_of(shares.begin(), shares.end(), [&](const SignedShare& share) {
    return share.digest == shares.front().digest;
  });
  return one ? AssembleOne(shares, threshold) : AssembleMany(shares, threshold);
}

CertificateScheme::Assembled BlsScheme::AssembleOne(std::span<const SignedShare> shares,
                                                    size_t threshold) const {
  Assembled out;
  bls::QuorumBuilder builder(directory_, threshold, shares.front().digest);
  for (const SignedShare& share : shares) {
    const auto signature = bls::Signature::Decode(share.share);
    if (!signature.ok() ||
        builder.Add(share.signer.value(), *signature) != bls::QuorumBuilder::AddResult::kAdded) {
      out.wrong.push_back(share.signer);
    }
  }
  bls::QuorumBuilder::Progress progress = builder.TryBuild();
  for (const size_t member : progress.wrong) out.wrong.push_back(IndexOf(member));
  for (const size_t member : progress.suspects) out.wrong.push_back(IndexOf(member));
  std::sort(out.wrong.begin(), out.wrong.end());
  if (progress.certificate.has_value()) {
    out.proof =
        Proof{progress.certificate->signers, ToBytes(progress.certificate->signature.Encode())};
  }
  return out;
}

CertificateScheme::Assembled BlsScheme::AssembleMany(std::span<const SignedShare> shares,
                                                     size_t threshold) const {
  Assembled out;
  const auto assemble = [&](bool verify_each) {
    Proof proof{bls::SignerSet(directory_.size()), {}};
    std::vector<bls::Signature> signatures;
    std::vector<Hash> digests;
    for (const SignedShare& share : shares) {
      const auto signature = bls::Signature::Decode(share.share);
      if (!signature.ok() || share.signer.value() >= directory_.size() ||
          (verify_each && !VerifyShare(share))) {
        if (verify_each) out.wrong.push_back(share.signer);
        continue;
      }
      proof.signers.Insert(share.signer.value());
      signatures.push_back(*signature);
      digests.push_back(share.digest);
    }
    if (signatures.size() < threshold) return false;
    const absl::StatusOr<bls::Signature> sum = bls::Aggregate(signatures);
    if (!sum.ok()) return false;
    proof.signature = ToBytes(sum->Encode());
    if (!Verify(proof, digests, {}).ok()) return false;
    out.proof = std::move(proof);
    return true;
  };
  if (!assemble(false)) assemble(true);
  return out;
}

absl::Status BlsScheme::Verify(const Proof& proof, std::span<const Hash> digests,
                               std::span<const SignedShare> /*known*/) const {
  if (digests.size() != 1) return VerifyMany(proof, digests);
  if (proof.signers.members() != directory_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("certificate over ", proof.signers.members(),
                                                   " members, want ", directory_.size()));
  }
  GROAT_ASSIGN_OR_RETURN(const bls::Signature signature, bls::Signature::Decode(proof.signature));
  return bls::VerifyQuorum({proof.signers, signature}, directory_, 1, digests[0]);
}

absl::Status BlsScheme::VerifyMany(const Proof& proof, std::span<const Hash> digests) const {
  if (proof.signers.members() != directory_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("certificate over ", proof.signers.members(),
                                                   " members, want ", directory_.size()));
  }
  GROAT_ASSIGN_OR_RETURN(const bls::Signature signature, bls::Signature::Decode(proof.signature));
  std::map<Hash, bls::PublicKeySum> sums;
  size_t place = 0;
  for (const size_t signer : proof.signers.ToList()) {
    sums[digests[place++]].Add(directory_.key(signer));
  }
  std::vector<bls::PublicKey> keys;
  std::vector<ByteView> messages;
  for (const auto& [digest, sum] : sums) {
    GROAT_ASSIGN_OR_RETURN(const bls::PublicKey key, sum.ToPublicKey());
    keys.push_back(key);
    messages.push_back(digest);
  }
  if (!bls::AggregateVerify(keys, messages, signature)) {
    return absl::InvalidArgumentError("certificate's multi-signature is wrong");
  }
  return absl::OkStatus();
}

Bytes BlsSigner::SignShare(const Hash& digest) const {
  return ToBytes(bls::Sign(share_key_, digest).Encode());
}

absl::StatusOr<std::unique_ptr<CertificateScheme>> MakeScheme(
    const std::vector<Validator>& validators, CertificateKind kind) {
  GROAT_RETURN_IF_ERROR(CheckValidators(validators, kind));
  std::vector<Ed25519PublicKey> keys;
  std::vector<bls::PublicKey> bls_keys;
  for (const Validator& validator : validators) {
    keys.push_back(validator.key);
    if (validator.bls.has_value()) bls_keys.push_back(validator.bls->key);
  }
  if (kind == CertificateKind::kEd25519List) {
    return std::make_unique<Ed25519Scheme>(std::move(keys));
  }
  GROAT_ASSIGN_OR_RETURN(bls::KeyDirectory directory,
                         bls::KeyDirectory::FromProvenKeys(std::move(bls_keys)));
  return std::make_unique<BlsScheme>(std::move(keys), std::move(directory));
}

}  // namespace groat::hotstuff
