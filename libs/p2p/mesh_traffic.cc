// Frames in and out of links.
#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "p2p/frame.h"
#include "p2p/mesh_impl.h"
#include "p2p/message_codec.h"

namespace groat::p2p {
namespace {

// So many messages above their rate make a flood, beside twice the burst.
constexpr double kExcessMessages = 100;
// Room for a message in pieces is made in one go, if its channel takes no longer ones than this.
constexpr size_t kMostReservedBytes = size_t{16} << 20;

}  // namespace

// Out.

std::vector<PeerId> Mesh::Impl::Send(size_t channel, const Recipients& recipients,
                                     ByteView payload) {
  SendQueues::SendResult result = queues_.Send(channel, recipients, payload);
  if (!result.flush) return std::move(result.queued);
  if (executor_.IsCurrent()) {
    Flush();
  } else if (!flush_posted_.exchange(true)) {
    executor_.Post(Guarded([this] {
      flush_posted_ = false;
      Flush();
    }));
  }
  return std::move(result.queued);
}

void Mesh::Impl::Flush() {
  if (corked_ > 0) return;
  for (SendQueues::Outbox* outbox : queues_.TakeDirty()) {
    // Writing calls nobody back, so every outbox stands until the end of the loop.
    Peer* peer = Find(SendQueues::PeerOf(outbox));
    GROAT_CHECK(peer != nullptr && peer->outbox == outbox);
    PumpMain(*peer);
    if (has_bulk_) PumpBulk(*peer);
  }
  if (has_back_pressure_) TellRooms();
}

void Mesh::Impl::PumpMain(Peer& peer) {
  PeerConnection& main = *peer.lanes[0];
  if (!main.writable()) return;
  const Instant now = executor_.Now();
  SendQueues::Taken taken = queues_.TakeFrame(peer.outbox, LaneKind::kMain, now);
  if (taken.next_at.has_value() && peer.send_timer == 0) {
    peer.send_timer = executor_.PostAt(*taken.next_at, [this, id = peer.id] {
      Peer* found = Find(id);
      found->send_timer = 0;
      PumpMain(*found);
      if (has_bulk_) PumpBulk(*found);
    });
  }
  if (taken.frame.empty()) return;
  ++counters_.frames_sent;
  counters_.frame_bytes_sent += taken.frame.size();
  main.Write(std::move(taken.frame));
}

void Mesh::Impl::PumpBulk(Peer& peer) {
  PeerConnection* bulk = peer.lanes[1].get();
  if (bulk == nullptr) {
    if (peer.bulk_wanted || !queues_.WantsBulk(peer.outbox)) return;
    if (peer.lanes[0]->dialled()) {
      DialBulk(peer);
    } else {
      peer.bulk_wanted = true;
      queues_.SendControl(peer.outbox, EncodeControl(OpenBulkMessage{}));
      PumpMain(peer);
    }
    return;
  }
  if (!bulk->writable()) return;
  SendQueues::Taken taken = queues_.TakeFrame(peer.outbox, LaneKind::kBulk, executor_.Now());
  if (taken.next_at.has_value() && peer.send_timer == 0) {
    peer.send_timer = executor_.PostAt(*taken.next_at, [this, id = peer.id] {
      Peer* found = Find(id);
      found->send_timer = 0;
      PumpMain(*found);
      PumpBulk(*found);
    });
  }
  if (taken.frame.empty()) return;
  ++counters_.frames_sent;
  counters_.frame_bytes_sent += taken.frame.size();
  bulk->Write(std::move(taken.frame));
}

void Mesh::Impl::OnWritable(PeerConnection& connection) {
  Peer* peer = Find(connection.peer());
  if (connection.lane() == LaneKind::kMain) {
    PumpMain(*peer);
  } else {
    PumpBulk(*peer);
  }
  if (has_back_pressure_) TellRooms();
}

void Mesh::Impl::TellRooms() {
  for (const auto& [channel, peer] : queues_.TakeRooms()) {
    if (channels_[channel].on_room) channels_[channel].on_room(peer);
  }
}

void Mesh::Impl::SendControl(Peer& peer, const ControlMessage& message) {
  queues_.SendControl(peer.outbox, EncodeControl(message));
  Flush();
}

void Mesh::Impl::SendPing(Peer& peer) {
  peer.pinged_at = executor_.Now();
  peer.ping_unanswered = true;
  SendControl(peer, PingMessage{++peer.ping_number});
}

// In.

std::optional<size_t> Mesh::Impl::ChannelIndex(ChannelId id) const {
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (channels_[i].id == id) return i;
  }
  return std::nullopt;
}

