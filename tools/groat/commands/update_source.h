// Reads the updates that `groat submit` sends: CSV, JSON lines, or random ones.
//
// Pure but for random ones; InvalidArgument names source, line and what was wanted.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_UPDATE_SOURCE_H_
#define GROAT_TOOLS_GROAT_COMMANDS_UPDATE_SOURCE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "record/update.h"

namespace groat::commands {

// One update a line, either `UNLOCK,VALUE` (64 hexadecimal digits each; a first line
// "unlock,value" is skipped) or {"unlock": HEX, "value": HEX}. Empty lines are skipped.
absl::StatusOr<std::vector<record::Update>> ParseUpdates(std::string_view text,
                                                         std::string_view name);

std::vector<record::Update> RandomUpdates(size_t count);

// Cuts the updates into batches of at most `max_size` in their order, none with the same unlock
// twice, as the relay's contract wants it. Gives the first index of each batch.
std::vector<size_t> CutBatches(const std::vector<record::Update>& updates, size_t max_size);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_UPDATE_SOURCE_H_
