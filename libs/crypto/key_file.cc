#include "crypto/key_file.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat {
namespace {

constexpr size_t kMaxSecretBytes = 64 << 10;
constexpr size_t kMaxPublicKeyFileBytes = 256;
constexpr mode_t kSecretMode = 0600;
constexpr mode_t kPublicMode = 0644;
constexpr mode_t kOthersPermissions = 0077;

std::string Octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode));
  return text;
}

absl::Status AtPath(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

void SecretText::Clear() {
  Zeroise({reinterpret_cast<uint8_t*>(text_.data()), text_.size()});
  text_.clear();
}

absl::Status WriteSecretFile(const std::string& path, std::string_view secret, IfExists if_exists) {
  GROAT_CHECK_LE(secret.size(), kMaxSecretBytes);
  return WriteWholeFile(path, AsBytes(secret), kSecretMode, if_exists);
}

absl::StatusOr<SecretText> ReadSecretFile(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(WholeFile file, ReadWholeFile(path, kMaxSecretBytes));
  SecretText secret(std::move(file.content));
  if ((file.mode & kOthersPermissions) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(path, " has mode ", Octal(file.mode), ", want ",
                                                    Octal(kSecretMode),
                                                    ": others can use the secret"));
  }
  return secret;
}

absl::Status WritePrivateKeyFile(const std::string& path, const Ed25519PrivateKey& key,
                                 IfExists if_exists) {
  const SecretText pem(key.ToPem());
  return WriteSecretFile(path, pem.view(), if_exists);
}

absl::StatusOr<Ed25519PrivateKey> ReadPrivateKeyFile(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const SecretText pem, ReadSecretFile(path));
  absl::StatusOr<Ed25519PrivateKey> key = Ed25519PrivateKey::FromPem(pem.view());
  if (!key.ok()) return AtPath(path, key.status());
  return key;
}

absl::Status WriteCertificateKeyFile(const std::string& path, const CertificateKey& key,
                                     IfExists if_exists) {
  const SecretText pem(key.ToPem());
  return WriteSecretFile(path, pem.view(), if_exists);
}

absl::StatusOr<CertificateKey> ReadCertificateKeyFile(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const SecretText pem, ReadSecretFile(path));
  absl::StatusOr<CertificateKey> key = CertificateKey::FromPem(pem.view());
  if (!key.ok()) return AtPath(path, key.status());
  return key;
}

absl::Status WritePublicKeyFile(const std::string& path, const Ed25519PublicKey& key,
                                IfExists if_exists) {
  return WriteWholeFile(path, AsBytes(key.Hex() + "\n"), kPublicMode, if_exists);
}

absl::StatusOr<Ed25519PublicKey> ReadPublicKeyFile(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxPublicKeyFileBytes));
  std::string_view text = file.content;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  absl::StatusOr<Ed25519PublicKey> key = Ed25519PublicKey::FromHexText(text, "public key");
  if (!key.ok()) return AtPath(path, key.status());
  return key;
}

}  // namespace groat
