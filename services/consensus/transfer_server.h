// Answers replicas that are behind: what is here, how epochs ended, blocks of ended epochs, and
// snapshots.
//
// Belongs to tasks of the executor, but reads the store on a thread of its own. Bounded: a peer has
// 32 requests at once and one more each 10 ms, of which at most four wait for the disk; what is
// beyond is dropped, and asked again by whoever needs it.
#ifndef GROAT_SERVICES_CONSENSUS_TRANSFER_SERVER_H_
#define GROAT_SERVICES_CONSENSUS_TRANSFER_SERVER_H_

#include <map>
#include <set>

#include "services/consensus/block_store.h"
#include "services/consensus/offload.h"
#include "services/consensus/replica_channels.h"

namespace groat::consensus_service {

// The stored blocks of the epoch from a height on, then what follows without a gap of `tail`; cut
// to the bounds of a message.
hotstuff::BlockResponse ReadBlocks(const BlockStore& store, Epoch epoch, Height from,
                                   const std::vector<hotstuff::CommittedBlock>& tail);

class TransferServer {
 public:
  struct Parts {
    const BlockStore& store;
    const ReplicaChannels& channels;
    p2p::Executor& executor;
    Offload& archive;
  };
  explicit TransferServer(const Parts& parts) : parts_(parts) {}
  TransferServer(const TransferServer&) = delete;
  TransferServer& operator=(const TransferServer&) = delete;

  // Answers a request; false if the message is none. `epoch` is this replica's.
  bool Answer(const p2p::PeerId& from, const hotstuff::TransferMessage& message, Epoch epoch);
  // A request for blocks of an epoch that ended.
  void Answer(const p2p::PeerId& from, const hotstuff::BlockRequest& request);
  // Tells a peer that speaks of an earlier epoch where this replica is; at most twice a second.
  void TellStale(const p2p::PeerId& peer, Epoch epoch);
  // Forgets all other peers.
  void KeepPeers(const std::set<p2p::PeerId>& peers);

 private:
  struct Peer {
    uint64_t tokens = 0;
    uint64_t refilled_ms = 0;
    size_t waiting = 0;
    uint64_t told_ms = 0;
  };

  hotstuff::Offer MakeOffer(Epoch epoch) const;
  uint64_t NowMs() const;
  bool TakeToken(const p2p::PeerId& peer);
  // Has `read` make the answer, on the thread that reads.
  template <typename Read>
  void Later(const p2p::PeerId& to, Read read);

  const Parts parts_;
  std::map<p2p::PeerId, Peer> peers_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_TRANSFER_SERVER_H_
