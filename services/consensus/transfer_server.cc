#include "services/consensus/transfer_server.h"

#include <algorithm>
#include <chrono>

namespace groat::consensus_service {
namespace {

using hotstuff::BlockRequest;
using hotstuff::CommittedBlock;
using hotstuff::HandoverRequest;
using hotstuff::HandoverResponse;
using hotstuff::HeadRequest;
using hotstuff::HeadResponse;
using hotstuff::OfferRequest;
using hotstuff::PieceRequest;
using hotstuff::PieceResponse;
using hotstuff::TransferMessage;

constexpr uint64_t kRequestTokens = 32;
constexpr uint64_t kTokenMs = 10;
constexpr size_t kMaxWaiting = 4;
constexpr uint64_t kTellPauseMs = 500;

// What is damaged or gone is not sent; the damage is told where our own service reads it.
TransferMessage ReadHandovers(const BlockStore& store, Epoch first) {
  HandoverResponse response{first, {}};
  size_t bytes = 0;
  for (Epoch epoch = first; response.proofs.size() < HandoverResponse::kMaxProofs;) {
    absl::StatusOr<Bytes> proof = store.EncodedHandoverOf(epoch);
    if (!proof.ok()) break;
    bytes += proof->size();
    if (!response.proofs.empty() && bytes > HandoverResponse::kMaxBytes) break;
    response.proofs.push_back(*std::move(proof));
    epoch = epoch.Next();
  }
  return response;
}

TransferMessage ReadHead(const BlockStore& store, const HeadRequest& request) {
  HeadResponse response{request.snapshot, {}};
  absl::StatusOr<Bytes> head = store.snapshots().Head(request.snapshot);
  if (head.ok()) response.head = *std::move(head);
  return response;
}

TransferMessage ReadPiece(const BlockStore& store, const PieceRequest& request) {
  PieceResponse response{request.snapshot, request.index, {}};
  auto piece = store.snapshots().Piece(request.snapshot, request.index);
  if (piece.ok()) response.piece = *std::move(piece);
  return response;
}

}  // namespace

hotstuff::BlockResponse ReadBlocks(const BlockStore& store, Epoch epoch, Height from,
                                   const std::vector<CommittedBlock>& tail) {
  std::vector<CommittedBlock> blocks;
  size_t bytes = 0;
  Height next = from;
  const Height last = store.last();
  while (next <= last && blocks.size() < hotstuff::kMaxResponseBlocks &&
         bytes < hotstuff::kMaxResponseBytes) {
    absl::StatusOr<CommittedBlock> block = store.CommittedAt(next);
    if (!block.ok() || block->block->header().epoch != epoch) break;
    bytes += hotstuff::EncodedSize(block->block->commands());
    blocks.push_back(*std::move(block));
    next = next.Next();
  }
  if (next > last) {
    for (const CommittedBlock& block : tail) {
      if (block.block->height() != next) continue;
      blocks.push_back(block);
      next = next.Next();
    }
  }
  return hotstuff::MakeResponse(epoch, blocks, store.first());
}

bool TransferServer::Answer(const p2p::PeerId& from, const TransferMessage& message, Epoch epoch) {
  const bool is_request = std::holds_alternative<OfferRequest>(message) ||
                          std::holds_alternative<HandoverRequest>(message) ||
                          std::holds_alternative<HeadRequest>(message) ||
                          std::holds_alternative<PieceRequest>(message);
  if (!is_request) return false;
  if (!TakeToken(from)) return true;
  const BlockStore& store = parts_.store;
  if (const auto* handovers = std::get_if<HandoverRequest>(&message)) {
    Later(from, [&store, first = handovers->first] { return ReadHandovers(store, first); });
  } else if (const auto* head = std::get_if<HeadRequest>(&message)) {
    Later(from, [&store, request = *head] { return ReadHead(store, request); });
  } else if (const auto* piece = std::get_if<PieceRequest>(&message)) {
    Later(from, [&store, request = *piece] { return ReadPiece(store, request); });
  } else {
    parts_.channels.SendTransfer(from, MakeOffer(epoch));
  }
  return true;
}

void TransferServer::Answer(const p2p::PeerId& from, const BlockRequest& request) {
  if (!TakeToken(from)) return;
  Later(from, [&store = parts_.store, request] {
    return hotstuff::Message(ReadBlocks(store, request.epoch, request.from, {}));
  });
}

void TransferServer::TellStale(const p2p::PeerId& peer, Epoch epoch) {
  uint64_t& told = peers_[peer].told_ms;
  if (told != 0 && NowMs() < told - 1 + kTellPauseMs) return;
  told = NowMs() + 1;
  parts_.channels.SendTransfer(peer, MakeOffer(epoch));
}

void TransferServer::KeepPeers(const std::set<p2p::PeerId>& peers) {
  std::erase_if(peers_, [&](const auto& entry) { return !peers.contains(entry.first); });
}

hotstuff::Offer TransferServer::MakeOffer(Epoch epoch) const {
  return {epoch, parts_.store.last(), parts_.store.first(), parts_.store.snapshots().Offered()};
}

uint64_t TransferServer::NowMs() const {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
      parts_.executor.Now().time_since_epoch());
  return static_cast<uint64_t>(since.count());
}

bool TransferServer::TakeToken(const p2p::PeerId& id) {
  const uint64_t now_ms = NowMs();
  Peer& peer = peers_[id];
  if (peer.refilled_ms == 0) {
    peer.tokens = kRequestTokens;
    peer.refilled_ms = now_ms + 1;
  }
  const uint64_t refill = (now_ms + 1 - peer.refilled_ms) / kTokenMs;
  peer.tokens = std::min(kRequestTokens, peer.tokens + refill);
  peer.refilled_ms += refill * kTokenMs;
  if (peer.tokens == 0) return false;
  --peer.tokens;
  return true;
}

template <typename Read>
void TransferServer::Later(const p2p::PeerId& to, Read read) {
  Peer& peer = peers_[to];
  if (peer.waiting >= kMaxWaiting) return;
  ++peer.waiting;
  parts_.archive.Run(
      [this, to, read = std::move(read)] {
        const auto answer = read();
        if constexpr (std::is_same_v<decltype(read()), TransferMessage>) {
          parts_.channels.SendTransfer(to, answer);
        } else {
          parts_.channels.Send(LaneOf(answer), {&to, 1}, hotstuff::EncodeMessage(answer));
        }
      },
      [this, to] {
        const auto found = peers_.find(to);
        if (found != peers_.end() && found->second.waiting > 0) --found->second.waiting;
      });
}

}  // namespace groat::consensus_service
