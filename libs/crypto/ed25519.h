// Ed25519 signatures (RFC 8032): keys by OpenSSL, signing and verification by libsodium, which
// takes half of OpenSSL's time for either.
//
// Pure but for key generation. A private key is zeroised on destruction and never copied.
#ifndef GROAT_CRYPTO_ED25519_H_
#define GROAT_CRYPTO_ED25519_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace groat {

using Ed25519PublicKey = FixedBytes<32>;
using Ed25519Signature = FixedBytes<64>;

class Ed25519PrivateKey {
 public:
  // From the 32-byte seed of RFC 8032, section 5.1.5.
  explicit Ed25519PrivateKey(const Bytes32& seed);
  // From the operating system's random source.
  static Ed25519PrivateKey Generate();

  ~Ed25519PrivateKey();
  Ed25519PrivateKey(Ed25519PrivateKey&&) noexcept;
  Ed25519PrivateKey& operator=(Ed25519PrivateKey&&) noexcept;
  Ed25519PrivateKey(const Ed25519PrivateKey&) = delete;
  Ed25519PrivateKey& operator=(const Ed25519PrivateKey&) = delete;

  const Ed25519PublicKey& public_key() const { return public_key_; }
  Ed25519Signature Sign(ByteView message) const;

  // PKCS #8 PEM text ("-----BEGIN PRIVATE KEY-----"), as `openssl pkey` reads it.
  // The caller zeroises the text.
  std::string ToPem() const;
  // InvalidArgument if the text is not one Ed25519 private key.
  static absl::StatusOr<Ed25519PrivateKey> FromPem(std::string_view pem);

 private:
  struct Handle;
  explicit Ed25519PrivateKey(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
  Ed25519PublicKey public_key_;
};

// False for a bad signature, for a public key that is not a canonical curve point or is of small
// order, and for a signature whose first half is of small order.
bool Ed25519Verify(const Ed25519PublicKey& key, ByteView message,
                   const Ed25519Signature& signature);

}  // namespace groat

#endif  // GROAT_CRYPTO_ED25519_H_
