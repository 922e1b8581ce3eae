#include "crypto/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include <string>

#include "base/check.h"
#include "crypto/openssl_handles.h"

namespace groat {
namespace {

using KdfPtr = std::unique_ptr<EVP_KDF, OpensslDeleter<&EVP_KDF_free>>;
using KdfContextPtr = std::unique_ptr<EVP_KDF_CTX, OpensslDeleter<&EVP_KDF_CTX_free>>;

OSSL_PARAM OctetParam(const char* name, ByteView bytes) {
  // OpenSSL only reads input parameters; its C interface has no const for them.
  return OSSL_PARAM_construct_octet_string(name, const_cast<uint8_t*>(bytes.data()), bytes.size());
}

// `other` is the salt or the info.
void Derive(int mode, ByteView key, const char* other_name, ByteView other,
            std::span<uint8_t> out) {
  const KdfPtr kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  GROAT_CHECK(kdf != nullptr);
  const KdfContextPtr context(EVP_KDF_CTX_new(kdf.get()));
  GROAT_CHECK(context != nullptr);
  std::string digest = "SHA256";
  OSSL_PARAM params[5];
  size_t count = 0;
  params[count++] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
  params[count++] =
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), digest.size());
  params[count++] = OctetParam(OSSL_KDF_PARAM_KEY, key);
  // An absent salt or info is the empty one.
  if (!other.empty()) params[count++] = OctetParam(other_name, other);
  params[count] = OSSL_PARAM_construct_end();
  GROAT_CHECK(EVP_KDF_derive(context.get(), out.data(), out.size(), params) == 1);
}

}  // namespace

Bytes32 HkdfExtractSha256(ByteView salt, ByteView secret) {
  Bytes32 out;
  Derive(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, secret, OSSL_KDF_PARAM_SALT, salt,
         std::span<uint8_t>(out.data(), out.size()));
  return out;
}

void HkdfExpandSha256(const Bytes32& pseudorandom_key, ByteView info, std::span<uint8_t> out) {
  GROAT_CHECK_LE(out.size(), kMaxHkdfOutputBytes);
  Derive(EVP_KDF_HKDF_MODE_EXPAND_ONLY, pseudorandom_key, OSSL_KDF_PARAM_INFO, info, out);
}

}  // namespace groat
