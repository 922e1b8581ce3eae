// BLAKE3-256 in keyed mode, the platform's hash `H`.
//
// Source: BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, 2021), sections 2.2 and 2.3.
// Pure; a Blake3Context is immutable and safe to share between threads.
#ifndef GROAT_CRYPTO_BLAKE3_H_
#define GROAT_CRYPTO_BLAKE3_H_

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "base/bytes.h"

namespace groat {

using Hash = Bytes32;

// One use of the hash. Its 32-byte key is BLAKE3 derive_key of the context string and the empty
// string, so hashes of different contexts never collide by construction.
class Blake3Context {
 public:
  // `context` must be a constant of the program, e.g. "groat 2026 trie node v1".
  explicit Blake3Context(std::string_view context);
  // With a given 32-byte key, as the official test vectors have it.
  explicit Blake3Context(const Bytes32& key);

  // Hash of the parts joined; the parts' lengths must be fixed by the context's format.
  Hash operator()(std::initializer_list<ByteView> parts) const;
  Hash operator()(ByteView message) const { return (*this)({message}); }

  // Hash of one 64-byte message; one compression.
  void HashBlock(const uint8_t* block, uint8_t* out) const;

  // Hashes `count` messages of 64 bytes, 16 at a time with AVX-512 (8 with AVX2).
  // inputs[i] points to 64 bytes; out[32 * i] receives the i-th hash and may not overlap inputs.
  void HashBlocks(const uint8_t* const* inputs, size_t count, uint8_t* out) const;

  const Bytes32& key() const { return key_; }

 private:
  Bytes32 key_;
  uint32_t key_words_[8];
};

}  // namespace groat

#endif  // GROAT_CRYPTO_BLAKE3_H_
