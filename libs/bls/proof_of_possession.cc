#include "bls/proof_of_possession.h"

#include "base/status_macros.h"
#include "bls/hashed_message.h"

namespace groat::bls {

absl::StatusOr<ProofOfPossession> ProofOfPossession::Decode(ByteView bytes) {
  GROAT_ASSIGN_OR_RETURN(const Signature point, Signature::Decode(bytes));
  return ProofOfPossession(point);
}

ProofOfPossession PopProve(const SecretKey& key) {
  const HashedMessage message(key.public_key().Encode(), kProofTag);
  return ProofOfPossession(Signature::FromCheckedPoint(key.Multiply(message.point())));
}

bool PopVerify(const PublicKey& key, const ProofOfPossession& proof) {
  return Verify(key, HashedMessage(key.Encode(), kProofTag), proof.point_);
}

}  // namespace groat::bls
