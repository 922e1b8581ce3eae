#include "tools/groat/commands/platform_flags.h"

#include <map>

#include "tools/groat/commands/consensus_flags.h"

namespace groat::commands {
namespace {

constexpr uint32_t kMaxNodes = 9;
constexpr uint32_t kMaxReplicas = 64;
constexpr uint64_t kMaxCycleTimeMs = 3'600'000;
constexpr uint32_t kMaxTimeoutMs = 10'000;

}  // namespace

void AddPlatformFlags(CLI::App& app, PlatformFlags& flags) {
  CLI::Option* data = app.add_option("--data", flags.folder, "Folder of the platform");
  if (!flags.folder.empty()) data->capture_default_str();
  app.add_option("--ledger-nodes", flags.ledger_nodes, "Number of ledger nodes [3]")
      ->check(CLI::Range(1u, kMaxNodes));
  CLI::Option* members =
      app.add_option("--etcd-members", flags.etcd_members, "Number of etcd members [3]")
          ->check(CLI::Range(1u, kMaxNodes));
  app.add_flag("--embedded", flags.embedded, "One ledger node with its own register, no etcd")
      ->excludes(members);
  app.add_option("--consensus", flags.consensus, "Number of consensus replicas [0]")
      ->check(CLI::Range(0u, kMaxReplicas));
  app.add_option("--consensus-certificates", flags.consensus_certificates,
                 "Form of their certificates: ed25519 or bls [ed25519]")
      ->transform(CLI::CheckedTransformer(CertificateNames()));
  app.add_option("--consensus-rules", flags.consensus_rules,
                 "When their blocks commit: two_chain or three_chain [two_chain]")
      ->transform(CLI::CheckedTransformer(RuleNames()));
  app.add_option("--consensus-votes", flags.consensus_votes,
                 "Their votes go to: next_leader or all [next_leader]")
      ->transform(CLI::CheckedTransformer(VoteNames()));
  app.add_option("--consensus-timeout-ms", flags.consensus_timeout_ms,
                 "How long a view may take without a commit before, in milliseconds [500]")
      ->check(CLI::Range(1u, kMaxTimeoutMs));
  app.add_option("--relay-id", flags.relay_id, "Number of the relay network [1]")
      ->check(CLI::Range(1u, UINT32_MAX));
  const std::map<std::string, uint64_t> units = {{"ms", 1}, {"s", 1000}, {"m", 60'000}};
  app.add_option("--cycle-time", flags.cycle_time_ms,
                 "Length of a cycle with its unit, as 500ms or 1s [500ms]")
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::UNIT_REQUIRED) &
                  CLI::Range(uint64_t{1}, kMaxCycleTimeMs));
  app.add_option("--period-cycles", flags.period_cycles,
                 "Cycles that share one trie; 0: the first period never ends [0]")
      ->check(CLI::Range(uint64_t{0}, uint64_t{UINT32_MAX}));
  app.add_flag("--insecure", flags.insecure, "Plaintext instead of mutual TLS, for tests");
}

platform::PlatformOptions ToOptions(const PlatformFlags& flags) {
  platform::PlatformOptions options;
  options.folder = flags.folder;
  options.ledger_nodes = flags.ledger_nodes;
  options.etcd_members = flags.etcd_members;
  if (flags.embedded) options.embedded = true;
  options.relay_id = flags.relay_id;
  options.consensus = flags.consensus;
  options.consensus_certificates = flags.consensus_certificates;
  options.consensus_rules = flags.consensus_rules;
  options.consensus_votes = flags.consensus_votes;
  options.consensus_timeout_ms = flags.consensus_timeout_ms;
  if (flags.cycle_time_ms.has_value()) {
    options.cycle_time = std::chrono::milliseconds(*flags.cycle_time_ms);
  }
  options.period_cycles = flags.period_cycles;
  if (flags.insecure) options.insecure = true;
  return options;
}

}  // namespace groat::commands
