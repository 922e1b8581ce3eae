// Between clients and the driver: takes their commands in, and answers when they are committed.
//
// Commands come from any thread into a bounded queue; a task of the executor gives all that wait to
// the driver at once. Answers are gathered by block and client, and given out on a thread of their
// own, so the replica never waits for a client.
//
//   command    offered -> queued -> in the pool -> committed, answered
//                   |         '-> refused by the core, answered
//                   '-> refused: the queue is full, or the desk is closed
#ifndef GROAT_SERVICES_CONSENSUS_SUBMIT_DESK_H_
#define GROAT_SERVICES_CONSENSUS_SUBMIT_DESK_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "services/consensus/metrics.h"
#include "services/consensus/replica_driver.h"
#include "services/consensus/thread_offload.h"

namespace groat::consensus_service {

// What became of some commands of one sink.
struct SubmitAnswer {
  struct Placed {
    hotstuff::CommandKey key;
    uint32_t index = 0;
    bool fresh = true;  // False for a change of validators that has no effect.
  };
  absl::Status refusal;  // OK: committed.
  Height height;         // If committed; 0 if no longer known.
  std::vector<Placed> commands;
};

// Who waits for answers. Called on the desk's thread of answers, once for each command; must not
// block.
class SubmitSink {
 public:
  virtual ~SubmitSink() = default;
  virtual void Take(const SubmitAnswer& answer) = 0;
};

struct DeskBounds {
  size_t max_queued_commands = 100'000;
  size_t max_queued_bytes = size_t{64} << 20;
  // How far back the place of a command is looked for that was committed before.
  size_t lookback_blocks = 256;
};

class SubmitDesk {
 public:
  // Everything must outlive the desk. The driver is given later, by Open.
  SubmitDesk(p2p::Executor& executor, const BlockStore& store, ThreadOffload& answers,
             Metrics& metrics, const DeskBounds& bounds);

  // A task of the executor: begins to take commands.
  void Open(ReplicaDriver& driver) ABSL_LOCKS_EXCLUDED(mutex_);

  // From any thread. ResourceExhausted if the queue is full, Unavailable before Open and after
  // Close: then nothing was taken, and the sink will not be called.
  absl::Status Offer(std::vector<hotstuff::Command> commands, std::shared_ptr<SubmitSink> sink)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes no more. From any thread.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until nobody is owed an answer; false if `deadline` passed. From any other thread.
  bool WaitUntilAnswered(std::chrono::steady_clock::time_point deadline)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Commands that are owed an answer, and those that are queued. From any thread.
  size_t unanswered() const { return unanswered_.load(std::memory_order_relaxed); }

  // A task of the executor: the store has these.
  void OnCommitted(const std::vector<hotstuff::CommittedBlock>& blocks);

 private:
  struct Submission {
    std::vector<hotstuff::Command> commands;
    std::shared_ptr<SubmitSink> sink;
  };
  struct Owed {
    std::shared_ptr<SubmitSink> sink;
    SubmitAnswer answer;
  };
  using Sinks = absl::InlinedVector<std::shared_ptr<SubmitSink>, 1>;

  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);
  void Note(const Submission& submission, const std::vector<hotstuff::CommandKey>& keys,
            const hotstuff::SubmitVerdict* verdicts, std::vector<Owed>& owed);
  void LookUpLater();
  void Give(std::vector<Owed> owed);
  void NoteAnswered(size_t count) ABSL_LOCKS_EXCLUDED(mutex_);

  p2p::Executor& executor_;
  const BlockStore& store_;
  ThreadOffload& answers_;
  Metrics& metrics_;
  const DeskBounds bounds_;
  std::atomic<size_t> unanswered_{0};

  Mutex mutex_;
  CondVar answered_;
  std::vector<Submission> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_commands_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the executor.
  ReplicaDriver* driver_ = nullptr;
  absl::flat_hash_map<hotstuff::CommandKey, Sinks> waiting_;
  // Committed before they were offered; looked for once the store has every commit.
  std::vector<std::pair<std::shared_ptr<SubmitSink>, std::vector<hotstuff::CommandKey>>> repeated_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_SUBMIT_DESK_H_
