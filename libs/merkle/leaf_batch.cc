#include "merkle/leaf_batch.h"

#include <algorithm>
#include <cstring>

namespace groat::merkle {
namespace {

constexpr uint32_t kIv[4] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A};
constexpr uint8_t kChunkStart = 1 << 0;
constexpr uint8_t kChunkEnd = 1 << 1;
constexpr uint8_t kRoot = 1 << 3;
constexpr uint8_t kKeyedHash = 1 << 4;

// Which message word each of a round's 16 inputs is: the paper's permutation applied r times.
constexpr uint8_t kSchedule[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

// Every function below is inlined into one that is compiled for the lanes' instruction set;
// vectors are passed by reference because their calling convention depends on that set.
#define GROAT_INLINE inline __attribute__((always_inline))

template <int kLanes>
struct Lanes {
  typedef uint32_t Vector __attribute__((vector_size(kLanes * 4)));
  Vector words[16];
};

template <typename V>
GROAT_INLINE void Mix(V& a, V& b, V& c, V& d, const V& x, const V& y) {
  a += b + x;
  d ^= a;
  d = (d >> 16) | (d << 16);
  c += d;
  b ^= c;
  b = (b >> 12) | (b << 20);
  a += b + y;
  d ^= a;
  d = (d >> 8) | (d << 24);
  c += d;
  b ^= c;
  b = (b >> 7) | (b << 25);
}

// Chaining value `cv` (8 vectors) after one block.
template <typename V>
GROAT_INLINE void Compress(V* cv, const V* m, uint32_t block_bytes, uint32_t flags) {
  const V zero = {};
  V s[16];
  for (int i = 0; i < 8; ++i) s[i] = cv[i];
  for (int i = 0; i < 4; ++i) s[8 + i] = zero + kIv[i];
  s[12] = zero;
  s[13] = zero;
  s[14] = zero + block_bytes;
  s[15] = zero + flags;
#pragma GCC unroll 7
  for (int round = 0; round < 7; ++round) {
    const uint8_t* w = kSchedule[round];
    Mix(s[0], s[4], s[8], s[12], m[w[0]], m[w[1]]);
    Mix(s[1], s[5], s[9], s[13], m[w[2]], m[w[3]]);
    Mix(s[2], s[6], s[10], s[14], m[w[4]], m[w[5]]);
    Mix(s[3], s[7], s[11], s[15], m[w[6]], m[w[7]]);
    Mix(s[0], s[5], s[10], s[15], m[w[8]], m[w[9]]);
    Mix(s[1], s[6], s[11], s[12], m[w[10]], m[w[11]]);
    Mix(s[2], s[7], s[8], s[13], m[w[12]], m[w[13]]);
    Mix(s[3], s[4], s[9], s[14], m[w[14]], m[w[15]]);
  }
  for (int i = 0; i < 8; ++i) cv[i] = s[i] ^ s[8 + i];
}

GROAT_INLINE uint32_t LoadLittleEndian(const uint8_t* in) {
  return static_cast<uint32_t>(in[0]) | static_cast<uint32_t>(in[1]) << 8 |
         static_cast<uint32_t>(in[2]) << 16 | static_cast<uint32_t>(in[3]) << 24;
}

// Hashes kLanes leaves.
template <int kLanes>
GROAT_INLINE void HashLanes(const uint32_t* key, const LeafBytes* leaves, Hash* out) {
  using V = typename Lanes<kLanes>::Vector;
  alignas(64) uint32_t words[18][kLanes];
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int i = 0; i < 18; ++i) words[i][lane] = LoadLittleEndian(leaves[lane].data() + 4 * i);
  }
  Lanes<kLanes> message;
  const V zero = {};
  V cv[8];
  for (int i = 0; i < 8; ++i) cv[i] = zero + key[i];
  std::memcpy(&message.words, words, sizeof(message.words));
  Compress(cv, message.words, 64, kKeyedHash | kChunkStart);
  for (V& word : message.words) word = zero;
  std::memcpy(&message.words, words[16], 2 * sizeof(V));
  Compress(cv, message.words, 8, kKeyedHash | kChunkEnd | kRoot);

  alignas(64) uint32_t result[8][kLanes];
  std::memcpy(result, cv, sizeof(result));
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int i = 0; i < 8; ++i) {
      const uint32_t word = result[i][lane];
      uint8_t* to = out[lane].data() + 4 * i;
      to[0] = static_cast<uint8_t>(word);
      to[1] = static_cast<uint8_t>(word >> 8);
      to[2] = static_cast<uint8_t>(word >> 16);
      to[3] = static_cast<uint8_t>(word >> 24);
    }
  }
}

using HashLanesFunction = void (*)(const uint32_t*, const LeafBytes*, Hash*);
struct Implementation {
  size_t lanes;
  HashLanesFunction hash;
};

void Hash4(const uint32_t* key, const LeafBytes* leaves, Hash* out) {
  HashLanes<4>(key, leaves, out);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void Hash8(const uint32_t* key, const LeafBytes* leaves,
                                           Hash* out) {
  HashLanes<8>(key, leaves, out);
}
__attribute__((target("avx512f,avx512vl"))) void Hash16(const uint32_t* key,
                                                        const LeafBytes* leaves, Hash* out) {
  HashLanes<16>(key, leaves, out);
}
#endif

Implementation Choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {
    return {16, &Hash16};
  }
  if (__builtin_cpu_supports("avx2")) return {8, &Hash8};
#endif
  return {4, &Hash4};
}

}  // namespace

LeafBytes EncodeLeaf(const TrieLeaf& leaf) {
  LeafBytes out;
  std::memcpy(out.data(), leaf.key.data(), 32);
  std::memcpy(out.data() + 32, leaf.value.data(), 32);
  StoreBigEndian(leaf.cycle, out.data() + 64, 8);
  return out;
}

void TrieLeafHashes(std::span<const LeafBytes> leaves, Hash* out) {
  static const Implementation implementation = Choose();
  uint32_t key[8];
  for (size_t i = 0; i < 8; ++i) key[i] = LoadLittleEndian(TrieLeafContext().key().data() + 4 * i);
  const size_t lanes = implementation.lanes;
  size_t done = 0;
  for (; done + lanes <= leaves.size(); done += lanes) {
    implementation.hash(key, leaves.data() + done, out + done);
  }
  const size_t rest = leaves.size() - done;
  if (rest == 0) return;
  if (rest == 1) {
    out[done] = TrieLeafContext()(leaves[done]);
    return;
  }
  LeafBytes padded[16];
  Hash hashes[16];
  std::copy_n(leaves.data() + done, rest, padded);
  implementation.hash(key, padded, hashes);
  std::copy_n(hashes, rest, out + done);
}

}  // namespace groat::merkle
