// Between clients and the driver: takes their commands in, and answers when they are committed.
//
// Commands come from any thread into a bounded queue; a task of the executor gives all that wait to
// the driver at once. Answers are gathered by block and client, and given out on a thread of their
// own, so the replica never waits for a client.
//
//   command    offered -> queued -> in the pool -> committed, took effect -> answered with its
//   place
//                   |         |          |     '-> committed without effect -> refused, or sought
//                   |         |          '-> the replica drains, or its part in consensus ends:
//                   |         |              refused
//                   |         |-> refused by the core
//                   |         '-> committed before -> sought in the store -> answered
//                   '-> refused: the queue is full, or the desk is closed
//
// A command's name is its client and sequence. Consensus does not know who may use a name, so the
// desk keeps a hash of each payload, and what another payload of the same name did is never
// reported as the command's own commit.
#ifndef GROAT_SERVICES_CONSENSUS_SUBMIT_DESK_H_
#define GROAT_SERVICES_CONSENSUS_SUBMIT_DESK_H_

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "crypto/blake3.h"
#include "services/consensus/metrics.h"
#include "services/consensus/replica_driver.h"
#include "services/consensus/submit_answer.h"

namespace groat::consensus_service {

struct DeskBounds {
  size_t max_queued_commands = 100'000;
  size_t max_queued_bytes = size_t{64} << 20;
  // Commands that were committed before and whose places are being looked for.
  size_t max_sought_commands = 100'000;
  // How far back.
  size_t lookback_blocks = 256;
};

// What the desk needs of the replica; called by tasks of the executor.
struct DeskReplica {
  // As ReplicaDriver::Submit.
  std::function<std::vector<hotstuff::SubmitVerdict>(std::vector<hotstuff::Command>)> submit;
  // What the core's table of clients says of a command.
  std::function<hotstuff::ClientTable::State(const hotstuff::CommandKey&)> look;
  // Up to where the core has committed; the store may be behind.
  std::function<Height()> committed_height;
  // Whether it is a validator of the current epoch.
  std::function<bool()> is_validator;
};

class SubmitDesk {
 public:
  // All of them must outlive the desk.
  struct Parts {
    p2p::Executor& executor;
    const BlockStore& store;
    Offload& answers;  // One piece of work at a time.
    Offload& readers;
    Metrics& metrics;
  };
  SubmitDesk(const Parts& parts, const DeskBounds& bounds);

  // A task of the executor: begins to take commands.
  void Open(DeskReplica replica) ABSL_LOCKS_EXCLUDED(mutex_);
  // `driver` must outlive the desk's tasks.
  void Open(ReplicaDriver& driver);

  // From any thread. ResourceExhausted if the queue is full, Unavailable before Open and after
  // Close: then nothing was taken, and the sink will not be called.
  absl::Status Offer(std::vector<hotstuff::Command> commands, std::shared_ptr<SubmitSink> sink)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes no more. From any thread.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);
  // Answers all who wait with `status`, an error; their commands may be committed all the same. For
  // after Close. From any thread.
  void FailWaiting(const absl::Status& status);
  // Waits until nobody is owed an answer; false if `deadline` passed. From any other thread.
  bool WaitUntilAnswered(std::chrono::steady_clock::time_point deadline)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Commands that are owed an answer. From any thread.
  size_t unanswered() const { return unanswered_.load(std::memory_order_relaxed); }

  // A task of the executor: the store has these.
  void OnCommitted(const std::vector<hotstuff::CommittedBlock>& blocks);
  // A task of the executor: another core has begun. `keys` are what the pool of the one before
  // held, with what became of each in the new pool; none if the replica is no validator any more.
  void OnHandedOver(const std::vector<hotstuff::CommandKey>& keys,
                    const std::vector<hotstuff::SubmitVerdict>& verdicts);

 private:
  struct Named {
    hotstuff::CommandKey key;
    Hash payload;  // HashOfPayload.
  };
  struct Submission {
    std::vector<hotstuff::Command> commands;
    std::vector<Named> names;
    std::shared_ptr<SubmitSink> sink;
  };
  struct Waiting {
    Hash payload;
    absl::InlinedVector<std::shared_ptr<SubmitSink>, 1> sinks;
  };
  // Of one block: the commands that somebody waits for and that took effect, or order nothing.
  struct Landed {
    hotstuff::BlockPtr block;
    struct One {
      uint32_t index = 0;
      bool fresh = true;
      Waiting waiting;
    };
    std::vector<One> commands;
  };
  // Committed before; its place is in the store from `since` on.
  struct Sought {
    Named name;
    std::shared_ptr<SubmitSink> sink;
    Height since;
  };

  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);
  void RefuseAll(const std::vector<Submission>& submissions, const absl::Status& status);
  void Note(const Submission& submission, const hotstuff::SubmitVerdict* verdicts,
            AnswerBatch& answers);
  absl::Status Admit(const Named& name, const std::shared_ptr<SubmitSink>& sink,
                     hotstuff::SubmitVerdict verdict);
  Landed Land(const hotstuff::CommittedBlock& committed, AnswerBatch& refused);
  void SearchIfDue();
  AnswerBatch Search(const std::vector<Sought>& sought) const;
  void Give(AnswerBatch answers);
  void GiveNow(const AnswerBatch& answers);
  void NoteAnswered(size_t count) ABSL_LOCKS_EXCLUDED(mutex_);

  const Parts parts_;
  const DeskBounds bounds_;
  std::atomic<size_t> unanswered_{0};

  Mutex mutex_;
  CondVar answered_;
  std::vector<Submission> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_commands_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the executor.
  DeskReplica replica_;
  absl::flat_hash_map<hotstuff::CommandKey, Waiting> waiting_;
  std::deque<Sought> sought_;
  size_t being_sought_ = 0;  // By the search that is under way.
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_SUBMIT_DESK_H_
