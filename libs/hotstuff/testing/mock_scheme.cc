#include "hotstuff/testing/mock_scheme.h"

#include <cstring>

namespace groat::hotstuff::testing {
namespace {

uint64_t Mix(const Hash& digest, uint64_t key) {
  uint64_t words[4];
  std::memcpy(words, digest.data(), sizeof(words));
  uint64_t mixed = (words[0] ^ key * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
  mixed ^= words[1] + (mixed >> 29);
  mixed = (mixed ^ words[2]) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 32) ^ words[3];
}

uint64_t ShareOf(ReplicaIndex signer, const Hash& digest) {
  return Mix(digest, signer.value() + 1);
}

Bytes ToBytes(uint64_t value) {
  Bytes out(8);
  StoreBigEndian(value, out.data(), out.size());
  return out;
}

}  // namespace

bool MockScheme::VerifyShare(const SignedShare& share) const {
  return share.signer.value() < n_ && share.share.size() == 8 &&
         LoadBigEndian(share.share.data(), 8) == ShareOf(share.signer, share.digest);
}

bool MockScheme::VerifyBlock(ReplicaIndex proposer, const Hash& digest,
                             const Ed25519Signature& signature) const {
  return proposer.value() < n_ &&
         LoadBigEndian(signature.data(), 8) == Mix(digest, proposer.value() + 1000);
}

CertificateScheme::Assembled MockScheme::Assemble(std::span<const SignedShare> shares,
                                                  size_t threshold,
                                                  std::span<const SignedShare> /*known*/) const {
  Assembled out;
  Proof proof{bls::SignerSet(n_), {}};
  uint64_t sum = 0;
  for (const SignedShare& share : shares) {
    if (!VerifyShare(share)) {
      out.wrong.push_back(share.signer);
    } else if (proof.signers.count() < threshold) {
      proof.signers.Insert(share.signer.value());
      sum += LoadBigEndian(share.share.data(), 8);
    }
  }
  if (proof.signers.count() < threshold) return out;
  proof.signature = ToBytes(sum);
  out.proof = std::move(proof);
  return out;
}

absl::Status MockScheme::Verify(const Proof& proof, std::span<const Hash> digests,
                                std::span<const SignedShare> /*known*/) const {
  if (proof.signers.members() != n_ || proof.signature.size() != 8) {
    return absl::InvalidArgumentError("mock certificate of another size");
  }
  uint64_t sum = 0;
  size_t place = 0;
  for (size_t i = 0; i < n_; ++i) {
    if (!proof.signers.Contains(i)) continue;
    sum +=
        ShareOf(ReplicaIndex(static_cast<uint16_t>(i)), digests[digests.size() == 1 ? 0 : place]);
    ++place;
  }
  if (sum != LoadBigEndian(proof.signature.data(), 8)) {
    return absl::InvalidArgumentError("mock certificate is wrong");
  }
  return absl::OkStatus();
}

Bytes MockSigner::SignShare(const Hash& digest) const { return ToBytes(ShareOf(self_, digest)); }

Ed25519Signature MockSigner::SignBlock(const Hash& digest) const {
  Ed25519Signature out;
  StoreBigEndian(Mix(digest, self_.value() + 1000), out.data(), 8);
  return out;
}

std::vector<Validator> MockValidators(size_t n, uint8_t salt) {
  std::vector<Validator> out(n);
  for (size_t i = 0; i < n; ++i) {
    out[i].key[0] = salt;
    StoreBigEndian(i + 1, out[i].key.data() + 24, 8);
  }
  return out;
}

size_t MockNumberOf(const Validator& validator) {
  return LoadBigEndian(validator.key.data() + 24, 8) - 1;
}

}  // namespace groat::hotstuff::testing
