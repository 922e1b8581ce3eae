// groat_ledger: a node of the ledger as a process.
#include <pthread.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "bls/key_file.h"
#include "rpc/server.h"
#include "services/ledger/admin_service.h"
#include "services/ledger/config.h"
#include "services/ledger/grpc_peers.h"
#include "services/ledger/ledger_service.h"
#include "services/ledger/relay_growth_source.h"
#include "services/ledger/restore.h"
#include "storage/data_folder.h"
#include "storage/embedded_register.h"
#include "storage/etcd_register.h"
#include "telemetry/metrics.h"

namespace groat::ledger_service {
namespace {

constexpr size_t kMaxTrustFileBytes = 1 << 20;

absl::StatusOr<asset::Trust> ReadTrust(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxTrustFileBytes));
  absl::StatusOr<asset::Trust> trust = asset::ParseTrust(file.content);
  if (trust.ok()) return trust;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", trust.status().message()));
}

storage::FolderIdentity FolderOf(const Config& config, const Bytes32& ledger_id) {
  return {.format_version = 1,
          .kind = "ledger",
          .fields = {{"ledger_id", ledger_id.Hex()},
                     {"node_index", absl::StrCat(config.node_index)},
                     {"register", config.register_kind}}};
}

// The register and, if it is etcd's, what administers its members.
struct RegisterParts {
  std::unique_ptr<storage::Register> reg;
  std::unique_ptr<storage::EtcdAdmin> etcd;
};

absl::StatusOr<RegisterParts> OpenRegister(const Config& config,
                                           const storage::DataFolder& folder) {
  RegisterParts parts;
  if (config.register_kind == "embedded") {
    GROAT_ASSIGN_OR_RETURN(parts.reg, storage::EmbeddedRegister::Open(folder.Inside("register")));
    return parts;
  }
  storage::EtcdOptions options;
  options.endpoints = config.register_endpoints;
  options.prefix = config.register_prefix;
  GROAT_ASSIGN_OR_RETURN(options.credentials, rpc::MakeChannelCredentials(config.RegisterTls()));
  GROAT_ASSIGN_OR_RETURN(parts.reg, storage::EtcdRegister::Connect(options));
  GROAT_ASSIGN_OR_RETURN(parts.etcd, storage::EtcdAdmin::Connect(options));
  return parts;
}

void WarnOfOldEtcd(const storage::EtcdAdmin& etcd, telemetry::Logger& logger) {
  for (size_t i = 0; i < etcd.endpoints().size(); ++i) {
    const absl::StatusOr<storage::EtcdMemberStatus> status = etcd.MemberStatus(i);
    if (!status.ok()) {
      logger.Warn("an etcd member does not answer",
                  {{"endpoint", etcd.endpoints()[i]}, {"error", status.status()}});
      continue;
    }
    const std::optional<std::string> warning = storage::EtcdVersionWarning(status->version);
    if (warning.has_value()) {
      logger.Warn("etcd is old", {{"endpoint", etcd.endpoints()[i]}, {"reason", *warning}});
    }
  }
}

std::map<ledger::RelayShard, std::vector<std::string>> EndpointsOf(const Config& config) {
  std::map<ledger::RelayShard, std::vector<std::string>> out;
  for (const RelayEndpoints& relay : config.relays) {
    out[{record::RelayId(relay.relay_id), record::Shard(relay.shard)}] = relay.endpoints;
  }
  return out;
}

int WaitForSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int received = 0;
  sigwait(&signals, &received);
  return received;
}

absl::Status Restore(const Config& config, const Bytes32& ledger_id, const RegisterKeys& keys,
                     storage::Register& reg, telemetry::Logger& logger) {
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<BlockStore> backup,
                         BlockStore::Open(config.restore_from, ledger_id));
  GROAT_ASSIGN_OR_RETURN(
      const record::Height height,
      RestoreRegister(*backup, ledger_id, keys, config.register_window_blocks, reg));
  logger.Info("the register was restored", {{"height", height}, {"from", config.restore_from}});
  return absl::OkStatus();
}

