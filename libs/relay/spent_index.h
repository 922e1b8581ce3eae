// Which keys were set in any period, and to what: how a relay catches a double spend of a key whose
// trie is closed.
//
// Pure. Single owner. About 80 bytes of memory a key.
#ifndef GROAT_RELAY_SPENT_INDEX_H_
#define GROAT_RELAY_SPENT_INDEX_H_

#include <optional>

#include "absl/container/flat_hash_map.h"
#include "crypto/blake3.h"
#include "record/ids.h"

namespace groat::relay {

class SpentIndex {
 public:
  struct Spent {
    record::Cycle cycle;
    bool same_value = false;  // Whether the value asked about is the one that stands.
  };

  // CHECKs that the key is new.
  void Insert(const Hash& key, const Bytes32& value, record::Cycle cycle);
  std::optional<Spent> Find(const Hash& key, const Bytes32& value) const;
  std::optional<record::Cycle> CycleOf(const Hash& key) const;
  size_t size() const { return entries_.size(); }

 private:
  // 16 bytes of a value tell whether a repeated update is the same: a wrong "yes" needs a collision
  // that the payer finds against itself, and its second value is then never in any trie.
  using ValueTag = FixedBytes<16>;
  struct Entry {
    record::Cycle cycle;
    ValueTag tag;
  };
  static ValueTag TagOf(const Bytes32& value);
  absl::flat_hash_map<Hash, Entry> entries_;
};

}  // namespace groat::relay

#endif  // GROAT_RELAY_SPENT_INDEX_H_
