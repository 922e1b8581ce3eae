// A connection of the mesh on a TLS stream: frames, and what comes before the first of them.
//
//   frame      length u32, big-endian, 1 to kMaxFrameBytes ‖ body
//   word       length 0: the listener says, once and first, that it took the connection. TLS 1.3
//              lets a dialler believe that it is connected before the listener has judged it.
//
//   state        ends with                          next
//   connecting   the socket is connected            shaking hands
//   handshake    dialler: handshake done            awaiting the word
//                listener: handshake done           open; the word is sent
//   word         the word has come                  open
//   open         end, error, forbidden length       closed
//
// What a connection holds here: the frame that is being written, and 64 KiB of it as ciphertext; of
// what is read, one frame that is not complete, a record ahead of a reader that pauses, and 64 KiB
// of ciphertext that was read ahead. Idle, some kilobytes.
//
// Belongs to the executor.
#ifndef GROAT_P2P_TLS_TLS_CONNECTION_H_
#define GROAT_P2P_TLS_TLS_CONNECTION_H_

#include <functional>
#include <memory>

#include "p2p/tls/event_loop.h"
#include "p2p/tls/tls_stream.h"
#include "p2p/transport.h"

namespace groat::p2p {

class TlsConnection final : public Connection, private EventLoop::Handler {
 public:
  // Called once, and never inside the constructor: OK when the connection is open; else why not,
  // as Transport::Dial says. May destroy the connection.
  using OnSettled = std::function<void(TlsConnection& connection, const absl::Status& status)>;

  // `scratch` has kTlsRecordBytes bytes that all connections of the loop share.
  TlsConnection(EventLoop& loop, const TlsContext& context, Socket socket, bool dialled,
                std::function<bool(const PeerId&)> admits, Bytes& scratch, OnSettled on_settled);
  ~TlsConnection() override;

  const PeerId& peer() const override { return judge_.peer; }
  void Start(ConnectionHandler& handler) override;
  void Write(Bytes frame) override;
  void PauseReading(bool paused) override;

 private:
  enum class State : uint8_t { kConnecting, kHandshake, kWord, kOpen, kClosed };

  void OnReady(uint32_t events) override;
  void FinishConnect();
  void Advance();
  void AwaitWord();
  void Settle(const absl::Status& status);
  void Serve(uint32_t events);
  void EncryptMore(size_t most);
  void WriteOn();
  bool WriteOut();
  void ReadAgain();
  void ReadIn();
  bool ReadSome(size_t& taken);
  bool HandOn(ByteView data);
  bool GrowFrame();
  bool Deliver(ByteView frame);
  bool Fail(const absl::Status& why);
  void Rewatch();
  bool reads() const { return handler_ != nullptr && !paused_; }

  EventLoop& loop_;
  const bool dialled_;
  Bytes& scratch_;
  OnSettled on_settled_;
  PeerJudge judge_;
  TlsStream stream_;
  EventLoop::WatchId watch_ = 0;
  uint32_t watched_ = 0;  // The events.
  State state_ = State::kConnecting;
  ConnectionHandler* handler_ = nullptr;
  bool paused_ = false;
  bool reading_due_ = false;  // Though the socket tells nothing.
  bool muted_ = false;        // The other side has gone, and nobody reads.
  bool has_written_ = false;  // OnWritten is due.
  Bytes frame_;               // That is being written; encrypted_ of its bytes are on their way.
  size_t encrypted_ = 0;
  // The frame that is being read, from its length on; partial_size_ of its bytes are here.
  Bytes partial_;
  size_t partial_size_ = 0;
  Bytes held_;            // Read, and not handed on since the reader paused.
  bool serving_ = false;  // In OnReady, which looks at what is watched at its end.
  // Whether a callback has destroyed this.
  const std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TLS_TLS_CONNECTION_H_
