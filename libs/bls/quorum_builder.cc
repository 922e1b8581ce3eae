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
  Sum sum = SumOf(shares.begin(), shares.end());
  if (!IsRight(sum)) {
    FindWrong(shares.begin(), shares.end(), progress.wrong);
    for (const size_t member : progress.wrong) shares_.erase(member);
    if (shares_.size() < threshold_) return progress;
    shares.assign(shares_.begin(), shares_.end());
    sum = SumOf(shares.begin(), shares.end());
  }
  SignerSet signers(directory_.size());
  for (const auto& [member, share] : shares) signers.Insert(member);
  progress.certificate = {std::move(signers),
                          Signature::FromCheckedPoint(sum.signature.ToAffineVariableTime())};
  return progress;
}

QuorumBuilder::Sum QuorumBuilder::SumOf(Shares::const_iterator begin,
                                        Shares::const_iterator end) const {
  Sum sum;
  for (auto it = begin; it != end; ++it) {
    sum.keys.Add(directory_.key(it->first));
    sum.signature += it->second.point();
  }
  return sum;
}

bool QuorumBuilder::IsRight(const Sum& sum) const {
  return FastAggregateVerify(sum.keys, message_,
                             Signature::FromCheckedPoint(sum.signature.ToAffineVariableTime()));
}

void QuorumBuilder::FindWrong(Shares::const_iterator begin, Shares::const_iterator end,
                              std::vector<size_t>& wrong) const {
  if (end - begin == 1) {
    wrong.push_back(begin->first);
    return;
  }
  const auto middle = begin + (end - begin) / 2;
  const bool left_is_right = IsRight(SumOf(begin, middle));
  if (!left_is_right) FindWrong(begin, middle, wrong);
  // The whole is wrong: if the left half is right, the right half need not be asked.
  if (left_is_right || !IsRight(SumOf(middle, end))) FindWrong(middle, end, wrong);
}

}  // namespace groat::bls
