#include "p2p/trace/replay_network.h"

#include <functional>
#include <optional>
#include <utility>

#include "p2p/trace/trace_text.h"
#include "p2p/trace/traced_network.h"

namespace groat::p2p {
namespace {

TraceRecord Of(TraceKind kind) {
  TraceRecord record;
  record.kind = kind;
  return record;
}

}  // namespace

class ReplayNetwork::ReplayChannel final : public Sender, public Receiver {
 public:
  ReplayChannel(ReplayTape& tape, ChannelId id) : tape_(tape), id_(id) {}

  std::vector<PeerId> Send(const Recipients& recipients, ByteView payload) override {
    TraceRecord call = OfThis(TraceKind::kSend);
    call.to_all = recipients.all();
    call.recipients = recipients.peers();
    call.payload = payload;
    const TraceRecord* answer = tape_.Call(call);
    if (answer == nullptr) return {};
    return std::vector<PeerId>(answer->peers.begin(), answer->peers.end());
  }
  void OnRoom(std::function<void(const PeerId&)> callback) override {
    tape_.Call(OfThis(TraceKind::kOnRoom));
    on_room_ = std::move(callback);
  }

  std::optional<Message> Poll() override { return Taken(tape_.Call(OfThis(TraceKind::kPoll))); }
  std::optional<Message> PollPreferring(const PeerId& preferred) override {
    TraceRecord call = OfThis(TraceKind::kPollPreferring);
    call.peer = preferred;
    return Taken(tape_.Call(call));
  }
  void OnReady(std::function<void()> callback) override {
    tape_.Call(OfThis(TraceKind::kOnReady));
    on_ready_ = std::move(callback);
  }
  void Reject(const PeerId& from, Rejection why) override {
    TraceRecord call = OfThis(TraceKind::kReject);
    call.peer = from;
    call.label = TraceLabel(why);
    tape_.Call(call);
  }

  ChannelId id() const { return id_; }
  // Copies, since a callback may set another one.
  std::function<void()> on_ready() const { return on_ready_; }
  std::function<void(const PeerId&)> on_room() const { return on_room_; }

 private:
  TraceRecord OfThis(TraceKind kind) const {
    TraceRecord record = Of(kind);
    record.channel = id_;
    return record;
  }
  static std::optional<Message> Taken(const TraceRecord* answer) {
    if (answer == nullptr || !answer->has_message) return std::nullopt;
    return Message{answer->from, Bytes(answer->payload.begin(), answer->payload.end())};
  }

  ReplayTape& tape_;
  const ChannelId id_;
  std::function<void()> on_ready_;
  std::function<void(const PeerId&)> on_room_;
};

ReplayNetwork::ReplayNetwork(ReplayTape& tape, const PeerId& self) : tape_(tape), self_(self) {}
ReplayNetwork::~ReplayNetwork() = default;

absl::StatusOr<Channel> ReplayNetwork::Register(ChannelId id, const ChannelOptions& options) {
  const std::string text = TraceText(options);
  TraceRecord call = Of(TraceKind::kRegister);
  call.channel = id;
  call.text = text;
  const TraceRecord* answer = tape_.Call(call);
  if (answer != nullptr && answer->code != absl::StatusCode::kOk) {
    return absl::Status(answer->code, "as recorded");
  }
  channels_.push_back(std::make_unique<ReplayChannel>(tape_, id));
  return Channel{channels_.back().get(), channels_.back().get()};
}

void ReplayNetwork::WatchPeers(PeerWatch watch) {
  const TraceRecord* answer = tape_.Call(Of(TraceKind::kWatchPeers));
  if (answer != nullptr) watches_.insert_or_assign(answer->number, std::move(watch));
}

absl::Status ReplayNetwork::Start() { return tape_.CallWithTasks(Of(TraceKind::kStartNetwork)); }

absl::Status ReplayNetwork::SetPeers(uint64_t index, std::vector<PeerId> peers) {
  TraceRecord call = Of(TraceKind::kSetPeers);
  call.number = index;
  call.peers = peers;
  return tape_.CallWithTasks(call);
}

void ReplayNetwork::DropPeers(uint64_t index) {
  TraceRecord call = Of(TraceKind::kDropPeers);
  call.number = index;
  tape_.CallWithTasks(call).IgnoreError();  // Always OK.
}

void ReplayNetwork::Block(const PeerId& peer, std::string_view why) {
  TraceRecord call = Of(TraceKind::kBlock);
  call.peer = peer;
  call.text = why;
  tape_.CallWithTasks(call).IgnoreError();  // Always OK.
}

std::vector<PeerId> ReplayNetwork::Connected() const {
  const TraceRecord* answer = tape_.Call(Of(TraceKind::kConnectedPeers));
  if (answer == nullptr) return {};
  return std::vector<PeerId>(answer->peers.begin(), answer->peers.end());
}

ReplayNetwork::ReplayChannel* ReplayNetwork::Find(ChannelId id) const {
  for (const auto& channel : channels_) {
    if (channel->id() == id) return channel.get();
  }
  return nullptr;
}

void ReplayNetwork::Ready(const TraceRecord& record) {
  const ReplayChannel* channel = Find(record.channel);
  const auto callback = channel == nullptr ? nullptr : channel->on_ready();
  if (!callback) return tape_.Differ(record, "no callback", "the channel was not asked for one");
  tape_.Advance();
  callback();
}

void ReplayNetwork::Room(const TraceRecord& record) {
  const ReplayChannel* channel = Find(record.channel);
  const auto callback = channel == nullptr ? nullptr : channel->on_room();
  if (!callback) return tape_.Differ(record, "no callback", "the channel was not asked for one");
  const PeerId peer = record.peer;
  tape_.Advance();
  callback(peer);
}

void ReplayNetwork::PeerChanged(const TraceRecord& record, PeerEvent event) {
  const auto found = watches_.find(record.number);
  if (found == watches_.end()) {
    return tape_.Differ(record, "no such watch", "the protocol does not watch peers");
  }
  const PeerId peer = record.peer;
  tape_.Advance();
  found->second(peer, event);
}

}  // namespace groat::p2p
