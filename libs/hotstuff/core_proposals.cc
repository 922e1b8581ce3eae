#include <algorithm>

#include "hotstuff/core.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

// Proposals of the current view that wait for their parents, one a proposer: until the parent is
// here, nobody can tell which of them is the leader.
constexpr size_t kMaxPending = 4;

bool IsClosed(const ApprovedChangePtr& change, Height height) {
  return change != nullptr && height > change->change.last_height;
}

uint64_t Difference(uint64_t a, uint64_t b) { return a > b ? a - b : b - a; }

}  // namespace

void Core::OnProposal(ReplicaIndex from, const BlockPtr& block) {
  if (ended_) return;
  if (!defects_.update_behind_view_check || block->view() == pacemaker_.view()) {
    ApplyQc(block->justify());
    if (block->timeout() != nullptr) ApplyTc(block->timeout());
  }
  if (defects_.enter_view_on_sight && block->view() > pacemaker_.view()) EnterView(block->view());
  if (ended_) return;
  BlockNode* node = tree_.Find(block->id());
  if (node == nullptr) {
    if (!NoteProposal(block)) return;
    BlockNode* parent = tree_.Find(block->parent());
    if (parent == nullptr) {
      const bool waits =
          std::any_of(pending_.begin(), pending_.end(),
                      [from](const BlockPtr& other) { return other->header().proposer == from; });
      if (block->view() == pacemaker_.view() && !waits && pending_.size() < kMaxPending) {
        pending_.push_back(block);
      }
      return;
    }
    node = InsertBlock(block, parent);
    if (node == nullptr) return;
  }
  ConsiderVote(node);
}

bool Core::NoteProposal(const BlockPtr& block) {
  const auto found = seen_.find(block->view());
  if (found == seen_.end()) return true;
  const Block& other = *found->second.first;
  if (other.id() == block->id() || other.header().proposer != block->header().proposer) return true;
  found->second.again = true;
  evidence_.Add(ConflictingBlocks{{other.header(), other.signature()},
                                  {block->header(), block->signature()}});
  return false;
}

ApprovedChangePtr Core::ChangeAfter(const Block& block, const BlockNode& parent) const {
  if (parent.change != nullptr) return parent.change;
  return FindChange(block.commands(), block.height(), config_.genesis, verifier_);
}

std::optional<Refusal> Core::CheckOnParent(const Block& block, const BlockNode& parent) const {
  const BlockHeader& header = block.header();
  if (block.justify()->view() != parent.view() || block.view() <= parent.view()) {
    return Refusal::kInconsistent;
  }
  if (parent.schedule.LeaderOf(block.view(), n_) != header.proposer && !defects_.no_leader_check) {
    return Refusal::kWrongLeader;
  }
  const bool is_later = header.timestamp_us > parent.block->header().timestamp_us;
  if (header.height != parent.height().Next() || (!is_later && !defects_.no_growing_time_check) ||
      (IsClosed(parent.change, header.height) && !block.commands().empty())) {
    return Refusal::kInvalidBlock;
  }
  return std::nullopt;
}

// A full tree keeps the branch of the highest certificate and the newest block on it: it grows by
// one block a certificate, whatever else is proposed.
bool Core::HasRoomFor(const Block& block) {
  if (tree_.size() <= config_.options.max_tree_blocks) return true;
  BlockNode* high = tree_.Find(high_qc_->block());
  if (high == nullptr || block.parent() != high->block->id()) return false;
  tree_.KeepBranch(high);
  return true;
}

BlockNode* Core::InsertBlock(const BlockPtr& block, BlockNode* parent) {
  if (const std::optional<Refusal> refusal = CheckOnParent(*block, *parent)) {
    Refuse(*refusal);
    return nullptr;
  }
  if (!HasRoomFor(*block)) {
    Refuse(Refusal::kTreeFull);
    return nullptr;
  }
  LeaderSchedule schedule = parent->schedule.Child(block->header(), *block->justify(), n_, *rule_);
  ApprovedChangePtr change = ChangeAfter(*block, *parent);
  if (schedule.hash() != block->header().schedule ||
      block->header().handover != (change == nullptr ? Hash() : change->digest)) {
    Refuse(Refusal::kInvalidBlock);
    return nullptr;
  }
  BlockNode* node = tree_.Insert(block, parent, std::move(schedule), std::move(change));
  const std::vector<Command>& commands = block->commands();
  for (size_t i = 0; i < commands.size(); ++i) {
    mempool_.LookAhead(commands, i);
    mempool_.MarkIncluded(commands[i].key, node->serial);
    if (defects_.abandoned_commands_lost) mempool_.Remove(commands[i].key);
  }
  seen_.try_emplace(block->view(), Seen{block});
  unpersisted_.push_back(block);
  // Ancestors first: whatever commits has its certificate.
  MarkCertified(parent, block->justify());
  if (high_qc_->block() == block->id()) MarkCertified(node, high_qc_);
  return node;
}

