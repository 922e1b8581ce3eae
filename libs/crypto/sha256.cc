#include "crypto/sha256.h"

#include <openssl/evp.h>

#include <memory>

#include "base/check.h"

namespace groat {

Bytes32 Sha256(std::initializer_list<ByteView> parts) {
  // One context a thread: allocating it costs more than a short digest.
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  GROAT_CHECK(EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
  for (ByteView part : parts) {
    GROAT_CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  }
  Bytes32 out;
  GROAT_CHECK(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
  return out;
}

}  // namespace groat
