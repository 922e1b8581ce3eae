#include "p2p/send_queues.h"

#include <algorithm>

#include "base/check.h"
#include "p2p/frame.h"
#include "p2p/message_codec.h"

namespace groat::p2p {
namespace {

// What a message counts for beside its payload, so that empty ones are bounded too.
constexpr size_t kMessageOverheadBytes = 64;

}  // namespace

class SendQueues::Outbox {
 public:
  PeerId peer;
  bool dirty = false;
  std::array<bool, 2> in_flight = {};  // By lane: the last frame that was taken held something.
  Fifo<Bytes> control;
  size_t control_bytes = 0;
  std::vector<ChannelQueue> channels;
  std::array<uint8_t, 3> turn = {};  // By priority: whose turn it is, as index of by_priority_.
};

SendQueues::SendQueues(const PeerId& self) : self_(self) {}
SendQueues::~SendQueues() = default;

void SendQueues::AddChannel(ChannelId id, const ChannelOptions& options) {
  by_priority_[static_cast<size_t>(options.priority)].push_back(channels_.size());
  channels_.push_back({.id = id, .options = options});
}

const PeerId& SendQueues::PeerOf(const Outbox* outbox) { return outbox->peer; }

SendQueues::Outbox* SendQueues::Open(const PeerId& peer, Instant now) {
  auto outbox = std::make_unique<Outbox>();
  outbox->peer = peer;
  outbox->channels.resize(channels_.size());
  for (size_t i = 0; i < channels_.size(); ++i) {
    const auto& rate = channels_[i].options.rate;
    if (rate.has_value()) outbox->channels[i].rate = std::make_unique<RateMeter>(*rate, 1.0, now);
  }
  MutexLock lock(mutex_);
  const auto at = std::lower_bound(
      outboxes_.begin(), outboxes_.end(), peer,
      [](const std::unique_ptr<Outbox>& a, const PeerId& b) { return a->peer < b; });
  GROAT_CHECK(at == outboxes_.end() || (*at)->peer != peer) << ShortName(peer);
  return outboxes_.insert(at, std::move(outbox))->get();
}

void SendQueues::Close(Outbox* outbox) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < channels_.size(); ++i) {
    ChannelQueue& queue = outbox->channels[i];
    channels_[i].drops[static_cast<size_t>(Drop::kLinkClosed)] += queue.messages.size();
    channels_[i].waiting -= queue.messages.size();
    if (queue.wants_room) rooms_.emplace_back(i, outbox->peer);
  }
  std::erase(dirty_, outbox);
  std::erase_if(outboxes_, [&](const auto& owned) { return owned.get() == outbox; });
}

SendQueues::Outbox* SendQueues::Find(const PeerId& peer) const {
  const auto at = std::lower_bound(
      outboxes_.begin(), outboxes_.end(), peer,
      [](const std::unique_ptr<Outbox>& a, const PeerId& b) { return a->peer < b; });
  return at != outboxes_.end() && (*at)->peer == peer ? at->get() : nullptr;
}

void SendQueues::MarkDirty(Outbox& outbox, LaneKind lane) {
  if (outbox.dirty || outbox.in_flight[static_cast<size_t>(lane)]) return;
  outbox.dirty = true;
  dirty_.push_back(&outbox);
}

bool SendQueues::Push(Outbox& outbox, size_t channel, const Waiting& message) {
  ChannelState& state = channels_[channel];
  ChannelQueue& queue = outbox.channels[channel];
  const size_t bytes = message.payload_bytes + kMessageOverheadBytes;
  if (queue.messages.size() >= state.options.backlog_messages ||
      queue.bytes + bytes > state.options.backlog_bytes) {
    if (state.options.when_full == WhenFull::kBackPressure) {
      queue.wants_room = true;
    } else {
      ++state.drops[static_cast<size_t>(Drop::kBacklogFull)];
    }
    return false;
  }
  queue.messages.push(message);
  queue.bytes += bytes;
  ++state.waiting;
  MarkDirty(outbox, state.options.priority == Priority::kBulk ? LaneKind::kBulk : LaneKind::kMain);
  return true;
}

SendQueues::Waiting SendQueues::Encode(const ChannelOptions& options, ByteView payload) {
  Waiting message;
  message.payload_bytes = static_cast<uint32_t>(payload.size());
  EncodedMessage encoded;
  ByteView body = payload;
  if (options.zstd_level > 0) {
    encoded = EncodeMessage(payload, options.zstd_level);
    message.compressed = encoded.compressed;
    body = encoded.body;
  }
  message.body_bytes = static_cast<uint32_t>(body.size());
  auto bytes = std::make_shared_for_overwrite<uint8_t[]>(body.size());
  std::copy(body.begin(), body.end(), bytes.get());
  message.body = std::move(bytes);
  return message;
}

SendQueues::SendResult SendQueues::Send(size_t channel, const Recipients& recipients,
                                        ByteView payload) {
  SendResult result;
  ChannelState& state = channels_[channel];
  if (payload.size() > state.options.max_message_bytes) {
    MutexLock lock(mutex_);
    ++state.drops[static_cast<size_t>(Drop::kTooLarge)];
    return result;
  }
  // Encoded once for all, outside the lock.
  const Waiting message = Encode(state.options, payload);
  MutexLock lock(mutex_);
  if (recipients.all()) {
    result.queued.reserve(outboxes_.size());
    for (const auto& outbox : outboxes_) {
      if (Push(*outbox, channel, message)) result.queued.push_back(outbox->peer);
    }
  } else {
    for (const PeerId& peer : recipients.peers()) {
      if (peer == self_) continue;
      Outbox* outbox = Find(peer);
      if (outbox == nullptr) {
        ++state.drops[static_cast<size_t>(Drop::kNotConnected)];
      } else if (Push(*outbox, channel, message)) {
        result.queued.push_back(peer);
      }
    }
  }
  result.flush = !dirty_.empty();
  return result;
}

