// The mesh behind mesh.h: one Peer for every authorized peer that is wanted, and what happens to
// it.
//
// Five sources: mesh.cc (life, sets, numbers), mesh_greetings.cc (dialling, hellos), mesh_links.cc
// (links that come up and go down), mesh_bulk_lane.cc (their second connections), and
// mesh_traffic.cc (frames in and out). Belongs to the executor, except where a comment says else.
//
//   a peer's link          begins with                              ends with
//   down                   authorized and wanted                    a dial, or a hello of the peer
//   connecting             dial under way                           connection, failure
//   greeting               hello sent                               welcome, refusal, silence
//   up                     welcome sent or received                 end, silence, offence, drop
//
// Each pair of peers has one link. Both ends may dial; the one with the lower key begins at once,
// the other a little later. If both dials reach the stage of hellos, that of the lower key stays.
// A hello from a peer whose link is up means that the peer lost it, or began anew: a new
// incarnation replaces the link at once, the same one waits until the old connection has failed
// to answer a ping.
#ifndef GROAT_P2P_MESH_IMPL_H_
#define GROAT_P2P_MESH_IMPL_H_

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "p2p/dial_schedule.h"
#include "p2p/discovery.h"
#include "p2p/mesh.h"
#include "p2p/peer_connection.h"
#include "p2p/peer_sets.h"
#include "p2p/receive_queue.h"
#include "p2p/send_queues.h"

namespace groat::p2p {

class Mesh::Impl final : public ConnectionOwner {
 public:
  Impl(MeshOptions options, const Ed25519PrivateKey& key, Executor& executor, Transport& transport);
  ~Impl() override;

  const PeerId& self() const { return self_; }
  absl::StatusOr<Channel> Register(ChannelId id, const ChannelOptions& options);
  void WatchPeers(PeerWatch watch) { watches_.push_back(std::move(watch)); }
  absl::Status Start();
  absl::Status SetPeers(uint64_t index, std::vector<PeerId> peers);
  void DropPeers(uint64_t index);
  void Block(const PeerId& peer, std::string_view why);
  std::vector<PeerId> Connected() const;
  const std::string& listen_address() const { return listen_address_; }
  absl::Status SetAdvertisedAddress(const std::string& address);
  std::vector<Bytes> KnownRecords() const;
  void AddRecords(const std::vector<Bytes>& records);
  // From any thread.
  MeshStats Stats() const;
  std::vector<PeerId> Send(size_t channel, const Recipients& recipients, ByteView payload);

 private:
  class ChannelSender;
  // What came of one channel over a link, and is not a message yet.
  struct Inbound {
    std::shared_ptr<ReceiveQueue::PeerQueue> queue;
    std::unique_ptr<RateMeter> rate;
    Bytes pieces;
    bool full = false;  // Its receiver wants no more for now.
  };
  enum class DialStage : uint8_t { kNone, kConnecting, kGreeting };
  struct Peer {
    PeerId id;
    // By LaneKind. The link is up while the main lane is there.
    std::array<std::unique_ptr<PeerConnection>, 2> lanes;
    // The link: set while it is up.
    uint64_t incarnation = 0;
    SendQueues::Outbox* outbox = nullptr;
    std::vector<Inbound> inbound;  // By channel index.
    std::optional<TokenBucket> control_rate;
    uint64_t excess_messages = 0;  // Dropped for their rate since the link is up.
    bool bulk_wanted = false;      // By the other side, or by us and the other side was asked.
    TimerId send_timer = 0;        // When a channel that waits for its rate may go on.
    Instant pinged_at;
    uint64_t ping_number = 0;
    bool ping_unanswered = false;
    // A hello of the peer while the link is up: decided when the ping is answered or overdue.
    std::unique_ptr<PeerConnection> contender;
    uint64_t contender_incarnation = 0;
    // Dialling of the main lane, and of the bulk lane.
    DialStage dial_stage = DialStage::kNone;
    uint64_t dial_number = 0;  // Results of earlier dials are stale.
    uint32_t failures = 0;
    DialStage bulk_dial_stage = DialStage::kNone;
    uint64_t bulk_dial_number = 0;
    std::optional<Instant> kept_away_until;  // After an offence.

    bool up() const { return lanes[0] != nullptr; }
  };
  struct RegisteredChannel {
    ChannelId id;
    ChannelOptions options;
    std::unique_ptr<ChannelSender> sender;
    std::unique_ptr<ReceiveQueue> receiver;
    std::function<void(const PeerId&)> on_room;
  };
  // Counters that Stats reads from any thread.
  struct Counters {
    std::array<std::array<std::atomic<uint64_t>, kClosureCount>, kPeerClassCount> closures = {};
    std::atomic<uint64_t> dials = 0;
    std::atomic<uint64_t> connections_made = 0;
    std::atomic<uint64_t> unknown_channel_messages = 0;
    std::atomic<uint64_t> connected_peers = 0;
    std::atomic<uint64_t> wanted_peers = 0;
    std::atomic<uint64_t> known_records = 0;
    std::atomic<uint64_t> blocked_peers = 0;
    std::atomic<uint64_t> records_accepted = 0;
    std::atomic<uint64_t> records_refused = 0;
    std::atomic<uint64_t> frames_sent = 0;
    std::atomic<uint64_t> frame_bytes_sent = 0;
    std::atomic<uint64_t> frames_received = 0;
    std::atomic<uint64_t> frame_bytes_received = 0;
    std::atomic<uint64_t> paused_links = 0;
    std::atomic<uint64_t> round_trip_us_sum = 0;
    std::atomic<uint64_t> round_trips = 0;
    std::array<std::atomic<uint64_t>, 9> round_trip_buckets = {};
  };

