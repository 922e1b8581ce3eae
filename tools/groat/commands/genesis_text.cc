#include "tools/groat/commands/genesis_text.h"

#include "absl/strings/str_cat.h"
#include "tools/groat/keys/genesis_file.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {

Json GenesisJson(const hotstuff::Genesis& genesis) {
  const size_t n = genesis.validators.size();
  Json value = {{"chain_id", genesis.Chain().Hex()},
                {"name", genesis.name},
                {"timestamp_us", genesis.timestamp_us},
                {"rules", keys::NameOf(genesis.rules)},
                {"certificates", keys::NameOf(genesis.certificates)},
                {"votes", keys::NameOf(genesis.votes)},
                {"block_commands", genesis.block.max_count},
                {"block_bytes", genesis.block.max_bytes},
                {"base_timeout_ms", genesis.base_timeout_ms},
                {"max_clock_drift_ms", genesis.max_clock_drift_ms},
                {"max_clients", genesis.max_clients},
                {"snapshot_interval_blocks", genesis.snapshot_interval_blocks},
                {"faults", hotstuff::FaultsOf(n)},
                {"quorum", hotstuff::QuorumOf(n)},
                {"validators", Json::array()}};
  for (const hotstuff::Validator& validator : genesis.validators) {
    Json item = {{"public_key", validator.key.Hex()}};
    if (validator.bls.has_value()) item["bls_public_key"] = validator.bls->key.Encode().Hex();
    value["validators"].push_back(std::move(item));
  }
  return value;
}

std::string GenesisText(const hotstuff::Genesis& genesis) {
  const size_t n = genesis.validators.size();
  terminal::Table parameters({{""}, {""}});
  const auto add = [&parameters](const char* name, const std::string& value) {
    parameters.AddRow({name, value});
  };
  add("chain", genesis.Chain().Hex());
  add("name", genesis.name);
  add("begins", terminal::Time(genesis.timestamp_us / 1000));
  add("rules", keys::NameOf(genesis.rules));
  add("certificates", keys::NameOf(genesis.certificates));
  add("votes go to", keys::NameOf(genesis.votes));
  add("a block", absl::StrCat("at most ", terminal::Grouped(genesis.block.max_count),
                              " commands of together ", terminal::Size(genesis.block.max_bytes)));
  add("base timeout", absl::StrCat(genesis.base_timeout_ms, " ms"));
  add("clock drift", absl::StrCat("at most ", genesis.max_clock_drift_ms, " ms"));
  add("clients", absl::StrCat("at most ", terminal::Grouped(genesis.max_clients)));
  add("snapshots",
      absl::StrCat("every ", terminal::Grouped(genesis.snapshot_interval_blocks), " blocks"));
  add("validators", absl::StrCat(n, ", of whom ", hotstuff::FaultsOf(n), " may be faulty and ",
                                 hotstuff::QuorumOf(n), " are a quorum"));
  terminal::Table validators({{"replica", terminal::Table::Align::kRight}, {"public key"}});
  for (size_t i = 0; i < n; ++i) {
    validators.AddRow({absl::StrCat(i), genesis.validators[i].key.Hex()});
  }
  return absl::StrCat(parameters.Format(), "\n", validators.Format());
}

std::string FewReplicasWarning(size_t replicas) {
  if (replicas == 0 || hotstuff::FaultsOf(replicas) > 0) return "";
  return absl::StrCat(
      replicas,
      replicas == 1 ? " replica of consensus tolerates" : " replicas of consensus tolerate",
      " no faulty one: if one stops, all do; 4 tolerate 1");
}

}  // namespace groat::commands
