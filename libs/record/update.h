// What an asset's owner publishes to spend it, and the key that it uses up.
//
// Pure. Layouts and contexts: docs/formats.md, "Updates".
#ifndef GROAT_RECORD_UPDATE_H_
#define GROAT_RECORD_UPDATE_H_

#include "base/bytes.h"
#include "crypto/blake3.h"
#include "record/ids.h"

namespace groat::record {

// Knowing the 32-byte unlock is the right to set its key, once. It is not a secret any more after
// it was submitted.
struct Update {
  Bytes32 unlock;
  Bytes32 value;

  friend bool operator==(const Update&, const Update&) = default;
};

// H("groat 2026 lock v1", unlock): what an asset file names, so that reading it gives no right.
Hash LockOf(const Bytes32& unlock);

// H("groat 2026 key v1", relay_id u32 || lock): where in the relay's trie the value goes.
Hash KeyOf(RelayId relay, const Hash& lock);
inline Hash KeyOfUnlock(RelayId relay, const Bytes32& unlock) {
  return KeyOf(relay, LockOf(unlock));
}

// The shard of a key when the key space is cut by its first `shard_bits` bits, 0 to 16.
Shard ShardOf(const Hash& key, uint32_t shard_bits);

}  // namespace groat::record

#endif  // GROAT_RECORD_UPDATE_H_
