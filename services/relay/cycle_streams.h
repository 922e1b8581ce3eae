// The streams that read at their client's pace: WatchCycles and GetGrowthProof.
//
// Thread-safe. Both are pumped on worker threads, one task at a time for each stream, and stop
// pumping while the client is behind.
#ifndef GROAT_SERVICES_RELAY_CYCLE_STREAMS_H_
#define GROAT_SERVICES_RELAY_CYCLE_STREAMS_H_

#include <memory>
#include <optional>

#include "rpc/write_stream.h"
#include "services/relay/relay_service.h"

namespace groat::relay_service {

relay::v1::CycleInfo ToProto(const ClosedCycle& cycle);

// Runs a pump on the workers: once now if it is idle, once more after that if it is running.
class PumpGate {
 public:
  // True if the caller must post a run.
  bool Ask() ABSL_LOCKS_EXCLUDED(mutex_);
  // At the end of a run: true if it must run again.
  bool Again() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Mutex mutex_;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;
};

class CycleWatch final : public rpc::BoundedWriteStream<relay::v1::WatchCyclesResponse>,
                         public std::enable_shared_from_this<CycleWatch> {
 public:
  CycleWatch(grpc::CallbackServerContext* context, const Relay& relay, record::Cycle from);
  // After construction, once shared.
  void Begin();

 private:
  void OnWritable() override { Ask(); }
  void OnClosed(const absl::Status& status) override;
  void Ask();
  void Pump();

  const Relay relay_;
  PumpGate gate_;
  record::Cycle next_;  // Of the pump.
  uint64_t listener_ = 0;
};

class GrowthStream final : public rpc::BoundedWriteStream<relay::v1::GetGrowthProofResponse>,
                           public std::enable_shared_from_this<GrowthStream> {
 public:
  GrowthStream(grpc::CallbackServerContext* context, const Relay& relay, record::Cycle cycle);
  void Begin() { Ask(); }

 private:
  void OnWritable() override { Ask(); }
  void Ask();
  void Pump();
  // Makes the next message, or none at the end.
  absl::StatusOr<std::optional<relay::v1::GetGrowthProofResponse>> Next();

  const Relay relay_;
  const record::Cycle cycle_;
  PumpGate gate_;
  // Of the pump.
  std::optional<merkle::GrowthCursor> cursor_;
  std::optional<relay::v1::GetGrowthProofResponse> refused_;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_CYCLE_STREAMS_H_
