// Keys on disk: secrets readable by their owner alone, public keys as hexadecimal text.
//
// Not pure: touches the file system. Every write is durable and atomic.
#ifndef GROAT_CRYPTO_KEY_FILE_H_
#define GROAT_CRYPTO_KEY_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/whole_file.h"
#include "crypto/certificate_key.h"
#include "crypto/ed25519.h"

namespace groat {

// Text that is overwritten when it is no longer needed.
class SecretText {
 public:
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(SecretText&& other) noexcept : text_(std::move(other.text_)) { other.Clear(); }
  SecretText& operator=(SecretText&&) = delete;
  SecretText(const SecretText&) = delete;
  ~SecretText() { Clear(); }
  std::string_view view() const { return text_; }

 private:
  void Clear();
  std::string text_;
};

// Any secret, at most 64 KiB, in a file of mode 0600.
// AlreadyExists with kRefuse if the path is there: a key that is overwritten is lost.
absl::Status WriteSecretFile(const std::string& path, std::string_view secret, IfExists if_exists);
// PermissionDenied names path and mode if group or others have any permission on the file.
absl::StatusOr<SecretText> ReadSecretFile(const std::string& path);

// An Ed25519 private key as PKCS #8 PEM, mode 0600. Errors as above; InvalidArgument names the
// path if its content is no such key.
absl::Status WritePrivateKeyFile(const std::string& path, const Ed25519PrivateKey& key,
                                 IfExists if_exists);
absl::StatusOr<Ed25519PrivateKey> ReadPrivateKeyFile(const std::string& path);

// The private key of a certificate, of either kind; else as above.
absl::Status WriteCertificateKeyFile(const std::string& path, const CertificateKey& key,
                                     IfExists if_exists);
absl::StatusOr<CertificateKey> ReadCertificateKeyFile(const std::string& path);

// A public key as 64 hexadecimal digits and a newline, mode 0644.
absl::Status WritePublicKeyFile(const std::string& path, const Ed25519PublicKey& key,
                                IfExists if_exists);
absl::StatusOr<Ed25519PublicKey> ReadPublicKeyFile(const std::string& path);

}  // namespace groat

#endif  // GROAT_CRYPTO_KEY_FILE_H_
