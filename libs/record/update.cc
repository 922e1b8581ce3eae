#include "record/update.h"

#include "base/check.h"

namespace groat::record {

Hash LockOf(const Bytes32& unlock) {
  static const Blake3Context context("groat 2026 lock v1");
  return context(unlock);
}

Hash KeyOf(RelayId relay, const Hash& lock) {
  static const Blake3Context context("groat 2026 key v1");
  uint8_t id[4];
  StoreBigEndian(relay.value(), id, sizeof(id));
  return context({ByteView(id), ByteView(lock)});
}

Shard ShardOf(const Hash& key, uint32_t shard_bits) {
  GROAT_CHECK_LE(shard_bits, 16u);
  const uint64_t first_bits = LoadBigEndian(key.data(), 2);
  return Shard(static_cast<uint32_t>(first_bits >> (16 - shard_bits)));
}

}  // namespace groat::record
