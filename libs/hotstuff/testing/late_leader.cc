#include "hotstuff/testing/late_leader.h"

#include "hotstuff/digest.h"

namespace groat::hotstuff::testing {

LateLeader::LateLeader(ReplicaIndex self, const Genesis& genesis, const CommitRule& rule)
    : n_(genesis.validators.size()), scheme_(n_), signer_(self), self_(self), rule_(rule) {
  const BlockPtr block0 = genesis.Block0();
  known_[block0->id()] = {block0, LeaderSchedule()};
}

std::vector<LateLeader::Order> LateLeader::OnReceive(ReplicaIndex from, const Message& message) {
  if (const auto* proposal = std::get_if<Proposal>(&message)) {
    OnProposal(proposal->block);
  } else if (const auto* vote = std::get_if<Vote>(&message)) {
    OnVote(*vote);
  } else if (const auto* timeout = std::get_if<Timeout>(&message)) {
    if (timeout->last_vote.has_value()) OnVote(*timeout->last_vote);
    OnTimeout(from, timeout->view);
  }
  return std::move(out_);
}

void LateLeader::OnProposal(const BlockPtr& block) {
  const auto parent = known_.find(block->parent());
  if (parent == known_.end()) return;
  const LeaderSchedule schedule =
      parent->second.schedule.Child(block->header(), *block->justify(), n_, rule_);
  known_[block->id()] = {block, schedule};
  if (schedule.LeaderOf(block->view().Next(), n_) == self_) {
    hidden_ = block;
    late_ = nullptr;
    return;
  }
  out_.push_back({std::nullopt, MakeMessage(MakeVote(*block))});
  // Another branch has its certificate: now the victim learns of the one that commits b0.
  if (late_ == nullptr || block->justify()->view() <= late_->view()) return;
  const QcPtr certificate = Certify(*late_);
  if (certificate == nullptr) return;
  const BlockPtr carrier = Build(known_.at(late_->id()), certificate);
  out_.push_back({hidden_->header().proposer, MakeMessage(Proposal{carrier})});
}

void LateLeader::OnVote(const Vote& vote) { votes_[vote.block].emplace(vote.signer, vote); }

void LateLeader::OnTimeout(ReplicaIndex from, View view) {
  if (hidden_ == nullptr || view != hidden_->view().Next()) return;
  const Known& base = known_[hidden_->parent()];
  if (base.schedule.LeaderOf(view.Next(), n_) == from) return;
  if (late_ == nullptr) {
    const QcPtr certificate = Certify(*hidden_);
    if (certificate == nullptr) return;
    late_ = Build(known_.at(hidden_->id()), certificate);
  }
  out_.push_back({from, MakeMessage(Proposal{late_})});
}

Vote LateLeader::MakeVote(const Block& block) const {
  Vote vote{block.header().epoch, block.view(), block.id(), self_, {}};
  vote.share =
      signer_.SignShare(VoteDigest(block.header().chain, vote.epoch, vote.view, vote.block));
  return vote;
}

QcPtr LateLeader::Certify(const Block& block) const {
  std::map<ReplicaIndex, Vote> votes;
  if (const auto found = votes_.find(block.id()); found != votes_.end()) votes = found->second;
  votes.emplace(self_, MakeVote(block));
  const Hash digest =
      VoteDigest(block.header().chain, block.header().epoch, block.view(), block.id());
  std::vector<SignedShare> shares;
  for (const auto& [signer, vote] : votes) shares.push_back({signer, digest, vote.share});
  auto assembled = scheme_.Assemble(shares, QuorumOf(n_), {});
  if (!assembled.proof.has_value()) return nullptr;
  return QuorumCertificate::Make(block.header().epoch, block.view(), block.id(),
                                 *std::move(assembled.proof));
}

BlockPtr LateLeader::Build(const Known& parent, QcPtr justify) {
  BlockHeader header = parent.block->header();
  header.view = header.view.Next();
  header.height = header.height.Next();
  header.parent = parent.block->id();
  header.timestamp_us += 1;
  header.proposer = self_;
  const LeaderSchedule schedule = parent.schedule.Child(header, *justify, n_, rule_);
  header.schedule = schedule.hash();
  const BlockPtr draft = Block::Make(header, std::move(justify), nullptr, {}, Ed25519Signature());
  const BlockPtr block = Block::Sign(draft, signer_.SignBlock(ProposalDigest(draft->id())));
  known_[block->id()] = {block, schedule};
  return block;
}

}  // namespace groat::hotstuff::testing
