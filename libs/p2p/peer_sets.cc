#include "p2p/peer_sets.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "p2p/network.h"

namespace groat::p2p {

absl::Status PeerSets::Set(uint64_t index, std::vector<PeerId> peers) {
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  if (peers.size() > kMaxPeersInSet) {
    return absl::InvalidArgumentError(absl::StrCat("peer set ", index, " has ", peers.size(),
                                                   " peers, at most ", kMaxPeersInSet));
  }
  if (!sets_.contains(index) && sets_.size() >= kMaxPeerSets) {
    return absl::InvalidArgumentError(
        absl::StrCat("peer set ", index, " would be one more than ", kMaxPeerSets, ": drop one"));
  }
  const SetDigest digest = DigestOfSet(peers);
  sets_[index] = {std::move(peers), digest};
  Recompute();
  return absl::OkStatus();
}

void PeerSets::Drop(uint64_t index) {
  sets_.erase(index);
  Recompute();
}

void PeerSets::Block(const PeerId& peer) {
  blocked_.insert(peer);
  Recompute();
}

void PeerSets::Recompute() {
  allowed_.clear();
  for (const auto& [index, set] : sets_) {
    for (const PeerId& peer : set.peers) {
      if (!blocked_.contains(peer)) allowed_.insert(peer);
    }
  }
  allowed_lookup_ = {allowed_.begin(), allowed_.end()};
  absl::flat_hash_set<PeerId> admitted = allowed_lookup_;
  MutexLock lock(gate_->mutex_);
  gate_->admitted_ = std::move(admitted);
}

bool Gate::Admit(const PeerId& peer) {
  MutexLock lock(mutex_);
  if (admitted_.contains(peer)) return true;
  ++refused_;
  return false;
}

uint64_t Gate::refused() const {
  MutexLock lock(mutex_);
  return refused_;
}

}  // namespace groat::p2p
