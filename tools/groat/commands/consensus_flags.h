// Flags for what a genesis of consensus has beside its validators.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_CONSENSUS_FLAGS_H_
#define GROAT_TOOLS_GROAT_COMMANDS_CONSENSUS_FLAGS_H_

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <map>
#include <string>

#include "tools/groat/keys/network_folder.h"

namespace groat::commands {

// The choices by their names.
std::map<std::string, hotstuff::CertificateKind> CertificateNames();
std::map<std::string, hotstuff::RuleSet> RuleNames();
std::map<std::string, hotstuff::VoteSpread> VoteNames();

// Adds one flag for each field of `plan` but the number of replicas; their names begin with
// `prefix`, as "--consensus-". `plan` must outlive the parsing.
void AddPlanFlags(CLI::App& app, const std::string& prefix, keys::ConsensusPlan& plan);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_CONSENSUS_FLAGS_H_
