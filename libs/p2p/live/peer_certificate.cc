#include "p2p/live/peer_certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/certificate_key.h"
#include "crypto/key_file.h"
#include "crypto/openssl_handles.h"

namespace groat::p2p {
namespace {

absl::StatusOr<int64_t> SecondsOf(const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return absl::UnauthenticatedError("peer certificate: its validity cannot be read");
  }
  return timegm(&parts);
}

}  // namespace

absl::StatusOr<std::string> MakePeerCertificate(const Ed25519PrivateKey& key,
                                                CertificateValidity validity) {
  const SecretText pem(key.ToPem());
  GROAT_ASSIGN_OR_RETURN(CertificateKey certificate_key, CertificateKey::FromPem(pem.view()));
  GROAT_ASSIGN_OR_RETURN(
      const CertificateAuthority authority,
      CertificateAuthority::Create(kPeerCertificateName, std::move(certificate_key), validity));
  return authority.certificate_pem();
}

absl::StatusOr<PeerId> ReadPeerCertificate(std::string_view pem, int64_t now_s) {
  if (pem.size() > kMaxCertificateBytes) {
    return absl::UnauthenticatedError(
        absl::StrCat("peer certificate is ", pem.size(), " bytes, at most ", kMaxCertificateBytes));
  }
  const BioPtr text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509Ptr certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate == nullptr) {
    return absl::UnauthenticatedError("peer certificate: not a certificate in PEM");
  }
  return PeerOfCertificate(*certificate, now_s);
}

absl::StatusOr<PeerId> PeerOfCertificate(const X509& certificate, int64_t now_s) {
  EVP_PKEY* key = X509_get0_pubkey(&certificate);
  PeerId id;
  size_t size = id.size();
  const bool is_peer = key != nullptr && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 &&
                       EVP_PKEY_get_raw_public_key(key, id.data(), &size) == 1;
  ERR_clear_error();
  if (!is_peer) {
    return absl::UnauthenticatedError("peer certificate: its key is not an Ed25519 key");
  }
  GROAT_ASSIGN_OR_RETURN(const int64_t from_s, SecondsOf(X509_get0_notBefore(&certificate)));
  GROAT_ASSIGN_OR_RETURN(const int64_t to_s, SecondsOf(X509_get0_notAfter(&certificate)));
  if (now_s < from_s || now_s > to_s) {
    return absl::UnauthenticatedError(
        absl::StrCat("peer certificate is valid from ", from_s, " to ", to_s, ", now is ", now_s));
  }
  return id;
}

}  // namespace groat::p2p
