#include "crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/openssl_handles.h"
#include "crypto/random.h"
#include "crypto/sha256.h"

namespace groat {
namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDeleter<&X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslDeleter<&GENERAL_NAMES_free>>;
using StorePtr = std::unique_ptr<X509_STORE, OpensslDeleter<&X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, OpensslDeleter<&X509_STORE_CTX_free>>;

constexpr size_t kMaxCommonNameBytes = 64;  // RFC 5280, ub-common-name.
constexpr size_t kMaxDnsNameBytes = 253;
constexpr size_t kSerialBytes = 16;
constexpr int64_t kLastSecond = 253402300799;  // 9999-12-31T23:59:59Z, RFC 5280's "no end".

absl::Status CheckCommonName(std::string_view name) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (name.empty() || name.size() > kMaxCommonNameBytes || !printable) {
    return absl::InvalidArgumentError(
        absl::StrCat("common name `", std::string(printable ? name : "?"), "` of ", name.size(),
                     " bytes, want 1 to ", kMaxCommonNameBytes, " printable ASCII characters"));
  }
  return absl::OkStatus();
}

absl::Status CheckValidity(const CertificateValidity& validity, int64_t latest_s) {
  if (validity.not_before_s < 0 || validity.not_before_s >= validity.not_after_s) {
    return absl::InvalidArgumentError(absl::StrCat("validity from ", validity.not_before_s, " to ",
                                                   validity.not_after_s, " is empty"));
  }
  if (validity.not_after_s > latest_s) {
    return absl::InvalidArgumentError(
        absl::StrCat("validity ends at ", validity.not_after_s, ", want at most ", latest_s));
  }
  return absl::OkStatus();
}

// Letters, digits, `-` and `.`; the first label may be `*`. So a name can never be taken for more
// than one, nor for an option of OpenSSL's configuration syntax.
absl::Status CheckDnsName(const std::string& name) {
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat("`", name, "` is no DNS name"));
  if (name.size() > kMaxDnsNameBytes) return bad;
  const std::vector<std::string> labels = absl::StrSplit(name, '.');
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::string& label = labels[i];
    if (i == 0 && label == "*" && labels.size() > 1) continue;
    const bool valid = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    });
    if (!valid || label.empty() || label.size() > 63 || label.front() == '-' ||
        label.back() == '-') {
      return bad;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<X509Ptr> ParsePem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("not a certificate in PEM");
  }
  return certificate;
}

std::string ToPemText(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  GROAT_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

int64_t ToSeconds(const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<int64_t>(timegm(&parts));
}

// As it stands in the certificate, so that a key of an unknown kind has one too.
absl::StatusOr<std::string> PublicKeyDer(const X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  if (size <= 0) {
    ERR_clear_error();
    return absl::InvalidArgumentError("a certificate without a public key");
  }
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

// `value` in OpenSSL's configuration syntax; constants of ours only.
void AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  GROAT_CHECK(extension != nullptr) << value;
  GROAT_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

// Takes over `value`.
void PushName(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  GROAT_CHECK(name != nullptr && value != nullptr);
  GENERAL_NAME_set0_value(name, type, value);
  GROAT_CHECK(sk_GENERAL_NAME_push(names, name) > 0);
}

absl::Status AddAlternativeNames(X509* certificate, const CertificateSubject& subject) {
  if (subject.dns_names.empty() && subject.ip_addresses.empty()) return absl::OkStatus();
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  for (const std::string& dns_name : subject.dns_names) {
    GROAT_RETURN_IF_ERROR(CheckDnsName(dns_name));
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    GROAT_CHECK(ASN1_STRING_set(text, dns_name.data(), static_cast<int>(dns_name.size())) == 1);
    PushName(names.get(), GEN_DNS, text);
  }
  for (const std::string& address : subject.ip_addresses) {
    ASN1_OCTET_STRING* octets = a2i_IPADDRESS(address.c_str());
    if (octets == nullptr) {
      ERR_clear_error();
      return absl::InvalidArgumentError(absl::StrCat("`", address, "` is no IP address"));
    }
    PushName(names.get(), GEN_IPADD, octets);
  }
  GROAT_CHECK(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1);
  return absl::OkStatus();
}

// `public_key_der` has been checked.
X509Ptr NewCertificate(std::string_view common_name, std::string_view public_key_der,
                       const CertificateValidity& validity) {
  X509Ptr certificate(X509_new());
  GROAT_CHECK(certificate != nullptr);
  GROAT_CHECK(X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  auto serial = RandomBytes<kSerialBytes>();
  serial[0] = static_cast<uint8_t>((serial[0] & 0x7f) | 0x40);  // Positive and of full length.
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  GROAT_CHECK(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get())) != nullptr);
  BN_free(number);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  GROAT_CHECK(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                         reinterpret_cast<const unsigned char*>(common_name.data()),
                                         static_cast<int>(common_name.size()), -1, 0) == 1);
  GROAT_CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), validity.not_before_s));
  GROAT_CHECK(ASN1_TIME_set(X509_getm_notAfter(certificate.get()), validity.not_after_s));
  const auto* der = reinterpret_cast<const unsigned char*>(public_key_der.data());
  const PkeyPtr key(d2i_PUBKEY(nullptr, &der, static_cast<long>(public_key_der.size())));
  GROAT_CHECK(key != nullptr && X509_set_pubkey(certificate.get(), key.get()) == 1);
  return certificate;
}

