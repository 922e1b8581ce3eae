// HKDF with SHA-256, for keys that are derived from other secrets.
//
// Source: RFC 5869. By OpenSSL, whose HMAC neither branches nor indexes by the secret's bits. Pure.
#ifndef GROAT_CRYPTO_HKDF_H_
#define GROAT_CRYPTO_HKDF_H_

#include <span>

#include "base/bytes.h"

namespace groat {

inline constexpr size_t kMaxHkdfOutputBytes = 255 * 32;  // RFC 5869, section 2.3.

// HKDF-Extract: the 32-byte pseudorandom key of a secret of any length. The caller zeroises it.
Bytes32 HkdfExtractSha256(ByteView salt, ByteView secret);

// HKDF-Expand: fills `out`, of at most kMaxHkdfOutputBytes, from the pseudorandom key.
void HkdfExpandSha256(const Bytes32& pseudorandom_key, ByteView info, std::span<uint8_t> out);

}  // namespace groat

#endif  // GROAT_CRYPTO_HKDF_H_
