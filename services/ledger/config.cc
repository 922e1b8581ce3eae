#include "services/ledger/config.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::ledger_service {

using config::Presence;
using std::chrono::hours;
using std::chrono::milliseconds;

absl::Status Config::Validate() const {
  if (node_index >= peer_endpoints.size()) {
    return absl::InvalidArgumentError(absl::StrCat("node_index: ", node_index, ", want below ",
                                                   peer_endpoints.size(),
                                                   ", the number of peer_endpoints"));
  }
  if (register_kind == "etcd" && register_endpoints.empty()) {
    return absl::InvalidArgumentError("register.endpoints: empty, want one or more host:port");
  }
  if (register_kind == "embedded" && peer_endpoints.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("register.kind: embedded with ",
                                                   peer_endpoints.size(),
                                                   " nodes, want 1 or register.kind etcd"));
  }
  if (register_prefix.empty() || register_prefix.back() != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("register.prefix: \"", register_prefix, "\", want it to end in /"));
  }
  if (lease_ttl.count() % 1000 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("lease_ttl: ", lease_ttl.count(), "ms, want whole seconds"));
  }
  std::set<std::pair<uint32_t, uint32_t>> seen;
  for (const RelayEndpoints& relay : relays) {
    if (!seen.insert({relay.relay_id, relay.shard}).second) {
      return absl::InvalidArgumentError(absl::StrCat("relays: relay ", relay.relay_id, " shard ",
                                                     relay.shard, " is there twice"));
    }
    if (relay.endpoints.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("relays: relay ", relay.relay_id, " shard ",
                                                     relay.shard, " has no endpoints"));
    }
  }
  return absl::OkStatus();
}

absl::Status Config::CheckAgainst(const asset::Trust& trust) const {
  if (trust.ledger_nodes.size() != peer_endpoints.size()) {
    return absl::FailedPreconditionError(absl::StrCat("peer_endpoints: ", peer_endpoints.size(),
                                                      " nodes, but ", trust_file, " has ",
                                                      trust.ledger_nodes.size()));
  }
  const ledger::RelayRules rules = RulesOf(trust);
  std::set<ledger::RelayShard> named;
  for (const RelayEndpoints& relay : relays) {
    const ledger::RelayShard name{record::RelayId(relay.relay_id), record::Shard(relay.shard)};
    if (rules.count(name) == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("relays: ", name.Name(), " is not in ", trust_file));
    }
    named.insert(name);
  }
  // Without its growth proofs nothing above its first block could ever be signed.
  for (const auto& [name, rule] : rules) {
    if (named.count(name) == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("relays: no endpoints of ", name.Name(), ", which is in ", trust_file));
    }
  }
  return absl::OkStatus();
}

const rpc::TlsConfig& Config::RegisterTls() const {
  return register_tls.ca_file.empty() ? tls : register_tls;
}

void Describe(config::ConfigLoader& loader, Config& config) {
  loader.Integer("node_index", &config.node_index, 0, record::kMaxLedgerNodes - 1,
                 "This node's place in the trust file's list of ledger nodes, from 0.");
  loader.Text("trust_file", &config.trust_file,
              "The network's trust file: ledger id, nodes' and relays' keys.", Presence::kRequired);
  loader.TextList("peer_endpoints", &config.peer_endpoints,
                  "All ledger nodes by index, host:port, this one among them.",
                  Presence::kRequired);
  loader.List<RelayEndpoints>(
      "relays", &config.relays, "Where growth proofs come from; every relay of the trust file.",
      [](config::ConfigFields& item, RelayEndpoints& relay) {
        item.Integer("relay_id", &relay.relay_id, 1, UINT32_MAX, "The relay network.",
                     Presence::kRequired);
        item.Integer("shard", &relay.shard, 0, 65535, "The shard.");
        item.TextList("endpoints", &relay.endpoints,
                      "host:port of each relay that serves this shard; tried in this order.",
                      Presence::kRequired);
      },
      Presence::kRequired);
  loader.TextList("admins", &config.admins,
                  "Common names of the certificates that may call LedgerAdminService.");
  loader.Text("listen", &config.listen, "Address of the gRPC server, host:port.");
  loader.Text("metrics_listen", &config.metrics_listen, "Address of /metrics, host:port.");
  loader.Text("data_dir", &config.data_dir, "Folder of the node's blocks.", Presence::kRequired);
  loader.Text("backup_dir", &config.backup_dir,
              "Folder that backups go to; empty: \"backups\" in data_dir.");
  loader.Text("signing_key_file", &config.signing_key_file,
              "PEM file (mode 0600) of the Ed25519 key that signs checkpoints.",
              Presence::kRequired);
  loader.Choice("register.kind", &config.register_kind, {"etcd", "embedded"},
                "An etcd cluster, or a database in data_dir for a ledger of one node.");
  loader.TextList("register.endpoints", &config.register_endpoints,
                  "etcd members, host:port; all of them.");
  loader.Text("register.prefix", &config.register_prefix,
              "Every key of this ledger lies under it; ends in /.");
  loader.Integer("register.window_blocks", &config.register_window_blocks, 1000, 10'000'000,
                 "Blocks that the register keeps for nodes that are behind.");
  loader.Text("register.tls.ca_file", &config.register_tls.ca_file,
              "PEM file of etcd's authority; empty: the node's own TLS files are used.");
  loader.Text("register.tls.certificate_file", &config.register_tls.certificate_file,
              "PEM file of our certificate towards etcd.");
  loader.Text("register.tls.key_file", &config.register_tls.key_file,
              "PEM file (mode 0600) of its key.");
  loader.Text("tls.ca_file", &config.tls.ca_file, "PEM file of the authority that signs peers.");
  loader.Text("tls.certificate_file", &config.tls.certificate_file, "PEM file of our certificate.");
  loader.Text("tls.key_file", &config.tls.key_file, "PEM file (mode 0600) of its key.");
  loader.Flag("insecure", &config.tls.insecure,
              "Plaintext instead of mutual TLS, and anybody may administer. For tests.");
  loader.Duration("lease_ttl", &config.lease_ttl, milliseconds(2000), hours(1),
                  "After so long without a sign of life another node becomes sequencer.");
  loader.Duration("poll_interval", &config.poll_interval, milliseconds(10), milliseconds(60'000),
                  "The register's head is read at least so often, whatever its watch says.");
  loader.Duration("drain_time", &config.drain_time, milliseconds(0), hours(1),
                  "How long callers are waited for when the node stops.");
  loader.Integer("growth_workers", &config.growth_workers, 1, 64,
                 "Growth proofs that are fetched and verified at once.");
  loader.Size("max_request", &config.max_request_bytes, 256 << 10, 64 << 20,
              "The largest gRPC message that is taken.");
  loader.Choice("log_level", &config.log_level, {"debug", "info", "warn", "error"},
                "The least level that is logged.");
  loader.Choice("log_format", &config.log_format, {"json", "text"}, "Form of the log's lines.");
  loader.Text("restore_from", &config.restore_from,
              "Fill an empty register from this backup folder, then end.");
  loader.Validate([&config] { return config.Validate(); });
}

ledger::RelayRules RulesOf(const asset::Trust& trust) {
  ledger::RelayRules rules;
  for (const asset::RelayTrust& relay : trust.relays) {
    for (uint32_t shard = 0; shard < (1u << relay.shard_bits); ++shard) {
      rules[{relay.relay, record::Shard(shard)}] = {relay.public_key, relay.period_cycles};
    }
  }
  return rules;
}

}  // namespace groat::ledger_service
