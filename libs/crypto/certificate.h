// The platform's small certificate authority: X.509 certificates with Ed25519 keys for mutual TLS.
//
// No revocation: certificates are short-lived and an authorized set of public keys stands above
// them. Pure but for random serial numbers; times are given as seconds since 1970 (UTC).
// Source: RFC 5280 (profile), RFC 8410 (Ed25519).
#ifndef GROAT_CRYPTO_CERTIFICATE_H_
#define GROAT_CRYPTO_CERTIFICATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"

namespace groat {

struct CertificateValidity {  // Both ends included.
  int64_t not_before_s = 0;
  int64_t not_after_s = 0;
};

// Whom a certificate names. Used for a server and a client alike (both usages are in it).
struct CertificateSubject {
  std::string common_name;                     // 1 to 64 printable ASCII characters.
  std::vector<std::string> dns_names = {};     // "relay-0.groat", "*.groat", "localhost"
  std::vector<std::string> ip_addresses = {};  // "127.0.0.1", "::1"
};

// What a certificate says.
struct CertificateInfo {
  std::string common_name;
  Ed25519PublicKey public_key;
  CertificateValidity validity;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  bool is_authority = false;
};

class CertificateAuthority {
 public:
  // Makes a self-signed certificate for the key. It may sign certificates of servers and clients,
  // but no further authorities. InvalidArgument for a bad name or validity.
  static absl::StatusOr<CertificateAuthority> Create(std::string_view common_name,
                                                     Ed25519PrivateKey key,
                                                     CertificateValidity validity);
  // From what was made before. InvalidArgument if the certificate is not that of an authority or
  // has another key.
  static absl::StatusOr<CertificateAuthority> Load(std::string_view certificate_pem,
                                                   Ed25519PrivateKey key);

  const std::string& certificate_pem() const { return certificate_pem_; }
  const Ed25519PrivateKey& key() const { return key_; }

  // A certificate in PEM for the owner of `public_key`. InvalidArgument for a bad name or address,
  // a validity that is empty or ends after the authority's own.
  absl::StatusOr<std::string> Issue(const CertificateSubject& subject,
                                    const Ed25519PublicKey& public_key,
                                    CertificateValidity validity) const;

 private:
  CertificateAuthority(Ed25519PrivateKey key, std::string certificate_pem)
      : key_(std::move(key)), certificate_pem_(std::move(certificate_pem)) {}

  Ed25519PrivateKey key_;
  std::string certificate_pem_;
};

// Reads the first certificate of a PEM text; its signature is not checked.
// InvalidArgument if there is none, or its key is not Ed25519.
absl::StatusOr<CertificateInfo> ReadCertificate(std::string_view pem);

// Whether `pem` is signed by the authority's key, and valid at the time given.
// Unauthenticated says which is not so.
absl::Status VerifyCertificate(std::string_view pem, std::string_view authority_pem, int64_t now_s);

}  // namespace groat

#endif  // GROAT_CRYPTO_CERTIFICATE_H_
