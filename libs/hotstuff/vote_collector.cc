#include "hotstuff/vote_collector.h"

#include "base/check.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {

size_t VoteCollector::Count(const ViewVotes& votes, const BlockId& block) const {
  size_t count = 0;
  for (const Slot& slot : votes.slots) {
    if (slot.vote.has_value() && slot.vote->block == block) ++count;
  }
  return count;
}

VoteCollector::AddResult VoteCollector::Add(const Vote& vote) {
  AddResult result;
  ViewVotes& votes = views_[vote.view];
  if (votes.slots.empty()) {
    votes.slots.resize(n_);
    votes.block = vote.block;
  }
  Slot& slot = votes.slots[vote.signer.value()];
  if (slot.banned) return result;
  if (slot.vote.has_value()) {
    if (slot.vote->block != vote.block) result.conflict = slot.vote;
    return result;
  }
  slot.vote = vote;
  result.added = true;
  if (votes.block == vote.block) {
    ++votes.count;
  } else {
    votes.block = vote.block;
    votes.count = Count(votes, vote.block);
  }
  if (votes.count >= threshold_) {
    const auto assembling = votes.assembling.find(vote.block);
    result.quorum = assembling == votes.assembling.end() || !assembling->second;
  }
  return result;
}

AssembleJob VoteCollector::Take(View view, const BlockId& block, const ChainId& chain) {
  AssembleJob job;
  job.view = view;
  job.block = block;
  ViewVotes& votes = views_[view];
  votes.assembling[block] = true;
  std::optional<Hash> digest;
  for (const Slot& slot : votes.slots) {
    if (!slot.vote.has_value() || slot.vote->block != block) continue;
    if (!digest.has_value()) digest = VoteDigest(chain, slot.vote->epoch, view, block);
    job.shares.push_back({slot.vote->signer, *digest, slot.vote->share});
  }
  return job;
}

bool VoteCollector::Drop(View view, const BlockId& block, const std::vector<ReplicaIndex>& wrong) {
  const auto found = views_.find(view);
  if (found == views_.end()) return false;
  ViewVotes& votes = found->second;
  votes.assembling[block] = false;
  for (const ReplicaIndex replica : wrong) {
    Slot& slot = votes.slots[replica.value()];
    if (slot.vote.has_value() && slot.vote->block == block) slot = Slot{std::nullopt, true};
  }
  votes.block = block;
  votes.count = Count(votes, block);
  return !wrong.empty() && votes.count >= threshold_;
}

bool TimeoutCollector::Add(ReplicaIndex signer, View high_qc_view, const Bytes& share) {
  Slot& slot = slots_[signer.value()];
  if (slot.present || slot.banned) return false;
  used_ = true;
  slot.present = true;
  slot.high_qc_view = high_qc_view;
  slot.share = share;
  ++count_;
  return true;
}

AssembleJob TimeoutCollector::Take(const ChainId& chain, Epoch epoch, View view) {
  AssembleJob job;
  job.view = view;
  job.timeouts = true;
  assembling_ = true;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (!slot.present) continue;
    job.high_qc_views.push_back(slot.high_qc_view);
    job.shares.push_back({ReplicaIndex(static_cast<uint16_t>(i)),
                          TimeoutDigest(chain, epoch, view, slot.high_qc_view), slot.share});
  }
  return job;
}

bool TimeoutCollector::Drop(const std::vector<ReplicaIndex>& wrong) {
  assembling_ = false;
  for (const ReplicaIndex replica : wrong) {
    Slot& slot = slots_[replica.value()];
    if (!slot.present) continue;
    slot = Slot();
    slot.banned = true;
    --count_;
  }
  return !wrong.empty() && has_quorum();
}

void TimeoutCollector::Clear() {
  if (!used_) return;
  used_ = false;
  slots_.assign(slots_.size(), Slot());
  count_ = 0;
  assembling_ = false;
}

}  // namespace groat::hotstuff
