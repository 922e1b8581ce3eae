#include "services/consensus/consensus_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/unary.h"
#include "services/consensus/submit_calls.h"
#include "wire/common.h"
#include "wire/consensus.h"

namespace groat::consensus_service {
namespace {

namespace v1 = ::groat::consensus::v1;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// Reads that wait for a thread; more are refused.
constexpr size_t kMaxWaitingReads = 4096;
constexpr uint64_t kMaxHeadersBetween = 4096;

// Gives a read to the readers.
template <typename Response, typename Work>
ServerUnaryReactor* OnReader(const Replica& replica, CallbackServerContext* context,
                             Response* response, Work work) {
  rpc::UnaryReply<Response> reply(context, response);
  ServerUnaryReactor* const reactor = reply.reactor();
  if (replica.readers.waiting() >= kMaxWaitingReads) {
    reply.Fail(absl::ResourceExhaustedError("too many reads wait"));
    return reactor;
  }
  replica.readers.Run([reply = std::move(reply), work = std::move(work)]() mutable {
    if (reply.closed()) return;
    absl::StatusOr<Response> answer = work();
    if (answer.ok()) {
      reply.Send(*std::move(answer));
    } else {
      reply.Fail(answer.status());
    }
  });
  return reactor;
}

// Asks the core, on its executor.
template <typename Response, typename Work>
ServerUnaryReactor* OnExecutor(const Replica& replica, CallbackServerContext* context,
                               Response* response, Work work) {
  rpc::UnaryReply<Response> reply(context, response);
  ServerUnaryReactor* const reactor = reply.reactor();
  replica.executor.Post(
      [reply = std::move(reply), work = std::move(work)]() mutable { reply.Send(work()); });
  return reactor;
}

absl::StatusOr<v1::GetBlockResponse> ReadBlock(const BlockStore& store, Height height) {
  v1::GetBlockResponse out;
  GROAT_ASSIGN_OR_RETURN(const StoredBlock block, store.At(height));
  ToProto(block, out.mutable_block());
  GROAT_ASSIGN_OR_RETURN(const BlockStore::StoredProof proof, store.ProofFor(height));
  out.set_commit_proof(ToString(proof.encoding));
  if (proof.height.value() - height.value() > kMaxHeadersBetween) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the next proof is of height ", proof.height.value(), ", too far above; subscribe"));
  }
  for (Height next = height; next < proof.height;) {
    next = next.Next();
    GROAT_ASSIGN_OR_RETURN(const StoredBlock above, store.At(next));
    out.add_headers_between(ToString(above.header()));
  }
  return out;
}

v1::GetStatusResponse MakeStatus(const Replica& replica) {
  const hotstuff::CoreStatus status = replica.driver.core().status();
  v1::GetStatusResponse out;
  wire::SetBytes(replica.chain, out.mutable_chain_id());
  out.set_epoch(status.epoch.value());
  out.set_replica(replica.driver.self().value());
  out.set_view(status.view.value());
  if (status.leader.has_value()) out.set_leader(status.leader->value());
  out.set_committed_height(status.committed_height.value());
  wire::SetBytes(status.committed_block, out.mutable_committed_block());
  out.set_high_certificate_view(status.high_qc_view.value());
  out.set_pool_commands(status.mempool_count);
  out.set_pool_bytes(status.mempool_bytes);
  out.set_syncing(status.syncing);
  out.set_votes(status.may_vote);
  out.set_version(GROAT_VERSION);
  const std::vector<p2p::PeerId> connected = replica.network.Connected();
  const std::vector<hotstuff::Validator>& validators = replica.driver.validators();
  for (size_t i = 0; i < validators.size(); ++i) {
    v1::ReplicaStatus* const one = out.add_replicas();
    const bool self = i == replica.driver.self().value();
    one->set_replica(static_cast<uint32_t>(i));
    wire::SetBytes(validators[i].key, one->mutable_public_key());
    one->set_connected(self ||
                       std::binary_search(connected.begin(), connected.end(), validators[i].key));
    one->set_view(self ? status.view.value() : replica.driver.heard()[i].value());
  }
  return out;
}

v1::GetEvidenceResponse MakeEvidence(const ReplicaDriver& driver) {
  v1::GetEvidenceResponse out;
  const hotstuff::EvidenceLog& log = driver.core().evidence();
  for (const hotstuff::Evidence& evidence : log.list()) {
    v1::Evidence* const one = out.add_evidence();
    one->set_culprit(hotstuff::CulpritOf(evidence).value());
    one->set_view(hotstuff::ViewOf(evidence).value());
    one->set_evidence(ToString(hotstuff::EncodeEvidence(evidence)));
  }
  out.set_total(log.total());
  return out;
}

}  // namespace

