#include "services/consensus/consensus_server.h"

#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "bls/key_file.h"
#include "crypto/key_file.h"
#include "hotstuff/bls_scheme.h"
#include "hotstuff/ed25519_scheme.h"
#include "storage/rocks_store.h"

namespace groat::consensus_service {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMaxGenesisBytes = 1 << 20;
constexpr milliseconds kCallGrace{1000};
constexpr milliseconds kRefreshInterval{200};
constexpr size_t kReaderThreads = 2;
// Of the certificate of the mesh, made at each start; an hour back, since clocks differ.
constexpr int64_t kCertificateBackSeconds = 3600;
constexpr int64_t kCertificateSeconds = int64_t{10} * 365 * 24 * 3600;

storage::FolderIdentity FolderOf(const hotstuff::Genesis& genesis, const Ed25519PublicKey& key) {
  return {.format_version = 1,
          .kind = "consensus",
          .fields = {{"chain", genesis.Chain().Hex()}, {"public_key", key.Hex()}}};
}

}  // namespace

absl::StatusOr<hotstuff::Genesis> ReadGenesisFile(const std::string& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxGenesisBytes));
  const auto named = [&](const absl::Status& status) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
  };
  const absl::string_view text =
      absl::StripAsciiWhitespace(absl::string_view(file.content.data(), file.content.size()));
  const absl::StatusOr<Bytes> bytes = FromHex(std::string_view(text.data(), text.size()));
  if (!bytes.ok()) return named(bytes.status());
  absl::StatusOr<hotstuff::Genesis> genesis = hotstuff::Genesis::Decode(*bytes);
  if (!genesis.ok()) return named(genesis.status());
  return genesis;
}

ConsensusServer::ConsensusServer(const Config& config, telemetry::Logger& logger, OnFatal on_fatal)
    : config_(config),
      logger_(logger),
      on_fatal_(std::move(on_fatal)),
      registry_("consensus"),
      metrics_(registry_) {}

absl::StatusOr<std::unique_ptr<ConsensusServer>> ConsensusServer::Start(const Config& config,
                                                                        telemetry::Logger& logger,
                                                                        OnFatal on_fatal) {
  std::unique_ptr<ConsensusServer> server(new ConsensusServer(config, logger, std::move(on_fatal)));
  GROAT_RETURN_IF_ERROR(server->Open());
  GROAT_RETURN_IF_ERROR(server->OpenMesh());
  GROAT_RETURN_IF_ERROR(server->StartReplica());
  GROAT_RETURN_IF_ERROR(server->Serve());
  return server;
}

absl::Status ConsensusServer::Open() {
  GROAT_ASSIGN_OR_RETURN(genesis_, ReadGenesisFile(config_.genesis_file));
  GROAT_RETURN_IF_ERROR(OpenSigner());
  GROAT_ASSIGN_OR_RETURN(
      folder_, storage::DataFolder::Open(config_.data_dir, FolderOf(genesis_, key_->public_key())));
  GROAT_ASSIGN_OR_RETURN(
      storage::RocksStore rocks,
      storage::RocksStore::Open(folder_->Inside("blocks"), storage::RocksStore::Values::kLarge));
  GROAT_ASSIGN_OR_RETURN(
      store_, BlockStore::Open(std::make_unique<storage::RocksStore>(std::move(rocks)), genesis_));
  return absl::OkStatus();
}

absl::Status ConsensusServer::OpenSigner() {
  GROAT_ASSIGN_OR_RETURN(key_, ReadPrivateKeyFile(config_.signing_key_file));
  GROAT_ASSIGN_OR_RETURN(Ed25519PrivateKey block_key, ReadPrivateKeyFile(config_.signing_key_file));
  if (genesis_.certificates == hotstuff::CertificateKind::kEd25519List) {
    signer_ = std::make_unique<hotstuff::Ed25519Signer>(std::move(block_key));
    return absl::OkStatus();
  }
  if (config_.bls_signing_key_file.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("bls_signing_key_file: empty, but ",
                                                   config_.genesis_file, " has BLS certificates"));
  }
  GROAT_ASSIGN_OR_RETURN(bls::SecretKey share_key,
                         bls::ReadSecretKeyFile(config_.bls_signing_key_file));
  signer_ = std::make_unique<hotstuff::BlsSigner>(std::move(block_key), std::move(share_key));
  return absl::OkStatus();
}

