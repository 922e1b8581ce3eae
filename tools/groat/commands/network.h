// Which network a subcommand talks to: a local platform's folder, or endpoints and key files.
//
// Not pure: reads files.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_NETWORK_H_
#define GROAT_TOOLS_GROAT_COMMANDS_NETWORK_H_

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "asset/trust.h"
#include "hotstuff/genesis.h"
#include "rpc/tls.h"
#include "tools/groat/client/consensus_client.h"
#include "tools/groat/client/ledger_client.h"
#include "tools/groat/client/relay_client.h"

namespace groat::commands {

inline constexpr const char* kDefaultPlatform = "groat-data";

// Filled in by flags.
struct NetworkOptions {
  std::string platform = kDefaultPlatform;
  std::string relay;                   // "host:port"
  std::vector<std::string> ledger;     // "host:port"
  std::vector<std::string> consensus;  // "host:port"
  std::string genesis;
  std::string ca;
  std::string certificate;
  std::string key;
  std::string trust;
  bool insecure = false;
  uint32_t timeout_s = 30;

  std::chrono::milliseconds timeout() const { return std::chrono::seconds(timeout_s); }
};

// Adds --platform, --relay, --ledger, --ca, --certificate, --key, --insecure, --trust, --timeout.
void AddNetworkFlags(CLI::App& app, NetworkOptions& options);
// Adds --replica.
void AddReplicaFlag(CLI::App& app, NetworkOptions& options);
// Adds --platform, --replica, --genesis, --ca, --certificate, --key, --insecure, --timeout.
void AddConsensusFlags(CLI::App& app, NetworkOptions& options);

// What the flags come to.
class Network {
 public:
  // `identity` names the certificate that is taken from a platform's keys: "client" or "admin".
  // NotFound says how to name a network if there is no platform and endpoints are missing.
  static absl::StatusOr<Network> Open(const NetworkOptions& options, const std::string& identity);

  // NotFound if the flags name no such endpoint.
  absl::StatusOr<std::unique_ptr<client::RelayClient>> Relay(rpc::Cancellation& cancellation) const;
  absl::StatusOr<std::unique_ptr<client::LedgerClient>> Ledger(
      rpc::Cancellation& cancellation) const;
  // Of one node, `index` below ledger().size().
  absl::StatusOr<std::unique_ptr<client::LedgerClient>> LedgerNode(
      size_t index, rpc::Cancellation& cancellation) const;
  // Of all replicas, one after the other as they fail; of one, `index` below consensus().size().
  absl::StatusOr<std::unique_ptr<client::ConsensusClient>> Consensus(
      rpc::Cancellation& cancellation) const;
  absl::StatusOr<std::unique_ptr<client::ConsensusClient>> Replica(
      size_t index, rpc::Cancellation& cancellation) const;
  // From --trust or the platform. Errors of the file.
  absl::StatusOr<asset::Trust> Trust() const;
  // From --genesis or the platform. Errors of the file.
  absl::StatusOr<hotstuff::Genesis> Genesis() const;

  const std::string& relay() const { return relay_; }
  const std::vector<std::string>& ledger() const { return ledger_; }
  const std::vector<std::string>& consensus() const { return consensus_; }
  const rpc::TlsConfig& tls() const { return tls_; }

 private:
  absl::Status TakePlatform(const NetworkOptions& options, const std::string& identity);
  rpc::RetryPolicy Policy() const;

  std::string relay_;
  std::vector<std::string> ledger_;
  std::vector<std::string> consensus_;
  std::string trust_;
  std::string genesis_;
  rpc::TlsConfig tls_;
  std::chrono::milliseconds timeout_{0};
};

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_NETWORK_H_
