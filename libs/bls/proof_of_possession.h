// Proofs of possession: a signature over one's own public key, under a domain tag of its own.
//
// Without them aggregates are worthless: whoever registers [a]g1 - K, with K the sum of the others'
// keys, signs for all of them alone. Every key in an aggregate must have shown its proof first.
// Pure. Source: draft-irtf-cfrg-bls-signature, sections 3.3.2 and 3.3.3.
#ifndef GROAT_BLS_PROOF_OF_POSSESSION_H_
#define GROAT_BLS_PROOF_OF_POSSESSION_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "bls/public_key.h"
#include "bls/secret_key.h"
#include "bls/signature.h"

namespace groat::bls {

inline constexpr std::string_view kProofTag = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

// A type of its own, so that it is never taken for a signature.
class ProofOfPossession {
 public:
  static constexpr size_t kSize = Signature::kSize;

  // As Signature::Decode.
  static absl::StatusOr<ProofOfPossession> Decode(ByteView bytes);
  FixedBytes<kSize> Encode() const { return point_.Encode(); }

  friend bool operator==(const ProofOfPossession&, const ProofOfPossession&) = default;

 private:
  friend ProofOfPossession PopProve(const SecretKey& key);
  friend bool PopVerify(const PublicKey& key, const ProofOfPossession& proof);
  explicit ProofOfPossession(const Signature& point) : point_(point) {}
  Signature point_;
};

ProofOfPossession PopProve(const SecretKey& key);
bool PopVerify(const PublicKey& key, const ProofOfPossession& proof);

}  // namespace groat::bls

#endif  // GROAT_BLS_PROOF_OF_POSSESSION_H_
