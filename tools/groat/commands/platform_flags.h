// Flags that `groat up` and `groat demo` share.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_PLATFORM_FLAGS_H_
#define GROAT_TOOLS_GROAT_COMMANDS_PLATFORM_FLAGS_H_

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/groat/platform/platform.h"

namespace groat::commands {

struct PlatformFlags {
  std::string folder;
  std::optional<uint32_t> ledger_nodes;
  std::optional<uint32_t> etcd_members;
  bool embedded = false;
  std::optional<uint32_t> relay_id;
  std::optional<uint32_t> consensus;
  std::optional<hotstuff::CertificateKind> consensus_certificates;
  std::optional<hotstuff::RuleSet> consensus_rules;
  std::optional<hotstuff::VoteSpread> consensus_votes;
  std::optional<uint32_t> consensus_timeout_ms;
  std::optional<uint64_t> cycle_time_ms;
  std::optional<uint64_t> period_cycles;
  bool insecure = false;
};

void AddPlatformFlags(CLI::App& app, PlatformFlags& flags);

// A flag that was not given leaves the choice to the folder.
platform::PlatformOptions ToOptions(const PlatformFlags& flags);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_PLATFORM_FLAGS_H_
