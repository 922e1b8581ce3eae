#include "services/consensus/admin_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/tls.h"
#include "wire/consensus.h"

namespace groat::consensus_service {
namespace {

namespace v1 = ::groat::consensus::v1;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using hotstuff::ValidatorChange;

// Calls that wait for a thread; more are refused.
constexpr size_t kMaxWaitingCalls = 64;

absl::Status CheckRoom(const Replica& replica) {
  const size_t waiting = replica.readers.waiting();
  if (waiting < kMaxWaitingCalls) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(waiting, " calls wait, try again later"));
}

absl::Status CheckNext(Epoch next, Epoch now) {
  if (next == now.Next()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("change to epoch ", next.value(), ", want one to ", now.Next().value()));
}

// Whether the chain may still order the change. FailedPrecondition names what is in the way.
absl::Status CheckOrderable(const ValidatorChange& change, const hotstuff::Core& core) {
  const hotstuff::CoreStatus status = core.status();
  GROAT_RETURN_IF_ERROR(CheckNext(change.next, status.epoch));
  if (const hotstuff::ApprovedChangePtr& standing = core.committed_change(); standing != nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "another change stands, ", standing->digest.Hex(), " with last height ",
        standing->change.last_height.value(), ": wait for epoch ", change.next.value()));
  }
  return hotstuff::CheckChangeHeight(change, status.committed_height.Next());
}

bool Stands(const Hash& digest, const hotstuff::Core& core) {
  const hotstuff::ApprovedChangePtr& standing = core.committed_change();
  return standing != nullptr && standing->digest == digest;
}

// The lowest block whose header names the change, among those up to `to`. Every block from the one
// that orders a change to the epoch's last names it. OutOfRange if it is no longer kept.
absl::StatusOr<StoredBlock> FindOrderingBlock(const BlockStore& store, const Hash& digest,
                                              Height to) {
  const uint64_t lead = hotstuff::kChangeLeadBlocks + 1;
  uint64_t low = to.value() > lead ? to.value() - lead + 1 : 1;
  uint64_t high = to.value();
  std::optional<StoredBlock> found;
  while (low <= high) {
    const uint64_t middle = low + (high - low) / 2;
    absl::StatusOr<StoredBlock> block = store.At(Height(middle));
    if (absl::IsOutOfRange(block.status())) {
      low = middle + 1;
      continue;
    }
    GROAT_RETURN_IF_ERROR(block.status());
    GROAT_ASSIGN_OR_RETURN(const hotstuff::BlockHeader header,
                           hotstuff::BlockHeader::Decode(block->header()));
    if (header.handover == digest) {
      found = *std::move(block);
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  if (!found.has_value()) return absl::OutOfRangeError("the block that orders it is gone");
  return *std::move(found);
}

// Where a change was ordered; height 0 if its block is no longer kept.
absl::StatusOr<Position> PositionOf(const BlockStore& store, const Hash& digest,
                                    Height last_height) {
  const Height to = std::min(last_height, store.last());
  const absl::StatusOr<StoredBlock> block = FindOrderingBlock(store, digest, to);
  if (absl::IsOutOfRange(block.status())) return Position();
  GROAT_RETURN_IF_ERROR(block.status());
  GROAT_ASSIGN_OR_RETURN(const hotstuff::BlockHeader header,
                         hotstuff::BlockHeader::Decode(block->header()));
  const hotstuff::CommandKey key = hotstuff::ChangeKey(digest);
  ByteReader reader(block->commands());
  for (uint32_t index = 0; index < header.command_count && !reader.failed(); ++index) {
    const hotstuff::ClientId client(reader.U64());
    const hotstuff::CommandKey at{client, hotstuff::Sequence(reader.U64())};
    reader.Raw(reader.U32());
    const bool repeated = std::binary_search(block->repeated.begin(), block->repeated.end(), index);
    if (!repeated && at == key) return Position{header.height, index};
  }
  // The lowest one that is kept need not be the one that orders it.
  return Position();
}

}  // namespace

// One ChangeValidators call, until its change is committed.
class AdminServiceImpl::ChangeCall final : public SubmitSink,
                                           public std::enable_shared_from_this<ChangeCall> {
 public:
  using Reply = rpc::UnaryReply<v1::ChangeValidatorsResponse>;

  ChangeCall(const AdminServiceImpl& service, Reply reply, ValidatorChange change)
      : service_(service),
        reply_(std::move(reply)),
        change_(std::move(change)),
        digest_(hotstuff::ChangeDigest(change_, service.replica_.chain)) {}

  void Take(const SubmitAnswer& answer) override {
    // Somebody else's call may have ordered the same change, approved by others.
    const bool other = answer.refusal.ok() ? !answer.commands.front().fresh
                                           : absl::IsAlreadyExists(answer.refusal);
    if (other) {
      return service_.replica_.executor.Post(
          [call = shared_from_this()] { call->service_.AnswerStanding(call); });
    }
    if (!answer.refusal.ok()) return Fail(answer.refusal);
    Answer({answer.height, answer.commands.front().index});
  }
  void Answer(const Position& position) {
    v1::ChangeValidatorsResponse response;
    response.mutable_position()->set_height(position.height.value());
    response.mutable_position()->set_index(position.index);
    response.set_last_height(change_.last_height.value());
    reply_.Send(std::move(response));
  }
  void Fail(const absl::Status& status) { reply_.Fail(status); }

  const ValidatorChange& change() const { return change_; }
  const Hash& digest() const { return digest_; }

 private:
  const AdminServiceImpl& service_;
  Reply reply_;
  const ValidatorChange change_;
  const Hash digest_;
};

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
  absl::Status status = CheckCaller(*context);
  if (status.ok()) status = CheckRoom(replica_);
  if (!status.ok()) return rpc::FinishUnary(context, status);
  auto change = wire::FromProto(*request);
  if (!change.ok()) return rpc::FinishUnary(context, change.status());
  ApproveReply reply(context, response);
  ServerUnaryReactor* const reactor = reply.reactor();
  replica_.readers.Run([this, change = *std::move(change), reply = std::move(reply)]() mutable {
    if (const absl::Status sound = hotstuff::CheckNewValidators(change, replica_.genesis);
        !sound.ok()) {
      return reply.Fail(absl::InvalidArgumentError(absl::StrCat("change: ", sound.message())));
    }
    replica_.executor.Post([this, change = std::move(change), reply = std::move(reply)]() mutable {
      Approve(change, std::move(reply));
    });
  });
  return reactor;
}

