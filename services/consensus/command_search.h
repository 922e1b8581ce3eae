// Where commands stand that were committed before.
//
// Thread-safe, as the store's reads are.
#ifndef GROAT_SERVICES_CONSENSUS_COMMAND_SEARCH_H_
#define GROAT_SERVICES_CONSENSUS_COMMAND_SEARCH_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "crypto/blake3.h"
#include "services/consensus/block_store.h"

namespace groat::consensus_service {

// By which the desk tells commands of one name apart. In memory only.
Hash HashOfPayload(ByteView payload);

struct FoundCommand {
  Position position;
  Hash payload;  // HashOfPayload.
};

// Looks for commands where they took effect, in the newest `lookback_blocks` blocks; those that it
// does not find are absent. Time in the size of those blocks. Errors as BlockStore::At, but for
// blocks that are not kept any more: they end the search.
using FoundCommands = absl::flat_hash_map<hotstuff::CommandKey, FoundCommand>;
absl::StatusOr<FoundCommands> FindCommands(const BlockStore& store,
                                           const std::vector<hotstuff::CommandKey>& keys,
                                           size_t lookback_blocks);

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_COMMAND_SEARCH_H_
