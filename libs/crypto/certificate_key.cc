#include "crypto/certificate_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/openssl_handles.h"

namespace groat {
namespace {

// RFC 5480: 26 bytes that name algorithm and curve, then 0x04 and the two coordinates. A curve
// given by its parameters takes more, a compressed point less.
constexpr size_t kP256PublicKeyDerBytes = 91;

// Empty for a kind of key that has no such form.
std::string ToDer(const EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key, &bytes);
  if (size <= 0) {
    ERR_clear_error();
    return std::string();
  }
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

absl::Status CheckKind(const EVP_PKEY* key, size_t der_bytes) {
  if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) return absl::OkStatus();
  if (EVP_PKEY_get_id(key) != EVP_PKEY_EC) {
    const char* const kind = EVP_PKEY_get0_type_name(key);
    return absl::InvalidArgumentError(absl::StrCat(
        "a key of kind ", kind == nullptr ? "unknown" : kind, ", want P-256 or Ed25519"));
  }
  char curve[64] = "unknown";
  const bool named = EVP_PKEY_get_group_name(key, curve, sizeof curve, nullptr) == 1;
  ERR_clear_error();
  if (!named || std::string_view(curve) != SN_X9_62_prime256v1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a key on the curve ", curve, ", want P-256 or Ed25519"));
  }
  if (der_bytes != kP256PublicKeyDerBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a P-256 key of ", der_bytes, " bytes in DER, want ", kP256PublicKeyDerBytes,
                     ": the curve by its name, the point uncompressed"));
  }
  return absl::OkStatus();
}

}  // namespace

struct CertificateKey::Handle {
  PkeyPtr key;  // OpenSSL cleanses the secret when the key is freed.
};

CertificateKey::CertificateKey(std::unique_ptr<Handle> handle)
    : handle_(std::move(handle)), public_key_der_(ToDer(handle_->key.get())) {}

CertificateKey::~CertificateKey() = default;
CertificateKey::CertificateKey(CertificateKey&&) noexcept = default;
CertificateKey& CertificateKey::operator=(CertificateKey&&) noexcept = default;

CertificateKey CertificateKey::Generate() {
  PkeyPtr key(EVP_EC_gen("P-256"));
  GROAT_CHECK(key != nullptr) << "the operating system gave no randomness";
  return CertificateKey(std::make_unique<Handle>(Handle{std::move(key)}));
}

absl::StatusOr<CertificateKey> CertificateKey::FromPem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // An empty passphrase, so that an encrypted key is refused instead of asked for on a terminal.
  char no_passphrase[] = "";
  PkeyPtr pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_passphrase));
  if (pkey == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("not an unencrypted PKCS #8 private key in PEM");
  }
  CertificateKey key(std::make_unique<Handle>(Handle{std::move(pkey)}));
  GROAT_RETURN_IF_ERROR(CheckKind(key.handle_->key.get(), key.public_key_der_.size()));
  return key;
}

std::string CertificateKey::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  GROAT_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), handle_->key.get(), nullptr, nullptr, 0,
                                            nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

absl::Status CheckCertificatePublicKey(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (key == nullptr || ToDer(key.get()) != der) {
    return absl::InvalidArgumentError(
        absl::StrCat("public key of ", der.size(), " bytes is no SubjectPublicKeyInfo in DER"));
  }
  return CheckKind(key.get(), der.size());
}

}  // namespace groat
