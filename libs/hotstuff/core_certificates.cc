#include <algorithm>

#include "base/check.h"
#include "hotstuff/core.h"

namespace groat::hotstuff {
namespace {

// For how many views proposals are remembered to notice a second one, and votes to count them.
constexpr uint64_t kSeenViews = 64;

}  // namespace

void Core::ApplyQc(const QcPtr& qc) {
  if (ended_) return;
  if (qc->view() > high_qc_->view() && !defects_.certificates_assigned_backwards) {
    high_qc_ = qc;
    votes_.Forget(qc->view());
  }
  BlockNode* node = tree_.Find(qc->block());
  if (node != nullptr) {
    MarkCertified(node, qc);
    ConsiderEnd();
  } else if (qc->view() > tree_.root().view()) {
    sync_.Want(qc, now_.monotonic_ms);
  }
  if (qc->view() >= pacemaker_.view() && !ended_) EnterView(qc->view().Next());
}

void Core::ApplyTc(const TcPtr& tc) {
  if (ended_ || tc->view() < pacemaker_.view()) return;
  high_tc_ = tc;
  batch_limit_.ViewFailed();
  EnterView(tc->view().Next());
}

void Core::MarkCertified(BlockNode* node, const QcPtr& qc) {
  if (sync_.target() != nullptr && sync_.target()->block() == node->block->id()) sync_.Done();
  if (node->certificate != nullptr || ended_) return;
  node->certificate = qc;
  const QcPtr& locked = rule_->lock() == CommitRule::Lock::kCertified ? qc : node->block->justify();
  const bool own_epoch = locked->epoch() == config_.epoch;
  if (own_epoch && locked->view() > lock_->view()) lock_ = locked;

  std::array<View, 3> views = node->views;
  const size_t last = rule_->chain_length() - 1;
  if (defects_.commit_looks_at_wrong_block) views[last] = views[0];
  if (defects_.no_consecutive_view_check) views = {View(2), View(1), View(0)};
  const std::optional<size_t> depth = rule_->CommittedBy(views);
  if (!depth.has_value()) return;
  BlockNode* target = node;
  for (size_t i = 0; i < *depth && target != nullptr; ++i) target = target->parent;
  if (target == nullptr || target->height() <= tree_.root().height()) return;
  Commit(target, node, qc);
}

void Core::Commit(BlockNode* target, const BlockNode* certified, const QcPtr& qc) {
  const ApprovedChangePtr change = target->change;
  while (change != nullptr && target->height() > change->change.last_height) {
    target = target->parent;
  }
  CommitProof proof;
  for (const BlockNode* node = certified; node != target->parent; node = node->parent) {
    proof.headers.push_back(node->block->header());
  }
  std::reverse(proof.headers.begin(), proof.headers.end());
  proof.certificate = qc;
  CommitUpTo(target, std::move(proof));
}

void Core::CommitUpTo(BlockNode* target, CommitProof proof) {
  const std::vector<BlockNode*> path = tree_.PathTo(target);
  if (path.empty()) return;
  GROAT_CHECK_EQ(path.front()->height(), tree_.root().height().Next());
  for (const BlockNode* node : path) {
    CommittedBlock committed{node->block, node->certificate, {}};
    const bool orders_change = node->change != nullptr && node->parent->change == nullptr;
    const std::vector<Command>& commands = node->block->commands();
    for (size_t i = 0; i < commands.size(); ++i) {
      const Command& command = commands[i];
      mempool_.LookAhead(commands, i);
      const bool is_change = command.key.client == kChangeClient;
      bool fresh = is_change && orders_change && node->change->Encode() == command.payload;
      if (!is_change) {
        const ClientTable::State state = clients_.Commit(command.key);
        fresh = state == ClientTable::State::kFresh;
        if (!fresh) {
          committed.ineffective.push_back({static_cast<uint32_t>(committed.fresh.size()), state});
        }
      }
      committed.fresh.push_back(fresh);
      ++(fresh ? counters_.commands_committed : counters_.commands_repeated);
      mempool_.Remove(command.key);
    }
    ++counters_.blocks_committed;
    batch_limit_.Committed();
    out_.commits.push_back(std::move(committed));
    if (node->height().value() % config_.genesis.snapshot_interval_blocks == 0) {
      TakeSnapshot(*node, path, proof);
    }
  }
  const ApprovedChangePtr change = target->change;
  tree_.Commit(target);
  unpersisted_.erase(
      std::remove_if(unpersisted_.begin(), unpersisted_.end(),
                     [&](const BlockPtr& block) { return block->height() <= target->height(); }),
      unpersisted_.end());
  if (change != nullptr && target->height() == change->change.last_height) EndEpoch(proof);
  out_.commit_proof = std::move(proof);
}

// The snapshot's block may be below the one that is committed directly: then the headers between
// are part of its proof.
void Core::TakeSnapshot(const BlockNode& node, const std::vector<BlockNode*>& path,
                        const CommitProof& proof) {
  CommitProof own;
  for (const BlockNode* step : path) {
    if (step->height() >= node.height() && step != path.back()) {
      own.headers.push_back(step->block->header());
    }
  }
  own.headers.insert(own.headers.end(), proof.headers.begin(), proof.headers.end());
  own.certificate = proof.certificate;
  out_.snapshots.push_back({node.block, node.certificate, out_.commits.back().fresh, node.schedule,
                            node.change, clients_, std::move(own)});
}

void Core::On(const EpochOver& over) {
  if (ended_ || over_.has_value() || over.proof.ended() != config_.epoch) return;
  over_ = over.proof;
  sync_.WantFromAnyone(Anyone(), now_.monotonic_ms);
  ConsiderEnd();
}

void Core::ConsiderEnd() {
  if (ended_ || !over_.has_value()) return;
  BlockNode* last = tree_.Find(over_->last());
  if (last == nullptr || last->change == nullptr) return;
  if (last == &tree_.root()) {  // A snapshot of the epoch's last block.
    EndEpoch(over_->commit);
  } else if (last->certificate != nullptr) {
    CommitUpTo(last, over_->commit);
  }
}

void Core::EndEpoch(const CommitProof& proof) {
  ended_ = true;
  sync_.Done();
  out_.epoch_end = EpochEnd{{*tree_.root().change, proof}, tree_.root().block};
}

void Core::EnterView(View view) {
  pacemaker_.Enter(view, tree_.root().view(), now_.monotonic_ms);
  ++counters_.views_entered;
  timeouts_.Clear();
  own_timeout_ = nullptr;
  entered_ms_ = now_.monotonic_ms;
  peer_waits_ = false;
  pending_.clear();
  status_ms_ = n_ == 1 ? kNever : now_.monotonic_ms + config_.options.status_interval_ms;
  if (view.value() > kSeenViews) {
    const View oldest(view.value() - kSeenViews);
    seen_.erase(seen_.begin(), seen_.lower_bound(oldest));
    votes_.Forget(oldest);
  }
}

std::optional<ReplicaIndex> Core::Leader() const {
  const BlockNode* high = tree_.Find(high_qc_->block());
  if (high == nullptr) return std::nullopt;
  return high->schedule.LeaderOf(pacemaker_.view(), n_);
}

SafetyState Core::MakeSafetyState() const {
  SafetyState state;
  state.chain = verifier_.chain;
  state.epoch = config_.epoch;
  state.last_vote = guard_.last_vote();
  state.timeout_view = guard_.timeout_view();
  state.last_proposed_view = last_proposed_view_;
  state.high_qc = high_qc_;
  state.lock = lock_;
  state.high_tc = high_tc_;
  return state;
}

}  // namespace groat::hotstuff
