#include "services/consensus/consensus_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/unary.h"
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

}  // namespace

ServerUnaryReactor* ConsensusServiceImpl::Submit(CallbackServerContext* context,
                                                 const v1::SubmitRequest* request,
                                                 v1::SubmitResponse* response) {
  return StartSubmit(path_, context, *request, response);
}

grpc::ServerBidiReactor<v1::SubmitStreamRequest, v1::SubmitStreamResponse>*
ConsensusServiceImpl::SubmitStream(CallbackServerContext* context) {
  return rpc::StartStream(submissions_.Open(context));
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
  return OnReader(replica_, context, response, [this]() -> absl::StatusOr<v1::GetStatusResponse> {
    v1::GetStatusResponse out = *board_.status();
    // Never behind what a client was told to be committed.
    const Height last = replica_.store.last();
    if (last.value() > out.committed_height()) {
      GROAT_ASSIGN_OR_RETURN(const StoredBlock block, replica_.store.At(last));
      out.set_committed_height(last.value());
      out.set_committed_block(ToString(block.id));
    }
    return out;
  });
}

ServerUnaryReactor* ConsensusServiceImpl::GetEvidence(CallbackServerContext* context,
                                                      const v1::GetEvidenceRequest*,
                                                      v1::GetEvidenceResponse* response) {
  *response = *board_.evidence();
  return rpc::FinishUnary(context, absl::OkStatus());
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
