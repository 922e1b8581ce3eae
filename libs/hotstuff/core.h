// One replica's consensus: events in, effects out.
//
// Pure: no I/O, clock, thread or randomness; time, keys and finished work arrive as values. Single
// owner; not thread-safe. Same events, same effects, byte for byte.
// Source: chained HotStuff (arXiv:1803.05069), section 5, with the view change of Jolteon
// (arXiv:2106.10362). What differs from the papers and why: docs/consensus.md, and the headers of
// the parts (block.h, two_chain.h, three_chain.h, pacemaker.h, vote_guard.h, leader_schedule.h).
//
// One view, as this replica sees it:
//
//   state      event                                effects, next state
//   entered    proposal of the leader, valid        persist, vote; voted
//   entered    is leader, has work                  persist, proposal, vote; voted
//   entered,   timer; or f+1 timeouts               persist, timeout to all; given up
//   voted
//   given up   timer                                timeout again
//   any        n-f votes or timeouts                assemble the certificate (job)
//   any        QC(w) or TC(w), w >= view            entered w + 1; TCs are sent on
//   any        QC                                   commits; high QC and lock rise
//   any        QC of an unknown block               fetch it
//   any        message of an earlier view           answer with certificates, at a bounded rate
#ifndef GROAT_HOTSTUFF_CORE_H_
#define GROAT_HOTSTUFF_CORE_H_

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "hotstuff/batch_limit.h"
#include "hotstuff/block_sync.h"
#include "hotstuff/block_tree.h"
#include "hotstuff/certificate_cache.h"
#include "hotstuff/defects.h"
#include "hotstuff/effects.h"
#include "hotstuff/evidence.h"
#include "hotstuff/mempool.h"
#include "hotstuff/pacemaker.h"
#include "hotstuff/vote_collector.h"
#include "hotstuff/vote_guard.h"

namespace groat::hotstuff {

class Core {
 public:
  // `scheme` and `signer` must outlive the core. InvalidArgument if the genesis is not sound,
  // cannot make progress, or contradicts what was restored; the message has both values.
  static absl::StatusOr<std::unique_ptr<Core>> Create(const CoreConfig& config,
                                                      const CertificateScheme* scheme,
                                                      const Signer* signer, Restored restored,
                                                      const Now& now);

  // The first turn also has the effects of what was restored.
  Effects Step(const Event& event, const Now& now);

  CoreStatus status() const;
  View view() const { return pacemaker_.view(); }
  const Counters& counters() const { return counters_; }
  // What was restored and what was found since.
  const EvidenceLog& evidence() const { return evidence_; }
  const ClientTable& clients() const { return clients_; }
  // The leader schedule of the last committed block, to be stored with it.
  const LeaderSchedule& committed_schedule() const { return tree_.root().schedule; }
  const ApprovedChangePtr& committed_change() const { return tree_.root().change; }
  const Verifier& verifier() const { return verifier_; }
  // What this replica's own clients submitted and is not committed, oldest first: the driver hands
  // it to the next epoch's core.
  std::vector<Command> OwnCommands() const { return mempool_.AllOwn(); }

 private:
  friend class testing::DefectInjector;
  // A message whose signatures are being checked.
  struct Waiting {
    ReplicaIndex from;
    MessagePtr message;  // Null for evidence.
    std::optional<Evidence> evidence;
    std::optional<AssembleJob> assembly;  // Without its shares.
    std::vector<Hash> certificates;       // Right if the check passes.
    size_t bytes = 0;
  };
  struct Peer {
    size_t jobs = 0;
    size_t job_bytes = 0;         // Of the messages that wait for them.
    unsigned offences = 0;        // Messages with wrong signatures.
    uint64_t muted_until_ms = 0;  // Nothing of it is checked before.
    uint64_t answered_ms = 0;     // Plus one, so that 0 means never.
    uint64_t tokens = 0;          // For block requests.
    uint64_t refilled_ms = 0;
  };

