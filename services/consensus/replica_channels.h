// A replica's messages on the mesh: five channels by urgency, each bounded in what waits and in
// what one peer sends in a second. A peer that goes on beyond that is cut off for a while.
//
//   channel     priority   what
//   votes       urgent     votes, timeouts, advances, requests for blocks: small; everyone waits
//   proposals   normal     blocks of leaders
//   commands    bulk       commands for other leaders' pools
//   blocks      bulk       answers to those who are behind
//   transfer    bulk       ends of epochs, and snapshots
//
// Belongs to tasks of the network's executor, but for Send.
#ifndef GROAT_SERVICES_CONSENSUS_REPLICA_CHANNELS_H_
#define GROAT_SERVICES_CONSENSUS_REPLICA_CHANNELS_H_

#include <array>
#include <functional>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "hotstuff/transfer_message.h"
#include "p2p/network.h"

namespace groat::consensus_service {

enum class Lane : uint8_t { kVotes, kProposals, kBlocks, kCommands };
inline constexpr size_t kLanes = 4;

Lane LaneOf(const hotstuff::Message& message);

class ReplicaChannels {
 public:
  // Before the network starts. `bounds` are the genesis' of a block. Errors as Network::Register.
  static absl::StatusOr<ReplicaChannels> Register(p2p::Network& network,
                                                  const hotstuff::CommandBounds& bounds);

  // Sends an encoded message to those of `peers` that are connected and have room. Any thread.
  void Send(Lane lane, std::span<const p2p::PeerId> peers, ByteView encoded) const;
  void SendTransfer(const p2p::PeerId& peer, const hotstuff::TransferMessage& message) const;

  struct Incoming {
    p2p::PeerId from;
    hotstuff::MessagePtr message;
    Bytes encoded;
  };
  // The next message, of the most urgent channel that has any. Skips, and counts, what does not
  // decode or came on the wrong channel.
  std::optional<Incoming> Poll() const;
  struct IncomingTransfer {
    p2p::PeerId from;
    hotstuff::TransferMessage message;
  };
  // The same of the channel for transfers.
  std::optional<IncomingTransfer> PollTransfer() const;
  // Called when there may be something to poll after there was not.
  void OnReady(const std::function<void()>& callback) const;

 private:
  explicit ReplicaChannels(const hotstuff::CommandBounds& bounds) : bounds_(bounds) {}

  hotstuff::CommandBounds bounds_;
  std::array<p2p::Channel, kLanes> channels_{};
  p2p::Channel transfer_{};
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_REPLICA_CHANNELS_H_
