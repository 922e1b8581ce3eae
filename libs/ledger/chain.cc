#include "ledger/chain.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::ledger {
namespace {

// Why the root of a block on our head is not acceptable; OK if it is.
absl::Status CheckRoot(const RelayRules& rules, const RelayTips& tips,
                       const record::SignedRoot& root, RootSignature signature) {
  const RelayShard name = RelayShard::Of(root.statement);
  const auto rule = rules.find(name);
  if (rule == rules.end()) {
    return absl::NotFoundError(absl::StrCat(name.Name(), " is not among this node's relays"));
  }
  if (signature == RootSignature::kUnchecked) {
    absl::Status status = record::VerifyRoot(root, rule->second.public_key);
    if (!status.ok()) return status;
  }
  const auto tip = tips.find(name);
  return record::CheckFollows(tip == tips.end() ? nullptr : &tip->second.statement, root.statement,
                              rule->second.period_cycles);
}

}  // namespace

BlockCheck Chain::Check(const record::Block& block, RootSignature signature) const {
  const record::Height next = head_.height.Next();
  if (block.height < next) {
    return {BlockVerdict::kKnownHeight,
            absl::StrCat("height ", block.height.value(), ", head ", head_.height.value())};
  }
  if (block.height > next) {
    return {BlockVerdict::kAhead,
            absl::StrCat("height ", block.height.value(), ", want ", next.value())};
  }
  if (block.previous_id != head_.id) {
    return {BlockVerdict::kOtherHistory,
            absl::StrCat("block ", block.height.value(), " follows ", block.previous_id.Hex(),
                         ", our block ", head_.height.value(), " is ", head_.id.Hex())};
  }
  if (block.timestamp_ms < head_.timestamp_ms) {
    return {BlockVerdict::kWrong,
            absl::StrCat("block ", block.height.value(), " has time ", block.timestamp_ms,
                         " ms, want ", head_.timestamp_ms, " ms or later")};
  }
  if (absl::Status status = CheckRoot(rules_, tips_, block.root, signature); !status.ok()) {
    return {BlockVerdict::kWrong,
            absl::StrCat("block ", block.height.value(), ": ", status.message())};
  }
  return {};
}

void Chain::Apply(const record::Block& block) {
  GROAT_CHECK_EQ(block.height.value(), head_.height.value() + 1);
  GROAT_CHECK(block.previous_id == head_.id);
  head_ = ChainHead::Of(block);
  tips_[RelayShard::Of(block.root.statement)] = {block.height, block.root.statement};
}

}  // namespace groat::ledger
