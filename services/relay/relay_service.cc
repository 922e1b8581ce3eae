#include "services/relay/relay_service.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/unary.h"
#include "services/relay/cycle_streams.h"
#include "services/relay/submit_call.h"
#include "services/relay/update_stream.h"
#include "wire/common.h"
#include "wire/relay.h"

namespace groat::relay_service {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// Gives the work of a call to a worker; refuses it if too many wait.
template <typename Response, typename Work>
ServerUnaryReactor* OnWorker(WorkerPool& workers, CallbackServerContext* context,
                             Response* response, Work work) {
  auto reply = std::make_shared<rpc::UnaryReply<Response>>(context, response);
  ServerUnaryReactor* reactor = reply->reactor();
  const bool posted = workers.TryPost([reply, work = std::move(work)] {
    if (reply->closed()) return;
    absl::StatusOr<Response> answer = work();
    if (answer.ok()) {
      reply->Send(*std::move(answer));
    } else {
      reply->Fail(answer.status());
    }
  });
  if (!posted) reply->Fail(absl::ResourceExhaustedError("too many requests for proofs wait"));
  return reactor;
}

}  // namespace

ServerUnaryReactor* RelayService::SubmitUpdates(CallbackServerContext* context,
                                                const relay::v1::SubmitUpdatesRequest* request,
                                                relay::v1::SubmitUpdatesResponse* response) {
  using Reply = rpc::UnaryReply<relay::v1::SubmitUpdatesResponse>;
  auto reply = std::make_shared<Reply>(context, response);
  ServerUnaryReactor* reactor = reply->reactor();
  const absl::Status status = BeginSubmit(
      relay_, *request, [reply](absl::StatusOr<relay::v1::SubmitUpdatesResponse> answer) {
        if (!answer.ok()) return reply->Fail(answer.status());
        const bool caught = answer->results_size() == 1 &&
                            answer->results(0).outcome() == relay::v1::UPDATE_OUTCOME_DOUBLE_SPEND;
        if (caught) return reply->Fail(DoubleSpendStatus(*std::move(answer)));
        reply->Send(*std::move(answer));
      });
  if (!status.ok()) reply->Fail(status);
  return reactor;
}

grpc::ServerBidiReactor<relay::v1::StreamUpdatesRequest, relay::v1::StreamUpdatesResponse>*
RelayService::StreamUpdates(CallbackServerContext* context) {
  return rpc::StartStream(std::make_shared<UpdateStream>(context, relay_));
}

ServerUnaryReactor* RelayService::GetProof(CallbackServerContext* context,
                                           const relay::v1::GetProofRequest* request,
                                           relay::v1::GetProofResponse* response) {
  const auto key = wire::KeyFromProto(*request, record::RelayId(relay_.config.relay_id));
  if (!key.ok()) return rpc::FinishUnary(context, key.status());
  const Prover::Span span{record::Cycle(request->since_cycle()),
                          record::Cycle(request->at_cycle())};
  return OnWorker(relay_.workers, context, response,
                  [this, key = *key, span, prove_absence = request->prove_absence()] {
                    return relay_.answers.Proof(key, span, prove_absence);
                  });
}

ServerUnaryReactor* RelayService::GetProofs(CallbackServerContext* context,
                                            const relay::v1::GetProofsRequest* request,
                                            relay::v1::GetProofsResponse* response) {
  auto keys = wire::KeysFromProto(*request);
  if (!keys.ok()) return rpc::FinishUnary(context, keys.status());
  const Prover::Span span{record::Cycle(request->since_cycle()),
                          record::Cycle(request->at_cycle())};
  return OnWorker(relay_.workers, context, response, [this, keys = *std::move(keys), span] {
    return relay_.answers.Proofs(keys, span);
  });
}

ServerUnaryReactor* RelayService::GetCycle(CallbackServerContext* context,
                                           const relay::v1::GetCycleRequest* request,
                                           relay::v1::GetCycleResponse* response) {
  record::Cycle cycle(request->cycle());
  if (cycle == record::Cycle(0)) cycle = relay_.cycles.last();
  return OnWorker(relay_.workers, context, response,
                  [this, cycle]() -> absl::StatusOr<relay::v1::GetCycleResponse> {
                    GROAT_ASSIGN_OR_RETURN(const ClosedCycle closed, relay_.cycles.Get(cycle));
                    relay::v1::GetCycleResponse out;
                    *out.mutable_cycle() = ToProto(closed);
                    return out;
                  });
}

ServerUnaryReactor* RelayService::ListCycles(CallbackServerContext* context,
                                             const relay::v1::ListCyclesRequest* request,
                                             relay::v1::ListCyclesResponse* response) {
  const uint32_t limit = request->limit() == 0 ? wire::kDefaultCyclesPerPage : request->limit();
  if (limit > wire::kMaxCyclesPerPage) {
    return rpc::FinishUnary(
        context, absl::InvalidArgumentError(
                     absl::StrCat("limit is ", limit, ", want 1 to ", wire::kMaxCyclesPerPage)));
  }
  return OnWorker(relay_.workers, context, response,
                  [this, limit, from = record::Cycle(request->from_cycle())]()
                      -> absl::StatusOr<relay::v1::ListCyclesResponse> {
                    GROAT_ASSIGN_OR_RETURN(const std::vector<ClosedCycle> cycles,
                                           relay_.cycles.List(from, limit));
                    relay::v1::ListCyclesResponse out;
                    for (const ClosedCycle& cycle : cycles) *out.add_cycles() = ToProto(cycle);
                    return out;
                  });
}

grpc::ServerWriteReactor<relay::v1::WatchCyclesResponse>* RelayService::WatchCycles(
    CallbackServerContext* context, const relay::v1::WatchCyclesRequest* request) {
  const record::Cycle from = request->from_cycle() == 0 ? relay_.cycles.last().Next()
                                                        : record::Cycle(request->from_cycle());
  auto watch = std::make_shared<CycleWatch>(context, relay_, from);
  watch->Begin();
  return rpc::StartStream(std::move(watch));
}

grpc::ServerWriteReactor<relay::v1::GetGrowthProofResponse>* RelayService::GetGrowthProof(
    CallbackServerContext* context, const relay::v1::GetGrowthProofRequest* request) {
  auto stream = std::make_shared<GrowthStream>(context, relay_, record::Cycle(request->cycle()));
  stream->Begin();
  return rpc::StartStream(std::move(stream));
}

ServerUnaryReactor* RelayService::GetStatus(CallbackServerContext* context,
                                            const relay::v1::GetStatusRequest*,
                                            relay::v1::GetStatusResponse* response) {
  response->set_relay_id(relay_.config.relay_id);
  response->set_shard(relay_.config.shard);
  wire::SetBytes(relay_.public_key, response->mutable_public_key());
  response->set_cycle_time_ms(static_cast<uint64_t>(relay_.config.cycle_time.count()));
  response->set_period_cycles(relay_.config.period_cycles);
  response->set_open_cycle(relay_.engine.open_cycle().value());
  response->set_last_closed_cycle(relay_.cycles.last().value());
  response->set_last_anchored_cycle(relay_.engine.last_anchored().value());
  response->set_key_count(relay_.engine.key_count());
  response->set_trie_bytes(relay_.engine.shelf().open_bytes());
  response->set_version(GROAT_VERSION);
  response->set_last_block_height(relay_.anchor.last_height().value());
  return rpc::FinishUnary(context, absl::OkStatus());
}

}  // namespace groat::relay_service
