// What goes into a core and what comes out of it.
//
// Pure values.
#ifndef GROAT_HOTSTUFF_EFFECTS_H_
#define GROAT_HOTSTUFF_EFFECTS_H_

#include <array>
#include <optional>
#include <variant>
#include <vector>

#include "hotstuff/client_table.h"
#include "hotstuff/evidence.h"
#include "hotstuff/leader_schedule.h"
#include "hotstuff/mempool.h"
#include "hotstuff/safety_state.h"
#include "hotstuff/snapshot.h"
#include "hotstuff/verification.h"

namespace groat::hotstuff {

struct CoreOptions {
  MempoolBounds mempool;
  uint64_t batch_delay_ms = 0;         // How long a leader waits for a fuller block; 0: not at all.
  uint64_t sync_retry_ms = 200;        // Until another peer is asked for blocks; from 4.
  uint64_t status_interval_ms = 1000;  // How often an idle replica compares notes with a peer.
  size_t max_tree_blocks = 4096;       // Above the last committed one.
  size_t max_jobs_per_peer = 64;       // Checks that wait for one peer's messages.
};

struct CoreConfig {
  Genesis genesis;
  Epoch epoch;
  size_t replicas = 0;  // Of the epoch; the genesis' own in epoch 0.
  // At or above `replicas`: not a validator of this epoch. Follows, forwards, and never votes.
  ReplicaIndex self;
  CoreOptions options;
};

// What a replica finds on its disk.
struct Restored {
  enum class Memory {
    kFirstStart,  // The replica never ran in this epoch: there is nothing to remember.
    kKept,        // `safety` is the last record that was made durable.
    kLost,        // It ran, but its record is gone: it follows and does not vote in this epoch.
  };
  Memory memory = Memory::kFirstStart;
  std::optional<SafetyState> safety;
  // The last committed block, with its certificate and schedule; all null: the chain's block 0. In
  // a new epoch: the last block of the one before, with no certificate and no schedule.
  BlockPtr root;
  QcPtr root_certificate;
  std::optional<LeaderSchedule> schedule;
  ApprovedChangePtr change;  // That the chain up to the root ordered in this epoch.
  std::optional<ClientTable> clients;
  std::vector<BlockPtr> blocks;  // Persisted and not committed, in any order.
  EvidenceLog evidence;          // Of all epochs so far.
};

struct Now {
  uint64_t monotonic_ms = 0;
  uint64_t wall_us = 0;  // Unix time in microseconds.
};

// Events.
struct Received {
  ReplicaIndex from;  // As the transport authenticated it.
  MessagePtr message;
};
struct JobDone {
  JobResult result;
};
struct Submitted {
  std::vector<Command> commands;
};
struct Tick {};
// The epoch has ended; whoever hands this in has verified it. The core takes no part any more,
// fetches the blocks up to the epoch's last one, and ends as if it had seen them certified.
struct EpochOver {
  HandoverProof proof;
};
// An answer to Effects::fetch.
struct Fetched {
  BlockResponse response;
};
using Event = std::variant<Received, JobDone, Submitted, Tick, EpochOver, Fetched>;

// Effects. Driver duties, in order: make `persist` durable with one sync; then send, apply commits,
// start jobs. Messages for which NeedsRecord is false may leave before. Call Step with a Tick at
// `wake_at_ms` of the monotonic clock or soon after.
struct Persist {
  SafetyState state;             // Replaces the one before.
  std::vector<BlockPtr> blocks;  // To be found again by Restored::blocks until committed or pruned.
};
struct Send {
  std::optional<ReplicaIndex> to;  // Nothing: everyone but this replica.
  MessagePtr message;
};
// Whether a message must wait until the record of its turn is durable. `durable_limit` is the
// ProposalLimit of the newest record that is. Votes and timeouts always wait; a proposal only above
// the limit; certificates, commands and blocks say nothing that their sender must remember.
bool NeedsRecord(const Message& message, View durable_limit);
struct CommittedBlock {
  BlockPtr block;
  QcPtr certificate;
  // For each command whether it is executed. False for a repetition of a committed one, one below
  // its client's window, one of a client beyond those that are remembered, and a change of
  // validators that orders nothing.
  std::vector<bool> fresh;
  // Why those of clients are not, by ascending index. Only the core says so; stores keep `fresh`.
  struct Ineffective {
    uint32_t index = 0;
    ClientTable::State why = ClientTable::State::kSeen;
  };
  std::vector<Ineffective> ineffective = {};
};
// Send blocks by MakeResponse: the stored ones from this height up to the last committed one, then
// `tail`, which is what this core holds above it.
struct ServeBlocks {
  ReplicaIndex to;
  Height from;
  std::vector<CommittedBlock> tail;
};
enum class SubmitVerdict { kAccepted, kPending, kCommitted, kTooOld, kFull, kTooLarge, kNoRoom };
struct EpochEnd {
  HandoverProof proof;
  BlockPtr last;
};
inline constexpr uint64_t kNever = UINT64_MAX;
struct Effects {
  std::optional<Persist> persist;
  std::vector<Send> sends;
  std::vector<Job> jobs;
  std::vector<CommittedBlock> commits;      // Ascending; each is the child of the one before.
  std::optional<CommitProof> commit_proof;  // For the last of them.
  // Of those commits whose height is divisible by the genesis' interval; ascending.
  std::vector<Snapshot> snapshots;
  std::vector<ServeBlocks> serve;
  // After EpochOver, and of who is no validator: to be sent to any replica that may have the
  // blocks; answer with Fetched.
  std::optional<BlockRequest> fetch;
  std::vector<SubmitVerdict> verdicts;  // Of Submitted, in order.
  std::optional<EpochEnd> epoch_end;    // The core does nothing more but serve blocks.
  // Set if a peer has no blocks as old as needed: only a snapshot from this height on helps.
  std::optional<Height> needs_snapshot;
  uint64_t wake_at_ms = kNever;
};

// A response of consecutive blocks, cut to the bounds of a message. Only the last block may lack
// its certificate. `blocks` may be empty.
BlockResponse MakeResponse(Epoch epoch, const std::vector<CommittedBlock>& blocks,
                           Height first_available);

// Why a message had no effect.
enum class Refusal : uint8_t {
  kWrongChain,        // Another chain or epoch.
  kWrongSender,       // Claims to be of another validator than the one that sent it.
  kUnknownValidator,  // No such validator.
  kInconsistent,      // Parts that contradict each other.
  kUnjustified,       // No certificate lets its view be entered.
  kStale,             // Of a view or height that is settled.
  kFarAhead,          // Beyond the bound of what is kept.
  kBadSignature,
  kBusy,  // Too many checks wait for this peer already.
  kWrongLeader,
  kInvalidBlock,  // Height, schedule, handover or time does not follow from its parent.
  kTooLarge,
  kClock,  // Its time is too far from this replica's clock.
  kTreeFull,
  kUnasked,  // A response that nobody asked for, or requests too often.
  kFlood,    // Commands beyond the peer's share of the pool.
  kCount,
};
std::string_view NameOf(Refusal reason);

struct Counters {
  std::array<uint64_t, static_cast<size_t>(Refusal::kCount)> refused{};
  uint64_t views_entered = 0;
  uint64_t views_given_up = 0;
  uint64_t timeout_certificates = 0;
  uint64_t proposals = 0;
  uint64_t votes = 0;
  uint64_t blocks_committed = 0;
  uint64_t commands_committed = 0;
  uint64_t commands_repeated = 0;
  uint64_t of(Refusal reason) const { return refused[static_cast<size_t>(reason)]; }
  void Add(const Counters& other);
};

struct CoreStatus {
  Epoch epoch;
  View view;
  View high_qc_view;
  View committed_view;
  Height committed_height;
  BlockId committed_block;
  std::optional<ReplicaIndex> leader;  // Nothing while the highest certified block is missing.
  size_t mempool_count = 0;
  size_t mempool_bytes = 0;
  size_t batch_limit = 0;  // Commands that a block of this replica's may have just now.
  size_t tree_blocks = 0;
  bool may_vote = false;
  bool syncing = false;
  bool ended = false;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_EFFECTS_H_
