// Runs a replica's core on an executor and a network: the same in production and in the simulation.
//
// Everything belongs to tasks of the executor, but for what says otherwise. A turn takes what has
// come, steps the core once for each, and ends with one write:
//
//   what came      -> Core::Step, effects gathered
//   jobs           -> the workers; what needs no new record -> the network, at once
//   no write       -> begin one with all that is gathered: safety record, blocks, commits
//   under way         (one sync if there is a safety record); nothing to write: go on at once
//   written        -> votes, proposals, timeouts leave; commits are told; the next write begins
//
// So turns go on while the disk syncs, what they give shares the next sync, and nothing that
// depends on a record leaves before it is durable. A proposal may depend on the record before its
// own (ProposalLimit), and then leaves at once. A failed write is fatal: the driver does nothing
// more.
//
// When an epoch ends, its last commit, the handover proof and the first safety record of the new
// epoch are one write; the next core then starts. Those who are behind are served from the store
// (transfer_server.h). A replica that is behind itself hears of it from others (catch_up.h):
//
//   its epoch has ended elsewhere   -> the core is told, fetches the rest, and ends it too
//   the blocks it needs are pruned  -> a snapshot takes their place, in one write; a new core
//   starts
//                                      from it, as after a restart
//
// Snapshots and pruning are work for the archive's thread, beside the writes of turns.
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
#include "services/consensus/catch_up.h"
#include "services/consensus/offload.h"
#include "services/consensus/replica_channels.h"
#include "services/consensus/transfer_server.h"

namespace groat::consensus_service {

// What a driver tells its owner, as tasks of the executor.
struct DriverEvents {
  // Blocks are committed and can be read from the store. First for those of an epoch that ends.
  std::function<void(const std::vector<hotstuff::CommittedBlock>&)> committed;
  // A write failed, or an epoch could not begin: the process must stop.
  std::function<void(const absl::Status&)> fatal;
  // A certificate was made of votes or timeouts, in this time.
  std::function<void(p2p::Duration)> assembled;
  // A peer no longer has the blocks that are missing here; what it has begins at this height.
  std::function<void(Height)> blocks_missing;
  // A snapshot of this height took the place of all blocks.
  std::function<void(Height)> installed;
  // A validator broke the rules; it will be kept, and is told once.
  std::function<void(const hotstuff::Evidence&)> found_evidence;
  // An epoch began, by what happened here or by what others showed.
  std::function<void(Epoch)> entered_epoch;
  // Another core has begun. What the pool of the one before held for this replica's clients, and
  // what became of each in the new pool; nothing if this replica is no validator.
  std::function<void(const std::vector<hotstuff::CommandKey>&,
                     const std::vector<hotstuff::SubmitVerdict>&)>
      handed_over;
};

struct DriverOptions {
  hotstuff::CoreOptions core;
  hotstuff::TransferOptions transfer;
  uint64_t keep_blocks = 0;  // The newest blocks that are never pruned; 0: nothing is.
  // This replica's keys have signed nothing yet, so an empty store is the beginning. Else a replica
  // with an empty store has lost its memory. Without effect on a store that holds anything.
  bool first_start = false;
  // What this replica signed before is not in its store: it does not vote in any epoch that may
  // have begun before now, also after later restarts.
  bool memory_lost = false;
  // Peers beside the validators that may be asked how epochs ended. Their answers are verified.
  std::vector<p2p::PeerId> named_peers;
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
    Offload& workers;  // Signatures.
    Offload& archive;  // One piece at a time: snapshots, pruning, reads for those who are behind.
  };

  // Reads the store, registers channels, authorizes the validators; before the network starts. All
  // parts must outlive the driver, and neither executor nor workers may run its tasks after its
  // end. Errors as BlockStore::Load, Core::Create and Network::Register.
  static absl::StatusOr<std::unique_ptr<ReplicaDriver>> Start(const Parts& parts,
                                                              const DriverOptions& options,
                                                              DriverEvents events);
  ReplicaDriver(const ReplicaDriver&) = delete;
  ReplicaDriver& operator=(const ReplicaDriver&) = delete;

  // Does nothing more, so that the network may end while the executor still runs.
  void Stop();

  // What becomes of each command, in order. Empty after a fatal error, and after Stop.
  std::vector<hotstuff::SubmitVerdict> Submit(std::vector<hotstuff::Command> commands);

