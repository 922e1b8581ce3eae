#include "bls/secret_scalar.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "bls/field/secrecy.h"
#include "crypto/random.h"

namespace groat::bls {

absl::StatusOr<SecretScalar> SecretScalar::FromUniformBytes(ByteView bytes) {
  GROAT_CHECK_EQ(bytes.size(), kUniformBytes);
  SecretScalar scalar(Fr::FromWideBytes(bytes));
  if (scalar.scalar_.IsZero().Declassify()) return absl::InvalidArgumentError("secret is zero");
  return scalar;
}

absl::StatusOr<SecretScalar> SecretScalar::Decode(ByteView bytes, std::string_view what) {
  if (bytes.size() != kSize) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(what), " is ", bytes.size(), " bytes, want ", kSize));
  }
  Limbs<4> limbs = LoadBigEndianLimbs<4>(bytes.data());
  const Choice invalid = LimbsAreZero<4>(limbs) | LimbsAtLeast<4>(limbs, Fr::kModulus);
  SecretScalar scalar(Fr::FromLimbs(limbs));
  Zeroise({reinterpret_cast<uint8_t*>(&limbs), sizeof(limbs)});
  if (invalid.Declassify()) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(what), " is not from 1 to the group's order minus 1"));
  }
  return scalar;
}

SecretScalar SecretScalar::Generate() {
  std::array<uint8_t, kUniformBytes> uniform;
  FillRandom(uniform);
  absl::StatusOr<SecretScalar> scalar = FromUniformBytes(uniform);
  Zeroise(uniform);
  GROAT_CHECK_OK(scalar.status());
  return *std::move(scalar);
}

SecretScalar& SecretScalar::operator=(SecretScalar&& other) noexcept {
  if (this != &other) {
    scalar_ = other.scalar_;
    other.Clear();
  }
  return *this;
}

void SecretScalar::Clear() { Zeroise({reinterpret_cast<uint8_t*>(&scalar_), sizeof(scalar_)}); }

void SecretScalar::CheckUsable() const {
  GROAT_CHECK(!scalar_.IsZero().Declassify()) << "a secret was used after it was moved from";
}

void SecretScalar::EncodeTo(std::span<uint8_t, kSize> out) const {
  CheckUsable();
  Limbs<4> limbs = scalar_.ToLimbs();
  StoreBigEndianLimbs<4>(limbs, out.data());
  Zeroise({reinterpret_cast<uint8_t*>(&limbs), sizeof(limbs)});
}

SecretScalar SecretScalar::Inverse() const {
  CheckUsable();
  return SecretScalar(scalar_.Inverse());
}

G1Affine SecretScalar::MultiplyG1Generator() const {
  CheckUsable();
  const G1Affine product = MultiplyGeneratorSecret(scalar_).ToAffine();
  MarkPublic(&product, sizeof(product));
  return product;
}

G2Affine SecretScalar::Multiply(const G2Affine& point) const {
  CheckUsable();
  const G2Affine product = MultiplySecret(point, scalar_).ToAffine();
  MarkPublic(&product, sizeof(product));
  return product;
}

}  // namespace groat::bls
