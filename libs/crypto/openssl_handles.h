// Owning pointers for OpenSSL's C objects. Internal to libs/crypto and libs/rpc.
#ifndef GROAT_CRYPTO_OPENSSL_HANDLES_H_
#define GROAT_CRYPTO_OPENSSL_HANDLES_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace groat {

template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using PkeyPtr = std::unique_ptr<EVP_PKEY, OpensslDeleter<&EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslDeleter<&BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, OpensslDeleter<&X509_free>>;

}  // namespace groat

#endif  // GROAT_CRYPTO_OPENSSL_HANDLES_H_
