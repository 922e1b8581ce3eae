// groat_relay: the relay as a process.
#include <pthread.h>
#include <signal.h>

#include <cstdlib>

#include "services/relay/relay_server.h"

namespace groat::relay_service {
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
  absl::StatusOr<std::unique_ptr<RelayServer>> relay =
      RelayServer::Start(config, logger, [&](const absl::Status& status) {
        logger.Error("the ledger contradicts or refuses our history, stopping",
                     {{"status", status}});
        // What was acknowledged is durable; nothing more may be promised.
        std::_Exit(config::kExitData);
      });
  if (!relay.ok()) return relay.status();
  logger.Info("serving", {{"port", (*relay)->port()}, {"metrics_port", (*relay)->metrics_port()}});
  const sigset_t signals = StopSignals();
  int received = 0;
  sigwait(&signals, &received);
  logger.Info("draining", {{"signal", received}});
  (*relay)->Drain();
  logger.Info("stopped", {{"last_cycle", (*relay)->last_cycle()}});
  return absl::OkStatus();
}

int Main(int argc, const char* const* argv) {
  // Every thread leaves these to sigwait.
  const sigset_t signals = StopSignals();
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
