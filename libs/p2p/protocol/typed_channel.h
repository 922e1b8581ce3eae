// Typed messages over a channel: an application sees only messages that decode and whose meaning
// holds.
//
//   struct Vote {
//     Bytes Encode() const;
//     static absl::StatusOr<Vote> Decode(ByteView bytes);  // Bounded and strict.
//     absl::Status Validate();                             // Meaning; may fill derived fields.
//   };
//   GROAT_ASSIGN_OR_RETURN(auto votes, TypedChannel<Vote>::Register(network, executor, id,
//   options)); votes.receiver.OnMessage([this](const PeerId& from, Vote vote) { ... });
//   votes.sender.Send(Recipients::All(), vote);
//
// What fails is dropped and counted by reason and peer (Receiver::Reject).
//
// Threads: TypedSender::Send, TypedReceiver::Poll and PollPreferring are safe from any thread; the
// rest belongs to tasks of the network's executor. Neither class touches network or executor when
// it is destroyed, so it may go after them.
#ifndef GROAT_P2P_PROTOCOL_TYPED_CHANNEL_H_
#define GROAT_P2P_PROTOCOL_TYPED_CHANNEL_H_

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "p2p/executor.h"
#include "p2p/network.h"

namespace groat::p2p {

// Three concepts rather than one, so that the compiler names the member that is missing or wrong.

// `Bytes Encode() const`: the bytes that Decode reads back.
template <typename M>
concept EncodesMessage = requires(const M& message) {
  { message.Encode() } -> std::same_as<Bytes>;
};

// `static absl::StatusOr<M> Decode(ByteView)`: refuses, in time and memory bounded by the input's
// length, everything that Encode never gives.
template <typename M>
concept DecodesMessage = requires(ByteView bytes) {
  { M::Decode(bytes) } -> std::same_as<absl::StatusOr<M>>;
};

// `absl::Status Validate()`: whether what the message says is allowed, as far as the message alone
// tells; may fill fields that follow from others, such as a hash.
template <typename M>
concept ValidatesMessage = requires(M& message) {
  { message.Validate() } -> std::same_as<absl::Status>;
};

template <typename M>
concept TypedMessage =
    std::movable<M> && EncodesMessage<M> && DecodesMessage<M> && ValidatesMessage<M>;

template <TypedMessage M>
class TypedSender {
 public:
  explicit TypedSender(Sender& sender) : sender_(&sender) {}

  // As Sender::Send. The message is not validated: it is ours.
  std::vector<PeerId> Send(const Recipients& recipients, const M& message) const {
    return sender_->Send(recipients, message.Encode());
  }
  // As Sender::OnRoom.
  void OnRoom(std::function<void(const PeerId&)> callback) const {
    sender_->OnRoom(std::move(callback));
  }

 private:
  Sender* sender_;
};

template <TypedMessage M>
struct Received {
  PeerId from;
  M message;  // Decoded and validated.
};

// A flood of bad messages, or of good ones, holds the executor no longer than these many take.
inline constexpr size_t kMaxBadMessagesPerPoll = 64;
inline constexpr size_t kMaxMessagesPerTask = 64;

template <TypedMessage M>
class TypedReceiver {
 public:
  TypedReceiver(Receiver& receiver, Executor& executor)
      : inner_(std::make_shared<Inner>(receiver, executor)) {}
  // No callback follows, also if this is called by one.
  ~TypedReceiver() {
    if (inner_ != nullptr) inner_->closed = true;
  }
  TypedReceiver(TypedReceiver&&) noexcept = default;
  TypedReceiver& operator=(TypedReceiver&&) = delete;

  // The next good message, in turn of the peers that have any; nullopt if there is none, or after
  // kMaxBadMessagesPerPoll bad ones; then OnReady's callback comes again by itself.
  std::optional<Received<M>> Poll() const {
    return inner_->Take([](Receiver& receiver) { return receiver.Poll(); });
  }
  // The next message of `preferred` if it has one, else as Poll.
  std::optional<Received<M>> PollPreferring(const PeerId& preferred) const {
    return inner_->Take(
        [&preferred](Receiver& receiver) { return receiver.PollPreferring(preferred); });
  }
  // Calls back whenever there may be messages, also those that came before this call. The callback
  // polls until there is none, or comes back by itself. Once, and not beside OnMessage.
  void OnReady(std::function<void()> callback) const {
    inner_->on_ready = std::move(callback);
    inner_->receiver.OnReady([weak = std::weak_ptr<Inner>(inner_)] { Announce(weak); });
    AnnounceLater(*inner_);
  }
  // Calls back with every good message, at most kMaxMessagesPerTask of them in one task. The
  // callback may destroy this receiver. Once, and not beside OnReady.
  void OnMessage(std::function<void(const PeerId& from, M message)> callback) const {
    OnReady([inner = inner_.get(), callback = std::move(callback)] { Pump(*inner, callback); });
  }

 private:
  // Shared with callbacks that are on their way, which may come after the owner has gone.
  struct Inner : std::enable_shared_from_this<Inner> {
    Inner(Receiver& receiver_in, Executor& executor_in)
        : receiver(receiver_in), executor(executor_in) {}

    template <typename Next>
    std::optional<Received<M>> Take(const Next& next) {
      for (size_t bad = 0; bad < kMaxBadMessagesPerPoll; ++bad) {
        std::optional<Message> message = next(receiver);
        if (!message.has_value()) return std::nullopt;
        absl::StatusOr<M> decoded = M::Decode(message->payload);
        if (!decoded.ok()) {
          receiver.Reject(message->from, Rejection::kMalformed);
        } else if (!decoded->Validate().ok()) {
          receiver.Reject(message->from, Rejection::kInvalid);
        } else {
          return Received<M>{message->from, *std::move(decoded)};
        }
      }
      AnnounceLater(*this);
      return std::nullopt;
    }

    Receiver& receiver;
    Executor& executor;
    std::function<void()> on_ready;
    bool closed = false;
  };

  static void Announce(const std::weak_ptr<Inner>& weak) {
    const std::shared_ptr<Inner> inner = weak.lock();  // Alive while its callback runs.
    if (inner != nullptr && !inner->closed && inner->on_ready) inner->on_ready();
  }
  static void AnnounceLater(Inner& inner) {
    inner.executor.Post([weak = inner.weak_from_this()] { Announce(weak); });
  }
  static void Pump(Inner& inner, const std::function<void(const PeerId&, M)>& callback) {
    for (size_t i = 0; i < kMaxMessagesPerTask; ++i) {
      std::optional<Received<M>> received =
          inner.Take([](Receiver& receiver) { return receiver.Poll(); });
      if (!received.has_value()) return;
      callback(received->from, std::move(received->message));
      if (inner.closed) return;
    }
    AnnounceLater(inner);
  }

  std::shared_ptr<Inner> inner_;
};

// Both ends of one channel.
template <TypedMessage M>
struct TypedChannel {
  TypedChannel(const Channel& channel, Executor& executor)
      : sender(*channel.sender), receiver(*channel.receiver, executor) {}

  // Before Network::Start. Errors as Network::Register.
  static absl::StatusOr<TypedChannel> Register(Network& network, Executor& executor, ChannelId id,
                                               const ChannelOptions& options) {
    const absl::StatusOr<Channel> channel = network.Register(id, options);
    if (!channel.ok()) return channel.status();
    return TypedChannel(*channel, executor);
  }

  TypedSender<M> sender;
  TypedReceiver<M> receiver;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_PROTOCOL_TYPED_CHANNEL_H_
