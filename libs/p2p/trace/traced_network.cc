#include "p2p/trace/traced_network.h"

#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace groat::p2p {
namespace {

TraceRecord Of(TraceKind kind) {
  TraceRecord record;
  record.kind = kind;
  return record;
}

TraceRecord OfChannel(TraceKind kind, ChannelId channel) {
  TraceRecord record = Of(kind);
  record.channel = channel;
  return record;
}

TraceRecord OfPeer(TraceKind kind, const PeerId& peer) {
  TraceRecord record = Of(kind);
  record.peer = peer;
  return record;
}

}  // namespace

std::string TraceText(const ChannelOptions& options) {
  std::string text = absl::StrCat(
      "name=", options.name, " priority=", static_cast<int>(options.priority),
      " max_message_bytes=", options.max_message_bytes,
      " backlog_messages=", options.backlog_messages, " backlog_bytes=", options.backlog_bytes,
      " when_full=", static_cast<int>(options.when_full), " zstd_level=", options.zstd_level);
  if (options.rate.has_value()) {
    absl::StrAppend(&text, " messages_per_second=", options.rate->messages_per_second,
                    " bytes_per_second=", options.rate->bytes_per_second,
                    " burst_seconds=", options.rate->burst_seconds);
  }
  return text;
}

std::string_view TraceLabel(Rejection why) {
  return why == Rejection::kMalformed ? "malformed" : "invalid";
}

class TracedNetwork::TracedChannel final : public Sender, public Receiver {
 public:
  TracedChannel(ChannelId id, const Channel& inner, TraceRecorder& recorder)
      : id_(id), inner_(inner), recorder_(recorder) {}

  std::vector<PeerId> Send(const Recipients& recipients, ByteView payload) override {
    std::vector<PeerId> queued = inner_.sender->Send(recipients, payload);
    TraceRecord record = OfChannel(TraceKind::kSend, id_);
    record.to_all = recipients.all();
    record.recipients = recipients.peers();
    record.payload = payload;
    record.peers = queued;
    recorder_.Record(record);
    return queued;
  }
  void OnRoom(std::function<void(const PeerId&)> callback) override {
    const bool inside = recorder_.Inside();
    recorder_.Record(OfChannel(TraceKind::kOnRoom, id_));
    inner_.sender->OnRoom([this, inside, callback = std::move(callback)](const PeerId& peer) {
      if (!inside) return callback(peer);
      TraceRecord begin = OfChannel(TraceKind::kRoom, id_);
      begin.peer = peer;
      const TraceRecorder::TaskScope scope(recorder_, begin);
      callback(peer);
    });
  }

  std::optional<Message> Poll() override {
    return Taken(OfChannel(TraceKind::kPoll, id_), inner_.receiver->Poll());
  }
  std::optional<Message> PollPreferring(const PeerId& preferred) override {
    TraceRecord record = OfChannel(TraceKind::kPollPreferring, id_);
    record.peer = preferred;
    return Taken(record, inner_.receiver->PollPreferring(preferred));
  }
  void OnReady(std::function<void()> callback) override {
    const bool inside = recorder_.Inside();
    recorder_.Record(OfChannel(TraceKind::kOnReady, id_));
    inner_.receiver->OnReady([this, inside, callback = std::move(callback)] {
      if (!inside) return callback();
      const TraceRecorder::TaskScope scope(recorder_, OfChannel(TraceKind::kReady, id_));
      callback();
    });
  }
  void Reject(const PeerId& from, Rejection why) override {
    TraceRecord record = OfChannel(TraceKind::kReject, id_);
    record.peer = from;
    record.label = TraceLabel(why);
    recorder_.Record(record);
    inner_.receiver->Reject(from, why);
  }

 private:
  std::optional<Message> Taken(TraceRecord record, std::optional<Message> message) {
    record.has_message = message.has_value();
    if (message.has_value()) {
      record.from = message->from;
      record.payload = message->payload;
    }
    recorder_.Record(record);
    return message;
  }

  const ChannelId id_;
  const Channel inner_;
  TraceRecorder& recorder_;
};

TracedNetwork::TracedNetwork(Network& inner, TraceRecorder& recorder)
    : inner_(inner), recorder_(recorder) {}
TracedNetwork::~TracedNetwork() = default;

absl::StatusOr<Channel> TracedNetwork::Register(ChannelId id, const ChannelOptions& options) {
  const absl::StatusOr<Channel> channel = inner_.Register(id, options);
  const std::string text = TraceText(options);
  TraceRecord record = OfChannel(TraceKind::kRegister, id);
  record.text = text;
  record.code = channel.status().code();
  recorder_.Record(record);
  if (!channel.ok()) return channel;
  channels_.push_back(std::make_unique<TracedChannel>(id, *channel, recorder_));
  return Channel{channels_.back().get(), channels_.back().get()};
}

void TracedNetwork::WatchPeers(PeerWatch watch) {
  const bool inside = recorder_.Inside();
  const uint64_t number = next_watch_++;
  TraceRecord record = Of(TraceKind::kWatchPeers);
  record.number = number;
  recorder_.Record(record);
  inner_.WatchPeers([this, inside, number, watch = std::move(watch)](const PeerId& peer,
                                                                     PeerEvent event) {
    if (!inside) return watch(peer, event);
    TraceRecord begin = OfPeer(
        event == PeerEvent::kConnected ? TraceKind::kConnected : TraceKind::kDisconnected, peer);
    begin.number = number;
    const TraceRecorder::TaskScope scope(recorder_, begin);
    watch(peer, event);
  });
}

void TracedNetwork::RecordReturned(const absl::Status& status) {
  TraceRecord record = Of(TraceKind::kReturned);
  record.code = status.code();
  record.text = std::string_view(status.message().data(), status.message().size());
  recorder_.Record(record);
}

absl::Status TracedNetwork::Start() {
  recorder_.Record(Of(TraceKind::kStartNetwork));
  absl::Status status = inner_.Start();
  RecordReturned(status);
  return status;
}

absl::Status TracedNetwork::SetPeers(uint64_t index, std::vector<PeerId> peers) {
  TraceRecord record = Of(TraceKind::kSetPeers);
  record.number = index;
  record.peers = peers;
  recorder_.Record(record);
  absl::Status status = inner_.SetPeers(index, std::move(peers));
  RecordReturned(status);
  return status;
}

void TracedNetwork::DropPeers(uint64_t index) {
  TraceRecord record = Of(TraceKind::kDropPeers);
  record.number = index;
  recorder_.Record(record);
  inner_.DropPeers(index);
  RecordReturned(absl::OkStatus());
}

void TracedNetwork::Block(const PeerId& peer, std::string_view why) {
  TraceRecord record = OfPeer(TraceKind::kBlock, peer);
  record.text = why;
  recorder_.Record(record);
  inner_.Block(peer, why);
  RecordReturned(absl::OkStatus());
}

std::vector<PeerId> TracedNetwork::Connected() const {
  std::vector<PeerId> peers = inner_.Connected();
  TraceRecord record = Of(TraceKind::kConnectedPeers);
  record.peers = peers;
  recorder_.Record(record);
  return peers;
}

}  // namespace groat::p2p
