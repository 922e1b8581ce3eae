// The command line.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "tools/groat/commands/commands.h"

namespace {

using groat::commands::ExitCode;

// Flags of the program may stand behind a subcommand: `groat status --json`.
void AllowGlobalFlagsEverywhere(CLI::App& app) {
  for (CLI::App* child : app.get_subcommands([](CLI::App*) { return true; })) {
    child->fallthrough();
    AllowGlobalFlagsEverywhere(*child);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // gRPC's own lines about connections say nothing that an error message does not.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  groat::commands::Shell shell;
  const groat::commands::SignalWatcher signals(shell.cancellation);
  CLI::App app(
      "Groat: a double-spend preventer with offline proofs. Runs a local platform, submits\n"
      "updates, fetches and verifies proofs, makes keys.",
      "groat");
  app.require_subcommand(1);
  app.set_version_flag("--version", GROAT_VERSION);
  app.add_flag("--json", shell.json, "Print results as JSON");
  app.footer(
      "Exit codes: 0 done or valid; 1 the thing asked is not so (invalid proof, double spend);\n"
      "2 it could not be found out; 64 wrong usage.");
  groat::commands::AddUpCommand(app, shell);
  groat::commands::AddDemoCommand(app, shell);
  groat::commands::AddSubmitCommand(app, shell);
  groat::commands::AddProveCommand(app, shell);
  groat::commands::AddVerifyCommand(app, shell);
  groat::commands::AddCyclesCommand(app, shell);
  groat::commands::AddBlocksCommand(app, shell);
  groat::commands::AddStatusCommand(app, shell);
  groat::commands::AddLedgerCommand(app, shell);
  groat::commands::AddConsensusCommand(app, shell);
  groat::commands::AddTraceCommand(app, shell);
  groat::commands::AddKeysCommand(app, shell);
  AllowGlobalFlagsEverywhere(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 would only say that a subcommand is missing.
    const std::vector<std::string> unknown = app.remaining();
    if (app.get_subcommands().empty() && !unknown.empty()) {
      return static_cast<int>(
          shell.Usage("unknown subcommand or flag " + unknown.front() + "; see groat --help"));
    }
    // Prints help or what is wrong; help and version are no errors.
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  return static_cast<int>(shell.exit);
}
