#include "bls/secret_key.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/hkdf.h"
#include "crypto/sha256.h"

namespace groat::bls {
absl::StatusOr<SecretKey> SecretKey::KeyGen(ByteView key_material, ByteView key_info) {
  if (key_material.size() < kMinKeyMaterialBytes) {
    return absl::InvalidArgumentError(absl::StrCat("key material is ", key_material.size(),
                                                   " bytes, want at least ", kMinKeyMaterialBytes));
  }
  Bytes material(key_material.begin(), key_material.end());
  material.push_back(0);
  Bytes info(key_info.begin(), key_info.end());
  info.push_back(0);
  info.push_back(SecretScalar::kUniformBytes);
  Bytes32 salt = Sha256(AsBytes("BLS-SIG-KEYGEN-SALT-"));
  while (true) {
    Bytes32 pseudorandom_key = HkdfExtractSha256(salt, material);
    std::array<uint8_t, SecretScalar::kUniformBytes> uniform;
    HkdfExpandSha256(pseudorandom_key, info, uniform);
    absl::StatusOr<SecretScalar> scalar = SecretScalar::FromUniformBytes(uniform);
    Zeroise({pseudorandom_key.data(), pseudorandom_key.size()});
    Zeroise(uniform);
    if (scalar.ok()) {
      Zeroise(material);
      return SecretKey(*std::move(scalar));
    }
    salt = Sha256(salt);
  }
}

SecretKey SecretKey::Generate() { return SecretKey(SecretScalar::Generate()); }

absl::StatusOr<SecretKey> SecretKey::Decode(ByteView bytes) {
  GROAT_ASSIGN_OR_RETURN(SecretScalar scalar, SecretScalar::Decode(bytes, "secret key"));
  return SecretKey(std::move(scalar));
}

PublicKey SecretKey::public_key() const {
  // A number from 1 to r - 1 gives no infinity.
  return *PublicKey::FromCheckedPoint(scalar_.MultiplyG1Generator());
}

}  // namespace groat::bls
