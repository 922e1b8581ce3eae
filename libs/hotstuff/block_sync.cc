#include "hotstuff/block_sync.h"

namespace groat::hotstuff {

void BlockSync::WantFromAnyone(ReplicaIndex anyone, uint64_t now_ms) {
  target_ = nullptr;
  asked_.reset();
  anyone_ = anyone;
  next_ms_ = now_ms;
}

void BlockSync::Want(const QcPtr& qc, uint64_t now_ms) {
  if (anyone_.has_value()) return;
  if (target_ != nullptr && qc->view() <= target_->view()) return;
  if (target_ == nullptr) next_ms_ = now_ms;
  target_ = qc;
}

void BlockSync::Done() {
  target_ = nullptr;
  anyone_.reset();
  asked_.reset();
}

void BlockSync::OnResponse(ReplicaIndex from, bool helped, uint64_t now_ms) {
  if (asked_ != from) return;
  asked_.reset();
  if (!helped) ++attempt_;
  // Someone who has nothing for us would answer at once, again and again.
  const uint64_t pause = anyone_.has_value() ? retry_ms_ : retry_ms_ / 4;
  next_ms_ = helped ? now_ms : now_ms + pause;
}

std::optional<ReplicaIndex> BlockSync::Poll(uint64_t now_ms) {
  if (!wants() || now_ms < next_ms_) return std::nullopt;
  if (anyone_.has_value()) {
    asked_ = anyone_;
    next_ms_ = now_ms + retry_ms_;
    return asked_;
  }
  if (asked_.has_value()) ++attempt_;
  std::vector<size_t> signers;
  for (const size_t signer : target_->proof().signers.ToList()) {
    if (signer != self_.value()) signers.push_back(signer);
  }
  if (signers.empty()) return std::nullopt;
  // Replicas that lag together start with different peers.
  asked_ =
      ReplicaIndex(static_cast<uint16_t>(signers[(self_.value() + attempt_) % signers.size()]));
  next_ms_ = now_ms + retry_ms_;
  return asked_;
}

}  // namespace groat::hotstuff
