#include <algorithm>

#include "hotstuff/core.h"

namespace groat::hotstuff {
namespace {

// Requests that a peer may make at once, and how often it gets another one.
constexpr uint64_t kRequestTokens = 16;
constexpr uint64_t kTokenMs = 10;

}  // namespace

bool Core::TakeToken(Peer& peer) {
  if (peer.refilled_ms == 0) {
    peer.tokens = kRequestTokens;
    peer.refilled_ms = now_.monotonic_ms + 1;
  }
  const uint64_t refill = (now_.monotonic_ms + 1 - peer.refilled_ms) / kTokenMs;
  peer.tokens = std::min(kRequestTokens, peer.tokens + refill);
  peer.refilled_ms += refill * kTokenMs;
  if (peer.tokens == 0) return false;
  --peer.tokens;
  return true;
}

void Core::OnBlockRequest(ReplicaIndex from, const BlockRequest& request) {
  if (!TakeToken(peers_[from.value()])) return Refuse(Refusal::kUnasked);
  BlockNode* top = tree_.Find(request.target);
  if (top == nullptr) top = tree_.Find(high_qc_->block());
  std::vector<CommittedBlock> blocks;
  if (top != nullptr) {
    for (const BlockNode* node : tree_.PathTo(top)) {
      if (node->height() >= request.from) {
        blocks.push_back({node->block, node->certificate, {}});
      }
    }
  }
  if (request.from <= tree_.root().height()) {
    out_.serve.push_back({from, request.from, std::move(blocks)});
    return;
  }
  Send(from, MakeMessage(MakeResponse(config_.epoch, blocks, Height(0))));
}

void Core::OnBlockResponse(ReplicaIndex from, const BlockResponse& response) {
  if (ended_) return;
  if (response.blocks.empty() && response.first_available > tree_.root().height().Next()) {
    out_.needs_snapshot = response.first_available;
  }
  const bool helped = InsertChain(response);
  fetched_ = helped ? response.blocks.back()->height() : Height();
  sync_.OnResponse(from, helped, now_.monotonic_ms);
}

bool Core::InsertChain(const BlockResponse& response) {
  if (response.blocks.empty()) return false;
  const BlockId last = response.blocks.back()->id();
  const bool is_target = sync_.target() != nullptr && sync_.target()->block() == last;
  const bool certified = response.certificate != nullptr && response.certificate->block() == last;
  if (!is_target && !certified) return false;
  const QcPtr certificate = certified ? response.certificate : sync_.target();
  bool helped = false;
  for (const BlockPtr& block : response.blocks) {
    if (block->height() <= tree_.root().height() || tree_.Find(block->id()) != nullptr) continue;
    BlockNode* parent = tree_.Find(block->parent());
    if (parent == nullptr) return helped;
    static_cast<void>(NoteProposal(block));  // Certified blocks go in, whatever else was proposed.
    if (InsertBlock(block, parent) == nullptr) return helped;
    helped = true;
    if (ended_) return helped;
  }
  ApplyQc(certificate);
  return helped;
}

void Core::PollSync() {
  if (ended_ || !sync_.wants()) return;
  const bool anyone = sync_.wants_from_anyone();
  if (!anyone && sync_.target()->view() <= tree_.root().view()) return sync_.Done();
  const std::optional<ReplicaIndex> peer = sync_.Poll(now_.monotonic_ms);
  if (!peer.has_value()) return;
  // What came before may be long and commit nothing yet.
  const Height from = std::max(tree_.root().height(), fetched_).Next();
  BlockRequest request{config_.epoch, from, BlockId()};
  if (over_.has_value()) request.target = over_->last();
  if (anyone) {
    out_.fetch = request;
  } else {
    request.target = sync_.target()->block();
    Send(*peer, MakeMessage(request));
  }
}

}  // namespace groat::hotstuff