absl::Status ConsensusServer::OpenMesh() {
  p2p::LiveNetworkOptions options;
  options.mesh.namespace_name =
      absl::StrCat("groat consensus ", genesis_.Chain().Hex().substr(0, 32));
  options.mesh.listen_address = config_.mesh_listen;
  options.mesh.advertised_address = config_.mesh_advertise;
  options.mesh.logger = &logger_;
  for (const PeerConfig& peer : config_.peers) {
    GROAT_ASSIGN_OR_RETURN(const Ed25519PublicKey id,
                           Ed25519PublicKey::FromHexText(peer.public_key, "peers"));
    if (id == key_->public_key()) continue;
    options.mesh.bootstrappers.push_back({id, peer.address});
  }
  const int64_t now_s = std::time(nullptr);
  GROAT_ASSIGN_OR_RETURN(options.carrier, p2p::CarrierOfName(config_.mesh_carrier));
  options.transport.name = "consensus";
  options.transport.threads = static_cast<int>(config_.mesh_threads);
  options.transport.validity = {now_s - kCertificateBackSeconds, now_s + kCertificateSeconds};
  GROAT_ASSIGN_OR_RETURN(network_, p2p::LiveNetwork::Make(std::move(options), *key_));
  mesh_metrics_ = std::make_shared<p2p::MeshMetrics>("consensus", *network_);
  registry_.Add(mesh_metrics_);
  p2p::Executor& executor = network_->executor();
  disk_ = std::make_unique<ThreadOffload>(executor, 1, "disk");
  workers_ = std::make_unique<ThreadOffload>(executor, config_.worker_threads, "signatures");
  archive_ = std::make_unique<ThreadOffload>(executor, 1, "archive");
  answers_ = std::make_unique<ThreadOffload>(executor, 1, "answers");
  readers_ = std::make_unique<ThreadOffload>(executor, kReaderThreads, "readers");
  desk_ = std::make_unique<SubmitDesk>(
      SubmitDesk::Parts{executor, *store_, *answers_, *readers_, metrics_}, DeskBounds());
  return absl::OkStatus();
}

DriverEvents ConsensusServer::Events() {
  DriverEvents events;
  events.committed = [this](const std::vector<hotstuff::CommittedBlock>& blocks) {
    desk_->OnCommitted(blocks);
    if (service_ != nullptr) service_->WakeSubscribers();
  };
  events.handed_over = [this](const auto& keys, const auto& verdicts) {
    desk_->OnHandedOver(keys, verdicts);
  };
  events.fatal = on_fatal_;
  events.assembled = [this](p2p::Duration took) {
    metrics_.certificate_seconds->Observe(std::chrono::duration<double>(took).count());
  };
  events.blocks_missing = [this, told = Height()](Height height) mutable {
    if (height <= told) return;  // One peer after another says so.
    told = height;
    logger_.Warn("a replica has pruned the blocks that are missing here",
                 {{"its_first_height", height}, {"height", store_->last()}});
  };
  events.installed = [this](Height height) {
    logger_.Warn("a snapshot of other replicas took the place of all blocks", {{"height", height}});
    if (service_ != nullptr) service_->WakeSubscribers();
  };
  events.found_evidence = [this](const hotstuff::Evidence& evidence) {
    const hotstuff::ReplicaIndex culprit = hotstuff::CulpritOf(evidence);
    logger_.Error("a validator broke the rules",
                  {{"validator", culprit},
                   {"public_key", driver_->validators()[culprit.value()].key.Hex()},
                   {"kind", hotstuff::KindOf(evidence)},
                   {"epoch", hotstuff::EpochOf(evidence)},
                   {"view", hotstuff::ViewOf(evidence)}});
  };
  events.entered_epoch = [this](Epoch epoch) {
    logger_.Info("an epoch began", {{"epoch", epoch}});
    WarnIfNotVoting();
  };
  return events;
}

absl::Status ConsensusServer::StartReplica() {
  absl::Status status;
  network_->RunAndWait([&] {
    DriverOptions options;
    options.core.mempool = {config_.pool_commands, config_.pool_bytes};
    options.core.batch_delay_ms = static_cast<uint64_t>(config_.batch_delay.count());
    options.keep_blocks = config_.keep_blocks;
    options.first_start = config_.first_start;
    options.memory_lost = config_.memory_lost;
    for (const PeerConfig& peer : config_.peers) {
      const auto id = Ed25519PublicKey::FromHexText(peer.public_key, "peers");
      if (id.ok() && *id != key_->public_key()) options.named_peers.push_back(*id);
    }
    auto driver =
        ReplicaDriver::Start({genesis_, key_->public_key(), *signer_, network_->mesh(),
                              network_->executor(), *store_, *disk_, *workers_, *archive_},
                             options, Events());
    status = driver.status();
    if (!status.ok()) return;
    driver_ = *std::move(driver);
    replica_.emplace(Replica{genesis_,
                             genesis_.Chain(),
                             *signer_,
                             network_->mesh(),
                             network_->executor(),
                             *driver_,
                             *store_,
                             *desk_,
                             *readers_,
                             metrics_,
                             config_.max_subscribers,
                             {config_.admins.begin(), config_.admins.end()},
                             config_.tls.insecure});
    service_ = std::make_unique<ConsensusServiceImpl>(*replica_);
    service_->PublishStatus();
    admin_ = std::make_unique<AdminServiceImpl>(*replica_);
    desk_->Open(*driver_);
    status = network_->mesh().Start();
    if (status.ok()) mesh_address_ = network_->mesh().listen_address();
    const hotstuff::CoreStatus restored = driver_->core().status();
    logger_.Info("restored", {{"epoch", restored.epoch},
                              {"view", restored.view},
                              {"height", restored.committed_height},
                              {"votes", restored.may_vote}});
    SayHowItStarts();
    WarnIfNotVoting();
  });
  return status;
}

