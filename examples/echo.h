// Echo: says a text to every peer and tells how long each took to say it back.
//
// The smallest protocol on the mesh: one channel, one message type. Everything belongs to tasks of
// the executor, so there are no locks.
#ifndef GROAT_EXAMPLES_ECHO_H_
#define GROAT_EXAMPLES_ECHO_H_

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "p2p/protocol/typed_channel.h"
#include "p2p/trace/protocol_registry.h"

namespace groat::examples {

// What travels: kind u8 ‖ number u32 ‖ text, at most kMaxTextBytes.
struct EchoMessage {
  enum class Kind : uint8_t { kSay = 1, kEcho = 2 };
  static constexpr size_t kMaxTextBytes = 1024;

  Kind kind = Kind::kSay;
  uint32_t number = 0;
  Bytes text;

  Bytes Encode() const;
  static absl::StatusOr<EchoMessage> Decode(ByteView bytes);
  // An empty text says nothing.
  absl::Status Validate() const;
};

class Echo final : public p2p::Protocol {
 public:
  // `peer` said the `number`-th text back, `took` after we said it.
  using OnEcho = std::function<void(const p2p::PeerId& peer, uint32_t number, p2p::Duration took)>;

  // Before the network starts, which must be gone before the echo is. Errors as Network::Register.
  static absl::StatusOr<std::unique_ptr<Echo>> Make(p2p::Network& network, p2p::Executor& executor,
                                                    OnEcho on_echo);
  // Says the text to all who are connected and gives them back. Texts count from 0.
  // InvalidArgument for a text that is not 1 to kMaxTextBytes bytes.
  absl::StatusOr<std::vector<p2p::PeerId>> Say(ByteView text);
  // The same, as a trace records it.
  absl::Status Request(ByteView text) override { return Say(text).status(); }

 private:
  struct Said {
    p2p::Instant when;
    Bytes text;
    std::vector<p2p::PeerId> awaited;
  };
  static constexpr size_t kMaxOpen = 1000;  // Texts that somebody has not said back.

  Echo(p2p::TypedChannel<EchoMessage> channel, p2p::Executor& executor, OnEcho on_echo);
  void Handle(const p2p::PeerId& from, const EchoMessage& message);

  p2p::TypedChannel<EchoMessage> channel_;
  p2p::Executor& executor_;
  const OnEcho on_echo_;
  uint32_t next_number_ = 0;
  std::map<uint32_t, Said> said_;
};

}  // namespace groat::examples

#endif  // GROAT_EXAMPLES_ECHO_H_
