// One connection as the mesh sees it: hellos first, then frames of entries.
//
//   stage      begins with                    ends with
//   kGreeting  Start: the dialler says hello  welcome sent or received -> kOpen
//   kOpen      OpenAs                         Close, or the transport's end -> kClosed
//   kClosed    Close, refusal, malformed      (nothing)
//
// It reports to its owner, which decides; it never decides by itself but on what is malformed.
// Belongs to the executor. After Close it makes no calls, and the owner may destroy it as soon as
// no call of it is on the stack.
#ifndef GROAT_P2P_PEER_CONNECTION_H_
#define GROAT_P2P_PEER_CONNECTION_H_

#include <memory>

#include "absl/status/status.h"
#include "p2p/control_message.h"
#include "p2p/executor.h"
#include "p2p/frame.h"
#include "p2p/mesh_stats.h"
#include "p2p/transport.h"

namespace groat::p2p {

class PeerConnection;

// The mesh, seen from its connections.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // The dialler's hello. The owner answers with Welcome or Refuse, at once or later.
  virtual void OnHello(PeerConnection& connection, const HelloMessage& hello) = 0;
  virtual void OnWelcome(PeerConnection& connection, const WelcomeMessage& welcome) = 0;
  virtual void OnRefusal(PeerConnection& connection, const RefusalMessage& refusal) = 0;
  // An entry of an open connection.
  virtual void OnEntry(PeerConnection& connection, const Entry& entry) = 0;
  // All entries of a frame of this size have been given to OnEntry, or those in front of the one
  // at which the connection was closed.
  virtual void OnFrameEnd(PeerConnection& connection, size_t frame_bytes) = 0;
  // Open, and nothing is being written.
  virtual void OnWritable(PeerConnection& connection) = 0;
  // It broke, or what came is malformed. It is closed already.
  virtual void OnEnded(PeerConnection& connection, Closure closure, const absl::Status& why) = 0;
};

class PeerConnection final : public ConnectionHandler {
 public:
  enum class Stage : uint8_t { kGreeting, kOpen, kClosed };

  PeerConnection(ConnectionOwner& owner, Executor& executor, std::unique_ptr<Connection> connection,
                 bool dialled);
  ~PeerConnection() override;

  // As the dialler.
  void SayHello(const HelloMessage& hello);
  // Waits for the other side's hello.
  void AwaitHello();
  // As the side that was dialled: ends the greeting.
  void Welcome(const WelcomeMessage& welcome);
  // The refusal is sent before the connection closes.
  void Refuse(RefusalReason reason);
  // The greeting is over: frames are entries from now on.
  void Open(LaneKind lane);

  // Only if open and writable.
  void Write(Bytes frame);
  bool writable() const { return stage_ == Stage::kOpen && !writing_; }
  void PauseReading(bool paused);
  bool paused() const { return paused_; }
  // No call follows.
  void Close();

  const PeerId& peer() const { return peer_; }
  bool dialled() const { return dialled_; }  // By us.
  Stage stage() const { return stage_; }
  // Of a dialled connection from SayHello on, of another from Open on.
  LaneKind lane() const { return lane_; }
  bool refusing() const { return refusing_; }
  Instant last_received() const { return last_received_; }

  // Set and used by the owner: the timer that ends a greeting, or the hello that waits.
  TimerId timer = 0;

 private:
  void OnFrame(ByteView frame) override;
  void OnWritten() override;
  void OnClosed(const absl::Status& why) override;
  void OnGreetingFrame(ByteView frame);
  void End(Closure closure, const absl::Status& why);
  void WriteControl(const ControlMessage& message);

  ConnectionOwner& owner_;
  Executor& executor_;
  std::unique_ptr<Connection> connection_;  // Null once closed.
  const PeerId peer_;
  const bool dialled_;
  bool heard_hello_ = false;
  bool writing_ = false;
  bool paused_ = false;
  bool refusing_ = false;  // Closes when the refusal has left.
  Stage stage_ = Stage::kGreeting;
  LaneKind lane_ = LaneKind::kMain;
  Instant last_received_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_PEER_CONNECTION_H_