void SendQueues::SendControl(Outbox* outbox, Bytes body) {
  MutexLock lock(mutex_);
  if (outbox->control.size() >= kMaxControlBacklog ||
      outbox->control_bytes + body.size() > kMaxControlBacklogBytes) {
    return;
  }
  outbox->control_bytes += body.size();
  outbox->control.push(std::move(body));
  MarkDirty(*outbox, LaneKind::kMain);
}

std::vector<SendQueues::Outbox*> SendQueues::TakeDirty() {
  MutexLock lock(mutex_);
  for (Outbox* outbox : dirty_) outbox->dirty = false;
  return std::exchange(dirty_, {});
}

bool SendQueues::TakeEntry(Outbox& outbox, size_t channel, Instant now, Taken& taken) {
  ChannelState& state = channels_[channel];
  ChannelQueue& queue = outbox.channels[channel];
  if (queue.messages.empty()) return false;
  // A message that has begun goes on: its tokens are spent.
  if (queue.rate != nullptr && queue.sent_of_first == 0 && !queue.rate->Ready(now)) {
    const Instant ready_at = queue.rate->ReadyAt(now);
    if (!taken.next_at.has_value() || ready_at < *taken.next_at) taken.next_at = ready_at;
    return false;
  }
  Waiting& first = queue.messages.front();
  if (queue.rate != nullptr && queue.sent_of_first == 0) queue.rate->Spend(first.payload_bytes);
  const size_t piece_bytes =
      state.options.priority == Priority::kBulk ? kBulkLanePieceBytes : kMainLanePieceBytes;
  const ByteView rest = ByteView(first.body.get(), first.body_bytes).subspan(queue.sent_of_first);
  const ByteView piece = rest.first(std::min(rest.size(), piece_bytes));
  const bool last = piece.size() == rest.size();
  const auto flags = static_cast<uint8_t>((first.compressed ? kCompressedFlag : 0) |
                                          (last ? 0 : kMoreFollowsFlag));
  AppendEntry({state.id, flags, piece}, taken.frame);
  if (!last) {
    queue.sent_of_first += piece.size();
    return true;
  }
  ++state.sent_messages;
  state.sent_bytes += first.payload_bytes;
  --state.waiting;
  queue.bytes -= first.payload_bytes + kMessageOverheadBytes;
  queue.sent_of_first = 0;
  queue.messages.pop();
  if (queue.wants_room && queue.messages.size() <= state.options.backlog_messages / 2 &&
      queue.bytes <= state.options.backlog_bytes / 2) {
    queue.wants_room = false;
    rooms_.emplace_back(channel, outbox.peer);
  }
  return true;
}

void SendQueues::TakePriority(Outbox& outbox, Priority priority, Instant now, Taken& taken) {
  const std::vector<size_t>& order = by_priority_[static_cast<size_t>(priority)];
  uint8_t& turn = outbox.turn[static_cast<size_t>(priority)];
  size_t idle = 0;  // Channels in a row that gave nothing.
  while (idle < order.size() && taken.frame.size() < kCoalescedFrameBytes) {
    if (turn >= order.size()) turn = 0;
    idle = TakeEntry(outbox, order[turn], now, taken) ? 0 : idle + 1;
    ++turn;
  }
}

SendQueues::Taken SendQueues::TakeFrame(Outbox* outbox, LaneKind lane, Instant now) {
  Taken taken;
  MutexLock lock(mutex_);
  if (lane == LaneKind::kBulk) {
    TakePriority(*outbox, Priority::kBulk, now, taken);
    outbox->in_flight[static_cast<size_t>(lane)] = !taken.frame.empty();
    return taken;
  }
  while (!outbox->control.empty() && taken.frame.size() < kCoalescedFrameBytes) {
    const Bytes body = outbox->control.pop();
    outbox->control_bytes -= body.size();
    AppendEntry({ChannelId(0), 0, body}, taken.frame);
  }
  TakePriority(*outbox, Priority::kUrgent, now, taken);
  TakePriority(*outbox, Priority::kNormal, now, taken);
  outbox->in_flight[static_cast<size_t>(lane)] = !taken.frame.empty();
  return taken;
}

void SendQueues::RestartLane(Outbox* outbox, LaneKind lane) {
  MutexLock lock(mutex_);
  outbox->in_flight[static_cast<size_t>(lane)] = false;
  for (size_t i = 0; i < channels_.size(); ++i) {
    const bool bulk = channels_[i].options.priority == Priority::kBulk;
    if (bulk == (lane == LaneKind::kBulk)) outbox->channels[i].sent_of_first = 0;
  }
}

bool SendQueues::WantsBulk(const Outbox* outbox) const {
  MutexLock lock(mutex_);
  for (const size_t channel : by_priority_[static_cast<size_t>(Priority::kBulk)]) {
    if (!outbox->channels[channel].messages.empty()) return true;
  }
  return false;
}

std::vector<std::pair<size_t, PeerId>> SendQueues::TakeRooms() {
  MutexLock lock(mutex_);
  return std::exchange(rooms_, {});
}

void SendQueues::AddStats(std::vector<ChannelStats>& channels) const {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < channels_.size(); ++i) {
    channels[i].sent_messages += channels_[i].sent_messages;
    channels[i].sent_bytes += channels_[i].sent_bytes;
    channels[i].send_queue_messages += channels_[i].waiting;
    for (size_t drop = 0; drop < kDropCount; ++drop) {
      channels[i].drops[drop] += channels_[i].drops[drop];
    }
  }
}

}  // namespace groat::p2p
