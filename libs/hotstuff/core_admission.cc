#include <algorithm>

#include "hotstuff/core.h"
#include "hotstuff/digest.h"

namespace groat::hotstuff {
namespace {

// How many views ahead of the current one votes are kept.
constexpr uint64_t kVoteWindowViews = 64;

size_t CountChanges(const std::vector<Command>& commands) {
  return static_cast<size_t>(
      std::count_if(commands.begin(), commands.end(),
                    [](const Command& command) { return command.key.client == kChangeClient; }));
}

}  // namespace

std::optional<Refusal> Core::CheckShape(ReplicaIndex from, const Message& message) const {
  return std::visit([&](const auto& body) { return CheckShape(from, body); }, message);
}

// Whether the certificates let `view` be entered: QC(view - 1), or TC(view - 1) and a QC as high as
// it lists.
bool Core::EntersView(View view, const QcPtr& qc, const TcPtr& tc) const {
  if (view == View(0) || qc->view() >= view) return false;
  if (qc->view().Next() == view) return tc == nullptr;
  if (tc == nullptr || tc->epoch() != config_.epoch || tc->view().Next() != view) return false;
  return qc->view() >= tc->highest_qc_view() || defects_.no_timeout_view_check;
}

std::optional<Refusal> Core::CheckShape(ReplicaIndex from, const Proposal& proposal) const {
  const Block& block = *proposal.block;
  const BlockHeader& header = block.header();
  if (header.chain != verifier_.chain || header.epoch != config_.epoch) return Refusal::kWrongChain;
  if (header.proposer != from) return Refusal::kWrongSender;
  if (block.view() <= tree_.root().view()) return Refusal::kStale;
  if (block.justify()->epoch() != config_.epoch || block.justify()->block() != block.parent()) {
    return Refusal::kInconsistent;
  }
  if (!EntersView(block.view(), block.justify(), block.timeout()) &&
      !defects_.enter_view_on_sight) {
    return Refusal::kUnjustified;
  }
  if (block.commands().size() > config_.genesis.block.max_count ||
      EncodedSize(block.commands()) > config_.genesis.block.max_bytes) {
    return Refusal::kTooLarge;
  }
  if (CountChanges(block.commands()) > 1) return Refusal::kInvalidBlock;
  // Before any signature is checked, so that nobody keeps the workers busy with what leads nowhere.
  const BlockNode* parent = tree_.Find(block.parent());
  if (parent != nullptr && parent->schedule.LeaderOf(block.view(), n_) != from &&
      !defects_.no_leader_check) {
    return Refusal::kWrongLeader;
  }
  const auto seen = seen_.find(block.view());
  if (seen != seen_.end() && seen->second.again && tree_.Find(block.id()) == nullptr &&
      seen->second.first->header().proposer == from) {
    return Refusal::kInconsistent;
  }
  return std::nullopt;
}

std::optional<Refusal> Core::CheckShape(ReplicaIndex from, const Vote& vote) const {
  if (vote.epoch != config_.epoch) return Refusal::kWrongChain;
  if (vote.signer != from) return Refusal::kWrongSender;
  if (vote.view <= high_qc_->view()) return Refusal::kStale;
  if (vote.view.value() > pacemaker_.view().value() + kVoteWindowViews) return Refusal::kFarAhead;
  return std::nullopt;
}

std::optional<Refusal> Core::CheckShape(ReplicaIndex from, const Timeout& timeout) const {
  if (timeout.epoch != config_.epoch || timeout.high_qc->epoch() != config_.epoch) {
    return Refusal::kWrongChain;
  }
  if (timeout.signer != from) return Refusal::kWrongSender;
  if (!EntersView(timeout.view, timeout.high_qc, timeout.previous_timeout)) {
    return Refusal::kUnjustified;
  }
  if (timeout.last_vote.has_value() &&
      (timeout.last_vote->signer != from || timeout.last_vote->epoch != config_.epoch ||
       timeout.last_vote->view > timeout.view)) {
    return Refusal::kInconsistent;
  }
  return std::nullopt;
}

std::optional<Refusal> Core::CheckShape(ReplicaIndex, const Advance& advance) const {
  if (advance.high_qc->epoch() != config_.epoch) return Refusal::kWrongChain;
  if (advance.timeout != nullptr &&
      (advance.timeout->epoch() != config_.epoch ||
       advance.timeout->highest_qc_view() > advance.high_qc->view())) {
    return Refusal::kInconsistent;
  }
  return std::nullopt;
}

std::optional<Refusal> Core::CheckShape(ReplicaIndex, const BlockRequest& request) const {
  if (request.epoch != config_.epoch) return Refusal::kWrongChain;
  return std::nullopt;
}

std::optional<Refusal> Core::CheckShape(ReplicaIndex from, const BlockResponse& response) const {
  if (response.epoch != config_.epoch) return Refusal::kWrongChain;
  if (!sync_.Expects(from)) return Refusal::kUnasked;
  if (response.blocks.size() > kMaxResponseBlocks) return Refusal::kTooLarge;
  for (size_t i = 0; i < response.blocks.size(); ++i) {
    const Block& block = *response.blocks[i];
    if (block.header().chain != verifier_.chain || block.header().epoch != config_.epoch) {
      return Refusal::kWrongChain;
    }
    if (block.justify()->block() != block.parent() ||
        (i > 0 && block.parent() != response.blocks[i - 1]->id())) {
      return Refusal::kInconsistent;
    }
  }
  return std::nullopt;
}

std::optional<Refusal> Core::CheckShape(ReplicaIndex, const CommandBatch& batch) const {
  if (batch.commands.size() > config_.genesis.block.max_count ||
      EncodedSize(batch.commands) > config_.genesis.block.max_bytes) {
    return Refusal::kTooLarge;
  }
  if (CountChanges(batch.commands) > 1) return Refusal::kFlood;
  return std::nullopt;
}

void Core::AddCheck(const QcPtr& qc, CheckJob& job, Waiting& waiting) const {
  if (qc->hash() == high_qc_->hash() || qc->hash() == root_qc_->hash() ||
      verified_.Contains(qc->hash())) {
    return;
  }
  job.qcs.push_back(qc);
  job.known = OwnShares();
  waiting.certificates.push_back(qc->hash());
}

void Core::AddCheck(const TcPtr& tc, CheckJob& job, Waiting& waiting) const {
  if (verified_.Contains(tc->hash())) return;
  job.tcs.push_back(tc);
  waiting.certificates.push_back(tc->hash());
}

// A change of validators is verified before the pool takes it: a block has room for one, and wrong
// ones would keep the right one out.
void Core::AddCheck(const Command& command, CheckJob& job, Waiting& waiting) const {
  if (command.key.client != kChangeClient) return;
  const Hash hash = PayloadDigest(EncodeCommands({command}));  // With its name.
  if (verified_.Contains(hash)) return;
  absl::StatusOr<ApprovedChange> change = ApprovedChange::Decode(command.payload, verifier_.chain);
  if (!change.ok() || change->change.next != config_.epoch.Next() ||
      command.key != ChangeKey(change->digest)) {
    return;
  }
  job.changes.push_back(std::make_shared<const ApprovedChange>(*std::move(change)));
  job.genesis = &config_.genesis;
  waiting.certificates.push_back(hash);
}

// Certificates in timeouts and advances matter only if they bring news: others are neither verified
// nor used. That a certificate for the highest certified block exists needs no second proof.
CheckJob Core::ChecksOf(const Message& message, Waiting& waiting) const {
  CheckJob job;
  const auto add_news = [&](const QcPtr& qc, const TcPtr& tc) {
    if (qc->view() > high_qc_->view()) AddCheck(qc, job, waiting);
    if (tc != nullptr && tc->view() >= pacemaker_.view()) AddCheck(tc, job, waiting);
  };
  if (const auto* proposal = std::get_if<Proposal>(&message)) {
    if (tree_.Find(proposal->block->id()) != nullptr) return job;
    job.blocks.push_back(proposal->block);
    AddCheck(proposal->block->justify(), job, waiting);
    if (proposal->block->timeout() != nullptr) AddCheck(proposal->block->timeout(), job, waiting);
  } else if (const auto* timeout = std::get_if<Timeout>(&message)) {
    add_news(timeout->high_qc, timeout->previous_timeout);
    // A view that counts towards a certificate of this view must be one that a certificate has.
    const bool known = timeout->high_qc->view() == high_qc_->view() &&
                       timeout->high_qc->block() == high_qc_->block();
    if (timeout->view >= pacemaker_.view() && timeout->high_qc->view() <= high_qc_->view() &&
        !known) {
      AddCheck(timeout->high_qc, job, waiting);
    }
  } else if (const auto* advance = std::get_if<Advance>(&message)) {
    add_news(advance->high_qc, advance->timeout);
  } else if (const auto* response = std::get_if<BlockResponse>(&message)) {
    if (response->certificate != nullptr) AddCheck(response->certificate, job, waiting);
    for (const BlockPtr& block : response->blocks) {
      if (block->height() > tree_.root().height()) job.blocks.push_back(block);
    }
  } else if (const auto* batch = std::get_if<CommandBatch>(&message)) {
    for (const Command& command : batch->commands) AddCheck(command, job, waiting);
  }
  return job;
}

}  // namespace groat::hotstuff
