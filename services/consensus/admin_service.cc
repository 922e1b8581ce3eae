#include "services/consensus/admin_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/tls.h"
#include "rpc/unary.h"
#include "wire/consensus.h"

namespace groat::consensus_service {
namespace {

namespace v1 = ::groat::consensus::v1;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using ChangeReply = rpc::UnaryReply<v1::ChangeValidatorsResponse>;

// Waits for the commit of one change.
class ChangeCall final : public SubmitSink {
 public:
  ChangeCall(ChangeReply reply, Height last_height)
      : reply_(std::move(reply)), last_height_(last_height) {}

  void Take(const SubmitAnswer& answer) override {
    if (!answer.refusal.ok()) return reply_.Fail(answer.refusal);
    const SubmitAnswer::Placed& placed = answer.commands.front();
    if (!placed.fresh) {
      return reply_.Fail(absl::FailedPreconditionError(absl::StrCat(
          "the change has no effect in block ", answer.height.value(),
          ": another one stands, or its last height ", last_height_.value(), " is too near")));
    }
    v1::ChangeValidatorsResponse response;
    response.mutable_position()->set_height(answer.height.value());
    response.mutable_position()->set_index(placed.index);
    response.set_last_height(last_height_.value());
    reply_.Send(std::move(response));
  }
  void Fail(const absl::Status& status) { reply_.Fail(status); }

 private:
  ChangeReply reply_;
  const Height last_height_;
};

absl::Status CheckNext(Epoch next, const ReplicaDriver& driver) {
  const Epoch want = driver.core().status().epoch.Next();
  if (next == want) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("change to epoch ", next.value(), ", want ", want.value()));
}

}  // namespace

absl::Status AdminServiceImpl::CheckCaller(const CallbackServerContext& context) const {
  if (replica_.anybody_is_admin) return absl::OkStatus();
  GROAT_ASSIGN_OR_RETURN(const rpc::Peer peer, rpc::PeerIdentity(context));
  if (replica_.admins.count(peer.common_name) != 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("\"", peer.common_name, "\" is not among this replica's admins"));
}

ServerUnaryReactor* AdminServiceImpl::ApproveChange(CallbackServerContext* context,
                                                    const v1::ApproveChangeRequest* request,
                                                    v1::ApproveChangeResponse* response) {
  if (const absl::Status status = CheckCaller(*context); !status.ok()) {
    return rpc::FinishUnary(context, status);
  }
  auto change = wire::FromProto(*request);
  if (!change.ok()) return rpc::FinishUnary(context, change.status());
  rpc::UnaryReply<v1::ApproveChangeResponse> reply(context, response);
  ServerUnaryReactor* const reactor = reply.reactor();
  replica_.executor.Post([this, change = *std::move(change), reply = std::move(reply)]() mutable {
    const ReplicaDriver& driver = replica_.driver;
    if (const absl::Status status = CheckNext(change.next, driver); !status.ok()) {
      return reply.Fail(status);
    }
    if (driver.self().value() >= driver.validators().size()) {
      return reply.Fail(absl::FailedPreconditionError("this replica is no validator"));
    }
    v1::ApproveChangeResponse out;
    out.set_signer(driver.self().value());
    const Hash digest = hotstuff::ChangeDigest(change, replica_.chain);
    out.set_share(ToString(replica_.signer.SignShare(digest)));
    reply.Send(std::move(out));
  });
  return reactor;
}

ServerUnaryReactor* AdminServiceImpl::ChangeValidators(CallbackServerContext* context,
                                                       const v1::ChangeValidatorsRequest* request,
                                                       v1::ChangeValidatorsResponse* response) {
  if (const absl::Status status = CheckCaller(*context); !status.ok()) {
    return rpc::FinishUnary(context, status);
  }
  auto signed_change = wire::FromProto(*request, replica_.chain, hotstuff::kMaxReplicas);
  if (!signed_change.ok()) return rpc::FinishUnary(context, signed_change.status());
  ChangeReply reply(context, response);
  ServerUnaryReactor* const reactor = reply.reactor();
  // Shares are verified on the executor: it is rare, and only operators come here.
  replica_.executor.Post([this, change = *std::move(signed_change),
                          reply = std::move(reply)]() mutable {
    const ReplicaDriver& driver = replica_.driver;
    absl::Status status = CheckNext(change.change.next, driver);
    if (!status.ok()) return reply.Fail(status);
    for (const hotstuff::SignedShare& share : change.shares) {
      if (share.signer.value() < driver.validators().size()) continue;
      return reply.Fail(absl::InvalidArgumentError(absl::StrCat(
          "shares: signer ", share.signer.value(), ", want below ", driver.validators().size())));
    }
    auto command =
        hotstuff::MakeChangeCommand(change.change, change.shares, driver.core().verifier());
    if (!command.ok()) return reply.Fail(command.status());
    const auto call = std::make_shared<ChangeCall>(std::move(reply), change.change.last_height);
    status = replica_.desk.Offer({*std::move(command)}, call);
    if (!status.ok()) call->Fail(status);
  });
  return reactor;
}

}  // namespace groat::consensus_service
