// Signatures of validators, and certificates made of them: one interface, an Ed25519 form
// (ed25519_scheme.h) and a BLS form (bls_scheme.h).
//
// Pure; a scheme is immutable and safe to share between threads.
#ifndef GROAT_HOTSTUFF_CERTIFICATE_SCHEME_H_
#define GROAT_HOTSTUFF_CERTIFICATE_SCHEME_H_

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "hotstuff/certificate.h"
#include "hotstuff/genesis.h"

namespace groat::hotstuff {

// One validator's signature over one digest.
struct SignedShare {
  ReplicaIndex signer;
  Hash digest;
  Bytes share;

  friend bool operator==(const SignedShare&, const SignedShare&) = default;
};

class CertificateScheme {
 public:
  virtual ~CertificateScheme() = default;

  virtual bool VerifyShare(const SignedShare& share) const = 0;
  // The signature of a block, always Ed25519.
  virtual bool VerifyBlock(ReplicaIndex proposer, const Hash& digest,
                           const Ed25519Signature& signature) const = 0;

  struct Assembled {
    // Verified, of `threshold` shares or more; nothing if there are not as many right ones.
    std::optional<Proof> proof;
    // Whose shares were found wrong, ascending. Not every wrong one need be found.
    std::vector<ReplicaIndex> wrong;
  };
  // Shares of distinct validators in ascending order. Digests may differ. Those that are among
  // `known` are right, since this replica made them, and need not be verified.
  virtual Assembled Assemble(std::span<const SignedShare> shares, size_t threshold,
                             std::span<const SignedShare> known) const = 0;

  // InvalidArgument unless the proof is over this validator set and every signer signed its digest:
  // `digests` has one for each signer in ascending order, or a single one for all of them. How many
  // signers are enough is the caller's to check. `known` as above.
  virtual absl::Status Verify(const Proof& proof, std::span<const Hash> digests,
                              std::span<const SignedShare> known) const = 0;
};

// A validator's secret keys. Pure; safe to share between threads.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual Bytes SignShare(const Hash& digest) const = 0;
  virtual Ed25519Signature SignBlock(const Hash& digest) const = 0;
};

// The scheme that a validator set and a certificate kind ask for. InvalidArgument as
// CheckValidators says; checks every proof of possession.
absl::StatusOr<std::unique_ptr<CertificateScheme>> MakeScheme(
    const std::vector<Validator>& validators, CertificateKind kind);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_CERTIFICATE_SCHEME_H_
