// Certificates as lists of Ed25519 signatures, in ascending order of the signers: 64 bytes each.
//
// Pure. Cheaper to verify than BLS up to about 31 validators.
#ifndef GROAT_HOTSTUFF_ED25519_SCHEME_H_
#define GROAT_HOTSTUFF_ED25519_SCHEME_H_

#include "hotstuff/certificate_scheme.h"

namespace groat::hotstuff {

class Ed25519Scheme final : public CertificateScheme {
 public:
  explicit Ed25519Scheme(std::vector<Ed25519PublicKey> keys) : keys_(std::move(keys)) {}

  bool VerifyShare(const SignedShare& share) const override;
  bool VerifyBlock(ReplicaIndex proposer, const Hash& digest,
                   const Ed25519Signature& signature) const override;
  // One verification a share; every wrong share is found.
  Assembled Assemble(std::span<const SignedShare> shares, size_t threshold,
                     std::span<const SignedShare> known) const override;
  absl::Status Verify(const Proof& proof, std::span<const Hash> digests,
                      std::span<const SignedShare> known) const override;

 private:
  std::vector<Ed25519PublicKey> keys_;
};

class Ed25519Signer final : public Signer {
 public:
  explicit Ed25519Signer(Ed25519PrivateKey key) : key_(std::move(key)) {}
  Bytes SignShare(const Hash& digest) const override;
  Ed25519Signature SignBlock(const Hash& digest) const override { return key_.Sign(digest); }

 private:
  Ed25519PrivateKey key_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_ED25519_SCHEME_H_
