#include "services/relay/relay_server.h"

#include "asset/trust.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "crypto/key_file.h"

namespace groat::relay_service {
namespace {

constexpr size_t kMaxQueuedTasks = 10'000;
constexpr size_t kMaxTrustBytes = 1 << 20;
constexpr std::chrono::milliseconds kCallGrace{1000};

absl::StatusOr<asset::Trust> ReadTrust(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxTrustBytes));
  absl::StatusOr<asset::Trust> trust = asset::ParseTrust(file.content);
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

}  // namespace

RelayServer::RelayServer(const Config& config, telemetry::Logger& logger)
    : config_(config), logger_(logger), registry_("relay"), metrics_(registry_) {}

absl::StatusOr<std::unique_ptr<RelayServer>> RelayServer::Start(const Config& config,
                                                                telemetry::Logger& logger,
                                                                Anchor::OnFatal on_fatal) {
  auto relay = std::unique_ptr<RelayServer>(new RelayServer(config, logger));
  GROAT_RETURN_IF_ERROR(relay->Open());
  GROAT_RETURN_IF_ERROR(relay->Serve(std::move(on_fatal)));
  return relay;
}

absl::Status RelayServer::Open() {
  GROAT_ASSIGN_OR_RETURN(Ed25519PrivateKey key, ReadPrivateKeyFile(config_.signing_key_file));
  public_key_ = key.public_key();
  GROAT_ASSIGN_OR_RETURN(trust_, ReadTrust(config_.ledger_trust));
  GROAT_RETURN_IF_ERROR(CheckOwnTrust(config_, *trust_, public_key_));
  GROAT_ASSIGN_OR_RETURN(
      folder_, storage::DataFolder::Open(config_.data_dir, FolderOf(config_, trust_->ledger_id)));
  GROAT_RETURN_IF_ERROR(OpenEngine(std::move(key)));
  prover_ =
      std::make_unique<Prover>(config_.period_cycles, engine_->shelf(), *cycles_,
                               [this](const Hash& wanted) { return engine_->CycleOf(wanted); });
  return absl::OkStatus();
}

absl::Status RelayServer::OpenEngine(Ed25519PrivateKey key) {
  acknowledgements_ = std::make_unique<WorkerPool>(1, kMaxQueuedTasks);
  workers_ = std::make_unique<WorkerPool>(config_.worker_threads, kMaxQueuedTasks);
  GROAT_ASSIGN_OR_RETURN(cycles_, CycleStore::Open(folder_->Inside("cycles")));
  const EngineOptions options{.identity = {record::RelayId(config_.relay_id),
                                           record::Shard(config_.shard), config_.period_cycles},
                              .cycle_time = config_.cycle_time,
                              .log_folder = folder_->Inside("log")};
  GROAT_ASSIGN_OR_RETURN(engine_, Engine::Open(options, std::move(key), *cycles_,
                                               EnginePools{*acknowledgements_, *workers_}, metrics_,
                                               config_.old_trie_bytes));
  logger_.Info("recovered", {{"last_cycle", cycles_->last()}, {"keys", engine_->key_count()}});
  gauges_ = cycles_->AddListener([this](record::Cycle last) { ShowGauges(last); });
  return absl::OkStatus();
}

void RelayServer::ShowGauges(record::Cycle last) {
  metrics_.closed_cycle->Set(static_cast<double>(last.value()));
  metrics_.keys->Set(static_cast<double>(engine_->key_count()));
  metrics_.worker_queue->Set(static_cast<double>(workers_->queued()));
  workers_->TryPost(
      [this] { metrics_.trie_bytes->Set(static_cast<double>(engine_->shelf().open_bytes())); });
}

absl::Status RelayServer::Serve(Anchor::OnFatal on_fatal) {
  GROAT_ASSIGN_OR_RETURN(record::NodeKeys nodes,
                         record::NodeKeys::FromProven(trust_->ledger_nodes));
  GROAT_ASSIGN_OR_RETURN(
      std::unique_ptr<rpc::ChannelGroup> ledger,
      rpc::ChannelGroup::Make(config_.ledger_endpoints, config_.tls,
                              rpc::ChannelOptions{.registry = registry_.registry()}));
  GROAT_ASSIGN_OR_RETURN(metrics_server_,
                         telemetry::MetricsServer::Start(config_.metrics_listen, registry_));
  anchor_ = std::make_unique<Anchor>(
      Anchor::Options{record::RelayId(config_.relay_id), record::Shard(config_.shard),
                      trust_->ledger_id, std::move(nodes)},
      std::move(ledger), *cycles_, metrics_, logger_);
  answers_ =
      std::make_unique<Answers>(config_.period_cycles, *prover_, *cycles_, *anchor_, metrics_);
  service_ = std::make_unique<RelayService>(
      Relay{config_, public_key_, *engine_, *cycles_, *answers_, *anchor_, *workers_, metrics_});
  rpc::ServerOptions options;
  options.address = config_.listen;
  options.tls = config_.tls;
  options.services = {service_.get()};
  options.registry = registry_.registry();
  options.max_receive_bytes = static_cast<int>(config_.max_request_bytes);
  GROAT_ASSIGN_OR_RETURN(server_, rpc::Server::Start(options));
  anchor_->Start({.compared =
                      [this] {
                        engine_->Start();
                        server_->SetServing(true);
                        logger_.Info("history agrees with the ledger's, taking updates");
                      },
                  .anchored = [this](record::Cycle cycle) { engine_->NoteAnchored(cycle); },
                  .fatal = std::move(on_fatal)});
  return absl::OkStatus();
}

void RelayServer::Drain() {
  server_->SetServing(false);
  engine_->Drain(config_.drain_time);
  server_->Drain(kCallGrace);
}

RelayServer::~RelayServer() {
  if (server_ != nullptr) server_->Drain(std::chrono::milliseconds(0));
  anchor_.reset();  // Calls the engine.
  if (cycles_ != nullptr) cycles_->RemoveListener(gauges_);
  if (engine_ != nullptr) engine_->Stop();
  acknowledgements_.reset();
  workers_.reset();  // Their tasks use the engine's tries, so it goes last.
}

}  // namespace groat::relay_service
