#include "tools/groat/client/relay_client.h"

#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "rpc/status.h"

namespace groat::client {
namespace {

namespace v1 = relay::v1;

constexpr std::chrono::milliseconds kPause{50};
// A watch is begun anew after this long at the latest; CallContext wants some deadline.
constexpr std::chrono::hours kWatchLength{1};

}  // namespace

absl::StatusOr<std::unique_ptr<RelayClient>> RelayClient::Make(const std::string& endpoint,
                                                               const rpc::TlsConfig& tls,
                                                               rpc::Cancellation& cancellation) {
  rpc::ChannelOptions options;
  options.max_receive_bytes = kMaxProofResponseBytes;
  GROAT_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                         rpc::MakeChannel(endpoint, tls, options));
  return std::unique_ptr<RelayClient>(new RelayClient(std::move(channel), cancellation));
}

RelayClient::RelayClient(std::shared_ptr<grpc::Channel> channel, rpc::Cancellation& cancellation)
    : channel_(std::move(channel)),
      stub_(v1::RelayService::NewStub(channel_)),
      cancellation_(cancellation) {
  policy_.also_retry = {absl::StatusCode::kResourceExhausted};
}

absl::StatusOr<v1::SubmitUpdatesResponse> RelayClient::Submit(
    const v1::SubmitUpdatesRequest& request) const {
  v1::SubmitUpdatesResponse response;
  const absl::Status status =
      rpc::CallWithRetry(policy_, cancellation_, [&](grpc::ClientContext& context) {
        return stub_->SubmitUpdates(&context, request, &response);
      });
  if (status.ok()) return response;
  if (!absl::IsAlreadyExists(status)) return status;
  std::optional<v1::SubmitUpdatesResponse> detail =
      rpc::GetDetail<v1::SubmitUpdatesResponse>(status);
  if (detail.has_value()) return *std::move(detail);
  if (request.updates_size() < 2) return status;
  // The details have no room for so many results: ask for each half.
  const int half = request.updates_size() / 2;
  v1::SubmitUpdatesRequest halves[2] = {request, request};
  halves[0].mutable_updates()->DeleteSubrange(half, request.updates_size() - half);
  halves[1].mutable_updates()->DeleteSubrange(0, half);
  GROAT_ASSIGN_OR_RETURN(response, Submit(halves[0]));
  GROAT_ASSIGN_OR_RETURN(const v1::SubmitUpdatesResponse second, Submit(halves[1]));
  response.mutable_results()->MergeFrom(second.results());
  return response;
}

absl::StatusOr<v1::GetProofResponse> RelayClient::GetProof(
    const v1::GetProofRequest& request) const {
  v1::GetProofResponse response;
  GROAT_RETURN_IF_ERROR(rpc::CallWithRetry(
      policy_, cancellation_,
      [&](grpc::ClientContext& context) { return stub_->GetProof(&context, request, &response); }));
  return response;
}

absl::StatusOr<v1::GetProofsResponse> RelayClient::GetProofs(
    const v1::GetProofsRequest& request) const {
  v1::GetProofsResponse response;
  GROAT_RETURN_IF_ERROR(
      rpc::CallWithRetry(policy_, cancellation_, [&](grpc::ClientContext& context) {
        return stub_->GetProofs(&context, request, &response);
      }));
  return response;
}

absl::Status RelayClient::WaitCycleClosed(uint64_t cycle, std::chrono::milliseconds timeout) const {
  rpc::RetryPolicy policy = policy_;
  policy.max_attempts = std::numeric_limits<int>::max();
  policy.total_timeout = timeout;
  policy.max_backoff = policy.initial_backoff;
  policy.also_retry.push_back(absl::StatusCode::kOutOfRange);
  v1::GetCycleRequest request;
  request.set_cycle(cycle);
  v1::GetCycleResponse response;
  return rpc::CallWithRetry(policy, cancellation_, [&](grpc::ClientContext& context) {
    return stub_->GetCycle(&context, request, &response);
  });
}

absl::StatusOr<v1::ListCyclesResponse> RelayClient::ListCycles(uint64_t from_cycle,
                                                               uint32_t limit) const {
  v1::ListCyclesRequest request;
  request.set_from_cycle(from_cycle);
  request.set_limit(limit);
  v1::ListCyclesResponse response;
  GROAT_RETURN_IF_ERROR(
      rpc::CallWithRetry(policy_, cancellation_, [&](grpc::ClientContext& context) {
        return stub_->ListCycles(&context, request, &response);
      }));
  return response;
}

absl::StatusOr<v1::GetStatusResponse> RelayClient::GetStatus() const {
  v1::GetStatusResponse response;
  GROAT_RETURN_IF_ERROR(
      rpc::CallWithRetry(policy_, cancellation_, [&](grpc::ClientContext& context) {
        return stub_->GetStatus(&context, v1::GetStatusRequest(), &response);
      }));
  return response;
}

absl::Status RelayClient::WatchCycles(
    uint64_t from, const std::function<bool(const v1::CycleInfo&)>& on_cycle) const {
  uint64_t next = from;
  for (;;) {
    rpc::CallContext context(kWatchLength);
    const rpc::Cancellation::Scope scope(cancellation_, context);
    v1::WatchCyclesRequest request;
    request.set_from_cycle(next);
    const auto reader = stub_->WatchCycles(&context, request);
    v1::WatchCyclesResponse response;
    while (reader->Read(&response)) {
      next = response.cycle().root().statement().cycle() + 1;
      if (on_cycle(response.cycle())) continue;
      context.TryCancel();
      reader->Finish();
      return absl::OkStatus();
    }
    const absl::Status status = rpc::FromGrpc(reader->Finish());
    const bool again = status.ok() || absl::IsUnavailable(status) ||
                       absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status);
    if (!again) return status;
    if (!cancellation_.Sleep(kPause)) return absl::CancelledError("cancelled");
  }
}

}  // namespace groat::client
