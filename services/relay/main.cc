// groat_relay: the relay as a process.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "asset/trust.h"
#include "base/status_macros.h"
#include "crypto/key_file.h"
#include "rpc/server.h"
#include "services/relay/anchor.h"
#include "services/relay/answers.h"
#include "services/relay/config.h"
#include "services/relay/engine.h"
#include "services/relay/relay_service.h"
#include "storage/data_folder.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace groat::relay_service {
namespace {

absl::StatusOr<asset::Trust> ReadTrust(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(path + ": cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  absl::StatusOr<asset::Trust> trust = asset::ParseTrust(text.str());
  if (!trust.ok()) {
    return absl::InvalidArgumentError(path + ": " + std::string(trust.status().message()));
  }
  return trust;
}

// Our own entry in the trust file must say what we are configured to be.
absl::Status CheckOwnTrust(const Config& config, const asset::Trust& trust,
                           const Ed25519PublicKey& key) {
  GROAT_ASSIGN_OR_RETURN(const asset::RelayTrust own,
                         trust.Relay(record::RelayId(config.relay_id)));
  const auto differs = [&](std::string_view what, const std::string& ours,
                           const std::string& theirs) {
    return absl::FailedPreconditionError(std::string(what) + " is " + ours + ", but " +
                                         config.ledger_trust + " has " + theirs);
  };
  if (own.public_key != key) return differs("our public key", key.Hex(), own.public_key.Hex());
  if (own.period_cycles != config.period_cycles) {
    return differs("period_cycles", std::to_string(config.period_cycles),
                   std::to_string(own.period_cycles));
  }
  if (own.shard_bits != config.shard_bits) {
    return differs("shard_bits", std::to_string(config.shard_bits), std::to_string(own.shard_bits));
  }
  return absl::OkStatus();
}

storage::FolderIdentity FolderOf(const Config& config, const Bytes32& ledger_id) {
  return {.format_version = 1,
          .kind = "relay",
          .fields = {{"ledger_id", ledger_id.Hex()},
                     {"relay_id", std::to_string(config.relay_id)},
                     {"shard", std::to_string(config.shard)},
                     {"shard_bits", std::to_string(config.shard_bits)},
                     {"period_cycles", std::to_string(config.period_cycles)}}};
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

absl::Status Run(const Config& config, telemetry::Logger& logger) {
  GROAT_ASSIGN_OR_RETURN(Ed25519PrivateKey key, ReadPrivateKeyFile(config.signing_key_file));
  const Ed25519PublicKey public_key = key.public_key();
  GROAT_ASSIGN_OR_RETURN(const asset::Trust trust, ReadTrust(config.ledger_trust));
  GROAT_RETURN_IF_ERROR(CheckOwnTrust(config, trust, public_key));
  GROAT_ASSIGN_OR_RETURN(const record::NodeKeys nodes,
                         record::NodeKeys::Create(trust.ledger_nodes));
  GROAT_ASSIGN_OR_RETURN(
      const storage::DataFolder folder,
      storage::DataFolder::Open(config.data_dir, FolderOf(config, trust.ledger_id)));
  telemetry::Metrics registry("relay");
  Metrics metrics(registry);
  GROAT_ASSIGN_OR_RETURN(const auto metrics_server,
                         telemetry::MetricsServer::Start(config.metrics_listen, registry));
  GROAT_ASSIGN_OR_RETURN(
      std::unique_ptr<rpc::ChannelGroup> ledger,
      rpc::ChannelGroup::Make(config.ledger_endpoints, config.tls,
                              rpc::ChannelOptions{.registry = registry.registry()}));

  WorkerPool workers(config.worker_threads, /*max_queued=*/10'000);
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<CycleStore> cycles,
                         CycleStore::Open(folder.Inside("cycles")));
  const EngineOptions options{.identity = {record::RelayId(config.relay_id),
                                           record::Shard(config.shard), config.period_cycles},
                              .cycle_time = config.cycle_time,
                              .log_folder = folder.Inside("log")};
  GROAT_ASSIGN_OR_RETURN(
      const std::unique_ptr<Engine> engine,
      Engine::Open(options, std::move(key), *cycles, workers, metrics, config.old_trie_bytes));
  logger.Info("recovered", {{"last_cycle", cycles->last()}, {"keys", engine->key_count()}});

  const auto anchor = std::make_unique<Anchor>(
      Anchor::Options{options.identity.relay, options.identity.shard, trust.ledger_id, nodes},
      std::move(ledger), *cycles, metrics, logger,
      [&](record::Cycle cycle) { engine->NoteAnchored(cycle); },
      [&](const absl::Status& status) {
        logger.Error("history contradicts the ledger, stopping", {{"status", status}});
        // What was acknowledged is durable; nothing more may be promised.
        std::_Exit(config::kExitData);
      });
  const uint64_t gauges = cycles->AddListener([&](record::Cycle last) {
    metrics.closed_cycle->Set(static_cast<double>(last.value()));
    metrics.keys->Set(static_cast<double>(engine->key_count()));
    metrics.worker_queue->Set(static_cast<double>(workers.queued()));
    workers.TryPost(
        [&] { metrics.trie_bytes->Set(static_cast<double>(engine->shelf().open_bytes())); });
  });

  Prover prover(config.period_cycles, engine->shelf(), *cycles,
                [&](const Hash& wanted) { return engine->CycleOf(wanted); });
  Answers answers(config.period_cycles, prover, *cycles, *anchor, metrics);
  RelayService service({config, public_key, *engine, *cycles, answers, *anchor, workers, metrics});
  engine->Start();
  rpc::ServerOptions server_options;
  server_options.address = config.listen;
  server_options.tls = config.tls;
  server_options.services = {&service};
  server_options.registry = registry.registry();
  server_options.max_receive_bytes = static_cast<int>(config.max_request_bytes);
  GROAT_ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                         rpc::Server::Start(server_options));
  server->SetServing(true);
  logger.Info("serving", {{"port", server->port()}, {"metrics_port", metrics_server->port()}});

  const int received = WaitForSignal();
  logger.Info("draining", {{"signal", received}});
  server->SetServing(false);
  engine->Drain(config.drain_time);
  server->Drain(std::chrono::milliseconds(1000));
  cycles->RemoveListener(gauges);
  logger.Info("stopped", {{"last_cycle", cycles->last()}});
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
  config::ConfigLoader loader("groat_relay",
                              "Gathers updates in cycles into a cumulative Merkle trie.");
  Describe(loader, config);
  if (const auto exit_status = loader.LoadInMain(argc, argv)) return *exit_status;
  telemetry::Logger logger({.service = "relay",
                            .level = *telemetry::ParseLogLevel(config.log_level),
                            .format = *telemetry::ParseLogFormat(config.log_format)});
  const absl::Status status = Run(config, logger);
  if (!status.ok()) logger.Error("stopped by an error", {{"status", status}});
  return ExitStatusOf(status);
}

}  // namespace
}  // namespace groat::relay_service

int main(int argc, char** argv) { return groat::relay_service::Main(argc, argv); }
