#include "rpc/testing/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_join.h"
#include "base/check.h"
#include "crypto/openssl_handles.h"
#include "crypto/sha256.h"

namespace groat::rpc::testing {
namespace {

PkeyPtr NewKey(KeyKind kind) {
  return PkeyPtr(kind == KeyKind::kP256 ? EVP_EC_gen("P-256")
                                        : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

void Sign(X509* certificate, EVP_PKEY* key) {
  // Ed25519 has its own digest.
  const EVP_MD* digest = EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  GROAT_CHECK(X509_sign(certificate, key, digest) > 0);
}

std::string BioText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string ToPem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  GROAT_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return BioText(bio.get());
}

std::string ToPem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  GROAT_CHECK(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return BioText(bio.get());
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  GROAT_CHECK(extension != nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509Ptr NewCertificate(const CertificateRequest& request, EVP_PKEY* key, const X509* issuer) {
  static long serial = 1;
  X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), request.not_before.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), request.not_after.count());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(request.common_name.c_str()),
                             -1, -1, 0);
  X509_set_issuer_name(certificate.get(),
                       issuer == nullptr ? subject : X509_get_subject_name(issuer));
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "groat-rpc-XXXXXX";
  GROAT_CHECK(mkdtemp(pattern.data()) != nullptr) << pattern;
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

void WriteTestFile(const std::string& path, const std::string& text, unsigned mode) {
  const std::string next = path + ".next";
  std::ofstream(next, std::ios::binary) << text;
  GROAT_CHECK(chmod(next.c_str(), mode) == 0) << next;
  GROAT_CHECK(std::rename(next.c_str(), path.c_str()) == 0) << path;
}

struct TestAuthority::Keys {
  PkeyPtr key;
  X509Ptr certificate;
};

TestAuthority::TestAuthority(const std::string& common_name, KeyKind key_kind)
    : keys_(std::make_unique<Keys>()) {
  keys_->key = NewKey(key_kind);
  keys_->certificate = NewCertificate({.common_name = common_name}, keys_->key.get(), nullptr);
  AddExtension(keys_->certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(keys_->certificate.get(), NID_key_usage, "critical,keyCertSign");
  Sign(keys_->certificate.get(), keys_->key.get());
}

TestAuthority::~TestAuthority() = default;

TlsConfig TestAuthority::Issue(const std::string& name, const CertificateRequest& request) const {
  const PkeyPtr key = NewKey(request.key_kind);
  const X509Ptr certificate = NewCertificate(request, key.get(), keys_->certificate.get());
  if (!request.subject_alt_names.empty()) {
    AddExtension(certificate.get(), NID_subject_alt_name,
                 absl::StrJoin(request.subject_alt_names, ","));
  }
  Sign(certificate.get(), keys_->key.get());
  const TlsConfig config{.ca_file = folder_.Path("ca.pem"),
                         .certificate_file = folder_.Path(name + ".crt.pem"),
                         .key_file = folder_.Path(name + ".key.pem"),
                         .insecure = false,
                         .refresh_interval = std::chrono::seconds(1)};
  WriteTestFile(config.ca_file, ToPem(keys_->certificate.get()), 0644);
  WriteTestFile(config.key_file, ToPem(key.get()), 0600);
  WriteTestFile(config.certificate_file, ToPem(certificate.get()), 0644);
  return config;
}

Bytes32 TestAuthority::PublicKeySha256(const TlsConfig& config) {
  const BioPtr bio(BIO_new_file(config.certificate_file.c_str(), "r"));
  const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  GROAT_CHECK(certificate != nullptr) << config.certificate_file;
  const BioPtr der(BIO_new(BIO_s_mem()));
  GROAT_CHECK(i2d_PUBKEY_bio(der.get(), X509_get0_pubkey(certificate.get())) == 1);
  return Sha256(AsBytes(BioText(der.get())));
}

}  // namespace groat::rpc::testing
