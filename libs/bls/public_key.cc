#include "bls/public_key.h"

#include "base/status_macros.h"
#include "bls/curve/encoding.h"

namespace groat::bls {

absl::StatusOr<PublicKey> PublicKey::Decode(ByteView bytes) {
  GROAT_ASSIGN_OR_RETURN(const G1Affine point, DecodeG1Compressed(bytes));
  GROAT_RETURN_IF_ERROR(CheckInSubgroup(point));
  return FromCheckedPoint(point);
}

absl::StatusOr<PublicKey> PublicKey::FromCheckedPoint(const G1Affine& point) {
  if (point.IsInfinity().Declassify()) {
    return absl::InvalidArgumentError("public key is the point at infinity");
  }
  return PublicKey(point);
}

FixedBytes<PublicKey::kSize> PublicKey::Encode() const { return EncodeCompressed(point_); }

PublicKeySum::PublicKeySum(std::span<const PublicKey> keys) {
  for (const PublicKey& key : keys) Add(key);
}

absl::StatusOr<PublicKeySum> PublicKeySum::Decode(ByteView bytes) {
  GROAT_ASSIGN_OR_RETURN(const G1Affine point, DecodeG1Compressed(bytes));
  GROAT_RETURN_IF_ERROR(CheckInSubgroup(point));
  return PublicKeySum(G1::FromAffine(point));
}

FixedBytes<PublicKey::kSize> PublicKeySum::Encode() const {
  return EncodeCompressed(point_.ToAffineVariableTime());
}

void PublicKeySum::Add(const PublicKey& key) { point_ += key.point(); }
void PublicKeySum::Add(const PublicKeySum& sum) { point_ += sum.point_; }
void PublicKeySum::Subtract(const PublicKey& key) { point_ += -key.point(); }

absl::StatusOr<PublicKey> PublicKeySum::ToPublicKey() const {
  return PublicKey::FromCheckedPoint(point_.ToAffineVariableTime());
}

}  // namespace groat::bls