void Core::ConsiderVote(BlockNode* node) {
  const BlockPtr& block = node->block;
  if (block->view() != pacemaker_.view() || !takes_part()) return;
  const uint64_t drift_us = Difference(block->header().timestamp_us, now_.wall_us);
  if (drift_us > config_.genesis.max_clock_drift_us() && !defects_.no_clock_check) {
    return Refuse(Refusal::kClock);
  }
  const bool extends_lock =
      lock_->view() <= tree_.root().view() || tree_.Extends(node, lock_->block());
  if (!rule_->AllowsVote(block->justify()->view(), lock_->view(), extends_lock) &&
      !defects_.lock_always_passes) {
    return Refuse(Refusal::kUnjustified);
  }
  VoteGuard::Verdict verdict = guard_.Consider(block->view(), block->id());
  if (defects_.votes_twice && verdict == VoteGuard::Verdict::kRefused &&
      guard_.timeout_view() < block->view()) {
    verdict = VoteGuard::Verdict::kNew;
  }
  if (defects_.votes_after_timeout && guard_.timeout_view() >= block->view()) {
    verdict = VoteGuard(guard_.last_vote(), View(0)).Consider(block->view(), block->id());
  }
  if (verdict == VoteGuard::Verdict::kRefused) return;
  if (verdict == VoteGuard::Verdict::kNew) {
    Vote vote{config_.epoch, block->view(), block->id(), self_, {}};
    vote.share =
        signer_->SignShare(VoteDigest(verifier_.chain, config_.epoch, block->view(), block->id()));
    guard_.Voted(std::move(vote));
    persist_ = true;
    ++counters_.votes;
  }
  SendVote(*node, *guard_.last_vote());
}

// If the next leader failed the last time, the proposer collects the votes too: else one dead
// leader that is tried again costs two views, its own and the one whose votes it takes along.
void Core::SendVote(const BlockNode& node, const Vote& vote) {
  const View collector_view = defects_.votes_to_wrong_leader ? vote.view : vote.view.Next();
  const ReplicaIndex next_leader = node.schedule.LeaderOf(collector_view, n_);
  const ReplicaIndex proposer = node.block->header().proposer;
  const MessagePtr message = MakeMessage(vote);
  if (config_.genesis.votes == VoteSpread::kAll) {
    Send(std::nullopt, message);
    return OnVote(vote);
  }
  const auto send = [&](ReplicaIndex collector) {
    collector == self_ ? OnVote(vote) : Send(collector, message);
  };
  send(next_leader);
  if (proposer != next_leader && node.schedule.IsOnProbation(next_leader)) send(proposer);
}

void Core::OnVote(const Vote& vote) {
  if (ended_ || vote.view <= high_qc_->view()) return;
  if (defects_.votes_counted_elsewhere) return;
  if (defects_.votes_to_wrong_leader) {
    const BlockNode* node = tree_.Find(vote.block);
    if (node != nullptr && node->schedule.LeaderOf(vote.view.Next(), n_) != self_) return;
  }
  const VoteCollector::AddResult result = votes_.Add(vote);
  Peer& peer = peers_[vote.signer.value()];
  if (result.conflict.has_value() && peer.jobs < config_.options.max_jobs_per_peer &&
      evidence_.Wants(ConflictingVotes{*result.conflict, vote})) {
    ++peer.jobs;
    Waiting waiting;
    waiting.from = vote.signer;
    waiting.evidence = ConflictingVotes{*result.conflict, vote};
    CheckJob job;
    job.id = ++last_job_;
    for (const Vote& part : {*result.conflict, vote}) {
      job.shares.push_back({part.signer,
                            VoteDigest(verifier_.chain, part.epoch, part.view, part.block),
                            part.share});
    }
    waiting_.emplace(job.id, std::move(waiting));
    out_.jobs.emplace_back(std::move(job));
  }
  if (result.quorum) StartAssembly(votes_.Take(vote.view, vote.block, verifier_.chain));
}

