// groat_consensus: a replica of consensus as a process.
#include <pthread.h>
#include <signal.h>

#include <cstdlib>

#include "services/consensus/consensus_server.h"

// Read by jemalloc before main. Blocks and messages of megabytes come and go all the time. By
// default those of 8 MiB and more would each be memory fresh from the kernel, whose pages cost more
// than what is copied into them.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "oversize_threshold:0";
}

namespace groat::consensus_service {
namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
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

absl::Status Run(const Config& config, telemetry::Logger& logger) {
  absl::StatusOr<std::unique_ptr<ConsensusServer>> replica =
      ConsensusServer::Start(config, logger, [&](const absl::Status& status) {
        logger.Error("what must be durable is not, stopping", {{"status", status}});
        // What left this process is durable; nothing more may leave.
        std::_Exit(config::kExitData);
      });
  if (!replica.ok()) return replica.status();
  logger.Info("serving", {{"port", (*replica)->port()},
                          {"metrics_port", (*replica)->metrics_port()},
                          {"mesh", (*replica)->mesh_address()}});
  const sigset_t signals = StopSignals();
  int received = 0;
  sigwait(&signals, &received);
  logger.Info("draining", {{"signal", received}});
  (*replica)->Drain();
  logger.Info("stopped", {{"height", (*replica)->last_height()}});
  return absl::OkStatus();
}

int Main(int argc, const char* const* argv) {
  // Every thread leaves these to sigwait.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Config config;
  config::ConfigLoader loader("groat_consensus",
                              "Puts commands into one order, with replicas that may lie.");
  Describe(loader, config);
  if (const auto exit_status = loader.LoadInMain(argc, argv)) return *exit_status;
  telemetry::Logger logger({.service = "consensus",
                            .level = *telemetry::ParseLogLevel(config.log_level),
                            .format = *telemetry::ParseLogFormat(config.log_format)});
  const absl::Status status = Run(config, logger);
  if (!status.ok()) logger.Error("stopped by an error", {{"status", status}});
  return ExitStatusOf(status);
}

}  // namespace
}  // namespace groat::consensus_service

int main(int argc, char** argv) { return groat::consensus_service::Main(argc, argv); }
