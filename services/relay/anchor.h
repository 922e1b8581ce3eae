// Brings closed cycles to the ledger and learns which of them a checkpoint covers.
//
// Owns two threads: one appends roots in order, one follows checkpoints. Public functions are
// thread-safe.
//
// Before the first append it compares the ledger's newest root of this relay with ours, and until
// then the relay takes no update: from an old copy of its log it would take spent keys again. A
// root that differs, or a cycle that the ledger has and we lost, ends the process with both in the
// message. A ledger that was restored from a backup gets the cycles again that it lost.
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
  // All called on threads of the anchor.
  struct Events {
    // Once, when the ledger's history and ours agree.
    std::function<void()> compared;
    // With the last covered cycle whenever it may have changed; never falls.
    std::function<void(record::Cycle cycle)> anchored;
    // Once, if the histories contradict each other or the ledger refuses ours; should end the
    // process.
    std::function<void(const absl::Status& status)> fatal;
  };
  using OnFatal = std::function<void(const absl::Status& status)>;

  Anchor(Options options, std::unique_ptr<rpc::ChannelGroup> ledger, CycleStore& cycles,
         Metrics& metrics, telemetry::Logger& logger);
  // Once.
  void Start(Events events);
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
  // The last of our cycles up to `last` that the ledger has.
  absl::StatusOr<record::Cycle> LastInLedger(record::Cycle last);
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
  Events events_;
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
