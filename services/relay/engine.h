// The relay's driver: owns the core and its log, closes cycles in time, makes everything durable
// before it is told, and tells waiting callers when their updates have come far enough.
//
// Public functions are thread-safe. One thread of its own runs the core; it never waits for a disk,
// a peer or a reader of proofs, only for the trie's readers between two slices of work.
//
//   a submission   queued -> decided (logged) -> accepted (durable) -> included (root durable and
//                  published) -> anchored (a checkpoint covers it); answered at the level asked for
//   a cycle        open -> sealed -> rooted -> published once its log records are durable
#ifndef GROAT_SERVICES_RELAY_ENGINE_H_
#define GROAT_SERVICES_RELAY_ENGINE_H_

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "crypto/ed25519.h"
#include "relay/relay_core.h"
#include "services/relay/cycle_store.h"
#include "services/relay/metrics.h"
#include "services/relay/trie_shelf.h"
#include "services/relay/worker_pool.h"
#include "storage/durable_log.h"

namespace groat::relay_service {

enum class WaitLevel { kAccepted, kIncluded, kAnchored };

struct Submission {
  using Done = std::function<void(absl::StatusOr<std::vector<relay::Verdict>>)>;

  std::vector<relay::TrieEntry> entries;  // Distinct keys.
  WaitLevel wait = WaitLevel::kAccepted;
  Done done;  // Called once, on a thread of a pool.
};

// Where answers are made. Those that need proofs may read old periods from disk; plain
// acknowledgements never wait behind them.
struct EnginePools {
  WorkerPool& acknowledgements;
  WorkerPool& proofs;
};

struct EngineOptions {
  relay::Identity identity;
  std::chrono::milliseconds cycle_time{500};
  std::string log_folder;
  size_t max_queued_updates = 400'000;     // Not yet decided; above, submissions are refused.
  size_t max_waiting_updates = 4'000'000;  // Decided and not yet answered; likewise.
};

class Engine {
 public:
  // Replays the log, rebuilds the trie and compares every root that was logged; DataLoss has both
  // roots if one differs. Cycles that were published before are in `cycles` again afterwards.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const EngineOptions& options,
                                                      Ed25519PrivateKey key, CycleStore& cycles,
                                                      EnginePools pools, Metrics& metrics,
                                                      size_t old_trie_bytes);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Begins to take submissions and to close cycles.
  void Start();

  // ResourceExhausted if a bound is reached, Unavailable before Start and while draining; then
  // nothing was taken and `done` is never called.
  absl::Status Submit(Submission submission) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the engine's thread; callers that are still owed an answer get UNAVAILABLE, through the
  // pools. After it the pools may go, and the engine last, since their tasks read its tries.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // A verified checkpoint covers the blocks of all cycles up to this one.
  void NoteAnchored(record::Cycle cycle) ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes no more submissions, closes the open cycle, and waits up to `grace` for the callers that
  // are owed an answer; the others get UNAVAILABLE. Their updates are durable all the same.
  void Drain(std::chrono::milliseconds grace) ABSL_LOCKS_EXCLUDED(mutex_);

  TrieShelf& shelf() { return *shelf_; }
  // For Prover, under the shelf's open mutex.
  std::optional<record::Cycle> CycleOf(const Hash& key) const { return core_.CycleOf(key); }

  record::Cycle open_cycle() const { return record::Cycle(open_cycle_.load()); }
  record::Cycle last_anchored() const { return record::Cycle(last_anchored_.load()); }
  uint64_t key_count() const { return key_count_.load(); }

 private:
  struct Waiting {
    std::vector<relay::Verdict> verdicts;
    WaitLevel wait;
    Submission::Done done;
    record::Cycle cycle;  // The greatest that a verdict names.
  };
  struct Unsynced {
    uint64_t sequence;
    Waiting waiting;
  };
  struct Unpublished {
    uint64_t sequence;
    ClosedCycle cycle;
  };
  struct Inbox {
    std::vector<Submission> submissions;
    uint64_t durable_sequence = 0;
    record::Cycle anchored;
    bool draining = false;
    bool stopping = false;
  };

  Engine(const EngineOptions& options, Ed25519PrivateKey key, CycleStore& cycles, EnginePools pools,
         Metrics& metrics);
  absl::Status Recover(size_t old_trie_bytes);
  absl::Status RecoverRecord(const storage::LogRecord& bytes);
  void AddRooted(const relay::RootedCycle& rooted);

  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  Inbox Receive() ABSL_LOCKS_EXCLUDED(mutex_);
  void Decide(Submission submission);
  void SealCycle();
  void WorkSlice();
  void Publish(uint64_t durable_sequence);
  void AnswerDurable(uint64_t durable_sequence);
  void AnswerUpTo(record::Cycle cycle, std::multimap<record::Cycle, Waiting>& waiting);
  void Answer(Waiting waiting);
  void FailAll(const absl::Status& status);
  bool Idle() const;

  const EngineOptions options_;
  const Ed25519PrivateKey key_;
  CycleStore& cycles_;
  const EnginePools pools_;
  Metrics& metrics_;

  // Of the engine's thread (and of Open before it starts).
  relay::RelayCore core_;
  std::unique_ptr<TrieShelf> shelf_;
  std::unique_ptr<storage::GroupCommitLog> log_;
  std::deque<Unsynced> unsynced_;
  std::deque<Unpublished> unpublished_;
  std::multimap<record::Cycle, Waiting> until_included_;
  std::multimap<record::Cycle, Waiting> until_anchored_;
  std::chrono::steady_clock::time_point next_seal_;
  uint64_t handled_sequence_ = 0;  // Of the log: everything up to it was told.
  bool drain_sealed_ = false;      // The last cycle of a draining relay is sealed.

  std::atomic<uint64_t> open_cycle_{1};
  std::atomic<uint64_t> last_anchored_{0};
  std::atomic<uint64_t> key_count_{0};
  std::atomic<size_t> waiting_updates_{0};
  std::atomic<uint64_t> trie_leaves_{0};

  Mutex mutex_;
  CondVar changed_;
  Inbox inbox_ ABSL_GUARDED_BY(mutex_);
  size_t queued_updates_ ABSL_GUARDED_BY(mutex_) = 0;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool idle_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_ENGINE_H_
