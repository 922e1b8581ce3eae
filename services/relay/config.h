// The relay's configuration; loaded once in main.
#ifndef GROAT_SERVICES_RELAY_CONFIG_H_
#define GROAT_SERVICES_RELAY_CONFIG_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "config/config.h"
#include "rpc/tls.h"

namespace groat::relay_service {

struct Config {
  uint32_t relay_id = 1;
  uint32_t shard = 0;
  uint32_t shard_bits = 0;

  std::string listen = "127.0.0.1:7101";
  std::string metrics_listen = "127.0.0.1:9101";
  std::string data_dir;
  std::string signing_key_file;

  std::chrono::milliseconds cycle_time{500};
  uint64_t period_cycles = 0;

  std::vector<std::string> ledger_endpoints;
  std::string ledger_trust;  // Path of the trust file.

  rpc::TlsConfig tls;

  uint64_t max_request_bytes = 4 << 20;
  uint64_t old_trie_bytes = uint64_t{1} << 30;
  uint32_t worker_threads = 2;
  std::chrono::milliseconds drain_time{10'000};
  std::string log_level = "info";
  std::string log_format = "json";

  absl::Status Validate() const;
};

// Registers every key with its meaning, default and range.
void Describe(config::ConfigLoader& loader, Config& config);

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_CONFIG_H_