void Core::ConsiderPending() {
  if (pending_.empty()) return;
  const std::vector<BlockPtr> pending = std::move(pending_);
  pending_.clear();
  for (const BlockPtr& block : pending) {
    if (block->view() != pacemaker_.view()) continue;
    BlockNode* node = tree_.Find(block->id());
    BlockNode* parent = tree_.Find(block->parent());
    if (node == nullptr && parent == nullptr) {
      pending_.push_back(block);
      continue;
    }
    if (node == nullptr && NoteProposal(block)) node = InsertBlock(block, parent);
    if (node != nullptr) ConsiderVote(node);
  }
}

void Core::ConsiderProposing() {
  batch_ms_ = kNever;
  const View view = pacemaker_.view();
  if (!takes_part() || last_proposed_view_ >= view || guard_.timeout_view() >= view) return;
  BlockNode* parent = tree_.Find(high_qc_->block());
  if (parent == nullptr || parent->schedule.LeaderOf(view, n_) != self_) return;
  const bool by_qc = high_qc_->view().Next() == view;
  const bool by_tc = high_tc_ != nullptr && high_tc_->view().Next() == view;
  if (!by_qc && !by_tc) return;
  std::vector<BlockSerial> tail;
  for (const BlockNode* node = parent; node != &tree_.root(); node = node->parent) {
    tail.push_back(node->serial);
  }
  std::reverse(tail.begin(), tail.end());
  if (ReadyToPropose(parent, tail)) Propose(parent, tail);
}

bool Core::ReadyToPropose(BlockNode* parent, const std::vector<BlockSerial>& tail) {
  const Height committed = tree_.root().height();
  if (parent->payload_height > committed || tree_.newest()->payload_height > committed ||
      parent->change != nullptr || peer_waits_ || !IsRestingPlace(*parent)) {
    return true;
  }
  if (mempool_.empty()) return false;
  const Mempool::Waiting waiting = mempool_.WaitingFor(tail);
  if (!waiting.oldest_ms.has_value()) return false;
  const uint64_t due = *waiting.oldest_ms + config_.options.batch_delay_ms;
  if (waiting.full || now_.monotonic_ms >= due) return true;
  batch_ms_ = due;
  return false;
}

void Core::Propose(BlockNode* parent, const std::vector<BlockSerial>& tail) {
  const View view = pacemaker_.view();
  BlockHeader header;
  header.chain = verifier_.chain;
  header.epoch = config_.epoch;
  header.view = view;
  header.height = parent->height().Next();
  header.parent = parent->block->id();
  header.timestamp_us = std::max(now_.wall_us, parent->block->header().timestamp_us + 1);
  header.proposer = self_;
  header.schedule = parent->schedule.Child(header, *high_qc_, n_, *rule_).hash();
  std::vector<Command> commands;
  if (!IsClosed(parent->change, header.height)) {
    commands = mempool_.Select(tail, batch_limit_.bounds());
  }
  ApprovedChangePtr change = parent->change;
  if (change == nullptr) change = FindChange(commands, header.height, config_.genesis, verifier_);
  if (change != nullptr) header.handover = change->digest;
  const bool by_qc = high_qc_->view().Next() == view;
  const BlockPtr draft = Block::Make(header, high_qc_, by_qc ? nullptr : high_tc_,
                                     std::move(commands), Ed25519Signature());
  const BlockPtr block = Block::Sign(draft, signer_->SignBlock(ProposalDigest(draft->id())));
  last_proposed_view_ = view;
  persist_ = true;
  BlockNode* node = InsertBlock(block, parent);
  if (node == nullptr) return;
  ++counters_.proposals;
  Send(std::nullopt, MakeMessage(Proposal{block}));
  ConsiderVote(node);
}

}  // namespace groat::hotstuff
