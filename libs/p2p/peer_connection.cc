#include "p2p/peer_connection.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::p2p {

PeerConnection::PeerConnection(ConnectionOwner& owner, Executor& executor,
                               std::unique_ptr<Connection> connection, bool dialled)
    : owner_(owner),
      executor_(executor),
      connection_(std::move(connection)),
      peer_(connection_->peer()),
      dialled_(dialled),
      last_received_(executor.Now()) {}

PeerConnection::~PeerConnection() = default;

void PeerConnection::WriteControl(const ControlMessage& message) {
  Bytes frame;
  AppendEntry({ChannelId(0), 0, EncodeControl(message)}, frame);
  writing_ = true;
  connection_->Write(std::move(frame));
}

void PeerConnection::SayHello(const HelloMessage& hello) {
  lane_ = hello.lane;
  connection_->Start(*this);
  WriteControl(hello);
}

void PeerConnection::AwaitHello() { connection_->Start(*this); }

void PeerConnection::Welcome(const WelcomeMessage& welcome) { WriteControl(welcome); }

void PeerConnection::Refuse(RefusalReason reason) {
  refusing_ = true;
  WriteControl(RefusalMessage{reason});
}

void PeerConnection::Open(LaneKind lane) {
  stage_ = Stage::kOpen;
  lane_ = lane;
}

void PeerConnection::Write(Bytes frame) {
  GROAT_CHECK(writable());
  writing_ = true;
  connection_->Write(std::move(frame));
}

void PeerConnection::PauseReading(bool paused) {
  if (paused_ == paused || connection_ == nullptr) return;
  paused_ = paused;
  // What was held back may be older than the silence limit.
  last_received_ = executor_.Now();
  connection_->PauseReading(paused);
}

void PeerConnection::Close() {
  stage_ = Stage::kClosed;
  connection_.reset();
}

void PeerConnection::End(Closure closure, const absl::Status& why) {
  Close();
  owner_.OnEnded(*this, closure, why);
}

void PeerConnection::OnFrame(ByteView frame) {
  last_received_ = executor_.Now();
  if (stage_ == Stage::kGreeting) {
    OnGreetingFrame(frame);
    return;
  }
  FrameReader reader(frame);
  while (!reader.done()) {
    const absl::StatusOr<Entry> entry = reader.Next();
    if (!entry.ok()) {
      End(Closure::kMalformedFrame, entry.status());
      break;
    }
    owner_.OnEntry(*this, *entry);
    if (stage_ == Stage::kClosed) break;
  }
  owner_.OnFrameEnd(*this, frame.size());
}

// A greeting is one entry a side; anything else, or anything behind it, is malformed.
void PeerConnection::OnGreetingFrame(ByteView frame) {
  if (refusing_) return;
  FrameReader reader(frame);
  const absl::StatusOr<Entry> entry = reader.Next();
  if (!entry.ok() || entry->channel != ChannelId(0) || entry->flags != 0 || !reader.done()) {
    End(Closure::kBadHello,
        entry.ok() ? absl::InvalidArgumentError("more than a greeting") : entry.status());
    return;
  }
  const absl::StatusOr<ControlMessage> message = DecodeControl(entry->body);
  if (!message.ok()) {
    End(Closure::kBadHello, message.status());
    return;
  }
  if (const auto* hello = std::get_if<HelloMessage>(&*message); hello != nullptr && !dialled_) {
    if (heard_hello_) return;  // Repeated by the network.
    heard_hello_ = true;
    owner_.OnHello(*this, *hello);
  } else if (const auto* welcome = std::get_if<WelcomeMessage>(&*message);
             welcome != nullptr && dialled_) {
    owner_.OnWelcome(*this, *welcome);
  } else if (const auto* refusal = std::get_if<RefusalMessage>(&*message);
             refusal != nullptr && dialled_) {
    owner_.OnRefusal(*this, *refusal);
  } else {
    End(Closure::kBadHello,
        absl::InvalidArgumentError(absl::StrCat("greeting of kind ", message->index() + 1)));
  }
}

void PeerConnection::OnWritten() {
  writing_ = false;
  if (refusing_) {
    // The owner is done with it already, and reaps it.
    End(Closure::kRefused, absl::PermissionDeniedError("refused"));
    return;
  }
  if (stage_ == Stage::kOpen) owner_.OnWritable(*this);
}

void PeerConnection::OnClosed(const absl::Status& why) { End(Closure::kBroken, why); }

}  // namespace groat::p2p
