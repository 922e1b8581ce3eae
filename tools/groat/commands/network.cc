#include "tools/groat/commands/network.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/platform/platform_file.h"

namespace groat::commands {
namespace {

constexpr uint32_t kMaxTimeoutS = 3600;
constexpr int kMaxAttempts = 1000;  // The time is what bounds them.

}  // namespace

void AddNetworkFlags(CLI::App& app, NetworkOptions& options) {
  constexpr const char* kGroup = "Network";
  const auto add = [&app](const char* flag, auto& target, const char* help) {
    app.add_option(flag, target, help)->group(kGroup);
  };
  app.add_option("--platform", options.platform, "Folder of a platform that `groat up` runs")
      ->group(kGroup)
      ->capture_default_str();
  add("--relay", options.relay, "Relay, host:port, instead of the platform's");
  add("--ledger", options.ledger, "Ledger node, host:port, instead of the platform's; repeatable");
  add("--ca", options.ca, "PEM file of the authority that signs the servers' certificates");
  add("--certificate", options.certificate, "PEM file of our certificate");
  add("--key", options.key, "PEM file (mode 0600) of its key");
  add("--trust", options.trust, "Trust file, instead of the platform's");
  app.add_flag("--insecure", options.insecure, "Plaintext, with --relay or --ledger")
      ->group(kGroup);
  app.add_option("--timeout", options.timeout_s, "Seconds until a call is given up")
      ->group(kGroup)
      ->check(CLI::Range(1u, kMaxTimeoutS))
      ->capture_default_str();
}

absl::Status Network::TakePlatform(const NetworkOptions& options, const std::string& identity) {
  const absl::StatusOr<platform::PlatformFile> file = platform::ReadPlatformFile(options.platform);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(absl::StrCat(
        "no platform in ", options.platform,
        "; start one with `groat up`, name its folder with --platform, or name endpoints with "
        "--relay and --ledger and keys with --ca, --certificate, --key and --trust"));
  }
  GROAT_RETURN_IF_ERROR(file.status());
  const keys::NetworkFolder keys(platform::KeysPath(options.platform));
  const bool own_endpoints = !relay_.empty() || !ledger_.empty();
  if (relay_.empty()) relay_ = file->relay.listen;
  if (ledger_.empty()) {
    for (const platform::ServiceAddress& node : file->ledger) ledger_.push_back(node.listen);
  }
  if (trust_.empty()) trust_ = keys.Trust().string();
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
  network.trust_ = options.trust;
  network.tls_.ca_file = options.ca;
  network.tls_.certificate_file = options.certificate;
  network.tls_.key_file = options.key;
  network.tls_.insecure = options.insecure;
  network.timeout_ = options.timeout();
  const bool keys_named = options.insecure || (!options.ca.empty() && !options.certificate.empty());
  const bool endpoints_named = !options.relay.empty() || !options.ledger.empty();
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

absl::StatusOr<asset::Trust> Network::Trust() const {
  if (trust_.empty()) return absl::NotFoundError("no trust file named; use --trust or --platform");
  return keys::ReadTrust(trust_);
}

}  // namespace groat::commands
