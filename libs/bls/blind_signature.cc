#include "bls/blind_signature.h"

#include "base/status_macros.h"
#include "bls/curve/encoding.h"
#include "bls/hashed_message.h"

namespace groat::bls {

BlindingFactor BlindingFactor::Generate() { return BlindingFactor(SecretScalar::Generate()); }

absl::StatusOr<BlindingFactor> BlindingFactor::Decode(ByteView bytes) {
  GROAT_ASSIGN_OR_RETURN(SecretScalar scalar, SecretScalar::Decode(bytes, "blinding factor"));
  return BlindingFactor(std::move(scalar));
}

BlindedMessage BlindedMessage::Blind(ByteView message, const BlindingFactor& factor) {
  return BlindedMessage(factor.scalar_.Multiply(HashedMessage(message).point()));
}

absl::StatusOr<BlindedMessage> BlindedMessage::Decode(ByteView bytes) {
  GROAT_ASSIGN_OR_RETURN(const Signature decoded, Signature::Decode(bytes));
  const G2Affine& point = decoded.point();
  if (point.IsInfinity().Declassify()) {
    return absl::InvalidArgumentError("blinded message is the point at infinity");
  }
  return BlindedMessage(point);
}

FixedBytes<BlindedMessage::kSize> BlindedMessage::Encode() const {
  return EncodeCompressed(point_);
}

BlindSignature BlindSignature::Sign(const SecretKey& key, const BlindedMessage& message) {
  return BlindSignature(Signature::FromCheckedPoint(key.Multiply(message.point())));
}

absl::StatusOr<BlindSignature> BlindSignature::Decode(ByteView bytes) {
  GROAT_ASSIGN_OR_RETURN(const Signature signature, Signature::Decode(bytes));
  return BlindSignature(signature);
}

absl::StatusOr<Signature> Unblind(const BlindSignature& answer, const BlindingFactor& factor,
                                  const PublicKey& key, ByteView message) {
  const G2Affine point = factor.scalar_.Inverse().Multiply(answer.point());
  const Signature signature = Signature::FromCheckedPoint(point);
  if (!Verify(key, message, signature)) {
    return absl::InvalidArgumentError("blind signature is not the key's over this message");
  }
  return signature;
}

}  // namespace groat::bls
