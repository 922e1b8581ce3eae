#include "storage/testing/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/check.h"

namespace groat::storage::testing {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<&X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<&BIO_free_all>>;

void AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  GROAT_CHECK(extension != nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate NewCertificate(EVP_PKEY* key, const char* common_name, long serial) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
  return certificate;
}

template <typename Write>
std::string ToPem(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  GROAT_CHECK(write(bio.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string CertificatePem(X509* certificate) {
  return ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

Pkey NewKey(CertificateKeyKind kind) {
  return Pkey(kind == CertificateKeyKind::kP256 ? EVP_EC_gen("P-256")
                                                : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

}  // namespace

TestCertificates MakeTestCertificates(CertificateKeyKind kind) {
  const Pkey ca_key = NewKey(kind);
  const Pkey key = NewKey(kind);
  GROAT_CHECK(ca_key != nullptr && key != nullptr);

  // Ed25519 has its own digest.
  const EVP_MD* digest = kind == CertificateKeyKind::kP256 ? EVP_sha256() : nullptr;
  const Certificate ca = NewCertificate(ca_key.get(), "test CA", 1);
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  AddExtension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign");
  AddExtension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  GROAT_CHECK(X509_sign(ca.get(), ca_key.get(), digest) > 0);

  const Certificate own = NewCertificate(key.get(), "test", 2);
  X509_set_issuer_name(own.get(), X509_get_subject_name(ca.get()));
  AddExtension(own.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
  // etcd's own gateway shows the server's certificate as a client.
  AddExtension(own.get(), ca.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  AddExtension(own.get(), ca.get(), NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  AddExtension(own.get(), ca.get(), NID_authority_key_identifier, "keyid");
  GROAT_CHECK(X509_sign(own.get(), ca_key.get(), digest) > 0);

  return {CertificatePem(ca.get()), CertificatePem(own.get()), ToPem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace groat::storage::testing
