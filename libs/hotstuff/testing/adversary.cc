#include "hotstuff/testing/adversary.h"

#include "hotstuff/digest.h"

namespace groat::hotstuff::testing {
namespace {

constexpr size_t kPastMessages = 64;

}  // namespace

void Adversary::ToAll(Cluster::Node& node, const MessagePtr& message) {
  for (size_t i = 0; i < cluster_.config_.n; ++i) {
    const ReplicaIndex to(static_cast<uint16_t>(i));
    if (to != node.index) cluster_.Transmit(node, to, message);
  }
}

void Adversary::Pass(Cluster::Node& node, const hotstuff::Send& send) {
  if (!send.to.has_value()) return ToAll(node, send.message);
  cluster_.Transmit(node, *send.to, send.message);
}

BlockPtr Adversary::Vary(Cluster::Node& node, const Block& block, uint64_t timestamp_us,
                         View view) const {
  BlockHeader header = block.header();
  header.proposer = node.index;
  header.timestamp_us = timestamp_us;
  header.view = view;
  const BlockPtr draft =
      Block::Make(header, block.justify(), block.timeout(), block.commands(), Ed25519Signature());
  return Block::Sign(draft, node.signer->SignBlock(ProposalDigest(draft->id())));
}

uint64_t Adversary::FalseTimeUs(const Cluster::Node& node, const BlockId& parent) const {
  const auto known = node.known.find(parent);
  const uint64_t parent_us =
      known == node.known.end() ? 0 : known->second.first->header().timestamp_us;
  const uint64_t drift_us = cluster_.genesis_.max_clock_drift_us();
  const uint64_t now_us = cluster_.unix_us();
  switch (cluster_.random_.Below(6)) {
    case 0:
      return UINT64_MAX;
    case 1:
      return now_us + drift_us * cluster_.random_.Between(2, 100);
    case 2:  // By some clocks too far ahead, by others not.
      return now_us + drift_us;
    case 3:
      return parent_us + 1;
    case 4:
      return parent_us;
    default:
      return 0;
  }
}

void Adversary::Equivocate(Cluster::Node& node, const BlockPtr& block) {
  const BlockPtr other = VaryLater(node, *block, block->view());
  const MessagePtr messages[] = {MakeMessage(Proposal{block}), MakeMessage(Proposal{other})};
  for (size_t i = 0; i < cluster_.config_.n; ++i) {
    const ReplicaIndex to(static_cast<uint16_t>(i));
    if (to != node.index) cluster_.Transmit(node, to, messages[cluster_.random_.Below(2)]);
  }
  VoteFor(node, *block);
  VoteFor(node, *other);
}

void Adversary::Learn(Cluster::Node& node, const BlockPtr& block) {
  if (node.known.empty()) {
    const BlockPtr block0 = cluster_.genesis_.Block0();
    node.known[block0->id()] = {block0, LeaderSchedule()};
  }
  const auto parent = node.known.find(block->parent());
  if (parent == node.known.end()) return;
  const LeaderSchedule schedule = parent->second.second.Child(block->header(), *block->justify(),
                                                              cluster_.config_.n, *cluster_.rule_);
  node.known[block->id()] = {block, schedule};
}

BlockPtr Adversary::BuildOnOlder(Cluster::Node& node, const Block& block) {
  auto child = node.known.find(block.parent());
  for (uint64_t i = cluster_.random_.Below(3); i > 0 && child != node.known.end(); --i) {
    child = node.known.find(child->second.first->parent());
  }
  if (child == node.known.end()) return nullptr;
  const auto parent = node.known.find(child->second.first->parent());
  if (parent == node.known.end()) return nullptr;
  BlockHeader header = block.header();
  header.parent = parent->first;
  header.height = parent->second.first->height().Next();
  const QcPtr& justify = child->second.first->justify();
  header.schedule =
      parent->second.second.Child(header, *justify, cluster_.config_.n, *cluster_.rule_).hash();
  const BlockPtr draft = Block::Make(header, justify, block.timeout(), {}, Ed25519Signature());
  return Block::Sign(draft, node.signer->SignBlock(ProposalDigest(draft->id())));
}

void Adversary::VoteFor(Cluster::Node& node, const Block& block) {
  Vote vote{block.header().epoch, block.view(), block.id(), node.index, {}};
  vote.share =
      node.signer->SignShare(VoteDigest(block.header().chain, vote.epoch, vote.view, vote.block));
  ToAll(node, MakeMessage(vote));
}

QcPtr Adversary::FakeQc(const Block& block) const {
  const size_t n = cluster_.config_.n;
  Proof proof{bls::SignerSet(n), Bytes(8, 7)};
  for (size_t i = 0; i < QuorumOf(n); ++i) proof.signers.Insert(i);
  return QuorumCertificate::Make(block.header().epoch, block.view(), block.id(), proof);
}

// A chain of three blocks in consecutive views from the node's last committed block, which only
// forged certificates hold together, shown to one replica.
void Adversary::Forge(Cluster::Node& node, const Block& base) {
  const size_t n = cluster_.config_.n;
  LeaderSchedule schedule = node.core->committed_schedule();
  const std::vector<BlockId>& chain = cluster_.checker_.chain();
  const CoreStatus status = node.core->status();
  if (status.committed_height.value() >= chain.size()) return;
  BlockHeader header = base.header();
  header.parent = status.committed_block;
  header.height = status.committed_height;
  View view = status.committed_view;
  QcPtr justify = status.committed_height == Height(0)
                      ? QuorumCertificate::MakeRoot(Epoch(0), status.committed_block)
                      : nullptr;
  if (justify == nullptr) {
    Proof proof{bls::SignerSet(n), Bytes(8, 9)};
    for (size_t i = 0; i < QuorumOf(n); ++i) proof.signers.Insert(i);
    justify = QuorumCertificate::Make(Epoch(0), view, status.committed_block, proof);
  }
  std::vector<BlockPtr> blocks;
  for (int i = 0; i < 4; ++i) {
    view = i == 0 ? View(std::max(view.value(), base.view().value()) + 1) : view.Next();
    header.view = view;
    header.height = header.height.Next();
    header.timestamp_us += 1;
    header.proposer = schedule.LeaderOf(view, n);
    schedule = schedule.Child(header, *justify, n, *cluster_.rule_);
    header.schedule = schedule.hash();
    blocks.push_back(Block::Make(header, justify, nullptr, {}, Ed25519Signature()));
    header.parent = blocks.back()->id();
    justify = FakeQc(*blocks.back());
  }
  if (node.forged.size() > 16) node.forged.clear();
  node.forged[blocks.back()->id()] = blocks;
  const ReplicaIndex victim(static_cast<uint16_t>(cluster_.random_.Below(n)));
  if (victim != node.index) {
    cluster_.Transmit(node, victim, MakeMessage(Advance{justify, nullptr}));
  }
}

void Adversary::Spam(Cluster::Node& node, const Block& block) {
  Timeout timeout;
  timeout.epoch = block.header().epoch;
  timeout.view = block.view();
  timeout.signer = node.index;
  timeout.high_qc = block.justify();
  timeout.previous_timeout = block.timeout();
  timeout.share = node.signer->SignShare(
      TimeoutDigest(block.header().chain, timeout.epoch, timeout.view, timeout.high_qc->view()));
  for (int i = 0; i < 3; ++i) ToAll(node, MakeMessage(timeout));
  timeout.view = View(timeout.view.value() + cluster_.random_.Below(100));
  timeout.share = Bytes(8, 1);
  ToAll(node, MakeMessage(timeout));
  timeout.high_qc = FakeQc(block);
  timeout.previous_timeout = nullptr;
  timeout.view = block.view().Next();
  ToAll(node, MakeMessage(timeout));
}

void Adversary::OnSend(Cluster::Node& node, const hotstuff::Send& send) {
  const auto* proposal = std::get_if<Proposal>(send.message.get());
  switch (node.behaviour) {
    case Behaviour::kMute:
    case Behaviour::kLateLeader:
      return;
    case Behaviour::kSilentLeader:
      if (proposal != nullptr) return;
      break;
    case Behaviour::kEquivocate:
      if (proposal != nullptr) return Equivocate(node, proposal->block);
      break;
    case Behaviour::kFalseTime:
      if (proposal != nullptr) {
        Learn(node, proposal->block);
        const Block& block = *proposal->block;
        const BlockPtr other = Vary(node, block, FalseTimeUs(node, block.parent()), block.view());
        Learn(node, other);
        VoteFor(node, *other);
        return ToAll(node, MakeMessage(Proposal{other}));
      }
      break;
    case Behaviour::kStaleLeader:
      if (proposal != nullptr) {
        Learn(node, proposal->block);
        if (proposal->block->timeout() == nullptr) {
          if (cluster_.random_.Percent(50)) return;
          break;
        }
        const BlockPtr older = BuildOnOlder(node, *proposal->block);
        if (older == nullptr) break;
        Learn(node, older);
        VoteFor(node, *older);
        return ToAll(node, MakeMessage(Proposal{older}));
      }
      break;
    case Behaviour::kSelective:
      for (size_t i = 0; i < cluster_.config_.n; ++i) {
        const ReplicaIndex to(static_cast<uint16_t>(i));
        if (to != node.index && send.to.value_or(to) == to && cluster_.random_.Percent(50)) {
          cluster_.Transmit(node, to, send.message);
        }
      }
      return;
    case Behaviour::kStale:
      if (node.past.size() < kPastMessages) {
        node.past.push_back(send.message);
      } else {
        ToAll(node, node.past[cluster_.random_.Below(kPastMessages)]);
        node.past[cluster_.random_.Below(kPastMessages)] = send.message;
      }
      break;
    default:
      break;
  }
  Pass(node, send);
}

bool Adversary::OnReceive(Cluster::Node& node, ReplicaIndex from, const MessagePtr& message) {
  if (node.behaviour == Behaviour::kLateLeader) {
    for (const LateLeader::Order& order : node.late_leader->OnReceive(from, *message)) {
      Pass(node, {order.to, order.message});
    }
    return true;
  }
  if (const auto* request = std::get_if<BlockRequest>(message.get())) {
    const auto found = node.forged.find(request->target);
    if (found == node.forged.end()) return false;
    BlockResponse response{Epoch(0), {}, nullptr, Height(0)};
    for (const BlockPtr& block : found->second) {
      if (block->height() >= request->from) response.blocks.push_back(block);
    }
    cluster_.Transmit(node, from, MakeMessage(std::move(response)));
    return true;
  }
  const auto* proposal = std::get_if<Proposal>(message.get());
  if (proposal == nullptr) return false;
  const Block& block = *proposal->block;
  // Adversaries would answer each other's answers for ever.
  const bool fresh = block.view() > node.reacted && block.view() <= node.core->status().view.Next();
  switch (node.behaviour) {
    case Behaviour::kDoubleVote:
    case Behaviour::kEquivocate:
      VoteFor(node, block);
      break;
    case Behaviour::kForge:
      Forge(node, block);
      break;
    case Behaviour::kSpam:
      Spam(node, block);
      break;
    case Behaviour::kFalseTime:
    case Behaviour::kStaleLeader:
      Learn(node, proposal->block);
      break;
    case Behaviour::kImpostor: {
      if (!fresh) break;
      node.reacted = block.view();
      const BlockPtr own = VaryLater(node, block, block.view());
      ToAll(node, MakeMessage(Proposal{own}));
      VoteFor(node, *own);
      break;
    }
    case Behaviour::kFarView:
      if (!fresh) break;
      node.reacted = block.view();
      ToAll(node, MakeMessage(Proposal{VaryLater(
                      node, block, View(block.view().value() + 1 + cluster_.random_.Below(50)))}));
      break;
    default:
      break;
  }
  return false;
}

}  // namespace groat::hotstuff::testing