void AdminServiceImpl::Approve(const ValidatorChange& change, ApproveReply reply) const {
  const ReplicaDriver& driver = replica_.driver;
  if (driver.self().value() >= driver.validators().size()) {
    return reply.Fail(absl::FailedPreconditionError("this replica is no validator"));
  }
  const Hash digest = hotstuff::ChangeDigest(change, replica_.chain);
  // Consent to what stands already is asked for again after an answer was lost.
  if (!Stands(digest, driver.core())) {
    const absl::Status status = CheckOrderable(change, driver.core());
    if (!status.ok()) return reply.Fail(status);
  }
  v1::ApproveChangeResponse out;
  out.set_signer(driver.self().value());
  out.set_share(ToString(replica_.signer.SignShare(digest)));
  reply.Send(std::move(out));
}

ServerUnaryReactor* AdminServiceImpl::ChangeValidators(CallbackServerContext* context,
                                                       const v1::ChangeValidatorsRequest* request,
                                                       v1::ChangeValidatorsResponse* response) {
  absl::Status status = CheckCaller(*context);
  if (status.ok()) status = CheckRoom(replica_);
  if (!status.ok()) return rpc::FinishUnary(context, status);
  auto signed_change = wire::FromProto(*request, replica_.chain, hotstuff::kMaxReplicas);
  if (!signed_change.ok()) return rpc::FinishUnary(context, signed_change.status());
  ChangeCall::Reply reply(context, response);
  ServerUnaryReactor* const reactor = reply.reactor();
  const auto call =
      std::make_shared<ChangeCall>(*this, std::move(reply), std::move(signed_change->change));
  replica_.readers.Run([this, call, shares = std::move(signed_change->shares)]() mutable {
    if (const absl::Status sound = hotstuff::CheckNewValidators(call->change(), replica_.genesis);
        !sound.ok()) {
      return call->Fail(absl::InvalidArgumentError(absl::StrCat("change: ", sound.message())));
    }
    replica_.executor.Post([this, call, shares = std::move(shares)] { Order(call, shares); });
  });
  return reactor;
}

// Shares are verified on the executor: it is rare, and only operators come here.
void AdminServiceImpl::Order(const std::shared_ptr<ChangeCall>& call,
                             const std::vector<hotstuff::SignedShare>& shares) const {
  const ReplicaDriver& driver = replica_.driver;
  const ValidatorChange& change = call->change();
  const Epoch epoch = driver.core().status().epoch;
  if (change.next <= epoch || Stands(call->digest(), driver.core())) return AnswerStanding(call);
  absl::Status status = CheckOrderable(change, driver.core());
  if (!status.ok()) return call->Fail(status);
  for (const hotstuff::SignedShare& share : shares) {
    if (share.signer.value() < driver.validators().size()) continue;
    return call->Fail(absl::InvalidArgumentError(absl::StrCat(
        "shares: signer ", share.signer.value(), ", want below ", driver.validators().size())));
  }
  auto command = hotstuff::MakeChangeCommand(change, shares, driver.core().verifier());
  if (!command.ok()) return call->Fail(command.status());
  status = replica_.desk.Offer({*std::move(command)}, call);
  if (!status.ok()) call->Fail(status);
}

void AdminServiceImpl::AnswerStanding(const std::shared_ptr<ChangeCall>& call) const {
  const hotstuff::Core& core = replica_.driver.core();
  const Epoch epoch = core.status().epoch;
  if (call->change().next > epoch && !Stands(call->digest(), core)) {
    const absl::Status reason = CheckOrderable(call->change(), core);
    return call->Fail(reason.ok() ? absl::AbortedError("the change had no effect, try again")
                                  : reason);
  }
  replica_.readers.Run([this, call, epoch] {
    const ValidatorChange& change = call->change();
    if (change.next <= epoch) {
      const auto handover = replica_.store.HandoverOf(change.next.Previous());
      if (!handover.ok()) return call->Fail(handover.status());
      if (handover->approved.digest != call->digest()) {
        return call->Fail(CheckNext(change.next, epoch));
      }
    }
    const auto position = PositionOf(replica_.store, call->digest(), change.last_height);
    if (!position.ok()) return call->Fail(position.status());
    call->Answer(*position);
  });
}

}  // namespace groat::consensus_service
