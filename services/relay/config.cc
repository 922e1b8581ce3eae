#include "services/relay/config.h"

#include "absl/strings/str_cat.h"

namespace groat::relay_service {

using config::Presence;
using std::chrono::hours;
using std::chrono::milliseconds;

absl::Status Config::Validate() const {
  if (shard >> shard_bits != 0) {
    return absl::InvalidArgumentError(absl::StrCat("shard: ", shard, " with shard_bits ",
                                                   shard_bits, ", want below ", 1u << shard_bits));
  }
  if (ledger_endpoints.empty()) {
    return absl::InvalidArgumentError("ledger_endpoints: empty, want one or more host:port");
  }
  return absl::OkStatus();
}

void Describe(config::ConfigLoader& loader, Config& config) {
  loader.Integer("relay_id", &config.relay_id, 1, UINT32_MAX,
                 "The relay network, the same for all its operators and shards.");
  loader.Integer("shard", &config.shard, 0, 65535,
                 "Which part of the key space this process serves.");
  loader.Integer("shard_bits", &config.shard_bits, 0, 16,
                 "The key space is cut by so many first bits of the key.");
  loader.Text("listen", &config.listen, "Address of the gRPC server, host:port.");
  loader.Text("metrics_listen", &config.metrics_listen, "Address of /metrics, host:port.");
  loader.Text("data_dir", &config.data_dir, "Folder of the relay's log and cycles.",
              Presence::kRequired);
  loader.Text("signing_key_file", &config.signing_key_file,
              "PEM file (mode 0600) of the Ed25519 key that signs roots.", Presence::kRequired);
  loader.Duration("cycle_time", &config.cycle_time, milliseconds(10), hours(24),
                  "How long a cycle takes updates.");
  loader.Integer("period_cycles", &config.period_cycles, 0, UINT32_MAX,
                 "Cycles that share one trie; 1 is the legacy relay, 0 never starts a new trie.");
  loader.TextList("ledger_endpoints", &config.ledger_endpoints,
                  "Ledger nodes, host:port; any of them serves.", Presence::kRequired);
  loader.Text("ledger_trust", &config.ledger_trust,
              "Trust file: the ledger nodes' keys that checkpoints are checked against.",
              Presence::kRequired);
  loader.Text("tls.ca_file", &config.tls.ca_file, "PEM file of the authority that signs peers.");
  loader.Text("tls.certificate_file", &config.tls.certificate_file, "PEM file of our certificate.");
  loader.Text("tls.key_file", &config.tls.key_file, "PEM file (mode 0600) of its key.");
  loader.Flag("insecure", &config.tls.insecure, "Plaintext instead of mutual TLS. For tests.");
  loader.Size("max_request", &config.max_request_bytes, 64 << 10, 64 << 20,
              "The largest gRPC message that is taken.");
  loader.Size("old_trie_memory", &config.old_trie_bytes, 0, uint64_t{1} << 40,
              "Memory for tries of closed periods that were read again.");
  loader.Integer("worker_threads", &config.worker_threads, 1, 64,
                 "Threads that make proofs and answers.");
  loader.Duration("drain_time", &config.drain_time, milliseconds(0), hours(1),
                  "How long callers are waited for when the relay stops.");
  loader.Choice("log_level", &config.log_level, {"debug", "info", "warn", "error"},
                "The least level that is logged.");
  loader.Choice("log_format", &config.log_format, {"json", "text"}, "Form of the log's lines.");
  loader.Validate([&config] { return config.Validate(); });
}

}  // namespace groat::relay_service
