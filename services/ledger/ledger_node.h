// One ledger node without its gRPC server: the components and how they are joined.
//
//   AppendRoot -> CheckRoots (pool) -> Appender, or the sequencer by way of Peers -> register
//   register -> RegisterFeed -> Follower -> BlockStore -> GrowthChecker -> Checkpointer -> register
//   reads -> ReadFence (linearizable) -> pool -> BlockStore
//
// Thread-safe after Start. Register, store, peers and growth source outlive the node.
#ifndef GROAT_SERVICES_LEDGER_LEDGER_NODE_H_
#define GROAT_SERVICES_LEDGER_LEDGER_NODE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "services/ledger/appender.h"
#include "services/ledger/checked_roots.h"
#include "services/ledger/checkpointer.h"
#include "services/ledger/follower.h"
#include "services/ledger/growth_checker.h"
#include "services/ledger/housekeeper.h"
#include "services/ledger/node_context.h"
#include "services/ledger/read_fence.h"
#include "services/ledger/register_feed.h"
#include "services/ledger/task_pool.h"

namespace groat::ledger_service {

// Bounds of the node's queues and numbers of its threads.
struct NodeLimits {
  size_t queued_appends = 1024;
  size_t waiting_reads = 4096;
  size_t pool_threads = 2;
  size_t pool_tasks = 4096;
  size_t growth_workers = 4;
};

class LedgerNode {
 public:
  // `context` without `halt`, which the node supplies.
  LedgerNode(NodeContext context, const NodeLimits& limits, bls::SecretKey key, Peers& peers,
             GrowthSource& growth);
  ~LedgerNode() { Stop(); }

  // Called on trip of the halt or alarm of the growth checker: the node is not healthy any more.
  // Only before Start.
  void OnUnhealthy(std::function<void(const std::string& reason)> callback);

  // Called once, when the node has first caught up with the register and is healthy: from then on
  // it can serve everything. Only before Start.
  void OnReady(std::function<void()> callback);

  // DataLoss if the store is damaged. A register that does not answer is waited for.
  absl::Status Start();
  void Stop();

  // Appends, here or at the sequencer. `sent_on` by another node: then it is not sent on again.
  // `done` is called once, on any thread.
  void Append(std::vector<record::SignedRoot> roots, bool sent_on,
              std::chrono::steady_clock::time_point deadline, AppendDone done);

  // Runs `read` on a thread of the pool with OK once this node's store shows every append that was
  // acknowledged before this call; with the reason if it cannot.
  void ReadLinearizable(ReadFence::Passed read);
  // The same without waiting.
  void ReadStale(ReadFence::Passed read);

  // Called after the applied height grew (or a newer checkpoint stands), on a node's thread; must
  // be short. Returns a number to end it with; a call may still be under way when Remove returns.
  uint64_t AddBlockListener(std::function<void()> listener);
  uint64_t AddCheckpointListener(std::function<void()> listener);
  void RemoveListener(uint64_t number);
  // Calls all of them, for what else a listener looks at.
  void NotifyListeners();

  const NodeContext& context() const { return context_; }
  const BlockStore& store() const { return *context_.store; }
  TaskPool& pool() { return pool_; }
  std::optional<record::SignedCheckpoint> checkpoint() const { return checkpointer_.newest(); }
  std::optional<record::NodeIndex> sequencer() const { return housekeeper_.sequencer(); }
  // The sequencer if it is another node, to which appends are sent on.
  std::optional<record::NodeIndex> OtherSequencer() const;
  Housekeeper& housekeeper() { return housekeeper_; }
  record::Height verified() const { return growth_.verified(); }
  record::Height signed_height() const { return checkpointer_.signed_height(); }
  // OK; DataLoss with both histories; FailedPrecondition with the growth that is wrong.
  absl::Status health() const;
  // OK, or DataLoss with both histories.
  absl::Status halted() const { return halt_.status(); }
  // Whether the node has caught up with the register and keeps up.
  bool caught_up() const { return follower_.caught_up(); }

 private:
  using Listeners = std::map<uint64_t, std::function<void()>>;

  // CheckRoots, whose good answers are remembered.
  std::optional<ledger::Refusal> Check(std::span<const record::SignedRoot> roots);
  void AppendChecked(std::vector<record::SignedRoot> roots, bool sent_on,
                     std::chrono::steady_clock::time_point deadline, AppendDone done);
  void AppendHere(std::vector<record::SignedRoot> roots,
                  std::chrono::steady_clock::time_point deadline, AppendDone done);
  void Notify(Listeners LedgerNode::*listeners);

  Halt halt_;
  NodeContext context_;
  const bls::SecretKey key_;
  Peers& peers_;
  TaskPool pool_;
  std::vector<std::function<void(const std::string&)>> on_unhealthy_;

  mutable Mutex listeners_mutex_;
  uint64_t last_listener_ ABSL_GUARDED_BY(listeners_mutex_) = 0;
  Listeners block_listeners_ ABSL_GUARDED_BY(listeners_mutex_);
  Listeners checkpoint_listeners_ ABSL_GUARDED_BY(listeners_mutex_);

  CheckedRoots checked_roots_;
  Follower follower_;
  Housekeeper housekeeper_;
  Checkpointer checkpointer_;
  GrowthChecker growth_;
  Appender appender_;
  ReadFence fence_;
  RegisterFeed feed_;
  bool started_ = false;
  bool stopped_ = false;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_LEDGER_NODE_H_