void ConsensusServer::SayHowItStarts() {
  if (config_.memory_lost) {
    logger_.Warn("memory_lost is set: take it out of the configuration, the folder remembers it");
  } else if (config_.first_start && driver_->began_empty()) {
    logger_.Info("first start: take first_start out of the configuration",
                 {{"folder", config_.data_dir}});
  } else if (config_.first_start) {
    logger_.Warn(
        "first_start has no effect, the folder is not empty: take it out of the configuration",
        {{"folder", config_.data_dir}});
  } else if (driver_->began_empty()) {
    logger_.Warn(
        "the folder is empty and first_start is not set: counts as memory lost. If the keys of "
        "this "
        "replica have never signed anything, stop it, remove the folder and set first_start",
        {{"folder", config_.data_dir}});
  }
}

void ConsensusServer::WarnIfNotVoting() {
  const hotstuff::CoreStatus status = driver_->core().status();
  if (driver_->self().value() >= driver_->validators().size()) {
    logger_.Warn("this replica follows and does not vote: it is no validator of this epoch",
                 {{"epoch", status.epoch}, {"height", status.committed_height}});
  } else if (!status.may_vote) {
    logger_.Warn(
        "this replica follows and does not vote before an epoch that begins later: what it signed "
        "in this one is not in its folder",
        {{"epoch", status.epoch}, {"height", status.committed_height}});
  }
}

absl::Status ConsensusServer::Serve() {
  GROAT_ASSIGN_OR_RETURN(metrics_server_,
                         telemetry::MetricsServer::Start(config_.metrics_listen, registry_));
  rpc::ServerOptions options;
  options.address = config_.listen;
  options.tls = config_.tls;
  options.services = {service_.get(), admin_.get()};
  options.registry = registry_.registry();
  options.max_receive_bytes = static_cast<int>(config_.max_request_bytes);
  GROAT_ASSIGN_OR_RETURN(server_, rpc::Server::Start(options));
  network_->executor().Post([this] { Refresh(); });
  return absl::OkStatus();
}

void ConsensusServer::Refresh() {
  metrics_.Update(*driver_, *store_);
  service_->PublishStatus();
  const size_t validators = driver_->validators().size();
  const size_t connected = network_->mesh().Connected().size() + 1;
  const bool quorum = connected >= hotstuff::QuorumOf(validators);
  const bool serving = !draining_ && quorum && driver_->is_validator();
  if (serving != serving_) {
    serving_ = serving;
    server_->SetServing(serving);
    logger_.Info(serving                    ? "serves: a validator, and a quorum is connected"
                 : draining_                ? "drains"
                 : !driver_->is_validator() ? "does not serve: no validator of this epoch"
                                            : "does not serve: no quorum is connected",
                 {{"connected", connected}, {"validators", validators}});
  }
  refresh_timer_ = network_->executor().PostAfter(kRefreshInterval, [this] { Refresh(); });
}

void ConsensusServer::Drain() {
  draining_ = true;
  desk_->Close();
  server_->SetServing(false);
  const auto now = [] { return std::chrono::steady_clock::now(); };
  if (!desk_->WaitUntilAnswered(now() + config_.drain_time)) {
    desk_->FailWaiting(absl::UnavailableError(
        "the replica drains; the command may be committed all the same, submit it elsewhere"));
    desk_->WaitUntilAnswered(now() + kCallGrace);
  }
  service_->EndStreams();
  server_->Drain(kCallGrace);
}

ConsensusServer::~ConsensusServer() {
  draining_ = true;
  if (desk_ != nullptr) desk_->Close();
  if (service_ != nullptr) service_->EndStreams();
  if (server_ != nullptr) server_->Drain(milliseconds(0));
  for (ThreadOffload* offload :
       {readers_.get(), answers_.get(), archive_.get(), workers_.get(), disk_.get()}) {
    if (offload != nullptr) offload->Stop();
  }
  if (mesh_metrics_ != nullptr) mesh_metrics_->Detach();
  // Tasks run until the network has ended, and must not reach what is gone of it.
  if (network_ != nullptr) {
    network_->RunAndWait([this] {
      network_->executor().Cancel(refresh_timer_);
      if (driver_ != nullptr) driver_->Stop();
    });
  }
  network_.reset();  // No task of the driver's runs any more.
}

}  // namespace groat::consensus_service
