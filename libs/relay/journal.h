// The records of the relay's log: what the core needs to come back as it was.
//
// Pure. Layouts (big-endian), the type first:
//   updates  0x01 | count u32 | count * (key 32 | value 32)     in the cycle that is open then
//   sealed   0x02 | cycle u64 | time u64                        the open cycle ends here
//   rooted   0x03 | root statement's fields 68 | signature 64   its root was computed and signed
// The unlocks themselves are not kept.
#ifndef GROAT_RELAY_JOURNAL_H_
#define GROAT_RELAY_JOURNAL_H_

#include <span>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/trie.h"
#include "record/root_statement.h"

namespace groat::relay {

using merkle::TrieEntry;  // A key, 32 bytes, and its value, 32 bytes.

struct UpdatesRecord {
  std::vector<TrieEntry> entries;
};
struct SealedRecord {
  record::Cycle cycle;
  uint64_t sealed_at_ms = 0;  // Unix time by the relay's clock.
};
struct RootedRecord {
  record::SignedRoot root;
};
using JournalRecord = std::variant<UpdatesRecord, SealedRecord, RootedRecord>;

Bytes EncodeUpdates(std::span<const TrieEntry> entries);
Bytes Encode(const SealedRecord& record);
Bytes Encode(const RootedRecord& record);

// InvalidArgument if the bytes are not exactly what an encoder writes.
absl::StatusOr<JournalRecord> DecodeJournalRecord(ByteView bytes);

}  // namespace groat::relay

#endif  // GROAT_RELAY_JOURNAL_H_
