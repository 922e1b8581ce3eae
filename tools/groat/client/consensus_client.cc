#include "tools/groat/client/consensus_client.h"

#include <utility>

#include "base/status_macros.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::client {
namespace {

namespace v1 = consensus::v1;
using std::chrono::milliseconds;

// A response has about 1 MiB of blocks or a single one, of at most 16 MiB; and its proof.
constexpr int kMaxReceiveBytes = 24 << 20;
constexpr milliseconds kPause{50};
// A subscription is begun anew after this long at the latest; CallContext wants some deadline.
constexpr std::chrono::hours kSubscriptionLength{1};

}  // namespace

absl::StatusOr<std::unique_ptr<ConsensusClient>> ConsensusClient::Make(
    const std::vector<std::string>& endpoints, const rpc::TlsConfig& tls,
    rpc::Cancellation& cancellation) {
  rpc::ChannelOptions options;
  options.max_receive_bytes = kMaxReceiveBytes;
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<rpc::ChannelGroup> group,
                         rpc::ChannelGroup::Make(endpoints, tls, options));
  return std::unique_ptr<ConsensusClient>(new ConsensusClient(std::move(group), cancellation));
}

template <class Service, class Request, class Response>
absl::StatusOr<Response> ConsensusClient::Call(
    grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request) const {
  Response response;
  const auto attempt = [&](grpc::ClientContext& context) {
    const rpc::ChannelGroup::Choice choice = group_->Current();
    const auto stub = Service::NewStub(choice.channel);
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
        status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      group_->ReportFailure(choice.index);
    }
    return status;
  };
  GROAT_RETURN_IF_ERROR(rpc::CallWithRetry(policy_, cancellation_, attempt));
  return response;
}

absl::StatusOr<v1::SubmitResponse> ConsensusClient::Submit(const v1::SubmitRequest& request) const {
  absl::StatusOr<v1::SubmitResponse> response = absl::UnknownError("not asked");
  for (size_t tries = 0; tries < group_->size(); ++tries) {
    response = Call<v1::ConsensusService>(&v1::ConsensusService::Stub::Submit, request);
    // Only a replica that is no validator any more says so.
    if (!absl::IsFailedPrecondition(response.status())) return response;
    group_->ReportFailure(group_->Current().index);
  }
  return response;
}

absl::StatusOr<v1::GetStatusResponse> ConsensusClient::GetStatus() const {
  return Call<v1::ConsensusService>(&v1::ConsensusService::Stub::GetStatus, v1::GetStatusRequest());
}

absl::StatusOr<v1::GetEvidenceResponse> ConsensusClient::GetEvidence() const {
  return Call<v1::ConsensusService>(&v1::ConsensusService::Stub::GetEvidence,
                                    v1::GetEvidenceRequest());
}

absl::StatusOr<hotstuff::HandoverProof> ConsensusClient::GetHandover(
    hotstuff::Epoch epoch, const hotstuff::ChainId& chain) const {
  v1::GetHandoverRequest request;
  request.set_epoch(epoch.value());
  GROAT_ASSIGN_OR_RETURN(
      const v1::GetHandoverResponse response,
      Call<v1::ConsensusService>(&v1::ConsensusService::Stub::GetHandover, request));
  hotstuff::HandoverProof proof;
  GROAT_ASSIGN_OR_RETURN(proof.approved, hotstuff::ApprovedChange::Decode(
                                             wire::View(response.approved_change()), chain));
  GROAT_ASSIGN_OR_RETURN(proof.commit,
                         hotstuff::CommitProof::Decode(wire::View(response.commit_proof())));
  return proof;
}

absl::Status ConsensusClient::Subscribe(uint64_t from, const OnBlocks& on_blocks) const {
  for (uint64_t next = from;;) {
    const rpc::ChannelGroup::Choice choice = group_->Current();
    rpc::CallContext context(kSubscriptionLength);
    const rpc::Cancellation::Scope scope(cancellation_, context);
    v1::SubscribeRequest request;
    request.set_from_height(next);
    const auto reader = v1::ConsensusService::NewStub(choice.channel)->Subscribe(&context, request);
    v1::SubscribeResponse response;
    while (reader->Read(&response)) {
      const absl::StatusOr<uint64_t> wanted = on_blocks(response);
      if (wanted.ok()) {
        next = *wanted;
        continue;
      }
      context.TryCancel();
      reader->Finish();
      return absl::IsCancelled(wanted.status()) ? absl::OkStatus() : wanted.status();
    }
    const absl::Status status = rpc::FromGrpc(reader->Finish());
    const bool again = status.ok() || absl::IsUnavailable(status) ||
                       absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status);
    if (!again) return status;
    group_->ReportFailure(choice.index);
    if (!cancellation_.Sleep(kPause)) return absl::CancelledError("cancelled");
  }
}

absl::StatusOr<v1::ApproveChangeResponse> ConsensusClient::ApproveChange(
    const hotstuff::ValidatorChange& change) const {
  v1::ApproveChangeRequest request;
  request.set_change(ToString(change.Encode()));
  rpc::CallContext context(policy_.attempt_timeout);
  const rpc::Cancellation::Scope scope(cancellation_, context);
  v1::ApproveChangeResponse response;
  GROAT_RETURN_IF_ERROR(rpc::FromGrpc(v1::ConsensusAdminService::NewStub(group_->At(0))
                                          ->ApproveChange(&context, request, &response)));
  return response;
}

absl::StatusOr<v1::ChangeValidatorsResponse> ConsensusClient::ChangeValidators(
    const v1::ChangeValidatorsRequest& request) const {
  return Call<v1::ConsensusAdminService>(&v1::ConsensusAdminService::Stub::ChangeValidators,
                                         request);
}

}  // namespace groat::client
