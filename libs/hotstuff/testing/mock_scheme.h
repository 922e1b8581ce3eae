// Certificates without cryptography, for simulations: a share is a keyed mix of 8 bytes, a
// certificate the sum of them. Whoever lacks a signer object cannot make a share by accident, and
// simulated adversaries do not try. Tests only.
#ifndef GROAT_HOTSTUFF_TESTING_MOCK_SCHEME_H_
#define GROAT_HOTSTUFF_TESTING_MOCK_SCHEME_H_

#include "hotstuff/certificate_scheme.h"

namespace groat::hotstuff::testing {

class MockScheme final : public CertificateScheme {
 public:
  explicit MockScheme(size_t n) : n_(n) {}

  bool VerifyShare(const SignedShare& share) const override;
  bool VerifyBlock(ReplicaIndex proposer, const Hash& digest,
                   const Ed25519Signature& signature) const override;
  Assembled Assemble(std::span<const SignedShare> shares, size_t threshold,
                     std::span<const SignedShare> known) const override;
  absl::Status Verify(const Proof& proof, std::span<const Hash> digests,
                      std::span<const SignedShare> known) const override;

 private:
  size_t n_;
};

class MockSigner final : public Signer {
 public:
  explicit MockSigner(ReplicaIndex self) : self_(self) {}
  Bytes SignShare(const Hash& digest) const override;
  Ed25519Signature SignBlock(const Hash& digest) const override;

 private:
  ReplicaIndex self_;
};

// Validators whose keys are their numbers: enough for a genesis whose scheme is the mock.
std::vector<Validator> MockValidators(size_t n, uint8_t salt = 0);
// Its place among those of MockValidators.
size_t MockNumberOf(const Validator& validator);

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_MOCK_SCHEME_H_
