// Private keys of certificates for TLS: ECDSA on P-256 and, for those that have them, Ed25519.
//
// What signs records is an Ed25519PrivateKey and never one of these. Pure but for key generation.
// A private key is zeroised on destruction and never copied.
// Source: RFC 5480 (ECDSA keys), RFC 8410 (Ed25519 keys).
#ifndef GROAT_CRYPTO_CERTIFICATE_KEY_H_
#define GROAT_CRYPTO_CERTIFICATE_KEY_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace groat {

class CertificateKey {
 public:
  // A new P-256 key from the operating system's random source.
  static CertificateKey Generate();
  // InvalidArgument if the text is not one unencrypted private key of either kind.
  static absl::StatusOr<CertificateKey> FromPem(std::string_view pem);

  ~CertificateKey();
  CertificateKey(CertificateKey&&) noexcept;
  CertificateKey& operator=(CertificateKey&&) noexcept;
  CertificateKey(const CertificateKey&) = delete;
  CertificateKey& operator=(const CertificateKey&) = delete;

  // The public key as SubjectPublicKeyInfo in DER (RFC 5280, section 4.1).
  const std::string& public_key_der() const { return public_key_der_; }

  // PKCS #8 PEM text ("-----BEGIN PRIVATE KEY-----"), as `openssl pkey` reads it.
  // The caller zeroises the text.
  std::string ToPem() const;

 private:
  struct Handle;
  explicit CertificateKey(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
  std::string public_key_der_;
};

// Whether `der` is the SubjectPublicKeyInfo of an Ed25519 key, or of a P-256 key as TLS wants it:
// the curve by its name and the point uncompressed. InvalidArgument says what it is instead.
absl::Status CheckCertificatePublicKey(std::string_view der);

}  // namespace groat

#endif  // GROAT_CRYPTO_CERTIFICATE_KEY_H_
