#include "crypto/ed25519.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium/crypto_sign.h>

#include <array>

#include "base/check.h"
#include "crypto/openssl_handles.h"

namespace groat {

struct Ed25519PrivateKey::Handle {
  explicit Handle(PkeyPtr pkey) : key(std::move(pkey)) {
    Bytes32 seed;
    size_t size = seed.size();
    GROAT_CHECK(EVP_PKEY_get_raw_private_key(key.get(), seed.data(), &size) == 1);
    GROAT_CHECK_EQ(crypto_sign_seed_keypair(public_key.data(), secret.data(), seed.data()), 0);
    OPENSSL_cleanse(seed.data(), seed.size());
  }
  ~Handle() { OPENSSL_cleanse(secret.data(), secret.size()); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  PkeyPtr key;  // OpenSSL cleanses the secret when the key is freed.
  Ed25519PublicKey public_key;
  std::array<uint8_t, crypto_sign_SECRETKEYBYTES> secret;  // As libsodium wants it.
};

Ed25519PrivateKey::Ed25519PrivateKey(std::unique_ptr<Handle> handle)
    : handle_(std::move(handle)), public_key_(handle_->public_key) {}

Ed25519PrivateKey::Ed25519PrivateKey(const Bytes32& seed)
    : Ed25519PrivateKey(std::make_unique<Handle>(PkeyPtr(
          EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size())))) {}

Ed25519PrivateKey Ed25519PrivateKey::Generate() {
  PkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  GROAT_CHECK(key != nullptr) << "the operating system gave no randomness";
  return Ed25519PrivateKey(std::make_unique<Handle>(std::move(key)));
}

Ed25519PrivateKey::~Ed25519PrivateKey() = default;
Ed25519PrivateKey::Ed25519PrivateKey(Ed25519PrivateKey&&) noexcept = default;
Ed25519PrivateKey& Ed25519PrivateKey::operator=(Ed25519PrivateKey&&) noexcept = default;

Ed25519Signature Ed25519PrivateKey::Sign(ByteView message) const {
  Ed25519Signature out;
  GROAT_CHECK_EQ(crypto_sign_detached(out.data(), nullptr, message.data(), message.size(),
                                      handle_->secret.data()),
                 0);
  return out;
}

std::string Ed25519PrivateKey::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  GROAT_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), handle_->key.get(), nullptr, nullptr, 0,
                                            nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

absl::StatusOr<Ed25519PrivateKey> Ed25519PrivateKey::FromPem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // An empty passphrase, so that an encrypted key is refused instead of asked for on a terminal.
  char no_passphrase[] = "";
  PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_passphrase));
  if (key == nullptr) {
    return absl::InvalidArgumentError("not an unencrypted PKCS #8 private key in PEM");
  }
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return absl::InvalidArgumentError("a private key of another kind, want Ed25519");
  }
  return Ed25519PrivateKey(std::make_unique<Handle>(std::move(key)));
}

bool Ed25519Verify(const Ed25519PublicKey& key, ByteView message,
                   const Ed25519Signature& signature) {
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     key.data()) == 0;
}

}  // namespace groat
