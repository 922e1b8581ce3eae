// The authorized peers, by index of their set.
//
// Belongs to the executor, but for the gate, which any thread may ask, and which may outlive it.
#ifndef GROAT_P2P_PEER_SETS_H_
#define GROAT_P2P_PEER_SETS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "p2p/control_message.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

struct PeerSet {
  std::vector<PeerId> peers;  // Rising, each once.
  SetDigest digest;
};

// What the handshake of a connection asks, from whatever thread it runs on.
class Gate {
 public:
  // Whether the peer may connect, as of the last change of the sets. Counts those that may not.
  bool Admit(const PeerId& peer) ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t refused() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class PeerSets;
  mutable Mutex mutex_;
  absl::flat_hash_set<PeerId> admitted_ ABSL_GUARDED_BY(mutex_);
  uint64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
};

class PeerSets {
 public:
  PeerSets() : gate_(std::make_shared<Gate>()) {}

  // As Network::SetPeers.
  absl::Status Set(uint64_t index, std::vector<PeerId> peers);
  void Drop(uint64_t index);
  void Block(const PeerId& peer);

  // In some set, and not blocked.
  bool Allows(const PeerId& peer) const { return allowed_lookup_.contains(peer); }
  bool Blocks(const PeerId& peer) const { return blocked_.contains(peer); }
  // Rising.
  const std::set<PeerId>& allowed() const { return allowed_; }
  const std::map<uint64_t, PeerSet>& sets() const { return sets_; }
  size_t blocked_count() const { return blocked_.size(); }

  const std::shared_ptr<Gate>& gate() const { return gate_; }

 private:
  void Recompute();

  std::map<uint64_t, PeerSet> sets_;
  std::set<PeerId> blocked_;
  std::set<PeerId> allowed_;
  absl::flat_hash_set<PeerId> allowed_lookup_;  // The same.
  const std::shared_ptr<Gate> gate_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_PEER_SETS_H_