ServerUnaryReactor* ConsensusServiceImpl::Submit(CallbackServerContext* context,
                                                 const v1::SubmitRequest* request,
                                                 v1::SubmitResponse* response) {
  auto commands = wire::CommandsFromProto(*request, replica_.genesis.block);
  if (!commands.ok()) return rpc::FinishUnary(context, commands.status());
  SubmitCall::Reply reply(context, response);
  ServerUnaryReactor* const reactor = reply.reactor();
  const auto call = std::make_shared<SubmitCall>(std::move(reply), *commands);
  const absl::Status status = replica_.desk.Offer(*std::move(commands), call);
  if (!status.ok()) call->Fail(status);
  return reactor;
}

grpc::ServerBidiReactor<v1::SubmitStreamRequest, v1::SubmitStreamResponse>*
ConsensusServiceImpl::SubmitStream(CallbackServerContext* context) {
  return rpc::StartStream(std::make_shared<consensus_service::SubmitStream>(context, replica_));
}

grpc::ServerWriteReactor<v1::SubscribeResponse>* ConsensusServiceImpl::Subscribe(
    CallbackServerContext* context, const v1::SubscribeRequest* request) {
  const Height last = replica_.store.last();
  const Height from = request->from_height() == 0 ? last.Next() : Height(request->from_height());
  auto opened = subscriptions_.Open(context, from);
  if (opened.ok()) {
    (*opened)->Schedule();
    return rpc::StartStream(*std::move(opened));
  }
  auto refused = std::make_shared<BlockStream>(context, replica_, from, [] {});
  refused->Finish(opened.status());
  return rpc::StartStream(std::move(refused));
}

ServerUnaryReactor* ConsensusServiceImpl::GetBlock(CallbackServerContext* context,
                                                   const v1::GetBlockRequest* request,
                                                   v1::GetBlockResponse* response) {
  const Height height = request->height() == 0 ? replica_.store.last() : Height(request->height());
  return OnReader(replica_, context, response,
                  [&store = replica_.store, height] { return ReadBlock(store, height); });
}

ServerUnaryReactor* ConsensusServiceImpl::GetStatus(CallbackServerContext* context,
                                                    const v1::GetStatusRequest*,
                                                    v1::GetStatusResponse* response) {
  return OnExecutor(replica_, context, response, [this] { return MakeStatus(replica_); });
}

ServerUnaryReactor* ConsensusServiceImpl::GetEvidence(CallbackServerContext* context,
                                                      const v1::GetEvidenceRequest*,
                                                      v1::GetEvidenceResponse* response) {
  return OnExecutor(replica_, context, response, [this] { return MakeEvidence(replica_.driver); });
}

ServerUnaryReactor* ConsensusServiceImpl::GetHandover(CallbackServerContext* context,
                                                      const v1::GetHandoverRequest* request,
                                                      v1::GetHandoverResponse* response) {
  return OnReader(replica_, context, response,
                  [&store = replica_.store,
                   epoch = Epoch(request->epoch())]() -> absl::StatusOr<v1::GetHandoverResponse> {
                    GROAT_ASSIGN_OR_RETURN(const hotstuff::HandoverProof proof,
                                           store.HandoverOf(epoch));
                    v1::GetHandoverResponse out;
                    out.set_approved_change(ToString(proof.approved.Encode()));
                    out.set_commit_proof(ToString(proof.commit.Encode()));
                    return out;
                  });
}

}  // namespace groat::consensus_service
