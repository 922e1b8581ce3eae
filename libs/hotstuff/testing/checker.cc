#include "hotstuff/testing/checker.h"

#include "absl/strings/str_cat.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"

namespace groat::hotstuff::testing {
namespace {

constexpr size_t kPastViews = 256;

}  // namespace

Checker::Checker(const Genesis& genesis, size_t n, uint64_t max_skew_us)
    : n_(n), max_time_error_us_(genesis.max_clock_drift_us() + max_skew_us) {
  if (genesis.rules == RuleSet::kTwoChain) {
    rule_ = std::make_unique<TwoChain>();
  } else {
    rule_ = std::make_unique<ThreeChain>();
  }
  chain_.push_back(genesis.Block0()->id());
  last_timestamp_us_ = genesis.timestamp_us;
}

void Checker::StartEpoch(size_t n) {
  n_ = n;
  schedule_ = LeaderSchedule();
  last_view_ = View(0);
}

void Checker::OnCommit(size_t node, const CommittedBlock& committed) {
  const Block& block = *committed.block;
  const size_t height = block.height().value();
  if (height > chain_.size()) {
    return Report(
        absl::StrCat("node ", node, " commits height ", height, " before height ", chain_.size()));
  }
  if (height < chain_.size()) {
    if (chain_[height] == block.id()) return;
    return Report(absl::StrCat("FORK: node ", node, " commits ", block.id().Hex(), " of view ",
                               block.view().value(), " at height ", height,
                               ", where another one committed ", chain_[height].Hex()));
  }
  if (block.parent() != chain_.back()) {
    return Report(absl::StrCat("FORK: node ", node, " commits a block at height ", height, " on ",
                               block.parent().Hex(), ", want ", chain_.back().Hex()));
  }
  CheckNew(committed);
}

void Checker::CheckNew(const CommittedBlock& committed) {
  const Block& block = *committed.block;
  const BlockHeader& header = block.header();
  if (schedule_.LeaderOf(block.view(), n_) != header.proposer) {
    return Report(absl::StrCat("committed block of view ", block.view().value(), " by validator ",
                               header.proposer.value(), ", who does not lead it"));
  }
  if (block.view() <= last_view_) {
    return Report(
        absl::StrCat("committed view ", block.view().value(), " after ", last_view_.value()));
  }
  CheckTime(block);
  if (committed.certificate == nullptr || committed.certificate->block() != block.id()) {
    return Report(
        absl::StrCat("committed height ", block.height().value(), " without its certificate"));
  }
  for (size_t i = 0; i < block.commands().size(); ++i) {
    const bool first = heights_.emplace(block.commands()[i].key, block.height().value()).second;
    if (committed.fresh[i] && !first) {
      return Report(absl::StrCat("command ", block.commands()[i].key.sequence.value(),
                                 " of client ", block.commands()[i].key.client.value(),
                                 " is executed twice"));
    }
  }
  schedule_ = schedule_.Child(header, *block.justify(), n_, *rule_);
  last_view_ = block.view();
  last_timestamp_us_ = header.timestamp_us;
  chain_.push_back(block.id());
}

// With n - f honest nodes, a certificate has the vote of one, who compared the time with its clock.
void Checker::CheckTime(const Block& block) {
  const uint64_t time_us = block.header().timestamp_us;
  if (time_us <= last_timestamp_us_) {
    return Report(absl::StrCat("TIME: committed ", time_us, " us after ", last_timestamp_us_));
  }
  const auto voted = voted_us_.find(block.id());
  if (voted == voted_us_.end()) {
    return Report(absl::StrCat("committed block of view ", block.view().value(),
                               " for which no honest node voted"));
  }
  const uint64_t error_us =
      time_us > voted->second ? time_us - voted->second : voted->second - time_us;
  if (error_us > max_time_error_us_) {
    return Report(absl::StrCat("TIME: committed ", time_us, " us, voted for at ", voted->second,
                               " us: want at most ", max_time_error_us_, " us between them"));
  }
}

std::optional<size_t> Checker::HeightOf(const CommandKey& key) const {
  const auto found = heights_.find(key);
  return found == heights_.end() ? std::nullopt : std::optional(found->second);
}

bool Checker::Contradicts(History& history, size_t node, const Past& now) {
  if (node >= history.size()) history.resize(node + 1);
  if (history[node].empty()) history[node].resize(kPastViews);
  Past& past = history[node][now.view.value() % kPastViews];
  const bool contradicts =
      past.epoch == now.epoch && past.view == now.view && past.block != now.block;
  past = now;
  return contradicts;
}

void Checker::OnVote(size_t node, const Vote& vote) {
  if (Contradicts(votes_, node, {vote.epoch, vote.view, vote.block})) {
    Report(absl::StrCat("node ", node, " votes twice in view ", vote.view.value()));
  }
}

void Checker::OnRecordedVote(const Vote& vote, uint64_t unix_us) {
  voted_us_.emplace(vote.block, unix_us);
}

void Checker::OnProposal(size_t node, const Block& block) {
  if (Contradicts(proposals_, node, {block.header().epoch, block.view(), block.id()})) {
    Report(absl::StrCat("node ", node, " proposes twice in view ", block.view().value()));
  }
}

}  // namespace groat::hotstuff::testing
