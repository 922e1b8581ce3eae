#include "hotstuff/core.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {

void Core::OnTimeout(ReplicaIndex from, const Timeout& timeout) {
  if (ended_) return AnswerStale(from);
  const bool looks = !defects_.update_behind_view_check || timeout.view == pacemaker_.view();
  if (looks && !defects_.leader_without_high_qcs && timeout.high_qc->view() > high_qc_->view()) {
    ApplyQc(timeout.high_qc);
  }
  if (looks && timeout.previous_timeout != nullptr) ApplyTc(timeout.previous_timeout);
  if (ended_) return AnswerStale(from);
  if (timeout.last_vote.has_value() && !defects_.no_votes_in_timeouts) OnVote(*timeout.last_vote);
  if (timeout.view < pacemaker_.view()) return AnswerStale(from);
  if (timeout.view > pacemaker_.view()) return Refuse(Refusal::kUnjustified);
  // The peer may miss a commit that everyone else has, or commands that were lost on the way. An
  // empty block helps; one a base timeout at most, so that nobody can keep the others busy.
  if (now_.monotonic_ms >= entered_ms_ + config_.genesis.base_timeout_ms) peer_waits_ = true;
  if (timeouts_.Add(from, timeout.high_qc->view(), timeout.share)) CheckTimeouts();
}

void Core::CheckTimeouts() {
  if (timeouts_.count() >= HonestWitnessesOf(n_) && !pacemaker_.given_up() &&
      !defects_.complaint_to_one_leader) {
    return GiveUp();
  }
  if (timeouts_.has_quorum()) {
    StartAssembly(timeouts_.Take(verifier_.chain, config_.epoch, pacemaker_.view()));
  }
}

void Core::OnAdvance(ReplicaIndex from, const Advance& advance) {
  if (ended_) return AnswerStale(from);
  const bool looks =
      !defects_.update_behind_view_check || advance.high_qc->view() == pacemaker_.view();
  if (looks && !defects_.leader_without_high_qcs && advance.high_qc->view() > high_qc_->view()) {
    ApplyQc(advance.high_qc);
  }
  if (advance.timeout != nullptr && looks) ApplyTc(advance.timeout);
  if (advance.high_qc->view() < high_qc_->view()) AnswerStale(from);
}

void Core::GiveUp() {
  pacemaker_.GaveUp(now_.monotonic_ms);
  ++counters_.views_given_up;
  if (!takes_part()) return SendStatus();
  guard_.GaveUp(pacemaker_.view());
  persist_ = true;
  SendTimeout();
  // The votes that the next leader keeps back come with the others' timeouts; this replica's own is
  // here.
  if (guard_.last_vote().has_value()) OnVote(*guard_.last_vote());
  const auto& own = std::get<Timeout>(*own_timeout_);
  timeouts_.Add(self_, own.high_qc->view(), own.share);
  CheckTimeouts();
}

void Core::SendTimeout() {
  if (!takes_part()) return SendStatus();
  const View view = pacemaker_.view();
  if (own_timeout_ == nullptr) {
    Timeout timeout;
    timeout.epoch = config_.epoch;
    timeout.view = view;
    timeout.signer = self_;
    timeout.high_qc = high_qc_;
    if (high_qc_->view().Next() != view) timeout.previous_timeout = high_tc_;
    timeout.last_vote = guard_.last_vote();
    timeout.share =
        signer_->SignShare(TimeoutDigest(verifier_.chain, config_.epoch, view, high_qc_->view()));
    // After a restart this one counts again; it says no less than the one before.
    timeouts_.Add(self_, high_qc_->view(), timeout.share);
    // What it says of the highest certificate must not be forgotten.
    persist_ = true;
    own_timeout_ = MakeMessage(std::move(timeout));
  }
  if (defects_.complaint_to_one_leader) {
    const BlockNode* high = tree_.Find(high_qc_->block());
    if (high != nullptr && high->schedule.LeaderOf(view.Next(), n_) != self_) {
      Send(high->schedule.LeaderOf(view.Next(), n_), own_timeout_);
    }
    return;
  }
  Send(std::nullopt, own_timeout_);
}

MessagePtr Core::MakeAdvance() const {
  Advance advance{high_qc_, nullptr};
  if (high_tc_ != nullptr && high_tc_->view() > high_qc_->view()) advance.timeout = high_tc_;
  return MakeMessage(std::move(advance));
}

void Core::AnswerStale(ReplicaIndex peer) {
  uint64_t& answered = peers_[peer.value()].answered_ms;
  const uint64_t pause = config_.genesis.base_timeout_ms / 4;
  if (answered != 0 && now_.monotonic_ms < answered - 1 + pause) return;
  answered = now_.monotonic_ms + 1;
  Send(peer, MakeAdvance());
}

void Core::SendStatus() {
  status_ms_ = now_.monotonic_ms + config_.options.status_interval_ms;
  if (n_ == 1) {
    status_ms_ = kNever;
    return;
  }
  // Each replica begins with another peer.
  const auto peer = static_cast<uint16_t>((self_.value() + 1 + status_peer_++ % (n_ - 1)) % n_);
  if (ReplicaIndex(peer) != self_) Send(ReplicaIndex(peer), MakeAdvance());
}

// Messages may be lost, so commands that wait for long are sent again, ever more rarely; not by the
// view's timer, which rests while the others go on without them.
void Core::ForwardOwn() {
  const uint64_t pause = config_.genesis.base_timeout_ms;
  if (mempool_.own_count() == 0 || ended_) {
    forward_ms_ = kNever;
    return;
  }
  if (forward_ms_ == kNever) forward_ms_ = now_.monotonic_ms + pause;
  if (now_.monotonic_ms < forward_ms_) return;
  forward_ms_ = now_.monotonic_ms + pause;
  std::vector<Command> own = mempool_.TakeOverdue(now_.monotonic_ms, pause);
  if (!own.empty()) Send(std::nullopt, MakeMessage(CommandBatch{std::move(own)}));
}

}  // namespace groat::hotstuff
