#include "ledger/checkpoint_collector.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::ledger {

CheckpointCollector::CheckpointCollector(const Bytes32& ledger_id, const record::NodeKeys& keys,
                                         std::optional<record::SignedCheckpoint> newest)
    : ledger_id_(ledger_id), keys_(keys), newest_(std::move(newest)) {}

record::Checkpoint CheckpointCollector::CheckpointOf(const SignMark& point) const {
  return {ledger_id_, point.height, point.block_id, point.log_root};
}

Bytes CheckpointCollector::MessageFor(const SignMark& point) const {
  return CheckpointOf(point).Encode();
}

CheckpointCollector::AddResult CheckpointCollector::Add(const Share& share) {
  if (share.point.height <= newest_height()) return AddResult::kPassed;
  const auto height = shares_.find(share.point.height);
  const Entry* known = nullptr;
  if (height != shares_.end()) {
    const auto entry = height->second.find(share.node);
    if (entry != height->second.end()) known = &entry->second;
  }
  if (known != nullptr && known->share == share) return AddResult::kRepeated;
  if (!keys_.VerifyShare(share.node, MessageFor(share.point), share.signature).ok()) {
    return AddResult::kWrongSignature;
  }
  // Both are signed by the node: that proves it faulty. The first one stays.
  if (known != nullptr) {
    return known->share.point == share.point ? AddResult::kRepeated : AddResult::kEquivocation;
  }
  shares_[share.point.height][share.node] = {share};
  DropLowestIfTooMany(share.node);
  return AddResult::kAdded;
}

void CheckpointCollector::DropLowestIfTooMany(record::NodeIndex node) {
  size_t count = 0;
  for (const auto& [height, shares] : shares_) count += shares.count(node);
  if (count <= kMaxHeightsPerNode) return;
  for (auto it = shares_.begin(); it != shares_.end(); ++it) {
    if (it->second.erase(node) == 0) continue;
    if (it->second.empty()) shares_.erase(it);
    return;
  }
}

absl::Status CheckpointCollector::Adopt(const record::SignedCheckpoint& checkpoint,
                                        const PointAt& ours) {
  const record::Checkpoint& statement = checkpoint.checkpoint;
  if (statement.ledger_id != ledger_id_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "checkpoint of ledger ", statement.ledger_id.Hex(), ", want ", ledger_id_.Hex()));
  }
  GROAT_RETURN_IF_ERROR(keys_.VerifyQuorum(statement.Encode(), checkpoint.quorum));
  const std::optional<SignMark> point = ours(statement.height);
  if (!point.has_value()) {
    return absl::OutOfRangeError(
        absl::StrCat("checkpoint of height ", statement.height.value(), " is above our head"));
  }
  if (CheckpointOf(*point) != statement) {
    return absl::InvalidArgumentError(absl::StrCat("checkpoint ", statement.height.value(),
                                                   " covers block ", statement.block_id.Hex(),
                                                   ", ours is ", point->block_id.Hex()));
  }
  if (statement.height > newest_height()) SetNewest(checkpoint);
  return absl::OkStatus();
}

CheckpointCollector::Progress CheckpointCollector::TryForm(const PointAt& ours) {
  Progress progress;
  for (auto it = shares_.rbegin(); it != shares_.rend(); ++it) {
    const std::optional<SignMark> point = ours(it->first);
    if (!point.has_value()) continue;  // Above our head: judged when we get there.
    std::map<record::NodeIndex, record::NodeSignature> agreeing;
    std::map<Bytes, size_t> others;
    for (auto& [node, entry] : it->second) {
      if (entry.share.point == *point) {
        agreeing[node] = entry.share.signature;
        continue;
      }
      if (++others[entry.share.point.Encode()] >= keys_.quorum()) {
        progress.other_quorum = entry.share.point;
      }
      if (!entry.conflict_reported) progress.conflicts.push_back(entry.share);
      entry.conflict_reported = true;
    }
    if (agreeing.size() < keys_.quorum()) continue;
    SetNewest({CheckpointOf(*point), keys_.Combine(agreeing)});
    progress.formed = true;
    break;  // SetNewest dropped this height and everything below.
  }
  return progress;
}

void CheckpointCollector::SetNewest(record::SignedCheckpoint checkpoint) {
  shares_.erase(shares_.begin(), shares_.upper_bound(checkpoint.checkpoint.height));
  newest_ = std::move(checkpoint);
}

std::vector<record::Height> CheckpointCollector::HeightsToSign(record::NodeIndex self,
                                                               record::Height verified) const {
  std::vector<record::Height> out;
  if (verified <= newest_height()) return out;
  const auto top = shares_.find(verified);
  if (top == shares_.end() || top->second.count(self) == 0) out.push_back(verified);
  for (auto it = std::make_reverse_iterator(shares_.lower_bound(verified)); it != shares_.rend();
       ++it) {
    if (it->second.count(self) != 0) continue;
    out.push_back(it->first);
    break;
  }
  return out;
}

}  // namespace groat::ledger
