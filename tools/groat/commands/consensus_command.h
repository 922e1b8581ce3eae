// Parts of `groat consensus`, each in a file of its own.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_CONSENSUS_COMMAND_H_
#define GROAT_TOOLS_GROAT_COMMANDS_CONSENSUS_COMMAND_H_

#include <memory>

#include "tools/groat/client/validator_sets.h"
#include "tools/groat/commands/commands.h"
#include "tools/groat/commands/network.h"

namespace groat::commands {

// `network` is that of the flags of `groat consensus`; all must outlive the parsing.
using SharedNetworkOptions = std::shared_ptr<NetworkOptions>;

void AddConsensusVerify(CLI::App& consensus, Shell& shell, const SharedNetworkOptions& network);
void AddConsensusEvidence(CLI::App& consensus, Shell& shell, const SharedNetworkOptions& network);
void AddConsensusChange(CLI::App& consensus, Shell& shell, const SharedNetworkOptions& network);
void AddConsensusGenesis(CLI::App& consensus, Shell& shell);

// The validators of each epoch, from a network's genesis; asks `replica`, which must outlive them,
// for handovers.
absl::StatusOr<client::ValidatorSets> ValidatorSetsOf(const Network& network,
                                                      const client::ConsensusClient& replica);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_CONSENSUS_COMMAND_H_
