// The platform's small certificate authority: X.509 certificates for mutual TLS.
//
// New keys are on P-256 and sign with SHA-256, which every TLS library accepts; an authority and
// certificates with Ed25519 keys work as well. No revocation: certificates are short-lived and an
// authorized set of public keys stands above them. Pure but for random serial numbers and
// signatures; times are given as seconds since 1970 (UTC).
// Source: RFC 5280 (profile), RFC 5480 and RFC 5758 (ECDSA), RFC 8410 (Ed25519).
#ifndef GROAT_CRYPTO_CERTIFICATE_H_
#define GROAT_CRYPTO_CERTIFICATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/certificate_key.h"

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
  std::string common_name;     // UTF-8, empty if there is none.
  std::string public_key_der;  // SubjectPublicKeyInfo, of any kind of key.
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
                                                     CertificateKey key,
                                                     CertificateValidity validity);
  // From what was made before. InvalidArgument if the certificate is not that of an authority or
  // has another key.
  static absl::StatusOr<CertificateAuthority> Load(std::string_view certificate_pem,
                                                   CertificateKey key);

  const std::string& certificate_pem() const { return certificate_pem_; }
  const CertificateKey& key() const { return key_; }

  // A certificate in PEM for the owner of the public key, which is a SubjectPublicKeyInfo.
  // InvalidArgument for a bad name, address or key (see CheckCertificatePublicKey), a validity that
  // is empty or ends after the authority's own.
  absl::StatusOr<std::string> Issue(const CertificateSubject& subject,
                                    std::string_view public_key_der,
                                    CertificateValidity validity) const;

 private:
  CertificateAuthority(CertificateKey key, std::string certificate_pem)
      : key_(std::move(key)), certificate_pem_(std::move(certificate_pem)) {}

  CertificateKey key_;
  std::string certificate_pem_;
};

// Reads the first certificate of a PEM text; its signature is not checked.
// InvalidArgument if there is none. Its key may be of any kind.
absl::StatusOr<CertificateInfo> ReadCertificate(std::string_view pem);

// Whether `pem` is signed by the authority's key, and valid at the time given.
// Unauthenticated says which is not so.
absl::Status VerifyCertificate(std::string_view pem, std::string_view authority_pem, int64_t now_s);

}  // namespace groat

#endif  // GROAT_CRYPTO_CERTIFICATE_H_
