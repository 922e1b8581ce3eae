// Who listens where in a simulated network, and how a dial becomes a connection.
//
// A dial takes the way six times, as TCP, TLS 1.3 and the listener's acceptance do:
//
//   trip            what is known then
//   1 to            whether anybody listens there: if not, refused at the end of trip 2
//   4 back          the listener's key: if it is another one, the dialler gives up
//   5 to            the dialler's key: the listener admits it and accepts, or refuses
//   6 back          the dialler has its connection, or its refusal
//
// Where nothing passes, or the listener's process is frozen, nobody answers until the timeout.
// Part of wires.h; single-threaded, deterministic.
#ifndef GROAT_SIM_HANDSHAKES_H_
#define GROAT_SIM_HANDSHAKES_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "p2p/transport.h"
#include "sim/wires.h"

namespace groat::sim {

class Handshakes final : private EventHandler {
 public:
  explicit Handshakes(Wires& wires) : EventHandler(wires.scheduler()), wires_(wires) {}

  // Where `transport` listens: "host:port" with the port that it got. Errors as Transport::Listen.
  absl::StatusOr<std::string> Listen(SimTransport& transport, const std::string& address);
  void StopListening(const std::string& address);
  void Dial(SimTransport& from, const std::string& address, const p2p::PeerId& expected,
            Duration timeout, p2p::Transport::OnDialled done);
  // Ends the dials of `from`, without a call.
  void Abandon(SimTransport& from);

 private:
  struct Attempt {
    uint32_t generation = 1;
    SimTransport* from = nullptr;  // Null: this place is free.
    uint32_t to_host = 0;
    uint16_t port = 0;
    p2p::PeerId expected;
    p2p::Transport::OnDialled done;
    absl::Status failure;  // Told at the end, unless it is OK.
    WireEnd end;           // Of the connection, once the listener has accepted.
    EventId deadline = 0;
  };
  enum class Stage : uint8_t { kArrives, kProven, kEnds, kDeadline };

  static uint64_t ListenerKey(uint32_t host, uint16_t port) { return uint64_t{host} << 16 | port; }

  void OnEvent(uint64_t argument) override;
  EventId Schedule(Instant when, Stage stage, uint32_t attempt);
  SimTransport* ListenerOf(const Attempt& attempt) const;
  // Whether the handshake goes on: both ways are free.
  bool IsReachable(const Attempt& attempt) const;
  void Arrive(uint32_t attempt);
  void Prove(uint32_t attempt);
  void Fail(uint32_t attempt, absl::Status why, Duration delay);
  void End(uint32_t attempt, absl::Status status);
  // Frees the place and gives what was in it.
  Attempt Take(uint32_t attempt);

  Wires& wires_;
  absl::flat_hash_map<uint64_t, SimTransport*> listeners_;
  uint16_t last_port_ = 0;
  std::deque<Attempt> attempts_;
  std::vector<uint32_t> free_attempts_;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_HANDSHAKES_H_