  Core(const CoreConfig& config, const CertificateScheme* scheme, const Signer* signer,
       const Restored& restored, const Now& now);
  absl::Status Restore(const Restored& restored);

  // core.cc: events and the end of a turn.
  void On(const Received& received);
  void On(const JobDone& done);
  void On(const Submitted& submitted);
  void On(const Tick& tick);
  void On(const EpochOver& over);
  void On(const Fetched& fetched);
  void Process(ReplicaIndex from, const Message& message);
  void Mute(Peer& peer);
  void FinishTurn();
  void Announce();
  uint64_t NextWake();
  ClientTable::State LookUp(const CommandKey& key) const;
  bool HasWork() const;
  // Whether the block's certificate commits by itself: whoever has it needs no other one. Until
  // then there is work even for who has committed everything by a certificate of another branch,
  // which others may never see.
  bool IsRestingPlace(const BlockNode& block) const;
  // Whether this replica is a validator of the epoch and remembers what it signed.
  bool takes_part() const {
    return may_vote_ && self_.value() < n_ && !ended_ && !over_.has_value();
  }
  // Stands for whoever answers Effects::fetch.
  ReplicaIndex Anyone() const { return ReplicaIndex(static_cast<uint16_t>(n_)); }
  void Refuse(Refusal reason) { ++counters_.refused[static_cast<size_t>(reason)]; }
  void Send(std::optional<ReplicaIndex> to, MessagePtr message);
  std::vector<SignedShare> OwnShares() const;
  void StartAssembly(AssembleJob job);
  void FinishAssembly(const AssembleJob& job, const JobResult& result);

  // Has the message's signatures checked, then processes it.
  void Admit(ReplicaIndex from, const MessagePtr& message);

  // core_admission.cc: what is wrong with a message before its signatures are looked at.
  std::optional<Refusal> CheckShape(ReplicaIndex from, const Message& message) const;
  std::optional<Refusal> CheckShape(ReplicaIndex from, const Proposal& proposal) const;
  std::optional<Refusal> CheckShape(ReplicaIndex from, const Vote& vote) const;
  std::optional<Refusal> CheckShape(ReplicaIndex from, const Timeout& timeout) const;
  std::optional<Refusal> CheckShape(ReplicaIndex from, const Advance& advance) const;
  std::optional<Refusal> CheckShape(ReplicaIndex from, const BlockRequest& request) const;
  std::optional<Refusal> CheckShape(ReplicaIndex from, const BlockResponse& response) const;
  std::optional<Refusal> CheckShape(ReplicaIndex from, const CommandBatch& batch) const;
  bool EntersView(View view, const QcPtr& qc, const TcPtr& tc) const;
  // What must be verified; empty if everything is known to be right.
  CheckJob ChecksOf(const Message& message, Waiting& waiting) const;
  void AddCheck(const QcPtr& qc, CheckJob& job, Waiting& waiting) const;
  void AddCheck(const TcPtr& tc, CheckJob& job, Waiting& waiting) const;
  void AddCheck(const Command& command, CheckJob& job, Waiting& waiting) const;

  // core_certificates.cc: certificates, views, commits.
  void ApplyQc(const QcPtr& qc);
  void ApplyTc(const TcPtr& tc);
  void MarkCertified(BlockNode* node, const QcPtr& qc);
  void Commit(BlockNode* target, const BlockNode* certified, const QcPtr& qc);
  // Commits up to the target, which the proof is for.
  void CommitUpTo(BlockNode* target, CommitProof proof);
  void TakeSnapshot(const BlockNode& node, const std::vector<BlockNode*>& path,
                    const CommitProof& proof);
  // Ends an epoch that is over once its last block is here.
  void ConsiderEnd();
  void EndEpoch(const CommitProof& proof);
  void EnterView(View view);
  std::optional<ReplicaIndex> Leader() const;
  SafetyState MakeSafetyState() const;

