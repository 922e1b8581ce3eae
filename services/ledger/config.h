// The ledger node's configuration; loaded once in main.
#ifndef GROAT_SERVICES_LEDGER_CONFIG_H_
#define GROAT_SERVICES_LEDGER_CONFIG_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "asset/trust.h"
#include "config/config.h"
#include "ledger/relay_rules.h"
#include "rpc/tls.h"

namespace groat::ledger_service {

// Where the roots of one relay and shard can be checked.
struct RelayEndpoints {
  uint32_t relay_id = 1;
  uint32_t shard = 0;
  std::vector<std::string> endpoints;  // host:port of every operator's relay.
};

struct Config {
  uint32_t node_index = 0;
  std::string trust_file;
  std::vector<std::string> peer_endpoints;  // host:port of all nodes by index, this one's too.
  std::vector<RelayEndpoints> relays;
  std::vector<std::string> admins;

  std::string listen = "127.0.0.1:7201";
  std::string metrics_listen = "127.0.0.1:9201";
  std::string data_dir;
  std::string backup_dir;  // Empty: "backups" in data_dir.
  std::string signing_key_file;

  std::string register_kind = "etcd";
  std::vector<std::string> register_endpoints;
  std::string register_prefix = "groat/ledger/";
  uint64_t register_window_blocks = 100'000;
  rpc::TlsConfig register_tls;  // Without files: the node's own.

  rpc::TlsConfig tls;

  std::chrono::milliseconds lease_ttl{10'000};
  std::chrono::milliseconds poll_interval{1000};
  std::chrono::milliseconds drain_time{10'000};
  uint32_t growth_workers = 4;
  uint64_t max_request_bytes = 4 << 20;
  std::string log_level = "info";
  std::string log_format = "json";

  // A folder that Backup wrote, or the "blocks" folder of a stopped node: fills an empty register
  // from it and ends.
  std::string restore_from;

  // What can be said without the trust file.
  absl::Status Validate() const;
  // Whether it fits the network that the trust file describes.
  absl::Status CheckAgainst(const asset::Trust& trust) const;
  // The TLS configuration towards etcd.
  const rpc::TlsConfig& RegisterTls() const;
};

// Registers every key with its meaning, default and range.
void Describe(config::ConfigLoader& loader, Config& config);

// The rules of every relay and shard of the network.
ledger::RelayRules RulesOf(const asset::Trust& trust);

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_CONFIG_H_
