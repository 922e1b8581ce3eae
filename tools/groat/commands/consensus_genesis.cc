// `groat consensus genesis`.
#include "tools/groat/commands/consensus_command.h"
#include "tools/groat/commands/genesis_text.h"
#include "tools/groat/keys/genesis_file.h"

namespace groat::commands {

void AddConsensusGenesis(CLI::App& consensus, Shell& shell) {
  CLI::App* genesis = consensus.add_subcommand("genesis", "Genesis files");
  genesis->require_subcommand(1);
  CLI::App* show = genesis->add_subcommand(
      "show", "Show the chain id, the parameters and the validators of a genesis file");
  const auto path = std::make_shared<std::string>();
  show->add_option("file", *path, "The genesis file")->required();
  show->callback([&shell, path] {
    const absl::StatusOr<hotstuff::Genesis> read = keys::ReadGenesis(*path);
    if (!read.ok()) {
      shell.exit = shell.Fail(read.status());
      return;
    }
    shell.Print(GenesisJson(*read), GenesisText(*read));
  });
}

}  // namespace groat::commands
