// Simulated links between hosts, and the mesh's transport over them.
//
// A connection is a stream of frames in each direction, in order, as over TCP; links may be told to
// lose, repeat, reorder and damage frames, which no TLS connection would do, so that what stands
// above is tested harder than it will be used. Peers' identities are given, not proven: a dial that
// reaches another key fails as a TLS handshake would.
//
// Everything may be changed while the simulation runs. Single-threaded.
#ifndef GROAT_SIM_WIRES_H_
#define GROAT_SIM_WIRES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "p2p/fifo.h"
#include "p2p/transport.h"
#include "sim/node_executor.h"
#include "sim/split_mix.h"
#include "sim/scheduler.h"

namespace groat::sim {

// One direction between two hosts.
struct LinkOptions {
  Duration latency = std::chrono::milliseconds(1);
  Duration jitter{0};           // Added at random, evenly from 0 up to this.
  double success_rate = 1;      // Frames that are not lost.
  double bytes_per_second = 0;  // 0: no limit.
  double reorder_rate = 0;      // Frames that later ones may overtake, late by up to 4 latencies.
  double duplicate_rate = 0;    // Frames that arrive twice.
  double corrupt_rate = 0;      // Frames of which one bit is flipped.
};

// What a connection takes before it makes its writer wait: as sockets' buffers do.
inline constexpr size_t kSocketBufferBytes = size_t{256} << 10;

struct WireStats {
  uint64_t frames_written = 0;
  uint64_t frames_delivered = 0;
  uint64_t frames_lost = 0;  // By chance, cuts and hosts without power.
  uint64_t connections = 0;
};

class Wires final : private EventHandler {
 public:
  Wires(Scheduler& scheduler, uint64_t seed) : scheduler_(scheduler), random_(seed) {}
  // Every transport is destroyed before.
  ~Wires() override = default;
  Wires(const Wires&) = delete;
  Wires& operator=(const Wires&) = delete;

  // A process on `host`, a name without ':'; it listens at "host:port". The executor must outlive
  // the transport.
  std::unique_ptr<p2p::Transport> MakeTransport(NodeExecutor& executor, const p2p::PeerId& identity,
                                                const std::string& host);

  void SetDefaultLink(const LinkOptions& link) { default_link_ = link; }
  void SetLink(const std::string& from, const std::string& to, const LinkOptions& link);
  void ClearLinks() { links_.clear(); }

  // Nothing passes from one host to the other. Connections stand, and are silent.
  void Cut(const std::string& from, const std::string& to);
  // Nothing passes between hosts of different groups. Hosts in no group are a group of their own
  // together. Adds to what is cut.
  void Partition(const std::vector<std::vector<std::string>>& groups);
  // Undoes every cut.
  void Heal() { cuts_.clear(); }
  // A host without power sends nothing, not even the end of its connections.
  void SetPower(const std::string& host, bool on) { hosts_[HostIndex(host)]->power = on; }
  // Freezes or thaws the host's connections together with `executor`, its process's.
  void Freeze(const std::string& host, NodeExecutor& executor, bool frozen);

  const WireStats& stats() const { return stats_; }

 private:
  class SimTransport;
  class SimConnection;

  struct Host {
    std::string name;
    bool power = true;
    bool frozen = false;
    std::vector<uint64_t> deferred;  // Events while frozen.
  };
  struct EndId {
    uint32_t index = 0;
    uint32_t generation = 0;  // 0: none.
  };
  // One side of a connection.
  struct End {
    uint32_t generation = 1;
    uint32_t host = 0;
    EndId other;
    p2p::ConnectionHandler* handler = nullptr;
    bool open = false;  // The handle exists.
    bool over = false;  // OnClosed was, or will be, called.
    bool paused = false;
    bool writing = false;       // OnWritten is owed.
    bool blocked = false;       // It is owed once the other side has read.
    uint32_t unread_bytes = 0;  // Written here, and not yet read there.
    Instant last_arrival;       // Of what was written here.
    Instant wire_free;          // When the link has taken what was written here.
    p2p::Fifo<uint32_t> held;   // Frames that came before Start or while paused.
  };
  struct Frame {
    EndId to;
    Bytes bytes;
  };
  struct Dial {
    uint32_t generation = 1;
    SimTransport* from = nullptr;  // Null: free, or abandoned.
    std::string address;
    p2p::PeerId expected;
    p2p::Transport::OnDialled done;
    absl::Status failure;
    EndId end;
    Instant deadline;
  };
  enum class EventKind : uint8_t { kFrame, kWritten, kClosed, kResume, kDialArrives, kDialEnds };

  void OnEvent(uint64_t argument) override;
  void Schedule(Instant when, EventKind kind, uint32_t index, uint32_t generation);
  uint32_t HostIndex(const std::string& name);
  const LinkOptions& LinkBetween(uint32_t from, uint32_t to) const;
  bool Passes(uint32_t from, uint32_t to) const;
  Duration Delay(const LinkOptions& link);

  EndId MakeEnd(uint32_t host);
  End* FindEnd(EndId id);
  void Close(EndId id);
  void Write(EndId id, Bytes bytes);
  void Send(End& from, const LinkOptions& link, Bytes bytes, Instant leaves);
  void Deliver(uint32_t frame);
  void Resume(EndId id);
  void Read(EndId id, uint32_t frame);
  void CountRead(EndId reader, size_t bytes);

  uint32_t BeginDial(SimTransport& from, const std::string& address, const p2p::PeerId& expected,
                     Duration timeout, p2p::Transport::OnDialled done);
  void DialArrives(uint32_t dial);
  void DialEnds(uint32_t dial);
  void FailDial(uint32_t dial, absl::Status why, Instant when);
  void Abandon(SimTransport& from);

  Scheduler& scheduler_;
  SplitMix64 random_;
  LinkOptions default_link_;
  std::map<std::pair<uint32_t, uint32_t>, LinkOptions> links_;
  std::set<std::pair<uint32_t, uint32_t>> cuts_;
  std::map<std::string, uint32_t> host_index_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<std::string, SimTransport*> listeners_;  // By address.
  uint32_t last_port_ = 0;
  std::vector<End> ends_;
  std::vector<uint32_t> free_ends_;
  std::vector<Frame> frames_;
  std::vector<uint32_t> free_frames_;
  std::vector<Dial> dials_;
  std::vector<uint32_t> free_dials_;
  WireStats stats_;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_WIRES_H_
