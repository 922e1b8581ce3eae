#include "bls/signature.h"

#include "base/status_macros.h"
#include "bls/curve/encoding.h"
#include "bls/hashed_message.h"

namespace groat::bls {

absl::StatusOr<Signature> Signature::Decode(ByteView bytes) {
  GROAT_ASSIGN_OR_RETURN(const G2Affine point, DecodeG2Compressed(bytes));
  GROAT_RETURN_IF_ERROR(CheckInSubgroup(point));
  return Signature(point);
}

FixedBytes<Signature::kSize> Signature::Encode() const { return EncodeCompressed(point_); }

Signature Sign(const SecretKey& key, ByteView message) {
  return Signature::FromCheckedPoint(key.Multiply(HashedMessage(message).point()));
}

bool Verify(const PublicKey& key, ByteView message, const Signature& signature) {
  return Verify(key, HashedMessage(message), signature);
}

}  // namespace groat::bls
