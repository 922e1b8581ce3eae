// A replica's configuration; loaded once in main.
#ifndef GROAT_SERVICES_CONSENSUS_CONFIG_H_
#define GROAT_SERVICES_CONSENSUS_CONFIG_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "config/config.h"
#include "rpc/tls.h"

namespace groat::consensus_service {

// Another replica.
struct PeerConfig {
  std::string public_key;  // 64 hexadecimal digits.
  std::string address;     // host:port of its mesh.
};

struct Config {
  std::string genesis_file;
  std::string signing_key_file;      // Ed25519; blocks, mesh and, with Ed25519 lists, votes.
  std::string bls_signing_key_file;  // With BLS certificates.
  std::string data_dir;

  std::string listen = "127.0.0.1:7301";
  std::string metrics_listen = "127.0.0.1:9301";
  std::string mesh_listen = "127.0.0.1:7302";
  std::string mesh_advertise;  // Empty: mesh_listen.
  std::vector<PeerConfig> peers;
  std::vector<std::string> admins;

  rpc::TlsConfig tls;

  uint32_t pool_commands = 200'000;
  uint64_t pool_bytes = 256 << 20;
  std::chrono::milliseconds batch_delay{0};
  uint64_t keep_blocks = 0;  // 0: all.
  bool first_start = false;  // An empty data folder is the beginning.
  bool memory_lost = false;
  uint32_t max_subscribers = 256;
  uint64_t max_request_bytes = 4 << 20;
  uint32_t worker_threads = 1;
  std::string mesh_carrier = "tls";  // Or "grpc"; the same at all replicas.
  uint32_t mesh_threads = 1;         // With gRPC up to 8.
  std::chrono::milliseconds drain_time{10'000};
  std::string log_level = "info";
  std::string log_format = "json";

  absl::Status Validate() const;
};

// Registers every key with its meaning, default and range.
void Describe(config::ConfigLoader& loader, Config& config);

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_CONFIG_H_
