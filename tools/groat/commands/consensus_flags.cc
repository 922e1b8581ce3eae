#include "tools/groat/commands/consensus_flags.h"

#include <initializer_list>

#include "tools/groat/keys/genesis_file.h"

namespace groat::commands {

namespace {

template <typename Choice>
std::map<std::string, Choice> Named(std::initializer_list<Choice> choices) {
  std::map<std::string, Choice> names;
  for (const Choice choice : choices) names.emplace(keys::NameOf(choice), choice);
  return names;
}

}  // namespace

std::map<std::string, hotstuff::CertificateKind> CertificateNames() {
  return Named({hotstuff::CertificateKind::kEd25519List, hotstuff::CertificateKind::kBls});
}

std::map<std::string, hotstuff::RuleSet> RuleNames() {
  return Named({hotstuff::RuleSet::kTwoChain, hotstuff::RuleSet::kThreeChain});
}

std::map<std::string, hotstuff::VoteSpread> VoteNames() {
  return Named({hotstuff::VoteSpread::kNextLeader, hotstuff::VoteSpread::kAll});
}

void AddPlanFlags(CLI::App& app, const std::string& prefix, keys::ConsensusPlan& plan) {
  const auto number = [&](const char* name, uint32_t& target, const char* help) {
    app.add_option(prefix + name, target, help)->capture_default_str();
  };
  app.add_option(prefix + "name", plan.name, "Name of the chain, 1 to 64 bytes")
      ->capture_default_str();
  app.add_option(prefix + "certificates", plan.certificates,
                 "Form of certificates: ed25519 or bls [ed25519]")
      ->transform(CLI::CheckedTransformer(CertificateNames()));
  app.add_option(prefix + "rules", plan.rules,
                 "When blocks commit: two_chain or three_chain [two_chain]")
      ->transform(CLI::CheckedTransformer(RuleNames()));
  app.add_option(prefix + "votes", plan.votes, "Votes go to: next_leader or all [next_leader]")
      ->transform(CLI::CheckedTransformer(VoteNames()));
  number("block-commands", plan.block_commands, "Most commands in a block, 1 to 65,536");
  number("block-bytes", plan.block_bytes, "Most bytes of commands in a block, 20 to 16 MiB");
  number("timeout-ms", plan.base_timeout_ms,
         "How long a view may take without a commit before, in milliseconds, 1 to 10,000");
  number("clock-drift-ms", plan.max_clock_drift_ms,
         "How far a block's time may be from a voter's clock, in milliseconds, 1 to 3,600,000");
  number("clients", plan.max_clients, "Clients that the chain remembers, 1 to 1,048,576");
  number("snapshot-interval", plan.snapshot_interval_blocks,
         "Blocks from one snapshot to the next, 1 to 16,777,216");
}

}  // namespace groat::commands