  // core_proposals.cc: proposals and votes.
  void OnProposal(ReplicaIndex from, const BlockPtr& block);
  void OnVote(const Vote& vote);
  // False if the proposer has proposed another block in this view.
  bool NoteProposal(const BlockPtr& block);
  // Null if the block is not valid on its parent, or there is no room; counts why.
  BlockNode* InsertBlock(const BlockPtr& block, BlockNode* parent);
  bool HasRoomFor(const Block& block);
  std::optional<Refusal> CheckOnParent(const Block& block, const BlockNode& parent) const;
  ApprovedChangePtr ChangeAfter(const Block& block, const BlockNode& parent) const;
  void ConsiderVote(BlockNode* node);
  void SendVote(const BlockNode& node, const Vote& vote);
  void ConsiderPending();
  void ConsiderProposing();
  bool ReadyToPropose(BlockNode* parent, const std::vector<BlockSerial>& tail);
  void Propose(BlockNode* parent, const std::vector<BlockSerial>& tail);

  // core_timeouts.cc: giving up views, helping those behind.
  void OnTimeout(ReplicaIndex from, const Timeout& timeout);
  void OnAdvance(ReplicaIndex from, const Advance& advance);
  void GiveUp();
  void SendTimeout();
  void CheckTimeouts();
  MessagePtr MakeAdvance() const;
  void AnswerStale(ReplicaIndex peer);
  void SendStatus();
  void ForwardOwn();

  // core_sync.cc: fetching and serving blocks.
  void OnBlockRequest(ReplicaIndex from, const BlockRequest& request);
  void OnBlockResponse(ReplicaIndex from, const BlockResponse& response);
  bool InsertChain(const BlockResponse& response);
  void PollSync();
  bool TakeToken(Peer& peer);

  const CoreConfig config_;
  const size_t n_;
  const ReplicaIndex self_;
  const Signer* signer_;
  std::unique_ptr<const CommitRule> rule_;
  const BlockPtr block0_;
  const size_t max_job_bytes_;  // Of one peer's messages that wait for checks.
  Verifier verifier_;
  Defects defects_;

  // The replicated state.
  BlockTree tree_;
  ClientTable clients_;
  QcPtr root_qc_;  // Of the epoch's root; right by definition.
  QcPtr high_qc_;  // The highest certificate known.
  QcPtr lock_;
  TcPtr high_tc_;
  VoteGuard guard_;
  View last_proposed_view_;
  bool may_vote_ = true;
  bool ended_ = false;                 // The epoch's last block is committed.
  std::optional<HandoverProof> over_;  // The epoch has ended elsewhere.

  Pacemaker pacemaker_;
  VoteCollector votes_;
  TimeoutCollector timeouts_;
  Mempool mempool_;
  BatchLimit batch_limit_;
  BlockSync sync_;
  Height fetched_;  // Up to here the last answer helped; 0 if it did not.
  CertificateCache verified_;
  EvidenceLog evidence_;
  Counters counters_;

  std::map<JobId, Waiting> waiting_;
  JobId last_job_ = 0;
  std::vector<Peer> peers_;
  // Proposals seen, by view, to notice a second one of the same proposer.
  struct Seen {
    BlockPtr first;
    bool again = false;  // Its proposer signed another one.
  };
  std::map<View, Seen> seen_;
  std::vector<BlockPtr> pending_;  // Proposals of the current view whose parents are not here.
  MessagePtr own_timeout_;
  QcPtr announce_;  // A certificate that nobody else may have.
  uint64_t entered_ms_ = 0;
  bool peer_waits_ = false;  // A peer gave this view up, for reasons that are not known here.
  uint64_t status_ms_ = 0;
  uint64_t status_peer_ = 0;
  uint64_t forward_ms_ = kNever;  // When own commands that still wait are sent to the others again.
  uint64_t batch_ms_ = kNever;    // When a block is proposed even if it is not full.

  // Of the turn.
  Now now_;
  Effects out_;
  bool persist_ = false;
  std::vector<BlockPtr> unpersisted_;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_CORE_H_
