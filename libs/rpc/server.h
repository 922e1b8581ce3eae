// A gRPC server as every service of the platform runs it: mutual TLS, health, reflection, metrics,
// bounded messages and streams, graceful drain.
//
// Thread-safe. Services are of the callback API and must outlive the server.
#ifndef GROAT_RPC_SERVER_H_
#define GROAT_RPC_SERVER_H_

#include <grpcpp/server.h>
#include <prometheus/registry.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rpc/tls.h"

namespace groat::rpc {

class HealthService;

struct ServerOptions {
  std::string address = "127.0.0.1:0";  // "host:port"; port 0 takes any free one.
  TlsConfig tls = {};
  std::vector<grpc::Service*> services = {};                 // Not owned.
  std::shared_ptr<prometheus::Registry> registry = nullptr;  // Null: no metrics.
  int max_receive_bytes = 4 * 1024 * 1024;  // A larger request ends RESOURCE_EXHAUSTED.
  int max_concurrent_streams = 1024;        // Calls at once on one connection.
  int max_metadata_bytes = 16 * 1024;
  // What one stream may buffer here before the client must wait.
  int stream_window_bytes = 1024 * 1024;
};

class Server {
 public:
  // Listens at once; health says NOT_SERVING until SetServing. Errors: those of the TLS files;
  // InvalidArgument for a bad address; Unavailable if the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);

  // Drains without grace.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return port_; }

  // Health of every service and of the server as a whole (the empty name).
  void SetServing(bool serving);
  // Health of one service, e.g. "groat.relay.v1.RelayService". The empty name, the server as a
  // whole, is SERVING while all services are. NotFound if no such service was registered.
  absl::Status SetServing(std::string_view service, bool serving);

  // Stops: health turns NOT_SERVING, no new call is taken, open calls have `grace` to end and are
  // then cancelled. Returns when all have ended: every handler must finish its call when it is
  // cancelled. A second call returns at once.
  void Drain(std::chrono::milliseconds grace);

 private:
  Server();
  std::unique_ptr<HealthService> health_;  // Outlives server_, which calls it.
  std::unique_ptr<grpc::Server> server_;
  std::atomic<bool> draining_ = false;
  int port_ = 0;
};

}  // namespace groat::rpc

#endif  // GROAT_RPC_SERVER_H_
