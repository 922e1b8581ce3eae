#include "crypto/blake3.h"

#include <blake3.h>

#include <cstring>

#if GROAT_BLAKE3_HASH_MANY
// Internal to BLAKE3's C library but stable since its first release; declared here because the
// installed header leaves them out.
extern "C" {
void blake3_hash_many(const uint8_t* const* inputs, size_t num_inputs, size_t blocks,
                      const uint32_t key[8], uint64_t counter, bool increment_counter,
                      uint8_t flags, uint8_t flags_start, uint8_t flags_end, uint8_t* out);
void blake3_compress_in_place(uint32_t cv[8], const uint8_t block[64], uint8_t block_len,
                              uint64_t counter, uint8_t flags);
}
#endif

namespace groat {
namespace {

// Domain flags of the BLAKE3 paper, table 3.
constexpr uint8_t kChunkStart = 1 << 0;
constexpr uint8_t kChunkEnd = 1 << 1;
constexpr uint8_t kRoot = 1 << 3;
constexpr uint8_t kKeyedHash = 1 << 4;

Bytes32 DeriveKey(std::string_view context) {
  blake3_hasher hasher;
  blake3_hasher_init_derive_key_raw(&hasher, context.data(), context.size());
  Bytes32 key;
  blake3_hasher_finalize(&hasher, key.data(), key.size());
  return key;
}

}  // namespace

Blake3Context::Blake3Context(std::string_view context) : Blake3Context(DeriveKey(context)) {}

Blake3Context::Blake3Context(const Bytes32& key) : key_(key) {
  for (size_t i = 0; i < 8; ++i) {
    key_words_[i] =
        static_cast<uint32_t>(key_[4 * i]) | static_cast<uint32_t>(key_[4 * i + 1]) << 8 |
        static_cast<uint32_t>(key_[4 * i + 2]) << 16 | static_cast<uint32_t>(key_[4 * i + 3]) << 24;
  }
}

Hash Blake3Context::operator()(std::initializer_list<ByteView> parts) const {
  blake3_hasher hasher;
  blake3_hasher_init_keyed(&hasher, key_.data());
  for (ByteView part : parts) blake3_hasher_update(&hasher, part.data(), part.size());
  Hash out;
  blake3_hasher_finalize(&hasher, out.data(), out.size());
  return out;
}

#if GROAT_BLAKE3_HASH_MANY

void Blake3Context::HashBlock(const uint8_t* block, uint8_t* out) const {
  uint32_t state[8];
  std::memcpy(state, key_words_, sizeof(state));
  blake3_compress_in_place(state, block, 64, 0, kKeyedHash | kChunkStart | kChunkEnd | kRoot);
  for (size_t i = 0; i < 8; ++i) {
    out[4 * i] = static_cast<uint8_t>(state[i]);
    out[4 * i + 1] = static_cast<uint8_t>(state[i] >> 8);
    out[4 * i + 2] = static_cast<uint8_t>(state[i] >> 16);
    out[4 * i + 3] = static_cast<uint8_t>(state[i] >> 24);
  }
}

void Blake3Context::HashBlocks(const uint8_t* const* inputs, size_t count, uint8_t* out) const {
  blake3_hash_many(inputs, count, 1, key_words_, 0, false, kKeyedHash, kChunkStart,
                   kChunkEnd | kRoot, out);
}

#else

void Blake3Context::HashBlock(const uint8_t* block, uint8_t* out) const {
  const Hash hash = (*this)(ByteView(block, 64));
  std::memcpy(out, hash.data(), hash.size());
}

void Blake3Context::HashBlocks(const uint8_t* const* inputs, size_t count, uint8_t* out) const {
  for (size_t i = 0; i < count; ++i) HashBlock(inputs[i], out + 32 * i);
}

#endif

}  // namespace groat
