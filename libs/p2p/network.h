// The one interface of the peer mesh: authenticated peers, and channels of messages between them.
//
// Forms: a mesh of connections (mesh.h) over TLS, gRPC or simulated links, a recorder
// around another form (trace/traced_network.h), and a replay of what was recorded
// (trace/replay_network.h). A protocol takes a Network and an Executor and does not know which.
//
// Delivery is best effort: messages are lost when a connection breaks or a backlog is full.
// Messages of one channel and peer that arrive do so in order; the simulator may be told otherwise.
//
// Calls belong to tasks of the network's executor, but for Sender::Send, Receiver::Poll and
// Receiver::Reject, which are safe from any thread.
#ifndef GROAT_P2P_NETWORK_H_
#define GROAT_P2P_NETWORK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "p2p/channel.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

class Sender {
 public:
  virtual ~Sender() = default;
  // Queues the payload for each recipient that is connected and has room; returns those. A payload
  // longer than the channel allows is queued for nobody, and counted. Ourselves are never among the
  // recipients.
  virtual std::vector<PeerId> Send(const Recipients& recipients, ByteView payload) = 0;
  // With kBackPressure: calls back, as a task of the executor, when a peer's backlog that was full
  // is half empty again, or the peer is gone.
  virtual void OnRoom(std::function<void(const PeerId&)> callback) = 0;
};

// Why an application turned a message down; a label of metrics.
enum class Rejection : uint8_t {
  kMalformed,  // Its bytes do not decode.
  kInvalid,    // It decodes, but its meaning is refused.
};

class Receiver {
 public:
  virtual ~Receiver() = default;
  // The next message, in turn of the peers that have any; nullopt if there is none.
  virtual std::optional<Message> Poll() = 0;
  // The next message of `preferred` if it has one, else as Poll.
  virtual std::optional<Message> PollPreferring(const PeerId& preferred) = 0;
  // Calls back, as a task of the executor, whenever messages come to an empty receiver. The
  // callback need not take all: what it leaves is announced again by the next arrival only, so it
  // polls until there is none, or comes back by itself.
  virtual void OnReady(std::function<void()> callback) = 0;
  // Counts a message that came from `from` as dropped.
  virtual void Reject(const PeerId& from, Rejection why) = 0;
};

// Both live as long as their network.
struct Channel {
  Sender* sender;
  Receiver* receiver;
};

enum class PeerEvent : uint8_t { kConnected, kDisconnected };

class Network {
 public:
  using PeerWatch = std::function<void(const PeerId&, PeerEvent)>;

  virtual ~Network() = default;

  virtual const PeerId& self() const = 0;

  // Before Start. AlreadyExists for a number or name that is taken, InvalidArgument for bad
  // options, ResourceExhausted beyond kMaxChannels.
  virtual absl::StatusOr<Channel> Register(ChannelId id, const ChannelOptions& options) = 0;
  // Told of every peer that becomes, or is no longer, connected. Before Start; more than one may
  // be added, and they are called in that order.
  virtual void WatchPeers(PeerWatch watch) = 0;
  // Begins to listen and to dial. Errors as Transport::Listen.
  virtual absl::Status Start() = 0;

  // The authorized peers under an index; replaces those under the same index. A peer may connect
  // while any index holds it; one that no index holds any more is disconnected. InvalidArgument for
  // more than kMaxPeersInSet peers or kMaxPeerSets sets.
  virtual absl::Status SetPeers(uint64_t index, std::vector<PeerId> peers) = 0;
  virtual void DropPeers(uint64_t index) = 0;
  // Disconnects a peer that provably broke the protocol and refuses it from now on, until the
  // network is made again. `why` goes to the log.
  virtual void Block(const PeerId& peer, std::string_view why) = 0;

  // In rising order.
  virtual std::vector<PeerId> Connected() const = 0;
};

inline constexpr size_t kMaxPeersInSet = 4096;
inline constexpr size_t kMaxPeerSets = 16;

}  // namespace groat::p2p

#endif  // GROAT_P2P_NETWORK_H_