// The key as OpenSSL has it, through its PEM text, which is overwritten afterwards.
PkeyPtr ToPkey(const CertificateKey& key) {
  std::string pem = key.ToPem();
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PkeyPtr pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  Zeroise({reinterpret_cast<uint8_t*>(pem.data()), pem.size()});
  GROAT_CHECK(pkey != nullptr);
  return pkey;
}

void Sign(X509* certificate, const CertificateKey& key) {
  const PkeyPtr pkey = ToPkey(key);
  // Ed25519 has its own digest, so none is named.
  const bool has_digest = EVP_PKEY_get_id(pkey.get()) == EVP_PKEY_ED25519;
  GROAT_CHECK(X509_sign(certificate, pkey.get(), has_digest ? nullptr : EVP_sha256()) > 0);
}

std::string TextOf(const ASN1_STRING* text) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(ASN1_STRING_length(text)));
}

// Names come in several encodings. Empty if this one is damaged.
std::string Utf8Of(const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, text);
  if (size < 0) {
    ERR_clear_error();
    return std::string();
  }
  std::string utf8(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return utf8;
}

std::string AddressText(const ASN1_OCTET_STRING* octets) {
  const uint8_t* bytes = ASN1_STRING_get0_data(octets);
  if (ASN1_STRING_length(octets) == 4) {
    return absl::StrCat(bytes[0], ".", bytes[1], ".", bytes[2], ".", bytes[3]);
  }
  // Full form of IPv6; any other length is of no use to anybody.
  std::string text;
  for (int i = 0; i + 1 < ASN1_STRING_length(octets); i += 2) {
    absl::StrAppend(&text, i == 0 ? "" : ":", absl::Hex(bytes[i] << 8 | bytes[i + 1]));
  }
  return text;
}

}  // namespace