  // Life (mesh.cc).
  Task Guarded(Task task) const;  // Does nothing once the mesh is gone.
  void OnSetsChanged();
  bool Wants(const PeerId& peer) const;
  Peer* Find(const PeerId& peer);
  void CountClosure(Closure closure, const PeerId& peer);
  void NoteDiscovery();
  void Tick();
  void Watch(const PeerId& peer, PeerEvent event);

  // Dialling and hellos (mesh_greetings.cc).
  void ScheduleDial(Peer& peer);
  void DialMain(const PeerId& id);
  void OnDialled(const PeerId& id, uint64_t number,
                 absl::StatusOr<std::unique_ptr<Connection>> connection);
  void DialFailed(Peer& peer, Closure closure);
  void AbandonDial(Peer& peer);
  PeerConnection& BeginGreeting(std::unique_ptr<Connection> connection, bool dialled);
  // The connection from among those that are greeting, or null.
  std::unique_ptr<PeerConnection> TakeGreeting(const PeerConnection& connection);
  void AbandonGreetings(const PeerId& peer, LaneKind lane);
  void OnGreetingTimeout(PeerConnection& connection);
  void OnAccept(std::unique_ptr<Connection> connection);
  std::optional<RefusalReason> CheckHello(const PeerConnection& connection,
                                          const HelloMessage& hello, Closure& closure);
  void OnMainHello(PeerConnection& connection, Peer& peer, const HelloMessage& hello);
  void OnBulkHello(PeerConnection& connection, Peer& peer, const HelloMessage& hello);
  void Refuse(PeerConnection& connection, RefusalReason reason, Closure closure);
  // Welcomes a main-lane hello and brings the link up with it.
  void Accept(Peer& peer, std::unique_ptr<PeerConnection> connection, uint64_t incarnation);

  // Links (mesh_links.cc).
  void Contend(PeerConnection& connection, Peer& peer, uint64_t incarnation);
  void SettleContender(Peer& peer, bool link_lives);
  void BringUp(Peer& peer, std::unique_ptr<PeerConnection> connection, uint64_t incarnation);
  // Takes the link down, if it is up, and plans the next dial.
  void TakeDown(Peer& peer, Closure closure);
  void Offend(Peer& peer, Closure closure, const absl::Status& why);
  void EndLane(Peer& peer, LaneKind lane);
  void Bury(std::unique_ptr<PeerConnection> connection);

  // The bulk lane (mesh_bulk_lane.cc).
  void DialBulk(Peer& peer);
  void OnBulkDialled(const PeerId& id, uint64_t number,
                     absl::StatusOr<std::unique_ptr<Connection>> connection);
  void BulkDialFailed(Peer& peer);
  void BringUpBulk(Peer& peer, std::unique_ptr<PeerConnection> connection);
  void OnBulkEnded(Peer& peer);

  // ConnectionOwner (mesh_greetings.cc, mesh_links.cc and mesh_traffic.cc).
  void OnHello(PeerConnection& connection, const HelloMessage& hello) override;
  void OnWelcome(PeerConnection& connection, const WelcomeMessage& welcome) override;
  void OnRefusal(PeerConnection& connection, const RefusalMessage& refusal) override;
  void OnEntry(PeerConnection& connection, const Entry& entry) override;
  void OnFrameEnd(PeerConnection& connection, size_t frame_bytes) override;
  void OnWritable(PeerConnection& connection) override;
  void OnEnded(PeerConnection& connection, Closure closure, const absl::Status& why) override;

  // Traffic (mesh_traffic.cc).
  std::optional<size_t> ChannelIndex(ChannelId id) const;
  void OnControl(Peer& peer, ByteView body);
  void OnPing(Peer& peer, uint64_t number);
  void OnPong(Peer& peer, uint64_t number);
  void OnPiece(PeerConnection& connection, Peer& peer, const Entry& entry);
  // `joined` holds the body, if it came in pieces.
  void OnMessage(PeerConnection& connection, Peer& peer, size_t channel, ByteView body,
                 bool compressed, Bytes joined);
  bool SpendRate(Peer& peer, size_t channel, size_t payload_bytes);
  void OnDrained(size_t channel, const PeerId& peer);
  void SendControl(Peer& peer, const ControlMessage& message);
  void SendPing(Peer& peer);
  // Writes what waits, wherever a lane is free; from the executor.
  void Flush();
  void PumpMain(Peer& peer);
  void PumpBulk(Peer& peer);
  void TellRooms();

  const MeshOptions options_;
  const Ed25519PrivateKey& key_;
  const PeerId self_;
  Executor& executor_;
  Transport& transport_;
  const Hash namespace_hash_;
  const uint64_t incarnation_;
  std::string listen_address_;
  bool started_ = false;
  std::shared_ptr<char> life_;  // Guarded tasks hold it weakly.

  std::vector<RegisteredChannel> channels_;
  bool has_bulk_ = false;
  bool has_back_pressure_ = false;
  std::vector<PeerWatch> watches_;
  PeerSets sets_;
  std::map<PeerId, std::unique_ptr<Peer>> peers_;  // Authorized and wanted, without ourselves.
  std::vector<std::unique_ptr<PeerConnection>> greeting_;
  std::vector<std::unique_ptr<PeerConnection>> graveyard_;  // Closed; destroyed by a later task.
  uint64_t last_dial_number_ = 0;
  TimerId tick_timer_ = 0;
  SendQueues queues_;
  Discovery discovery_;
  DialSchedule dials_;
  uint32_t ready_channels_ = 0;  // Bit i: channel i got messages in this frame and had none.
  int corked_ = 0;               // Above 0: Flush comes later in this task.
  std::atomic<bool> flush_posted_ = false;
  Counters counters_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_MESH_IMPL_H_