void Mesh::Impl::OnEntry(PeerConnection& connection, const Entry& entry) {
  Peer* peer = Find(connection.peer());
  if (entry.channel == ChannelId(0)) {
    if (entry.flags != 0) {
      Offend(*peer, Closure::kMalformedFrame,
             absl::InvalidArgumentError(absl::StrCat("control flags are ", int{entry.flags})));
      return;
    }
    OnControl(*peer, entry.body);
  } else {
    OnPiece(connection, *peer, entry);
  }
}

void Mesh::Impl::OnFrameEnd(PeerConnection&, size_t frame_bytes) {
  ++counters_.frames_received;
  counters_.frame_bytes_received += frame_bytes;
  // Answers of the application to the messages of one frame travel together.
  ++corked_;
  uint32_t ready = std::exchange(ready_channels_, 0);
  while (ready != 0) {
    const auto channel = static_cast<size_t>(std::countr_zero(ready));
    ready &= ready - 1;
    channels_[channel].receiver->NotifyReady();
  }
  --corked_;
  Flush();
}

void Mesh::Impl::OnControl(Peer& peer, ByteView body) {
  const Instant now = executor_.Now();
  if (!peer.control_rate->Ready(now)) {
    Offend(peer, Closure::kFlood, absl::ResourceExhaustedError("control messages"));
    return;
  }
  peer.control_rate->Spend(1);
  const absl::StatusOr<ControlMessage> message = DecodeControl(body);
  if (!message.ok()) {
    Offend(peer, Closure::kMalformedFrame, message.status());
    return;
  }
  ++corked_;
  if (const auto* ping = std::get_if<PingMessage>(&*message)) {
    SendControl(peer, PongMessage{ping->number});
  } else if (const auto* pong = std::get_if<PongMessage>(&*message)) {
    OnPong(peer, pong->number);
  } else if (const auto* known = std::get_if<KnownMessage>(&*message)) {
    discovery_.OnKnown(peer.id, *known);
  } else if (const auto* records = std::get_if<RecordsMessage>(&*message)) {
    discovery_.OnRecords(peer.id, *records);
    NoteDiscovery();
  } else if (std::holds_alternative<OpenBulkMessage>(*message)) {
    DialBulk(peer);
  }
  // A greeting that the network repeated is no offence, and says nothing new.
  --corked_;
}

void Mesh::Impl::OnPong(Peer& peer, uint64_t number) {
  if (!peer.ping_unanswered || number != peer.ping_number) return;
  peer.ping_unanswered = false;
  const auto us = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(executor_.Now() - peer.pinged_at)
          .count());
  const auto bucket = static_cast<size_t>(
      std::lower_bound(kRoundTripBoundsUs.begin(), kRoundTripBoundsUs.end(), us) -
      kRoundTripBoundsUs.begin());
  ++counters_.round_trip_buckets[bucket];
  ++counters_.round_trips;
  counters_.round_trip_us_sum += us;
  if (peer.contender != nullptr) SettleContender(peer, /*link_lives=*/true);
}

void Mesh::Impl::OnPiece(PeerConnection& connection, Peer& peer, const Entry& entry) {
  const std::optional<size_t> channel = ChannelIndex(entry.channel);
  if (!channel.has_value()) {
    // Perhaps a newer version's; only its number is bounded.
    ++counters_.unknown_channel_messages;
    const Instant now = executor_.Now();
    if (!peer.control_rate->Ready(now)) {
      Offend(peer, Closure::kFlood,
             absl::ResourceExhaustedError(
                 absl::StrCat("messages on unknown channel ", entry.channel.value())));
      return;
    }
    peer.control_rate->Spend(1);
    return;
  }
  const ChannelOptions& options = channels_[*channel].options;
  const LaneKind lane = options.priority == Priority::kBulk ? LaneKind::kBulk : LaneKind::kMain;
  if (connection.lane() != lane) {
    Offend(peer, Closure::kMalformedFrame,
           absl::InvalidArgumentError(absl::StrCat("channel ", options.name, " on lane ",
                                                   static_cast<int>(connection.lane()))));
    return;
  }
  Inbound& inbound = peer.inbound[*channel];
  const size_t total = inbound.pieces.size() + entry.body.size();
  if (total > options.max_message_bytes) {
    channels_[*channel].receiver->CountDrop(Drop::kOversized);
    Offend(peer, Closure::kMalformedFrame,
           absl::InvalidArgumentError(absl::StrCat("channel ", options.name, ": message of ", total,
                                                   " bytes, at most ", options.max_message_bytes)));
    return;
  }
  if (entry.more_follows() || !inbound.pieces.empty()) {
    if (entry.body.empty()) {
      Offend(peer, Closure::kMalformedFrame, absl::InvalidArgumentError("empty piece"));
      return;
    }
    // Room for the longest at once: growing would copy, and memory that is not written to is not
    // taken.
    if (inbound.pieces.empty() && options.max_message_bytes <= kMostReservedBytes) {
      inbound.pieces.reserve(options.max_message_bytes);
    }
    inbound.pieces.insert(inbound.pieces.end(), entry.body.begin(), entry.body.end());
    if (entry.more_follows()) return;
    Bytes joined = std::exchange(inbound.pieces, {});
    if (joined.size() < joined.capacity() / 2) joined.shrink_to_fit();
    const ByteView body = joined;
    OnMessage(connection, peer, *channel, body, entry.compressed(), std::move(joined));
    return;
  }
  OnMessage(connection, peer, *channel, entry.body, entry.compressed(), {});
}

