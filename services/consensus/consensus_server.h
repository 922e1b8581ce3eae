// A whole replica in one object: everything that its configuration names, wired together.
//
// Thread-safe after Start. Threads: the mesh's (consensus runs on them, one task at a time), one
// for the disk, some for signatures, one for the archive, one for answers, two for reads, and
// gRPC's.
#ifndef GROAT_SERVICES_CONSENSUS_CONSENSUS_SERVER_H_
#define GROAT_SERVICES_CONSENSUS_CONSENSUS_SERVER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "p2p/live/live_network.h"
#include "p2p/live/mesh_metrics.h"
#include "rpc/server.h"
#include "services/consensus/admin_service.h"
#include "services/consensus/config.h"
#include "services/consensus/consensus_service.h"
#include "storage/data_folder.h"
#include "telemetry/log.h"

namespace groat::consensus_service {

// Errors: NotFound, PermissionDenied, InvalidArgument with the path.
absl::StatusOr<hotstuff::Genesis> ReadGenesisFile(const std::string& path);

class ConsensusServer {
 public:
  // The disk failed or the data contradicts itself: nothing more may be promised.
  using OnFatal = std::function<void(const absl::Status&)>;

  // Opens the data folder, restores the replica, joins the mesh, and takes calls; health says
  // SERVING while it is a validator and a quorum of them is connected. `config` and `logger` must
  // outlive the server. Errors name the file, folder or address: NotFound, InvalidArgument,
  // PermissionDenied, FailedPrecondition (another chain's or replica's folder), DataLoss (damage),
  // Unavailable (an address in use).
  static absl::StatusOr<std::unique_ptr<ConsensusServer>> Start(const Config& config,
                                                                telemetry::Logger& logger,
                                                                OnFatal on_fatal);
  // Ends without waiting for callers.
  ~ConsensusServer();

  int port() const { return server_->port(); }
  int metrics_port() const { return metrics_server_->port(); }
  const std::string& mesh_address() const { return mesh_address_; }
  Height last_height() const { return store_->last(); }

  // Takes no more commands, answers the callers that wait, then stops serving. Once.
  void Drain();

 private:
  ConsensusServer(const Config& config, telemetry::Logger& logger, OnFatal on_fatal);
  absl::Status Open();
  absl::Status OpenSigner();
  absl::Status OpenMesh();
  absl::Status StartReplica();
  absl::Status Serve();
  void SayHowItStarts();
  void WarnIfNotVoting();
  DriverEvents Events();
  void Refresh();

  const Config& config_;
  telemetry::Logger& logger_;
  const OnFatal on_fatal_;
  telemetry::Metrics registry_;
  Metrics metrics_;
  hotstuff::Genesis genesis_;
  std::optional<Ed25519PrivateKey> key_;
  std::unique_ptr<hotstuff::Signer> signer_;
  std::string mesh_address_;
  std::atomic<bool> draining_{false};
  // Of the executor.
  bool serving_ = false;
  p2p::TimerId refresh_timer_ = 0;
  // In the order in which they lean on each other.
  std::optional<storage::DataFolder> folder_;
  std::unique_ptr<BlockStore> store_;
  std::unique_ptr<p2p::LiveNetwork> network_;
  std::shared_ptr<p2p::MeshMetrics> mesh_metrics_;
  std::unique_ptr<ThreadOffload> disk_;
  std::unique_ptr<ThreadOffload> workers_;
  std::unique_ptr<ThreadOffload> archive_;
  std::unique_ptr<ThreadOffload> answers_;
  std::unique_ptr<ThreadOffload> readers_;
  std::unique_ptr<SubmitDesk> desk_;
  std::unique_ptr<ReplicaDriver> driver_;
  std::optional<Replica> replica_;
  std::unique_ptr<ConsensusServiceImpl> service_;
  std::unique_ptr<AdminServiceImpl> admin_;
  std::unique_ptr<telemetry::MetricsServer> metrics_server_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_CONSENSUS_SERVER_H_