absl::Status Run(const Config& config, telemetry::Logger& logger) {
  GROAT_ASSIGN_OR_RETURN(bls::SecretKey key, bls::ReadSecretKeyFile(config.signing_key_file));
  GROAT_ASSIGN_OR_RETURN(const asset::Trust trust, ReadTrust(config.trust_file));
  GROAT_RETURN_IF_ERROR(config.CheckAgainst(trust));
  GROAT_ASSIGN_OR_RETURN(record::NodeKeys node_keys,
                         record::NodeKeys::FromProven(trust.ledger_nodes));
  const record::NodeIndex self(config.node_index);
  if (const bls::PublicKey ours = key.public_key(); node_keys.key(self) != ours) {
    return absl::FailedPreconditionError(
        absl::StrCat("our public key is ", ours.Encode().Hex(), ", but ", config.trust_file,
                     " has ", node_keys.key(self).Encode().Hex(), " for node ", config.node_index));
  }
  GROAT_ASSIGN_OR_RETURN(
      const storage::DataFolder folder,
      storage::DataFolder::Open(config.data_dir, FolderOf(config, trust.ledger_id)));
  GROAT_ASSIGN_OR_RETURN(const RegisterParts parts, OpenRegister(config, folder));
  // The etcd register puts the prefix before every key by itself.
  const RegisterKeys keys("");
  if (!config.restore_from.empty()) {
    return Restore(config, trust.ledger_id, keys, *parts.reg, logger);
  }
  telemetry::Metrics registry("ledger");
  LedgerMetrics metrics(registry);
  GROAT_ASSIGN_OR_RETURN(const auto metrics_server,
                         telemetry::MetricsServer::Start(config.metrics_listen, registry));
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<BlockStore> store,
                         BlockStore::Open(folder.Inside("blocks"), trust.ledger_id));
  const rpc::ChannelOptions channel_options{.registry = registry.registry()};
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<GrpcPeers> peers,
                         GrpcPeers::Make(config.peer_endpoints, config.tls, channel_options));
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<RelayGrowthSource> growth,
                         RelayGrowthSource::Make(EndpointsOf(config), config.tls, channel_options));
  if (parts.etcd != nullptr) WarnOfOldEtcd(*parts.etcd, logger);
  if (config.tls.insecure)
    logger.Warn("plaintext connections: anybody may read, write and administer");

  NodeContext context{
      .self = self,
      .ledger_id = trust.ledger_id,
      .rules = RulesOf(trust),
      .node_keys = std::move(node_keys),
      .keys = keys,
      .window_blocks = config.register_window_blocks,
      .timing = {},
      .reg = parts.reg.get(),
      .store = store.get(),
      .metrics = &metrics,
      .logger = &logger,
      .now_ms = [] { return static_cast<uint64_t>(absl::ToUnixMillis(absl::Now())); }};
  context.timing.lease_ttl = config.lease_ttl;
  context.timing.poll_interval = config.poll_interval;
  NodeLimits limits;
  limits.growth_workers = config.growth_workers;
  LedgerNode node(std::move(context), limits, std::move(key), *peers, *growth);
  LedgerServiceImpl service(node, config.peer_endpoints);
  AdminServiceImpl admin(
      node, parts.etcd.get(),
      {.admins = {config.admins.begin(), config.admins.end()},
       .anybody = config.tls.insecure,
       .backup_dir = config.backup_dir.empty() ? folder.Inside("backups") : config.backup_dir});
  rpc::ServerOptions server_options;
  server_options.address = config.listen;
  server_options.tls = config.tls;
  server_options.services = {&service, &admin};
  server_options.registry = registry.registry();
  server_options.max_receive_bytes = static_cast<int>(config.max_request_bytes);
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                         rpc::Server::Start(server_options));
  node.OnUnhealthy([&server](const std::string&) { server->SetServing(false); });
  node.OnReady([&] {
    server->SetServing(true);
    // An alarm that came in between has the last word.
    if (!node.health().ok()) server->SetServing(false);
    logger.Info("ready", {{"applied", store->applied()}});
  });
  if (const absl::Status status = node.Start(); !status.ok()) {
    node.Stop();  // Before the server goes that its callbacks use.
    return status;
  }
  logger.Info("listening", {{"port", server->port()},
                            {"metrics_port", metrics_server->port()},
                            {"applied", store->applied()}});

  const int received = WaitForSignal();
  logger.Info("draining", {{"signal", received}});
  server->SetServing(false);
  service.EndWatches();
  server->Drain(config.drain_time);
  admin.Stop();
  node.Stop();
  logger.Info("stopped", {{"applied", store->applied()}});
  return absl::OkStatus();
}

int ExitStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return config::kExitOk;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kFailedPrecondition:
      return config::kExitData;
    case absl::StatusCode::kUnavailable:
      return config::kExitUnavailable;
    case absl::StatusCode::kPermissionDenied:
      return config::kExitPermission;
    default:
      return config::kExitConfig;
  }
}

int Main(int argc, const char* const* argv) {
  // Every thread leaves these to WaitForSignal.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Config config;
  config::ConfigLoader loader("groat_ledger",
                              "Orders the relays' cycle roots in a chain that a majority signs.");
  Describe(loader, config);
  if (const auto exit_status = loader.LoadInMain(argc, argv)) return *exit_status;
  telemetry::Logger logger({.service = "ledger",
                            .level = *telemetry::ParseLogLevel(config.log_level),
                            .format = *telemetry::ParseLogFormat(config.log_format)});
  const absl::Status status = Run(config, logger);
  if (!status.ok()) logger.Error("stopped by an error", {{"status", status}});
  return ExitStatusOf(status);
}

}  // namespace
}  // namespace groat::ledger_service

int main(int argc, char** argv) { return groat::ledger_service::Main(argc, argv); }
