// Client side: channels with the platform's settings, and contexts that always have a deadline.
//
// Thread-safe.
#ifndef GROAT_RPC_CHANNEL_H_
#define GROAT_RPC_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <prometheus/registry.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "rpc/tls.h"

namespace groat::rpc {

struct ChannelOptions {
  std::shared_ptr<prometheus::Registry> registry = nullptr;  // Null: no metrics.
  int max_receive_bytes = 4 * 1024 * 1024;
  // What one stream may buffer here before the server must wait.
  int stream_window_bytes = 1024 * 1024;
  // Its own connection instead of one shared with channels of the same endpoint and settings:
  // urgent calls do not wait behind bulk ones.
  bool own_connection = false;
};

// `endpoint` is "host:port"; the server's certificate must name the host. Connects on first use
// (within 3 s, TLS handshake included) and again after 100 ms, growing to 1 s, if that fails. Of a
// host name with several addresses the first that answers is used. Errors: those of the TLS files;
// InvalidArgument for a bad endpoint.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& endpoint,
                                                           const TlsConfig& tls,
                                                           const ChannelOptions& options);

// Several servers that give the same answers. Sticks to one until it is reported as failed, or
// another one is said to be better.
// (One gRPC channel for all would check every certificate against the same name.)
class ChannelGroup {
 public:
  // At least one endpoint. Errors as MakeChannel.
  static absl::StatusOr<std::unique_ptr<ChannelGroup>> Make(
      const std::vector<std::string>& endpoints, const TlsConfig& tls,
      const ChannelOptions& options);

  struct Choice {
    std::shared_ptr<grpc::Channel> channel;
    size_t index = 0;  // From 0, of the endpoint.
  };
  Choice Current() const;
  // Moves on to the endpoint after `failed`, if that is still the current one.
  void ReportFailure(size_t failed);
  // A server's hint that another one answers sooner. No effect if `endpoint` is not one of the
  // group, or was reported as failed in the last 10 s.
  void Prefer(std::string_view endpoint);
  // Channel of one endpoint; `index` below size().
  std::shared_ptr<grpc::Channel> At(size_t index) const { return channels_[index]; }
  size_t size() const { return channels_.size(); }

 private:
  ChannelGroup(std::vector<std::string> endpoints,
               std::vector<std::shared_ptr<grpc::Channel>> channels)
      : endpoints_(std::move(endpoints)),
        channels_(std::move(channels)),
        failed_at_(channels_.size()) {}
  const std::vector<std::string> endpoints_;
  const std::vector<std::shared_ptr<grpc::Channel>> channels_;
  mutable Mutex mutex_;
  std::vector<std::optional<std::chrono::steady_clock::time_point>> failed_at_
      ABSL_GUARDED_BY(mutex_);
  size_t current_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A context for one call, which ends DEADLINE_EXCEEDED after `timeout` (positive).
class CallContext : public grpc::ClientContext {
 public:
  explicit CallContext(std::chrono::milliseconds timeout);
};

}  // namespace groat::rpc

#endif  // GROAT_RPC_CHANNEL_H_
