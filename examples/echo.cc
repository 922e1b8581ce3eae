#include "examples/echo.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::examples {

Bytes EchoMessage::Encode() const {
  return ByteWriter().U8(static_cast<uint8_t>(kind)).U32(number).Raw(text).Take();
}

absl::StatusOr<EchoMessage> EchoMessage::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  const uint8_t kind = reader.U8();
  const uint32_t number = reader.U32();
  const ByteView text = reader.Raw(reader.remaining());
  GROAT_RETURN_IF_ERROR(reader.Finish("echo message"));
  if (kind != 1 && kind != 2) {
    return absl::InvalidArgumentError(absl::StrCat("echo's kind is ", kind, ", want 1 or 2"));
  }
  return EchoMessage{static_cast<Kind>(kind), number, Bytes(text.begin(), text.end())};
}

absl::Status EchoMessage::Validate() const {
  if (!text.empty() && text.size() <= kMaxTextBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("text is ", text.size(), " bytes, want 1 to ", kMaxTextBytes));
}

absl::StatusOr<std::unique_ptr<Echo>> Echo::Make(p2p::Network& network, p2p::Executor& executor,
                                                 OnEcho on_echo) {
  const p2p::ChannelOptions options = {.name = "echo",
                                       .max_message_bytes = 5 + EchoMessage::kMaxTextBytes};
  auto channel =
      p2p::TypedChannel<EchoMessage>::Register(network, executor, p2p::ChannelId(1), options);
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<Echo>(new Echo(*std::move(channel), executor, std::move(on_echo)));
}

Echo::Echo(p2p::TypedChannel<EchoMessage> channel, p2p::Executor& executor, OnEcho on_echo)
    : channel_(std::move(channel)), executor_(executor), on_echo_(std::move(on_echo)) {
  channel_.receiver.OnMessage(
      [this](const p2p::PeerId& from, EchoMessage message) { Handle(from, message); });
}

absl::StatusOr<std::vector<p2p::PeerId>> Echo::Say(ByteView text) {
  EchoMessage message{EchoMessage::Kind::kSay, next_number_, Bytes(text.begin(), text.end())};
  GROAT_RETURN_IF_ERROR(message.Validate());
  ++next_number_;
  std::vector<p2p::PeerId> peers = channel_.sender.Send(p2p::Recipients::All(), message);
  said_[message.number] = {executor_.Now(), std::move(message.text), peers};
  if (said_.size() > kMaxOpen) said_.erase(said_.begin());  // Some peer will not answer any more.
  return peers;
}

void Echo::Handle(const p2p::PeerId& from, const EchoMessage& message) {
  if (message.kind == EchoMessage::Kind::kSay) {
    channel_.sender.Send(p2p::Recipients::One(from),
                         {EchoMessage::Kind::kEcho, message.number, message.text});
    return;
  }
  const auto said = said_.find(message.number);
  if (said == said_.end() || said->second.text != message.text) return;
  std::vector<p2p::PeerId>& awaited = said->second.awaited;
  const auto peer = std::find(awaited.begin(), awaited.end(), from);
  if (peer == awaited.end()) return;  // Nobody asked it, or it answered before.
  awaited.erase(peer);
  const p2p::Duration took = executor_.Now() - said->second.when;
  if (awaited.empty()) said_.erase(said);
  on_echo_(from, message.number, took);
}

}  // namespace groat::examples
