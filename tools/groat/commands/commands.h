// The subcommands. Each function adds one to the command line; when it is parsed, it runs and
// leaves its exit code in the shell. Arguments must outlive the parsing.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_COMMANDS_H_
#define GROAT_TOOLS_GROAT_COMMANDS_COMMANDS_H_

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tools/groat/commands/shell.h"

namespace groat::commands {

void AddKeysCommand(CLI::App& app, Shell& shell);
void AddUpCommand(CLI::App& app, Shell& shell);
void AddDemoCommand(CLI::App& app, Shell& shell);
void AddSubmitCommand(CLI::App& app, Shell& shell);
void AddProveCommand(CLI::App& app, Shell& shell);
void AddVerifyCommand(CLI::App& app, Shell& shell);
void AddCyclesCommand(CLI::App& app, Shell& shell);
void AddBlocksCommand(CLI::App& app, Shell& shell);
void AddStatusCommand(CLI::App& app, Shell& shell);
void AddLedgerCommand(CLI::App& app, Shell& shell);
void AddConsensusCommand(CLI::App& app, Shell& shell);
void AddTraceCommand(CLI::App& app, Shell& shell);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_COMMANDS_H_
