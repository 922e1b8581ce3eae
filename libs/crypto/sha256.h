// SHA-256, for the ledger's block ids and its RFC 6962 log. Pure.
// Source: FIPS 180-4. By OpenSSL, which uses the CPU's SHA extensions.
#ifndef GROAT_CRYPTO_SHA256_H_
#define GROAT_CRYPTO_SHA256_H_

#include <initializer_list>

#include "base/bytes.h"

namespace groat {

// The 32-byte digest of the parts joined.
Bytes32 Sha256(std::initializer_list<ByteView> parts);
inline Bytes32 Sha256(ByteView message) { return Sha256({message}); }

}  // namespace groat

#endif  // GROAT_CRYPTO_SHA256_H_
