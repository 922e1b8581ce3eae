// Asks for memory ahead of lookups: tables of commands are larger than the processor's caches, so a
// loop over a block's commands would wait at each one.
//
// Pure: changes nothing but what the caches hold.
#ifndef GROAT_HOTSTUFF_LOOK_AHEAD_H_
#define GROAT_HOTSTUFF_LOOK_AHEAD_H_

#include <vector>

#include "hotstuff/command.h"

namespace groat::hotstuff {

// For the i-th of such a loop, `table` being an absl::flat_hash_map by CommandKey.
template <typename Table>
void LookAhead(const Table& table, const std::vector<Command>& commands, size_t i) {
  constexpr size_t kCommandsAhead = 8;
  if (i + kCommandsAhead < commands.size()) table.prefetch(commands[i + kCommandsAhead].key);
}

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_LOOK_AHEAD_H_