absl::StatusOr<CertificateAuthority> CertificateAuthority::Create(std::string_view common_name,
                                                                  CertificateKey key,
                                                                  CertificateValidity validity) {
  GROAT_RETURN_IF_ERROR(CheckCommonName(common_name));
  GROAT_RETURN_IF_ERROR(CheckValidity(validity, kLastSecond));
  const X509Ptr certificate = NewCertificate(common_name, key.public_key_der(), validity);
  X509* x509 = certificate.get();
  GROAT_CHECK(X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1);
  AddExtension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(x509, x509, NID_subject_key_identifier, "hash");
  AddExtension(x509, x509, NID_authority_key_identifier, "keyid:always");
  Sign(x509, key);
  return CertificateAuthority(std::move(key), ToPemText(x509));
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::Load(std::string_view certificate_pem,
                                                                CertificateKey key) {
  GROAT_ASSIGN_OR_RETURN(const CertificateInfo info, ReadCertificate(certificate_pem));
  if (!info.is_authority) {
    return absl::InvalidArgumentError(
        absl::StrCat("the certificate of `", info.common_name, "` is not that of an authority"));
  }
  if (info.public_key_der != key.public_key_der()) {
    const auto digest = [](const std::string& der) { return Sha256(AsBytes(der)).Hex(); };
    return absl::InvalidArgumentError(absl::StrCat(
        "the authority's certificate is for the key with SHA-256 ", digest(info.public_key_der),
        ", want the private key's ", digest(key.public_key_der())));
  }
  GROAT_ASSIGN_OR_RETURN(const X509Ptr certificate, ParsePem(certificate_pem));
  return CertificateAuthority(std::move(key), ToPemText(certificate.get()));
}

absl::StatusOr<std::string> CertificateAuthority::Issue(const CertificateSubject& subject,
                                                        std::string_view public_key_der,
                                                        CertificateValidity validity) const {
  GROAT_ASSIGN_OR_RETURN(const X509Ptr issuer, ParsePem(certificate_pem_));
  GROAT_RETURN_IF_ERROR(CheckCommonName(subject.common_name));
  GROAT_RETURN_IF_ERROR(CheckCertificatePublicKey(public_key_der));
  GROAT_RETURN_IF_ERROR(CheckValidity(validity, ToSeconds(X509_get0_notAfter(issuer.get()))));
  const X509Ptr certificate = NewCertificate(subject.common_name, public_key_der, validity);
  X509* x509 = certificate.get();
  GROAT_CHECK(X509_set_issuer_name(x509, X509_get_subject_name(issuer.get())) == 1);
  AddExtension(x509, issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(x509, issuer.get(), NID_key_usage, "critical,digitalSignature");
  AddExtension(x509, issuer.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  AddExtension(x509, issuer.get(), NID_subject_key_identifier, "hash");
  AddExtension(x509, issuer.get(), NID_authority_key_identifier, "keyid:always");
  GROAT_RETURN_IF_ERROR(AddAlternativeNames(x509, subject));
  Sign(x509, key_);
  return ToPemText(x509);
}

absl::StatusOr<CertificateInfo> ReadCertificate(std::string_view pem) {
  GROAT_ASSIGN_OR_RETURN(const X509Ptr certificate, ParsePem(pem));
  X509* x509 = certificate.get();
  CertificateInfo info;
  GROAT_ASSIGN_OR_RETURN(info.public_key_der, PublicKeyDer(x509));
  const X509_NAME* name = X509_get_subject_name(x509);
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index >= 0) {
    info.common_name = Utf8Of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  }
  info.validity = {ToSeconds(X509_get0_notBefore(x509)), ToSeconds(X509_get0_notAfter(x509))};
  info.is_authority = X509_check_ca(x509) == 1;
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(names.get(), i);
    if (entry->type == GEN_DNS) info.dns_names.push_back(TextOf(entry->d.dNSName));
    if (entry->type == GEN_IPADD) info.ip_addresses.push_back(AddressText(entry->d.iPAddress));
  }
  return info;
}

absl::Status VerifyCertificate(std::string_view pem, std::string_view authority_pem,
                               int64_t now_s) {
  GROAT_ASSIGN_OR_RETURN(const X509Ptr certificate, ParsePem(pem));
  GROAT_ASSIGN_OR_RETURN(const X509Ptr authority, ParsePem(authority_pem));
  const StorePtr store(X509_STORE_new());
  GROAT_CHECK(X509_STORE_add_cert(store.get(), authority.get()) == 1);
  const StoreContextPtr context(X509_STORE_CTX_new());
  GROAT_CHECK(X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr) == 1);
  X509_STORE_CTX_set_time(context.get(), 0, now_s);
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_X509_STRICT);
  const bool valid = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!valid) {
    return absl::UnauthenticatedError(absl::StrCat(
        "certificate: ", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
  }
  return absl::OkStatus();
}

}  // namespace groat