  const hotstuff::Core& core() const { return *run_->core; }
  const std::vector<hotstuff::Validator>& validators() const { return run_->validators; }
  hotstuff::ReplicaIndex self() const { return run_->self; }
  bool is_validator() const { return self().value() < validators().size(); }
  // Highest view that each validator was heard of in, by its own word; at most one above what this
  // replica was in at that time.
  const std::vector<hotstuff::View>& heard() const { return run_->heard; }
  // Of the cores of all epochs since the start.
  hotstuff::Counters counters() const;
  uint64_t writes() const { return writes_; }
  // The store held nothing at the start.
  bool began_empty() const { return began_empty_; }
  const hotstuff::StateTransfer& transfer() const { return catch_up_->transfer(); }
  // Snapshots that were taken over from others since the start.
  uint64_t installed_snapshots() const { return installed_snapshots_; }

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
    hotstuff::View proposal_limit;  // Of the newest record that is durable.
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
    std::vector<hotstuff::Snapshot> snapshots;  // Of the turn's commits.
    bool empty() const { return turn.empty() && letters.empty(); }
  };

  ReplicaDriver(const Parts& parts, const DriverOptions& options, DriverEvents events);
  absl::Status Begin();
  absl::StatusOr<BlockStore::Loaded> LoadStore();
  absl::StatusOr<std::shared_ptr<Run>> MakeRun(Epoch epoch,
                                               std::vector<hotstuff::Validator> validators,
                                               hotstuff::Restored restored) const;
  hotstuff::SafetyState FirstSafety(Epoch epoch, const hotstuff::BlockId& root) const;
  absl::Status AuthorizePeers();
  hotstuff::Now Now() const;

  void ScheduleTurn();
  void Turn();
  // True if there may be more.
  bool TakeMessages();
  void Receive(ReplicaChannels::Incoming incoming);
  void StepRun(const std::shared_ptr<Run>& run, const hotstuff::Event& event);
  void Gather(const std::shared_ptr<Run>& run, hotstuff::Effects effects);
  void GatherEvidence(const hotstuff::EvidenceLog& log);
  void GatherCommits(hotstuff::Effects& effects);
  void GatherEpochEnd(const hotstuff::EpochEnd& end);
  void SendOut(const Run& run, const hotstuff::Send& send);
  void StartJob(const std::shared_ptr<Run>& run, hotstuff::Job job);
  void Serve(const std::shared_ptr<Run>& run, hotstuff::ServeBlocks serve);
  void EndTurn();
  void WriteOut();
  void Written(const absl::Status& status);

  // replica_driver_epochs.cc: other epochs, snapshots.
  void ReceiveTransfers();
  // Whether the message is of another epoch, and done with.
  bool TakeOtherEpoch(const ReplicaChannels::Incoming& incoming, std::optional<Epoch> epoch);
  void StartNextEpoch(const StoreTurn& turn);
  void EnteredEpoch();
  void KeepSnapshot(const hotstuff::CommittedBlock& last, const hotstuff::CommitProof& proof);
  void Archive(std::vector<hotstuff::Snapshot> snapshots);
  void Install(hotstuff::Installation install);
  void WriteInstallation();
  void Installed(absl::StatusOr<BlockStore::Loaded> loaded);
  void Replace(std::shared_ptr<Run> run);
  void DropHeld();
  void HandOverCommands(const Run& ended);

  void SetTimer();
  void OnTimer();
  void Fail(const absl::Status& status);
  void NoteEncoded(const hotstuff::Message& message, Bytes encoded);

  const Parts parts_;
  const DriverOptions options_;
  const DriverEvents events_;
  std::optional<ReplicaChannels> channels_;
  std::optional<TransferServer> server_;
  std::optional<CatchUp> catch_up_;

  std::shared_ptr<Run> run_;
  hotstuff::ApprovedChangePtr ordered_change_;  // Whose validators may connect already.
  hotstuff::BlockPtr epoch_last_;               // Of an epoch whose end is being written.
  std::shared_ptr<const hotstuff::Installation> installing_;  // Null: none.
  hotstuff::Counters past_;                                   // Of the cores before.
  uint64_t noted_evidence_ = 0;                               // Of what the cores have found.
  // Bytes of the newest proposals, which were made or taken apart already.
  std::deque<std::pair<hotstuff::BlockId, std::shared_ptr<const Bytes>>> encoded_;

  Held held_;
  Held writing_;
  absl::Status written_;  // Of the write under way; of the disk's thread until it is done.
  bool is_writing_ = false;
  bool failed_ = false;
  bool began_empty_ = false;
  bool turn_scheduled_ = false;
  p2p::TimerId timer_ = 0;
  uint64_t timer_ms_ = hotstuff::kNever;
  uint64_t wake_ms_ = hotstuff::kNever;
  bool was_late_ = false;  // The timer, and it waits once more.
  uint64_t writes_ = 0;
  uint64_t installed_snapshots_ = 0;
  size_t commands_since_snapshot_ = 0;
  size_t archiving_ = 0;  // Snapshots that wait to be kept.
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_REPLICA_DRIVER_H_
