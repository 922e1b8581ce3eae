#include "tools/groat/commands/network.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/groat/keys/genesis_file.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/platform/platform_file.h"

namespace groat::commands {
namespace {

constexpr uint32_t kMaxTimeoutS = 3600;
constexpr int kMaxAttempts = 1000;  // The time is what bounds them.
constexpr const char* kGroup = "Network";
// After so long another replica is asked: one that is cut off from the others answers nothing.
constexpr std::chrono::milliseconds kReplicaPatience{5000};

void AddConnectionFlags(CLI::App& app, NetworkOptions& options, const char* insecure_help) {
  const auto add = [&app](const char* flag, auto& target, const char* help) {
    app.add_option(flag, target, help)->group(kGroup);
  };
  app.add_option("--platform", options.platform, "Folder of a platform that `groat up` runs")
      ->group(kGroup)
      ->capture_default_str();
  add("--ca", options.ca, "PEM file of the authority that signs the servers' certificates");
  add("--certificate", options.certificate, "PEM file of our certificate");
  add("--key", options.key, "PEM file (mode 0600) of its key");
  app.add_flag("--insecure", options.insecure, insecure_help)->group(kGroup);
  app.add_option("--timeout", options.timeout_s, "Seconds until a call is given up")
      ->group(kGroup)
      ->check(CLI::Range(1u, kMaxTimeoutS))
      ->capture_default_str();
}

}  // namespace

void AddNetworkFlags(CLI::App& app, NetworkOptions& options) {
  const auto add = [&app](const char* flag, auto& target, const char* help) {
    app.add_option(flag, target, help)->group(kGroup);
  };
  add("--relay", options.relay, "Relay, host:port, instead of the platform's");
  add("--ledger", options.ledger, "Ledger node, host:port, instead of the platform's; repeatable");
  add("--trust", options.trust, "Trust file, instead of the platform's");
  AddConnectionFlags(app, options, "Plaintext, with --relay or --ledger");
}

void AddReplicaFlag(CLI::App& app, NetworkOptions& options) {
  app.add_option("--replica", options.consensus,
                 "Replica of consensus, host:port, instead of the platform's; a,b or repeated")
      ->group(kGroup)
      ->allow_extra_args(false)
      ->delimiter(',');
}

void AddConsensusFlags(CLI::App& app, NetworkOptions& options) {
  AddReplicaFlag(app, options);
  app.add_option("--genesis", options.genesis, "Genesis file, instead of the platform's")
      ->group(kGroup);
  AddConnectionFlags(app, options, "Plaintext, with --replica");
}

absl::Status Network::TakePlatform(const NetworkOptions& options, const std::string& identity) {
  const absl::StatusOr<platform::PlatformFile> file = platform::ReadPlatformFile(options.platform);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(absl::StrCat(
        "no platform in ", options.platform,
        "; start one with `groat up`, name its folder with --platform, or name endpoints with "
        "--relay and --ledger, or --replica, and keys with --ca, --certificate, --key and --trust "
        "or --genesis"));
  }
  GROAT_RETURN_IF_ERROR(file.status());
  const keys::NetworkFolder keys(platform::KeysPath(options.platform));
  const bool own_endpoints = !relay_.empty() || !ledger_.empty() || !consensus_.empty();
  if (relay_.empty()) relay_ = file->relay.listen;
  if (ledger_.empty()) {
    for (const platform::ServiceAddress& node : file->ledger) ledger_.push_back(node.listen);
  }
  if (consensus_.empty()) {
    for (const platform::ConsensusAddress& replica : file->consensus) {
      consensus_.push_back(replica.listen);
    }
  }
  if (trust_.empty()) trust_ = keys.Trust().string();
  if (genesis_.empty()) genesis_ = keys.Genesis().string();
  if (!own_endpoints) tls_.insecure = tls_.insecure || file->insecure;
  if (tls_.ca_file.empty()) tls_.ca_file = keys.Authority().string();
  if (tls_.certificate_file.empty()) {
    tls_.certificate_file = keys.Certificate(identity).string();
    tls_.key_file = keys.Key(identity).string();
  }
  return absl::OkStatus();
}

