#include "p2p/grpc/peer_certificate.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/certificate_key.h"
#include "crypto/key_file.h"

namespace groat::p2p {
namespace {

// What comes before the 32 bytes of the key in its SubjectPublicKeyInfo (RFC 8410, section 4).
constexpr uint8_t kEd25519Prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

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
  const absl::StatusOr<CertificateInfo> info = ReadCertificate(pem);
  if (!info.ok()) {
    return absl::UnauthenticatedError(absl::StrCat("peer certificate: ", info.status().message()));
  }
  const std::string& der = info->public_key_der;
  const std::string_view prefix(reinterpret_cast<const char*>(kEd25519Prefix),
                                sizeof(kEd25519Prefix));
  if (der.size() != prefix.size() + PeerId::kSize || der.compare(0, prefix.size(), prefix) != 0) {
    return absl::UnauthenticatedError("peer certificate: its key is not an Ed25519 key");
  }
  if (now_s < info->validity.not_before_s || now_s > info->validity.not_after_s) {
    return absl::UnauthenticatedError(absl::StrCat("peer certificate is valid from ",
                                                   info->validity.not_before_s, " to ",
                                                   info->validity.not_after_s, ", now is ", now_s));
  }
  PeerId id;
  std::copy_n(reinterpret_cast<const uint8_t*>(der.data()) + prefix.size(), PeerId::kSize,
              id.data());
  return id;
}

}  // namespace groat::p2p
