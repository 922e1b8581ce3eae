// Brings closed cycles to the ledger and learns which of them a checkpoint covers.
//
// Owns two threads: one appends roots in order, one follows checkpoints. Public functions are
// thread-safe.
//
// Before the first append it compares the ledger's newest root of this relay with ours. A root that
// differs, or a cycle that the ledger has and we lost, ends the process with both in the message:
// going on would fork the relay's history.
#ifndef GROAT_SERVICES_RELAY_ANCHOR_H_
#define GROAT_SERVICES_RELAY_ANCHOR_H_

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "asset/trust.h"
#include "base/mutex.h"
#include "groat/ledger/v1/ledger.grpc.pb.h"
#include "record/checkpoint.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "services/relay/cycle_store.h"
#include "services/relay/metrics.h"
#include "telemetry/log.h"

namespace groat::relay_service {

class Anchor {
 public:
  struct Options {
    record::RelayId relay;
    record::Shard shard;
    Bytes32 ledger_id;
    record::NodeKeys ledger_nodes;
  };
  // Called with each newly covered cycle, ascending, on the anchor's thread.
  using OnAnchored = std::function<void(record::Cycle cycle)>;
  // Called once if history contradicts itself; should end the process.
  using OnFatal = std::function<void(const absl::Status& status)>;

  Anchor(Options options, std::unique_ptr<rpc::ChannelGroup> ledger, CycleStore& cycles,
         Metrics& metrics, telemetry::Logger& logger, OnAnchored on_anchored, OnFatal on_fatal);
  ~Anchor();

  // The newest verified checkpoint, if any.
  std::optional<record::SignedCheckpoint> checkpoint() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Height of the newest block of ours that the ledger has.
  record::Height last_height() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Stub = ledger::v1::LedgerService::Stub;

  void RunAppender();
  void RunWatcher();
  absl::Status CompareWithLedger();
  absl::StatusOr<std::optional<record::Block>> LedgerBlock(record::Cycle cycle);
  absl::Status AppendNext();
  absl::Status TakeBlocks(std::span<const ClosedCycle> cycles,
                          const ledger::v1::AppendRootResponse& response);
  absl::Status Watch(size_t& failed_index);
  absl::Status TakeCheckpoint(const common::v1::Checkpoint& proto);
  void NoteAnchored();
  template <typename Call>
  absl::Status CallLedger(Call call);

  const Options options_;
  const std::unique_ptr<rpc::ChannelGroup> ledger_;
  CycleStore& cycles_;
  Metrics& metrics_;
  telemetry::Logger& logger_;
  const OnAnchored on_anchored_;
  const OnFatal on_fatal_;
  rpc::Cancellation stopping_;
  uint64_t listener_ = 0;

  mutable Mutex mutex_;
  CondVar work_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  record::Cycle closed_ ABSL_GUARDED_BY(mutex_);
  record::Cycle appended_ ABSL_GUARDED_BY(mutex_);  // Every cycle up to it has its block.
  record::Cycle anchored_ ABSL_GUARDED_BY(mutex_);
  record::Height last_height_ ABSL_GUARDED_BY(mutex_);
  // Appended and not yet covered: heights by cycle, ascending in both.
  std::map<record::Cycle, record::Height> uncovered_ ABSL_GUARDED_BY(mutex_);
  std::optional<record::SignedCheckpoint> checkpoint_ ABSL_GUARDED_BY(mutex_);

  std::thread appender_;
  std::thread watcher_;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_ANCHOR_H_
