// Certificates as one BLS multi-signature of 96 bytes and the signers' bitmap.
//
// Pure. A vote certificate is a bls::QuorumCertificate. A timeout certificate has as many messages
// as there are distinct views in it, one Miller loop each.
#ifndef GROAT_HOTSTUFF_BLS_SCHEME_H_
#define GROAT_HOTSTUFF_BLS_SCHEME_H_

#include "bls/key_directory.h"
#include "bls/secret_key.h"
#include "hotstuff/certificate_scheme.h"

namespace groat::hotstuff {

class BlsScheme final : public CertificateScheme {
 public:
  // `keys` sign blocks and have as many members as the directory, else the process stops.
  BlsScheme(std::vector<Ed25519PublicKey> keys, bls::KeyDirectory directory);

  bool VerifyShare(const SignedShare& share) const override;
  bool VerifyBlock(ReplicaIndex proposer, const Hash& digest,
                   const Ed25519Signature& signature) const override;
  // One verification of the sum if all shares are right. With one digest, wrong ones are found by
  // bisection (bls/quorum_builder.h), otherwise one by one.
  Assembled Assemble(std::span<const SignedShare> shares, size_t threshold,
                     std::span<const SignedShare> known) const override;
  absl::Status Verify(const Proof& proof, std::span<const Hash> digests,
                      std::span<const SignedShare> known) const override;

 private:
  Assembled AssembleOne(std::span<const SignedShare> shares, size_t threshold) const;
  Assembled AssembleMany(std::span<const SignedShare> shares, size_t threshold) const;
  absl::Status VerifyMany(const Proof& proof, std::span<const Hash> digests) const;

  std::vector<Ed25519PublicKey> keys_;
  bls::KeyDirectory directory_;
};

class BlsSigner final : public Signer {
 public:
  BlsSigner(Ed25519PrivateKey block_key, bls::SecretKey share_key)
      : block_key_(std::move(block_key)), share_key_(std::move(share_key)) {}
  Bytes SignShare(const Hash& digest) const override;
  Ed25519Signature SignBlock(const Hash& digest) const override { return block_key_.Sign(digest); }

 private:
  Ed25519PrivateKey block_key_;
  bls::SecretKey share_key_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_BLS_SCHEME_H_
