#include "bls/quorum_builder.h"

#include "base/check.h"

namespace groat::bls {

QuorumBuilder::QuorumBuilder(const KeyDirectory& directory, size_t threshold, ByteView message)
    : directory_(directory), threshold_(threshold), message_(message) {
  GROAT_CHECK(threshold >= 1 && threshold <= directory.size())
      << "threshold " << threshold << ", want 1 to " << directory.size();
}

QuorumBuilder::AddResult QuorumBuilder::Add(size_t member, const Signature& share) {
  if (member >= directory_.size()) return AddResult::kUnknown;
  return shares_.emplace(member, share).second ? AddResult::kAdded : AddResult::kRepeated;
}

QuorumBuilder::Progress QuorumBuilder::TryBuild() {
  Progress progress;
  if (shares_.size() < threshold_) return progress;
  Shares shares(shares_.begin(), shares_.end());
  RangeSum sum = SumOf(shares, {0, shares.size()});
  if (!IsRight(sum)) {
    DropWrong(shares, sum, progress);
    if (shares_.size() < threshold_) return progress;
    shares.assign(shares_.begin(), shares_.end());
    sum = SumOf(shares, {0, shares.size()});
  }
  SignerSet signers(directory_.size());
  for (const auto& [member, share] : shares) signers.Insert(member);
  progress.certificate = {std::move(signers),
                          Signature::FromCheckedPoint(sum.signature.ToAffineVariableTime())};
  return progress;
}

RangeSum QuorumBuilder::SumOf(const Shares& shares, const ShareRange& range) const {
  RangeSum sum;
  for (size_t i = range.begin; i < range.end; ++i) {
    sum.keys += directory_.key(shares[i].first).point();
    sum.signature += shares[i].second.point();
  }
  return sum;
}

bool QuorumBuilder::IsRight(const RangeSum& sum) const {
  return FastAggregateVerify(PublicKeySum(sum.keys), message_,
                             Signature::FromCheckedPoint(sum.signature.ToAffineVariableTime()));
}

void QuorumBuilder::DropWrong(const Shares& shares, const RangeSum& sum, Progress& progress) {
  const BadShares found = FindBadShares(
      shares.size(), sum, [&](const ShareRange& range) { return SumOf(shares, range); },
      [this](const RangeSum& range_sum) { return IsRight(range_sum); }, kMaxChecks);
  for (const size_t i : found.bad) progress.wrong.push_back(shares[i].first);
  for (const ShareRange& range : found.suspects) {
    for (size_t i = range.begin; i < range.end; ++i) progress.suspects.push_back(shares[i].first);
  }
  for (const size_t member : progress.wrong) shares_.erase(member);
  for (const size_t member : progress.suspects) shares_.erase(member);
}

}  // namespace groat::bls
