// Discovery: learns the addresses of all authorized peers from one that is known.
//
// A connected peer is told our own record and asked, by bits of whose address we trust, for what is
// missing; it answers with a bounded number of records, chosen at random. A record that came from
// its owner and is news, or the first on its link, is passed on to all connected peers, once. So a
// network forms in a few round trips, and a changed address reaches everybody without waiting for a
// question. A record whose address cannot be dialled is doubted: its bit is cleared, and others may
// know better.
//
// Belongs to the executor.
#ifndef GROAT_P2P_DISCOVERY_H_
#define GROAT_P2P_DISCOVERY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crypto/ed25519.h"
#include "p2p/address_book.h"
#include "p2p/control_message.h"
#include "p2p/executor.h"
#include "p2p/mesh_options.h"
#include "p2p/peer_sets.h"
#include "p2p/token_bucket.h"

namespace groat::p2p {

class Discovery {
 public:
  struct Outlet {
    // Queues a control message for a connected peer.
    std::function<void(const PeerId&, const ControlMessage&)> send;
    // The peer has an address that is worth dialling.
    std::function<void(const PeerId&)> on_address;
  };

  Discovery(const MeshOptions& options, const Ed25519PrivateKey& key, Executor& executor,
            const PeerSets& sets, Outlet outlet);
  ~Discovery();

  // Once; `address` must pass CheckAddress.
  void Start(const std::string& address);
  void SetAddress(const std::string& address);

  void OnConnected(const PeerId& peer);
  void OnDisconnected(const PeerId& peer);
  void OnKnown(const PeerId& from, const KnownMessage& known);
  void OnRecords(const PeerId& from, const RecordsMessage& message);
  void OnSetsChanged();
  // As if a peer had sent them; for records that were kept over a restart.
  void AddRecords(const std::vector<PeerRecord>& records);

  std::optional<std::string> AddressOf(const PeerId& peer, uint32_t attempt) const {
    return book_.Address(peer, attempt);
  }
  // `failures` in a row, from 1.
  void OnDialFailed(const PeerId& peer, uint32_t failures);

  const AddressBook& book() const { return book_; }
  uint64_t accepted() const { return accepted_; }
  uint64_t refused() const { return refused_; }

 private:
  void Announce();
  void SignOwn(uint64_t timestamp_ms);
  void Ask(const PeerId& peer);
  bool LacksAny(const PeerSet& set) const;
  void Take(const PeerId& from, const PeerRecord& record, bool& news);
  void TakeOwn(const PeerRecord& record);
  void TellOthers(const PeerRecord& record);
  void ArmGossip(Duration wait);
  void Gossip();
  void Refresh();

  const MeshOptions& options_;
  const Ed25519PrivateKey& key_;
  Executor& executor_;
  const PeerSets& sets_;
  const Outlet outlet_;
  const Hash namespace_hash_;
  AddressBook book_;
  std::optional<PeerRecord> own_;  // Set by Start.
  // Connected peers that have not shown their own record on this link: what they show first is of
  // interest to all, since they may have been away.
  std::map<PeerId, bool> unheard_;
  std::vector<PeerId> connected_;       // Rising.
  std::map<PeerId, TokenBucket> news_;  // How often each peer's record may change.
  Duration gossip_wait_;
  TimerId gossip_timer_ = 0;
  TimerId refresh_timer_ = 0;
  uint64_t accepted_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_DISCOVERY_H_
