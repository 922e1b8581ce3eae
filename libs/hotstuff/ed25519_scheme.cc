#include "hotstuff/ed25519_scheme.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace groat::hotstuff {
namespace {

bool Contains(std::span<const SignedShare> known, const SignedShare& share) {
  return std::find(known.begin(), known.end(), share) != known.end();
}

}  // namespace

bool Ed25519Scheme::VerifyShare(const SignedShare& share) const {
  if (share.signer.value() >= keys_.size()) return false;
  const auto signature = Ed25519Signature::From(share.share, "share");
  return signature.ok() && Ed25519Verify(keys_[share.signer.value()], share.digest, *signature);
}

bool Ed25519Scheme::VerifyBlock(ReplicaIndex proposer, const Hash& digest,
                                const Ed25519Signature& signature) const {
  return proposer.value() < keys_.size() &&
         Ed25519Verify(keys_[proposer.value()], digest, signature);
}

CertificateScheme::Assembled Ed25519Scheme::Assemble(std::span<const SignedShare> shares,
                                                     size_t threshold,
                                                     std::span<const SignedShare> known) const {
  Assembled out;
  Proof proof{bls::SignerSet(keys_.size()), {}};
  for (const SignedShare& share : shares) {
    if (!Contains(known, share) && !VerifyShare(share)) {
      out.wrong.push_back(share.signer);
      continue;
    }
    if (proof.signers.count() == threshold) continue;
    proof.signers.Insert(share.signer.value());
    proof.signature.insert(proof.signature.end(), share.share.begin(), share.share.end());
  }
  if (proof.signers.count() >= threshold) out.proof = std::move(proof);
  return out;
}

absl::Status Ed25519Scheme::Verify(const Proof& proof, std::span<const Hash> digests,
                                   std::span<const SignedShare> known) const {
  const bls::SignerSet& signers = proof.signers;
  if (signers.members() != keys_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("certificate over ", signers.members(), " members, want ", keys_.size()));
  }
  const size_t want = signers.count() * Ed25519Signature::kSize;
  if (proof.signature.size() != want) {
    return absl::InvalidArgumentError(absl::StrCat("certificate with signatures of ",
                                                   proof.signature.size(), " bytes, want ", want));
  }
  size_t place = 0;
  for (const size_t signer : signers.ToList()) {
    const ByteView signature =
        ByteView(proof.signature).subspan(place * Ed25519Signature::kSize, Ed25519Signature::kSize);
    const SignedShare share{ReplicaIndex(static_cast<uint16_t>(signer)),
                            digests[digests.size() == 1 ? 0 : place],
                            Bytes(signature.begin(), signature.end())};
    if (!Contains(known, share) && !VerifyShare(share)) {
      return absl::InvalidArgumentError(
          absl::StrCat("certificate's signature of validator ", signer, " is wrong"));
    }
    ++place;
  }
  return absl::OkStatus();
}

Bytes Ed25519Signer::SignShare(const Hash& digest) const {
  const Ed25519Signature signature = key_.Sign(digest);
  return Bytes(signature.begin(), signature.end());
}

}  // namespace groat::hotstuff
