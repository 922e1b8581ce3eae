// Runs a replica's core on an executor and a network: the same in production and in the simulation.
//
// Everything belongs to tasks of the executor, but for what says otherwise. A turn takes what has
// come, steps the core once for each, and ends with one write:
//
//   what came      -> Core::Step, effects gathered
//   jobs           -> the workers; commands and block requests -> the network, at once
//   no write       -> begin one with all that is gathered: safety record, blocks, commits
//   under way         (one sync if there is a safety record); nothing to write: go on at once
//   written        -> votes, proposals, timeouts leave; commits are told; the next write begins
//
// So turns go on while the disk syncs, what they give shares the next sync, and nothing that
// depends on a record leaves before it is durable. A failed write is fatal: the driver does nothing
// more.
//
// When an epoch ends, its last commit, the handover proof and the first safety record of the new
// epoch are one write; the next core then starts, and the old one goes on serving those who are
// behind until the epoch after that.
#ifndef GROAT_SERVICES_CONSENSUS_REPLICA_DRIVER_H_
#define GROAT_SERVICES_CONSENSUS_REPLICA_DRIVER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "hotstuff/core.h"
#include "services/consensus/block_store.h"
#include "services/consensus/offload.h"
#include "services/consensus/replica_channels.h"

namespace groat::consensus_service {

// What a driver tells its owner, as tasks of the executor.
struct DriverEvents {
  // Blocks are committed and can be read from the store.
  std::function<void(const std::vector<hotstuff::CommittedBlock>&)> committed;
  // A write failed, or an epoch could not begin: the process must stop.
  std::function<void(const absl::Status&)> fatal;
  // A certificate was made of votes or timeouts, in this time.
  std::function<void(p2p::Duration)> assembled;
  // The core cannot go on without a snapshot from this height.
  std::function<void(Height)> needs_snapshot;
};

class ReplicaDriver {
 public:
  struct Parts {
    const hotstuff::Genesis& genesis;
    Ed25519PublicKey self;
    const hotstuff::Signer& signer;
    p2p::Network& network;
    p2p::Executor& executor;
    BlockStore& store;
    Offload& disk;     // One piece of work at a time.
    Offload& workers;  // Signatures, and reading for those who are behind.
  };

  // Reads the store, registers channels, authorizes the validators; before the network starts. All
  // parts must outlive the driver, and neither executor nor workers may run its tasks after its
  // end. Errors as BlockStore::Load, Core::Create and Network::Register.
  static absl::StatusOr<std::unique_ptr<ReplicaDriver>> Start(const Parts& parts,
                                                              const hotstuff::CoreOptions& options,
                                                              DriverEvents events);
  ReplicaDriver(const ReplicaDriver&) = delete;
  ReplicaDriver& operator=(const ReplicaDriver&) = delete;

  // What becomes of each command, in order. Empty after a fatal error.
  std::vector<hotstuff::SubmitVerdict> Submit(std::vector<hotstuff::Command> commands);

  const hotstuff::Core& core() const { return *run_->core; }
  const std::vector<hotstuff::Validator>& validators() const { return run_->validators; }
  hotstuff::ReplicaIndex self() const { return run_->self; }
  // Highest view that each validator was heard of in.
  const std::vector<hotstuff::View>& heard() const { return run_->heard; }
  uint64_t writes() const { return writes_; }
  // Whether the core has committed what DriverEvents::committed has not told yet.
  bool commits_under_way() const {
    return !held_.turn.commits.empty() || !writing_.turn.commits.empty();
  }

 private:
  // One epoch's core.
  struct Run {
    Epoch epoch;
    std::vector<hotstuff::Validator> validators;
    std::map<p2p::PeerId, hotstuff::ReplicaIndex> indexes;
    std::vector<p2p::PeerId> others;
    hotstuff::ReplicaIndex self;
    std::unique_ptr<hotstuff::CertificateScheme> scheme;
    std::unique_ptr<hotstuff::Core> core;
    std::vector<hotstuff::View> heard;
  };
  struct Letter {
    Lane lane;
    std::vector<p2p::PeerId> to;
    Bytes encoded;
  };
  // What waits for the disk, and what it lets go.
  struct Held {
    StoreTurn turn;
    std::vector<Letter> letters;
    bool empty() const { return turn.empty() && letters.empty(); }
  };

  ReplicaDriver(const Parts& parts, const hotstuff::CoreOptions& options, DriverEvents events);
  absl::Status Begin();
  absl::StatusOr<std::shared_ptr<Run>> MakeRun(Epoch epoch,
                                               std::vector<hotstuff::Validator> validators,
                                               hotstuff::Restored restored) const;
  hotstuff::SafetyState FirstSafety(Epoch epoch, const hotstuff::BlockId& root) const;
  absl::Status AuthorizePeers();
  hotstuff::Now Now() const;

  void ScheduleTurn();
  void Turn();
  void Receive(ReplicaChannels::Incoming incoming);
  void StepRun(const std::shared_ptr<Run>& run, const hotstuff::Event& event);
  void Gather(const std::shared_ptr<Run>& run, hotstuff::Effects effects);
  void GatherCommits(hotstuff::Effects& effects);
  void GatherEpochEnd(const hotstuff::EpochEnd& end);
  void SendOut(const Run& run, const hotstuff::Send& send);
  void StartJob(const std::shared_ptr<Run>& run, hotstuff::Job job);
  void Serve(const std::shared_ptr<Run>& run, hotstuff::ServeBlocks serve);
  void EndTurn();
  void WriteOut();
  void Written(const absl::Status& status);
  void StartNextEpoch(const StoreTurn& turn);
  void SetTimer();
  void Fail(const absl::Status& status);
  void NoteEncoded(const hotstuff::Message& message, Bytes encoded);

  const Parts parts_;
  const hotstuff::CoreOptions options_;
  const DriverEvents events_;
  std::optional<ReplicaChannels> channels_;

  std::shared_ptr<Run> run_;
  std::shared_ptr<Run> previous_;  // Serves those who are behind. Null in the first epoch.
  // Bytes of the newest proposals, which were made or taken apart already.
  std::deque<std::pair<hotstuff::BlockId, std::shared_ptr<const Bytes>>> encoded_;

  Held held_;
  Held writing_;
  absl::Status written_;  // Of the write under way; of the disk's thread until it is done.
  bool is_writing_ = false;
  bool failed_ = false;
  bool turn_scheduled_ = false;
  p2p::TimerId timer_ = 0;
  uint64_t timer_ms_ = hotstuff::kNever;
  uint64_t wake_ms_ = hotstuff::kNever;
  uint64_t writes_ = 0;
  size_t commands_since_table_ = 0;
  size_t blocks_since_table_ = 0;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_REPLICA_DRIVER_H_
