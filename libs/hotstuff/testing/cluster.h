// A whole cluster of cores in one process, in virtual time, from a seed. Tests only.
//
// Single-threaded and deterministic. Messages are shared by pointer; time has milliseconds. A
// replica's disk holds what its core asked to persist; a crash loses everything else. Byzantine
// replicas run a core whose messages are tampered with on their way out (adversary.h). Twins are
// two nodes with the keys of one replica. When an epoch ends, a node that is a validator of the
// next one checks the handover proof and goes on there, with its core of the epoch before at hand
// to serve those who are behind; a new validator starts with a copy of another one's chain.
#ifndef GROAT_HOTSTUFF_TESTING_CLUSTER_H_
#define GROAT_HOTSTUFF_TESTING_CLUSTER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hotstuff/core.h"
#include "hotstuff/testing/checker.h"
#include "hotstuff/testing/event_queue.h"
#include "hotstuff/testing/late_leader.h"
#include "hotstuff/testing/mock_scheme.h"
#include "hotstuff/testing/random.h"

namespace groat::hotstuff::testing {

enum class Behaviour {
  kHonest,
  kSilentLeader,  // Never proposes.
  kEquivocate,    // Proposes two blocks, each to one half.
  kDoubleVote,    // Votes for every proposal it sees, to everyone.
  kForge,         // Makes up certificates and chains below them.
  kStale,         // Repeats old messages.
  kSelective,     // Sends each message to some.
  kSpam,          // Gives up every view at once, and complains about others.
  kImpostor,      // Proposes where others lead.
  kFarView,       // Proposes in views that nobody has reached.
  kStaleLeader,   // After a failed view, builds on an older block than it must; fails views itself.
  kMute,          // Sends nothing.
  kLateLeader,    // See late_leader.h.
  kFalseTime,     // Its blocks' times are far off, at the edge, or not above their parents'.
  kWrongClock,    // Follows the rules by a clock that is hours ahead or behind.
};

struct Links {
  uint64_t min_delay_ms = 1;
  uint64_t max_delay_ms = 1;
  uint64_t loss_percent = 0;
  uint64_t duplicate_percent = 0;
  uint64_t late_proposal_ms = 0;  // Proposals take up to so much longer.
  uint64_t max_job_delay_ms = 0;  // Signature checks take up to so long; 0: done at once.
};

struct ClusterConfig {
  uint64_t seed = 1;
  size_t n = 4;
  RuleSet rules = RuleSet::kTwoChain;
  VoteSpread votes = VoteSpread::kNextLeader;
  uint32_t base_timeout_ms = 100;
  uint32_t max_clock_drift_ms = 10'000;
  uint64_t max_skew_ms = 0;  // Of honest wall clocks, both ways.
  Links links;
  CoreOptions options;
  CommandBounds block{1000, 1u << 20};
  Defects defects;
  bool forget_on_restart = false;           // The defect of a replica without durable state.
  bool proposals_wait_for_nothing = false;  // The defect of proposals that no record allows.
  std::map<size_t, Behaviour> behaviours;
  size_t twins = 0;          // The first replicas have a second node each.
  size_t spares = 0;         // Nodes that wait to become validators; not together with twins.
  bool next_epochs = false;  // Nodes go on in the next epoch; else they stop at an epoch's end.
};

enum class CrashPoint { kBeforePersist, kAfterPersist, kAfterSend };

class Cluster {
 public:
  explicit Cluster(const ClusterConfig& config);
  ~Cluster();

  uint64_t now_ms() const { return now_ms_; }
  // Unix time by a clock that is right.
  uint64_t unix_us() const;
  size_t node_count() const { return nodes_.size(); }
  bool IsHonest(size_t node) const;
  Epoch epoch(size_t node) const { return nodes_[node]->epoch; }
  bool IsUp(size_t node) const { return nodes_[node]->core != nullptr; }
  bool NeverCrashed(size_t node) const { return nodes_[node]->incarnation == 1; }
  const Core& core(size_t node) const { return *nodes_[node]->core; }
  uint64_t HighestView() const;

  // False if the node is down or did not accept it.
  bool Submit(size_t node, uint64_t client, uint64_t sequence, size_t payload_bytes = 8);
  bool SubmitCommand(size_t node, Command command);
  // Whether the node has this committed.
  bool HasCommitted(size_t node, const CommandKey& key) const;

  void RunUntil(uint64_t time_ms);
  // Until the condition holds, which is looked at after every step; false if time runs out.
  bool RunUntil(const std::function<bool()>& condition, uint64_t time_ms);
  // Stops at the first violation of safety.
  const std::string& problem() const { return checker_.problem(); }
  Checker& checker() { return checker_; }

