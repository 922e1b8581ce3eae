#include "rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/impl/server_initializer.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/call_metrics.h"
#include "rpc/health.h"
#include "rpc/tsan.h"

namespace groat::rpc {
namespace {

constexpr int kSecondMs = 1000;
// What all connections may buffer together before gRPC closes the idlest.
constexpr size_t kMemoryQuotaBytes = size_t{1} << 30;
// Only reflection is synchronous: its threads are all that this bounds.
constexpr int kReflectionThreads = 4;

// Tells the health service which services were registered; gRPC shows the list to plugins only.
class ServiceLister final : public grpc::ServerBuilderPlugin {
 public:
  explicit ServiceLister(HealthService* health) : health_(health) {}
  std::string name() override { return "groat service lister"; }
  void InitServer(grpc::ServerInitializer* initializer) override {
    for (const std::string& service : *initializer->GetServiceList()) {
      if (!absl::StartsWith(service, "grpc.")) health_->AddService(service);
    }
  }
  void Finish(grpc::ServerInitializer*) override {}
  void ChangeArguments(const std::string&, void*) override {}

 private:
  HealthService* const health_;
};

class ServiceListerOption final : public grpc::ServerBuilderOption {
 public:
  explicit ServiceListerOption(HealthService* health) : health_(health) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->push_back(std::make_unique<ServiceLister>(health_));
  }

 private:
  HealthService* const health_;
};

// Both switches are global to the process in gRPC, so they are set once.
void SetUpGrpc() {
  static const bool done = [] {
    grpc::EnableDefaultHealthCheckService(false);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  static_cast<void>(done);
}

absl::Status CheckOptions(const ServerOptions& options) {
  const size_t colon = options.address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(options.address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("address \"", options.address, "\" is not host:port"));
  }
  const std::pair<const char*, int> positive[] = {
      {"max_receive_bytes", options.max_receive_bytes},
      {"max_concurrent_streams", options.max_concurrent_streams},
      {"max_metadata_bytes", options.max_metadata_bytes},
      {"stream_window_bytes", options.stream_window_bytes}};
  for (const auto& [name, value] : positive) {
    if (value <= 0) return absl::InvalidArgumentError(absl::StrCat(name, " is ", value));
  }
  return absl::OkStatus();
}

void SetArguments(const ServerOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(options.max_receive_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
  // Without the probe the window stays as given, so a stalled stream holds no more than that.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, options.stream_window_bytes);
  // Two processes on one port would each get some of the connections, without any error.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A dead client is noticed within 30 s. Ours ping every 20 s (channel.cc), also without calls;
  // one that pings more often than every 5 s is sent away.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20 * kSecondMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10 * kSecondMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5 * kSecondMs);
  grpc::ResourceQuota quota("groat server");
  quota.Resize(kMemoryQuotaBytes).SetMaxThreads(kReflectionThreads);
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 1);
}

}  // namespace

Server::Server() : health_(std::make_unique<HealthService>()) {}

Server::~Server() { Drain(std::chrono::milliseconds(0)); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  GROAT_RETURN_IF_ERROR(CheckOptions(options));
  GROAT_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials,
                         MakeServerCredentials(options.tls));
  SetUpGrpc();
  std::unique_ptr<Server> server(new Server());
  grpc::ServerBuilder builder;
  SetArguments(options, builder);
  builder.AddListeningPort(options.address, credentials, &server->port_);
  builder.RegisterService(server->health_.get());
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  builder.SetOption(std::make_unique<ServiceListerOption>(server->health_.get()));
  if (options.registry != nullptr) {
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
    factories.push_back(MakeServerCallMetrics(options.registry));
    builder.experimental().SetInterceptorCreators(std::move(factories));
  }
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.address));
  }
  return server;
}

void Server::SetServing(bool serving) { health_->SetServing(serving); }

absl::Status Server::SetServing(std::string_view service, bool serving) {
  return health_->SetServing(service, serving);
}

void Server::Drain(std::chrono::milliseconds grace) {
  if (server_ == nullptr || draining_.exchange(true)) return;
  health_->Drain();
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  TsanAcquire(&kEndedCalls);
}

}  // namespace groat::rpc
