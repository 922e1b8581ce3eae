// Simulated connections between hosts: streams of frames in both directions, and the mesh's
// transport over them (sim_transport.h).
//
// A connection is in order and loses nothing, as over TCP: where nothing passes for a while, what
// was written waits, and comes once the way is free. Links may be told to lose, repeat, reorder and
// damage frames, which no TLS connection would do, so that what stands above is tested harder than
// it will be used. Peers' identities are given, not proven: a dial that reaches another key fails
// as a TLS handshake would.
//
// A connection takes 192 bytes for both its ends, and what is under way on it. A writer is asked
// for more while at most kSocketBufferBytes are unread.
//
//   a frame is       from                            to
//   under way        Write, unless it is lost        its arrival
//   waiting          arrival: nothing passes, the    Start, resumed reading, thaw, way free
//                    reader is paused, or has others
//                    waiting
//   read             OnFrame
//
// The end of a connection travels behind its last frame. Single-threaded; deterministic.
#ifndef GROAT_SIM_WIRES_H_
#define GROAT_SIM_WIRES_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "p2p/transport.h"
#include "sim/node_executor.h"
#include "sim/scheduler.h"
#include "sim/split_mix.h"
#include "sim/topology.h"

namespace groat::sim {

class Handshakes;
class SimTransport;

// What a connection takes before it makes its writer wait: as sockets' buffers do.
inline constexpr size_t kSocketBufferBytes = size_t{256} << 10;

struct WireStats {
  uint64_t frames_written = 0;
  uint64_t frames_delivered = 0;
  uint64_t frames_lost = 0;  // By chance, or on connections whose other end is gone.
  uint64_t frames_duplicated = 0;
  uint64_t frames_corrupted = 0;
  uint64_t connections = 0;
};

// One end of a connection, as long as it is there. Generation 0: none.
struct WireEnd {
  uint32_t index = 0;
  uint32_t generation = 0;
};

class Wires final : public Topology, private EventHandler {
 public:
  Wires(Scheduler& scheduler, uint64_t seed);
  // Every transport is destroyed before.
  ~Wires() override;

  // A process on `host`, a name without ':'; it listens at "host:port". The executor must outlive
  // the transport.
  std::unique_ptr<p2p::Transport> MakeTransport(NodeExecutor& executor, const p2p::PeerId& identity,
                                                const std::string& host);

  const WireStats& stats() const { return stats_; }
  Scheduler& scheduler() { return scheduler_; }

 private:
  friend class Handshakes;
  friend class SimConnection;
  friend class SimTransport;

  static constexpr uint32_t kNone = 0xffffffff;

  // One side of a connection.
  struct End {
    p2p::ConnectionHandler* handler = nullptr;
    SimTransport* owner = nullptr;      // Null: this place is free.
    const p2p::PeerId* peer = nullptr;  // The other side's; in identities_.
    WireEnd other;
    Instant last_arrival;  // Of what was written here.
    uint32_t generation = 1;
    uint32_t other_host = 0;
    uint32_t unread_bytes = 0;       // Written here, and not yet read there.
    uint32_t first_waiting = kNone;  // Frames that are to be read here.
    uint32_t last_waiting = kNone;
    bool paused : 1 = false;
    bool writing : 1 = false;   // OnWritten is owed.
    bool blocked : 1 = false;   // It is owed once the other side has read.
    bool told : 1 = false;      // OnClosed was called.
    bool resuming : 1 = false;  // Such an event is under way.
  };
  static_assert(sizeof(End) <= 64);
  // On its way, or waiting. Without bytes: the end of the connection.
  struct Frame {
    Bytes bytes;
    WireEnd to;
    uint32_t from_host = 0;
    uint32_t next = kNone;
    bool stalled = false;  // Nothing passed when it should have arrived.
  };
  enum class EventKind : uint8_t { kFrame, kWritten, kResume, kReset };

  void OnEvent(uint64_t argument) override;
  void OnMorePasses() override;
  void OnHostDead(uint32_t host) override;

  // A time that the link takes, with its jitter.
  Duration Delay(uint32_t from, uint32_t to);
  // Both ends of a new connection: `from` dialled.
  std::pair<WireEnd, WireEnd> Connect(SimTransport& from, SimTransport& to);
  std::unique_ptr<p2p::Connection> MakeConnection(WireEnd end);

  // What a connection does.
  void Start(WireEnd id, p2p::ConnectionHandler& handler);
  void Write(WireEnd id, Bytes bytes);
  void PauseReading(WireEnd id, bool paused);
  void Close(WireEnd id);

  WireEnd MakeEnd(SimTransport& owner, const p2p::PeerId& peer);
  End* Find(WireEnd id);
  uint32_t HostOf(const End& end) const;
  void Schedule(Instant when, EventKind kind, WireEnd end);
  Instant Transmit(uint32_t from, uint32_t to, const LinkOptions& link, size_t bytes);
  void Send(End& from, const LinkOptions& link, Bytes bytes, Instant leaves);
  uint32_t MakeFrame(WireEnd to, uint32_t from_host, Bytes bytes);
  void OnArrival(uint32_t frame);
  void Append(End& end, uint32_t frame);
  void ScheduleResume(WireEnd id, End& end, Instant when);
  void Resume(WireEnd id);
  void Read(WireEnd id, uint32_t frame);
  void CountRead(const End& reader, size_t bytes);
  void Reset(WireEnd id);
  void FreeFrame(uint32_t frame);
  void FreeWaiting(End& end);

  Scheduler& scheduler_;
  SplitMix64 random_;
  std::unique_ptr<Handshakes> handshakes_;
  // Deques, so that no end or frame moves while a handler makes others.
  std::deque<End> ends_;
  std::vector<uint32_t> free_ends_;
  std::deque<Frame> frames_;
  std::vector<uint32_t> free_frames_;
  std::set<p2p::PeerId> identities_;
  // When a link with a limit has taken what was written to it, by PairOf.
  absl::flat_hash_map<uint64_t, Instant> wire_free_;
  WireStats stats_;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_WIRES_H_