  void CrashAt(size_t node, CrashPoint point);  // In its next turn.
  void Crash(size_t node);                      // Now.
  void CancelCrashes();                         // Those that have not happened yet.
  void Restart(size_t node);
  void Partition(std::vector<int> groups) { groups_ = std::move(groups); }
  void SetLinks(const Links& links) { config_.links = links; }
  const Links& links() const { return config_.links; }

  // Called for every message that leaves a node.
  using Trace = std::function<void(uint64_t time_ms, size_t node, const hotstuff::Send& send)>;
  void SetTrace(Trace trace) { trace_ = std::move(trace); }
  using CommitTrace = std::function<void(uint64_t time_ms, size_t node, const CommittedBlock&)>;
  void SetCommitTrace(CommitTrace trace) { commit_trace_ = std::move(trace); }
  uint64_t steps() const { return steps_; }
  const std::optional<EpochEnd>& epoch_end(size_t node) const { return nodes_[node]->epoch_end; }
  const Genesis& genesis() const { return genesis_; }

 private:
  friend class Adversary;
  struct EpochSet {
    std::unique_ptr<MockScheme> scheme;
    Verifier verifier;
    std::vector<std::vector<size_t>> nodes;  // Of each validator; twins are two.
  };
  struct Stored {
    BlockPtr block;
    QcPtr certificate;
  };
  struct Disk {
    std::optional<SafetyState> safety;
    std::vector<BlockPtr> blocks;
    std::deque<Stored> committed;  // From height 1.
  };
  // A node's part in an epoch that ended. Not on the disk.
  struct Ended {
    Epoch epoch;
    ReplicaIndex index;
    std::unique_ptr<MockSigner> signer;
    std::unique_ptr<Core> core;
  };
  struct Node {
    size_t number = 0;
    Epoch epoch;
    ReplicaIndex index;  // In the epoch; none of its validators: a spare.
    std::optional<Ended> ended;
    Behaviour behaviour = Behaviour::kHonest;
    bool is_twin = false;
    bool is_spare = false;
    std::unique_ptr<MockSigner> signer;
    std::unique_ptr<Core> core;
    Disk disk;
    std::vector<Stored> unsynced;  // Committed since the last sync.
    size_t committed_height() const { return disk.committed.size() + unsynced.size(); }
    int64_t skew_ms = 0;
    uint64_t wake_ms = kNever;
    uint64_t incarnation = 1;
    std::optional<CrashPoint> crash;
    std::optional<EpochEnd> epoch_end;  // Of the last epoch that ended.
    bool epoch_ended = false;           // In this turn.
    View reacted;  // The highest view in which an adversary answered a proposal with its own.
    std::vector<MessagePtr> past;                                  // For replays.
    std::map<BlockId, std::pair<BlockPtr, LeaderSchedule>> known;  // Blocks that an adversary saw.
    std::map<BlockId, std::vector<BlockPtr>> forged;               // Chains, by their tips.
    std::unique_ptr<LateLeader> late_leader;
  };

  void AddEpoch(Epoch epoch, std::vector<std::vector<size_t>> nodes);
  // Makes the core of the node's epoch.
  void Start(Node& node, Restored restored);
  Restored Restore(const Node& node) const;
  void EnterNextEpoch(Node& node);
  void Join(Node& node, Epoch epoch, Restored restored);
  int64_t ChooseSkewMs(Behaviour behaviour);
  Now NowOf(const Node& node) const;
  void Step(Node& node, const Event& event);
  void StepEnded(Node& node, const Event& event);
  void Apply(Node& node, Effects effects);
  void Persisted(Node& node, Persist& persist);
  void Committed(Node& node, CommittedBlock committed);
  void Serve(Node& node, const ServeBlocks& serve, Epoch epoch);
  void Dispatch(Node& node, const hotstuff::Send& send, Epoch epoch);
  // Adversaries live in epoch 0.
  void Transmit(Node& from, ReplicaIndex to, const MessagePtr& message, Epoch epoch = Epoch(0));
  JobResult Run(const Job& job, const Verifier& verifier);
  void RunNext();
  void Handle(Node& node, const SimulatedEvent& event);

  ClusterConfig config_;
  Genesis genesis_;
  std::unique_ptr<const CommitRule> rule_;
  std::vector<EpochSet> epochs_;
  Random random_;
  Checker checker_;
  // What was checked last: all receivers of a proposal check the same.
  CheckJob checked_;
  absl::Status checked_status_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<int> groups_;  // By node; empty: no partition.
  EventQueue queue_;
  uint64_t now_ms_ = 0;
  uint64_t steps_ = 0;
  Trace trace_;
  CommitTrace commit_trace_;
};

}  // namespace groat::hotstuff::testing

#endif  // GROAT_HOTSTUFF_TESTING_CLUSTER_H_
