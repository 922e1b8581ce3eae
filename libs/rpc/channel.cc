#include "rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>
#include <stdlib.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "rpc/call_metrics.h"

namespace groat::rpc {
namespace {

constexpr int kSecondMs = 1000;
// How long no hint leads back to an endpoint that failed.
constexpr std::chrono::seconds kAvoided{10};
// Room for the details of a status (status.h) beside other metadata.
constexpr int kMaxMetadataBytes = 16 * 1024;

// A connection of the blocking API moves only while some call waits on its channel, and otherwise
// when gRPC looks after all of them, by default every 5 s. Calls to a server that is away end at
// once, so the handshake with one that is back would wait for that, and pass its time limit again
// and again (seen for minutes on a busy machine). An operator's own value stands. gRPC reads it
// from the environment alone, when it starts; so it is set before main, while there is one thread.
[[maybe_unused]] const bool kConnectionsMove =
    setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50", /*overwrite=*/0) == 0;

absl::Status CheckEndpoint(const std::string& endpoint) {
  const size_t colon = endpoint.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 || endpoint.find('/') != std::string::npos ||
      endpoint.find(',') != std::string::npos ||
      !absl::SimpleAtoi(endpoint.substr(colon + 1), &port) || port <= 0 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("endpoint \"", endpoint, "\" is not host:port"));
  }
  return absl::OkStatus();
}

grpc::ChannelArguments Arguments(const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_receive_bytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, options.stream_window_bytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // Despite its name the time that one attempt to connect may take, handshake included. It delays
  // only attempts that get no answer at all.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3 * kSecondMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kSecondMs);
  // The server (server.cc) allows a ping every 5 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20 * kSecondMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10 * kSecondMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Retries are ours (retry.h): gRPC's would hide attempts from the metrics.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  if (options.own_connection) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

std::shared_ptr<grpc::Channel> Create(const std::string& endpoint,
                                      const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                                      const ChannelOptions& options) {
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> factories;
  if (options.registry != nullptr) factories.push_back(MakeClientCallMetrics(options.registry));
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      endpoint, credentials, Arguments(options), std::move(factories));
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& endpoint,
                                                           const TlsConfig& tls,
                                                           const ChannelOptions& options) {
  GROAT_RETURN_IF_ERROR(CheckEndpoint(endpoint));
  GROAT_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials,
                         MakeChannelCredentials(tls));
  return Create(endpoint, credentials, options);
}

absl::StatusOr<std::unique_ptr<ChannelGroup>> ChannelGroup::Make(
    const std::vector<std::string>& endpoints, const TlsConfig& tls,
    const ChannelOptions& options) {
  if (endpoints.empty()) return absl::InvalidArgumentError("no endpoints, want at least 1");
  for (const std::string& endpoint : endpoints) GROAT_RETURN_IF_ERROR(CheckEndpoint(endpoint));
  // One set of credentials, so one thread that watches the files.
  GROAT_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials,
                         MakeChannelCredentials(tls));
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (const std::string& endpoint : endpoints) {
    channels.push_back(Create(endpoint, credentials, options));
  }
  return std::unique_ptr<ChannelGroup>(new ChannelGroup(endpoints, std::move(channels)));
}

ChannelGroup::Choice ChannelGroup::Current() const {
  MutexLock lock(mutex_);
  return {channels_[current_], current_};
}

void ChannelGroup::ReportFailure(size_t failed) {
  MutexLock lock(mutex_);
  failed_at_[failed] = std::chrono::steady_clock::now();
  if (failed == current_) current_ = (current_ + 1) % channels_.size();
}

void ChannelGroup::Prefer(std::string_view endpoint) {
  const auto found = std::find(endpoints_.begin(), endpoints_.end(), endpoint);
  if (found == endpoints_.end()) return;
  const auto index = static_cast<size_t>(found - endpoints_.begin());
  MutexLock lock(mutex_);
  const auto& failed_at = failed_at_[index];
  if (failed_at.has_value() && std::chrono::steady_clock::now() - *failed_at < kAvoided) return;
  current_ = index;
}

CallContext::CallContext(std::chrono::milliseconds timeout) {
  GROAT_CHECK(timeout.count() > 0) << timeout.count() << " ms";
  set_deadline(std::chrono::system_clock::now() + timeout);
}

}  // namespace groat::rpc
