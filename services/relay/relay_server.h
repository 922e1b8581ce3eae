// A whole relay in one object: everything that its configuration names, wired together.
//
// Thread-safe after Start.
#ifndef GROAT_SERVICES_RELAY_RELAY_SERVER_H_
#define GROAT_SERVICES_RELAY_RELAY_SERVER_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "asset/trust.h"
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

class RelayServer {
 public:
  // Opens the data folder, replays the log and serves proofs; updates are taken, and health says
  // SERVING, once our history was compared with the ledger's. `config` and `logger` must outlive
  // the server. `on_fatal` is called if the ledger's history contradicts ours; see Anchor. Errors
  // name the file, folder or address: NotFound, InvalidArgument, PermissionDenied,
  // FailedPrecondition (another network's folder, a trust file that says otherwise), DataLoss
  // (a damaged log), Unavailable (an address in use).
  static absl::StatusOr<std::unique_ptr<RelayServer>> Start(const Config& config,
                                                            telemetry::Logger& logger,
                                                            Anchor::OnFatal on_fatal);
  // Ends without waiting for callers; everything acknowledged is durable.
  ~RelayServer();

  int port() const { return server_->port(); }
  int metrics_port() const { return metrics_server_->port(); }
  record::Cycle last_cycle() const { return cycles_->last(); }

  // Takes no more updates, answers the callers that wait, then stops serving. Once.
  void Drain();

 private:
  RelayServer(const Config& config, telemetry::Logger& logger);
  absl::Status Open();
  absl::Status OpenEngine(Ed25519PrivateKey key);
  absl::Status Serve(Anchor::OnFatal on_fatal);
  void ShowGauges(record::Cycle last);

  const Config& config_;
  telemetry::Logger& logger_;
  telemetry::Metrics registry_;
  Metrics metrics_;
  Ed25519PublicKey public_key_;
  std::optional<asset::Trust> trust_;
  // In the order in which they lean on each other.
  std::optional<storage::DataFolder> folder_;
  std::unique_ptr<telemetry::MetricsServer> metrics_server_;
  std::unique_ptr<CycleStore> cycles_;
  std::unique_ptr<WorkerPool> acknowledgements_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Anchor> anchor_;
  std::unique_ptr<Prover> prover_;
  std::unique_ptr<Answers> answers_;
  std::unique_ptr<RelayService> service_;
  std::unique_ptr<rpc::Server> server_;
  uint64_t gauges_ = 0;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_RELAY_SERVER_H_
