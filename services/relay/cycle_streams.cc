#include "services/relay/cycle_streams.h"

#include "base/status_macros.h"
#include "wire/common.h"

namespace groat::relay_service {
namespace {

constexpr size_t kGrowthChunkBytes = 256 << 10;
constexpr size_t kCyclesPerRead = 64;

}  // namespace

relay::v1::CycleInfo ToProto(const ClosedCycle& cycle) {
  relay::v1::CycleInfo out;
  wire::ToProto(cycle.root, out.mutable_root());
  if (cycle.block.has_value()) out.set_block_height(cycle.block->height.value());
  out.set_sealed_at_ms(cycle.sealed_at_ms);
  return out;
}

bool PumpGate::Ask() {
  MutexLock lock(mutex_);
  asked_ = true;
  if (running_) return false;
  running_ = true;
  asked_ = false;
  return true;
}

bool PumpGate::Again() {
  MutexLock lock(mutex_);
  if (!asked_) running_ = false;
  asked_ = false;
  return running_;
}

CycleWatch::CycleWatch(grpc::CallbackServerContext* context, const Relay& relay, record::Cycle from)
    : BoundedStream(context, rpc::StreamLimits{.max_messages = 256, .max_bytes = 1 << 20}),
      relay_(relay),
      next_(from) {}

void CycleWatch::Begin() {
  listener_ = relay_.cycles.AddListener([watch = weak_from_this()](record::Cycle) {
    if (const auto self = watch.lock()) self->Ask();
  });
  Ask();
}

void CycleWatch::OnClosed(const absl::Status&) { relay_.cycles.RemoveListener(listener_); }

void CycleWatch::Ask() {
  if (!gate_.Ask()) return;
  relay_.workers.Post([self = shared_from_this()] {
    do {
      self->Pump();
    } while (self->gate_.Again());
  });
}

void CycleWatch::Pump() {
  while (!closed()) {
    const auto cycles = relay_.cycles.List(next_, kCyclesPerRead);
    if (!cycles.ok()) return Abort(cycles.status());
    if (cycles->empty()) return;
    for (const ClosedCycle& cycle : *cycles) {
      relay::v1::WatchCyclesResponse response;
      *response.mutable_cycle() = ToProto(cycle);
      if (Push(std::move(response)) != rpc::PushResult::kQueued) return;
      next_ = cycle.cycle().Next();
    }
  }
}

GrowthStream::GrowthStream(grpc::CallbackServerContext* context, const Relay& relay,
                           record::Cycle cycle)
    : BoundedStream(context, rpc::StreamLimits{.max_messages = 8, .max_bytes = 1 << 20}),
      relay_(relay),
      cycle_(cycle) {}

void GrowthStream::Ask() {
  if (!gate_.Ask()) return;
  relay_.workers.Post([self = shared_from_this()] {
    do {
      self->Pump();
    } while (self->gate_.Again());
  });
}

absl::StatusOr<std::optional<relay::v1::GetGrowthProofResponse>> GrowthStream::Next() {
  relay::v1::GetGrowthProofResponse response;
  const bool first = !cursor_.has_value();
  if (first) {
    GROAT_ASSIGN_OR_RETURN(const ClosedCycle closed, relay_.cycles.Get(cycle_));
    wire::ToProto(closed.root, response.mutable_root());
  }
  const record::Period period = record::PeriodOf(cycle_, relay_.config.period_cycles);
  GROAT_RETURN_IF_ERROR(
      relay_.engine.shelf().Read(period, [&](const merkle::Trie& trie) -> absl::Status {
        if (first) {
          GROAT_ASSIGN_OR_RETURN(cursor_, trie.ProveGrowth(cycle_.value()));
        }
        response.set_chunk(ToString(trie.NextGrowthChunk(*cursor_, kGrowthChunkBytes)));
        return absl::OkStatus();
      }));
  if (!first && response.chunk().empty()) {
    return std::optional<relay::v1::GetGrowthProofResponse>();
  }
  return std::optional(std::move(response));
}

void GrowthStream::Pump() {
  while (!closed()) {
    if (!refused_.has_value()) {
      auto next = Next();
      if (!next.ok()) return Abort(next.status());
      if (!next->has_value()) return Finish(absl::OkStatus());
      refused_ = std::move(*next);
    }
    if (Push(std::move(*refused_)) != rpc::PushResult::kQueued) return;
    refused_.reset();
  }
}

}  // namespace groat::relay_service
