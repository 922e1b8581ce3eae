// How a genesis of a chain of consensus is shown. Pure.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_GENESIS_TEXT_H_
#define GROAT_TOOLS_GROAT_COMMANDS_GENESIS_TEXT_H_

#include <string>

#include "hotstuff/genesis.h"
#include "tools/groat/commands/shell.h"

namespace groat::commands {

Json GenesisJson(const hotstuff::Genesis& genesis);
std::string GenesisText(const hotstuff::Genesis& genesis);

// What so few replicas mean; empty from 4 on.
std::string FewReplicasWarning(size_t replicas);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_GENESIS_TEXT_H_