absl::StatusOr<Network> Network::Open(const NetworkOptions& options, const std::string& identity) {
  if (options.certificate.empty() != options.key.empty()) {
    return absl::InvalidArgumentError("--certificate and --key go together");
  }
  Network network;
  network.relay_ = options.relay;
  network.ledger_ = options.ledger;
  network.consensus_ = options.consensus;
  network.trust_ = options.trust;
  network.genesis_ = options.genesis;
  network.tls_.ca_file = options.ca;
  network.tls_.certificate_file = options.certificate;
  network.tls_.key_file = options.key;
  network.tls_.insecure = options.insecure;
  network.timeout_ = options.timeout();
  const bool keys_named = options.insecure || (!options.ca.empty() && !options.certificate.empty());
  const bool endpoints_named =
      !options.relay.empty() || !options.ledger.empty() || !options.consensus.empty();
  if (!keys_named || !endpoints_named) {
    GROAT_RETURN_IF_ERROR(network.TakePlatform(options, identity));
  }
  return network;
}

rpc::RetryPolicy Network::Policy() const {
  rpc::RetryPolicy policy;
  policy.max_attempts = kMaxAttempts;
  policy.attempt_timeout = timeout_;
  policy.total_timeout = timeout_;
  return policy;
}

absl::StatusOr<std::unique_ptr<client::RelayClient>> Network::Relay(
    rpc::Cancellation& cancellation) const {
  if (relay_.empty()) return absl::NotFoundError("no relay named; use --relay or --platform");
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<client::RelayClient> relay,
                         client::RelayClient::Make(relay_, tls_, cancellation));
  rpc::RetryPolicy policy = Policy();
  policy.also_retry = {absl::StatusCode::kResourceExhausted};
  relay->set_policy(policy);
  return relay;
}

absl::StatusOr<std::unique_ptr<client::LedgerClient>> Network::Ledger(
    rpc::Cancellation& cancellation) const {
  if (ledger_.empty()) return absl::NotFoundError("no ledger named; use --ledger or --platform");
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<client::LedgerClient> ledger,
                         client::LedgerClient::Make(ledger_, tls_, cancellation));
  ledger->set_policy(Policy());
  return ledger;
}

absl::StatusOr<std::unique_ptr<client::LedgerClient>> Network::LedgerNode(
    size_t index, rpc::Cancellation& cancellation) const {
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<client::LedgerClient> ledger,
                         client::LedgerClient::Make({ledger_[index]}, tls_, cancellation));
  ledger->set_policy(Policy());
  return ledger;
}

absl::StatusOr<std::unique_ptr<client::ConsensusClient>> Network::Consensus(
    rpc::Cancellation& cancellation) const {
  if (consensus_.empty()) {
    return absl::NotFoundError("no replica of consensus there; use --replica or --platform");
  }
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<client::ConsensusClient> consensus,
                         client::ConsensusClient::Make(consensus_, tls_, cancellation));
  rpc::RetryPolicy policy = Policy();
  policy.attempt_timeout = std::min(policy.attempt_timeout, kReplicaPatience);
  policy.also_retry = {absl::StatusCode::kResourceExhausted, absl::StatusCode::kDeadlineExceeded};
  consensus->set_policy(policy);
  return consensus;
}

absl::StatusOr<std::unique_ptr<client::ConsensusClient>> Network::Replica(
    size_t index, rpc::Cancellation& cancellation) const {
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<client::ConsensusClient> replica,
                         client::ConsensusClient::Make({consensus_[index]}, tls_, cancellation));
  rpc::RetryPolicy policy = Policy();
  policy.max_attempts = 1;
  replica->set_policy(policy);
  return replica;
}

absl::StatusOr<hotstuff::Genesis> Network::Genesis() const {
  if (genesis_.empty()) {
    return absl::NotFoundError("no genesis file named; use --genesis or --platform");
  }
  return keys::ReadGenesis(genesis_);
}

absl::StatusOr<asset::Trust> Network::Trust() const {
  if (trust_.empty()) return absl::NotFoundError("no trust file named; use --trust or --platform");
  return keys::ReadTrust(trust_);
}

}  // namespace groat::commands
