// Unary calls to a relay, repeated while it is unavailable.
//
// Blocks the caller; thread-safe. Errors are those of the contract (proto/groat/relay/v1).
#ifndef GROAT_TOOLS_GROAT_CLIENT_RELAY_CLIENT_H_
#define GROAT_TOOLS_GROAT_CLIENT_RELAY_CLIENT_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "groat/relay/v1/relay.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "rpc/tls.h"

namespace groat::client {

// Room for many proofs in one answer.
inline constexpr int kMaxProofResponseBytes = 64 * 1024 * 1024;

class RelayClient {
 public:
  // Errors as rpc::MakeChannel.
  static absl::StatusOr<std::unique_ptr<RelayClient>> Make(const std::string& endpoint,
                                                           const rpc::TlsConfig& tls,
                                                           rpc::Cancellation& cancellation);

  // For all calls to come.
  void set_policy(const rpc::RetryPolicy& policy) { policy_ = policy; }

  // ALREADY_EXISTS, all updates being double spends, is an answer here and not an error; blocks and
  // checkpoint are then left out.
  absl::StatusOr<relay::v1::SubmitUpdatesResponse> Submit(
      const relay::v1::SubmitUpdatesRequest& request) const;
  absl::StatusOr<relay::v1::GetProofResponse> GetProof(
      const relay::v1::GetProofRequest& request) const;
  absl::StatusOr<relay::v1::GetProofsResponse> GetProofs(
      const relay::v1::GetProofsRequest& request) const;
  // Waits until a cycle is closed, at most `timeout` (OutOfRange).
  absl::Status WaitCycleClosed(uint64_t cycle, std::chrono::milliseconds timeout) const;
  absl::StatusOr<relay::v1::ListCyclesResponse> ListCycles(uint64_t from_cycle,
                                                           uint32_t limit) const;
  absl::StatusOr<relay::v1::GetStatusResponse> GetStatus() const;
  // Each closed cycle from `from` on (0: the next one), until `on_cycle` returns false (OK) or the
  // client is cancelled (Cancelled). Goes on when a stream breaks.
  absl::Status WatchCycles(uint64_t from,
                           const std::function<bool(const relay::v1::CycleInfo&)>& on_cycle) const;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  using Stub = relay::v1::RelayService::Stub;
  RelayClient(std::shared_ptr<grpc::Channel> channel, rpc::Cancellation& cancellation);

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<Stub> stub_;
  rpc::Cancellation& cancellation_;
  rpc::RetryPolicy policy_;
};

}  // namespace groat::client

#endif  // GROAT_TOOLS_GROAT_CLIENT_RELAY_CLIENT_H_
