// The updates of one cycle on their way into the trie: looked up by key while the cycle is open,
// handed over in ascending slices once it is sealed.
//
// Pure. Single owner.
#ifndef GROAT_RELAY_CYCLE_BUFFER_H_
#define GROAT_RELAY_CYCLE_BUFFER_H_

#include <array>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "merkle/trie.h"
#include "record/ids.h"

namespace groat::relay {

class CycleBuffer {
 public:
  explicit CycleBuffer(record::Cycle cycle) : cycle_(cycle) {}

  record::Cycle cycle() const { return cycle_; }
  size_t size() const { return values_.size(); }

  // Null if the key is not in this cycle. Also finds what was handed over already.
  const Bytes32* Find(const Hash& key) const;
  // CHECKs that the key is new.
  void Insert(const merkle::TrieEntry& entry);

  // The next entries in ascending order of key, about `count` of them (whole parts of the key
  // space, so that only what is handed over has to be sorted); empty at the end and only there.
  std::vector<merkle::TrieEntry> TakeSlice(size_t count);
  bool drained() const { return next_part_ == kParts; }

 private:
  // Parts by the key's first byte: sorting happens in small pieces, between other work.
  static constexpr size_t kParts = 256;
  record::Cycle cycle_;
  absl::flat_hash_map<Hash, Bytes32> values_;
  std::array<std::vector<merkle::TrieEntry>, kParts> parts_;
  size_t next_part_ = 0;
};

}  // namespace groat::relay

#endif  // GROAT_RELAY_CYCLE_BUFFER_H_
