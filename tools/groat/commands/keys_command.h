// Parts of `groat keys` in files of their own.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_KEYS_COMMAND_H_
#define GROAT_TOOLS_GROAT_COMMANDS_KEYS_COMMAND_H_

#include <memory>
#include <optional>

#include "tools/groat/commands/commands.h"

namespace groat::commands {

// `groat keys validator` and `groat keys genesis`.
void AddValidatorKeys(CLI::App& keys_app, Shell& shell);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_KEYS_COMMAND_H_