bool Mesh::Impl::SpendRate(Peer& peer, size_t channel, size_t payload_bytes) {
  Inbound& inbound = peer.inbound[channel];
  if (inbound.rate == nullptr) return true;
  if (inbound.rate->Ready(executor_.Now())) {
    inbound.rate->Spend(payload_bytes);
    return true;
  }
  channels_[channel].receiver->CountDrop(Drop::kRateExceeded);
  ++peer.excess_messages;
  const RateLimit& limit = *channels_[channel].options.rate;
  if (static_cast<double>(peer.excess_messages) >
      kExcessMessages + 2 * limit.messages_per_second * limit.burst_seconds) {
    Offend(peer, Closure::kFlood,
           absl::ResourceExhaustedError(absl::StrCat("channel ", channels_[channel].options.name,
                                                     ": ", peer.excess_messages,
                                                     " messages above the rate")));
  }
  return false;
}

void Mesh::Impl::OnMessage(PeerConnection& connection, Peer& peer, size_t channel, ByteView body,
                           bool compressed, Bytes joined) {
  const ChannelOptions& options = channels_[channel].options;
  ReceiveQueue& receiver = *channels_[channel].receiver;
  size_t payload_bytes = body.size();
  if (compressed) {
    const absl::StatusOr<size_t> stated = StatedPayloadBytes(body);
    if (!stated.ok() || *stated > options.max_message_bytes) {
      receiver.CountDrop(stated.ok() ? Drop::kOversized : Drop::kBadCompression);
      Offend(peer, Closure::kMalformedFrame,
             stated.ok() ? absl::InvalidArgumentError(
                               absl::StrCat("channel ", options.name, ": compressed message of ",
                                            *stated, " bytes, at most ", options.max_message_bytes))
                         : stated.status());
      return;
    }
    payload_bytes = *stated;
  }
  if (!SpendRate(peer, channel, payload_bytes)) return;
  Inbound& inbound = peer.inbound[channel];
  // Before memory is made for what is longer inflated; else Push looks itself.
  if (compressed && !receiver.HasRoom(*inbound.queue, payload_bytes)) {
    receiver.CountDrop(Drop::kReceiverFull);
    return;
  }
  Bytes payload;
  if (compressed) {
    absl::StatusOr<Bytes> decompressed = Decompress(body, options.max_message_bytes);
    if (!decompressed.ok()) {
      receiver.CountDrop(Drop::kBadCompression);
      Offend(peer, Closure::kMalformedFrame, decompressed.status());
      return;
    }
    payload = *std::move(decompressed);
  } else if (joined.empty()) {
    payload.assign(body.begin(), body.end());
  } else {
    payload = std::move(joined);
  }
  const ReceiveQueue::PushResult pushed = receiver.Push(inbound.queue, std::move(payload));
  if (pushed.was_empty) ready_channels_ |= uint32_t{1} << channel;
  if (pushed.full) {
    inbound.full = true;
    if (!connection.paused()) {
      ++counters_.paused_links;
      connection.PauseReading(true);
    }
  }
}

// The application took messages: reading goes on where no channel of the lane is full any more.
void Mesh::Impl::OnDrained(size_t channel, const PeerId& id) {
  Peer* peer = Find(id);
  if (peer == nullptr || !peer->up()) return;
  peer->inbound[channel].full = false;
  const bool bulk = channels_[channel].options.priority == Priority::kBulk;
  for (size_t i = 0; i < channels_.size(); ++i) {
    const bool same_lane = (channels_[i].options.priority == Priority::kBulk) == bulk;
    if (same_lane && peer->inbound[i].full) return;
  }
  PeerConnection* lane = peer->lanes[bulk ? 1 : 0].get();
  if (lane == nullptr || !lane->paused()) return;
  --counters_.paused_links;
  lane->PauseReading(false);
}

}  // namespace groat::p2p
