// The mesh's transport over simulated links: one process on one host. Made by Wires::MakeTransport.
//
// As transport.h says; frames may be lost, repeated, late or damaged where the links are told so.
// Single-threaded; deterministic.
#ifndef GROAT_SIM_SIM_TRANSPORT_H_
#define GROAT_SIM_SIM_TRANSPORT_H_

#include <memory>
#include <string>

#include "p2p/transport.h"
#include "sim/wires.h"

namespace groat::sim {

class SimTransport final : public p2p::Transport {
 public:
  // `identity` outlives the transport.
  SimTransport(Wires& wires, Handshakes& handshakes, NodeExecutor& executor,
               const p2p::PeerId& identity, uint32_t host)
      : wires_(wires),
        handshakes_(handshakes),
        executor_(executor),
        identity_(identity),
        host_(host) {}
  // Its connections are destroyed before.
  ~SimTransport() override;
  SimTransport(const SimTransport&) = delete;
  SimTransport& operator=(const SimTransport&) = delete;

  absl::StatusOr<std::string> Listen(const std::string& address, p2p::Admission admission,
                                     OnAccept on_accept) override;
  void Dial(const std::string& address, const p2p::PeerId& expected, Duration timeout,
            OnDialled done) override;
  void Shutdown() override;

 private:
  friend class Handshakes;
  friend class Wires;

  const p2p::PeerId& identity() const { return identity_; }
  uint32_t host() const { return host_; }
  NodeExecutor& executor() { return executor_; }
  bool Admits(const p2p::PeerId& peer) const { return admission_(peer); }
  void Accept(std::unique_ptr<p2p::Connection> connection) { on_accept_(std::move(connection)); }
  void CountEnds(int change) { ends_ += change; }

  Wires& wires_;
  Handshakes& handshakes_;
  NodeExecutor& executor_;
  const p2p::PeerId& identity_;
  const uint32_t host_;
  int ends_ = 0;
  std::string address_;  // Empty while it does not listen.
  p2p::Admission admission_;
  OnAccept on_accept_;
};

// The handle of one end of a connection.
class SimConnection final : public p2p::Connection {
 public:
  SimConnection(Wires& wires, WireEnd end) : wires_(wires), end_(end) {}
  ~SimConnection() override { wires_.Close(end_); }
  const p2p::PeerId& peer() const override { return *wires_.ends_[end_.index].peer; }
  void Start(p2p::ConnectionHandler& handler) override { wires_.Start(end_, handler); }
  void Write(Bytes frame) override { wires_.Write(end_, std::move(frame)); }
  void PauseReading(bool paused) override { wires_.PauseReading(end_, paused); }

 private:
  Wires& wires_;
  const WireEnd end_;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_SIM_TRANSPORT_H_
