// Runs the transfer of state on an executor, a network and workers: what hotstuff/state_transfer.h
// says is decided there, this sends, checks signatures and keeps time.
//
// Everything belongs to tasks of the executor.
#ifndef GROAT_SERVICES_CONSENSUS_CATCH_UP_H_
#define GROAT_SERVICES_CONSENSUS_CATCH_UP_H_

#include <functional>
#include <memory>

#include "hotstuff/state_transfer.h"
#include "services/consensus/offload.h"
#include "services/consensus/replica_channels.h"

namespace groat::consensus_service {

class CatchUp {
 public:
  struct Parts {
    const hotstuff::Genesis& genesis;
    const ReplicaChannels& channels;
    p2p::Executor& executor;
    Offload& workers;
  };
  // What is found; none is called inside Step.
  struct Events {
    std::function<void(const hotstuff::HandoverProof&)> epoch_over;
    std::function<void(hotstuff::Installation)> install;
    std::function<void()> peers_changed;
  };
  // All parts must outlive it, and none may run its tasks after its end.
  CatchUp(const Parts& parts, hotstuff::StateTransfer transfer, Events events);
  CatchUp(const CatchUp&) = delete;
  CatchUp& operator=(const CatchUp&) = delete;

  void Step(const hotstuff::TransferEvent& event);
  // Asks a peer that says to have them for blocks of an epoch that is over.
  void Fetch(const hotstuff::BlockRequest& request);
  // Whether the peer was asked last and has not answered; then not any more.
  bool TakeFetched(const p2p::PeerId& from);
  const hotstuff::StateTransfer& transfer() const { return transfer_; }
  // Does nothing more.
  void Stop();

 private:
  uint64_t NowMs() const;
  void SetTimer(uint64_t wake_ms);

  const Parts parts_;
  hotstuff::StateTransfer transfer_;
  const Events events_;
  std::optional<p2p::PeerId> fetching_from_;
  p2p::TimerId timer_ = 0;
  uint64_t timer_ms_ = 0;
  bool stopped_ = false;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_CATCH_UP_H_
