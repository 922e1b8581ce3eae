#include "p2p/receive_queue.h"

#include <algorithm>
#include <utility>

namespace groat::p2p {
namespace {

constexpr size_t kMessageOverheadBytes = 64;  // As in send_queues.cc.
constexpr size_t kBacklogsUnderPressure = 3;

}  // namespace

ReceiveQueue::ReceiveQueue(const ChannelOptions& options,
                           std::function<void(const PeerId&)> on_drained)
    : options_(options), on_drained_(std::move(on_drained)) {}

std::shared_ptr<ReceiveQueue::PeerQueue> ReceiveQueue::Open(const PeerId& peer) {
  {
    MutexLock lock(mutex_);
    const auto at = FindTurn(peer);
    if (at != turns_.end()) return *at;
  }
  auto queue = std::make_shared<PeerQueue>();
  queue->peer = peer;
  return queue;
}

bool ReceiveQueue::HasRoom(const PeerQueue& queue, size_t payload_bytes) const {
  MutexLock lock(mutex_);
  return HasRoomLocked(queue, payload_bytes);
}

bool ReceiveQueue::HasRoomLocked(const PeerQueue& queue, size_t payload_bytes) const {
  const size_t backlogs =
      options_.when_full == WhenFull::kBackPressure ? kBacklogsUnderPressure : 1;
  return queue.messages.size() < backlogs * options_.backlog_messages &&
         queue.bytes + payload_bytes + kMessageOverheadBytes <= backlogs * options_.backlog_bytes;
}

ReceiveQueue::Turns::iterator ReceiveQueue::FindTurn(const PeerId& peer) {
  return std::find_if(turns_.begin(), turns_.end(),
                      [&](const auto& queue) { return queue->peer == peer; });
}

ReceiveQueue::PushResult ReceiveQueue::Push(const std::shared_ptr<PeerQueue>& queue,
                                            Bytes payload) {
  PushResult result;
  const size_t bytes = payload.size() + kMessageOverheadBytes;
  MutexLock lock(mutex_);
  if (!HasRoomLocked(*queue, payload.size())) {
    ++drops_[static_cast<size_t>(Drop::kReceiverFull)];
    result.full = queue->full;
    return result;
  }
  result.was_empty = waiting_ == 0;
  ++waiting_;
  ++received_messages_;
  received_bytes_ += payload.size();
  queue->bytes += bytes;
  queue->messages.push(std::move(payload));
  if (!queue->in_turn) {
    queue->in_turn = true;
    turns_.push_back(queue);
  }
  if (options_.when_full == WhenFull::kBackPressure &&
      (queue->messages.size() >= options_.backlog_messages ||
       queue->bytes >= options_.backlog_bytes)) {
    queue->full = true;
    result.full = true;
  }
  return result;
}

void ReceiveQueue::CountDrop(Drop why) {
  MutexLock lock(mutex_);
  ++drops_[static_cast<size_t>(why)];
}

void ReceiveQueue::NotifyReady() const {
  if (on_ready_) on_ready_();
}

Message ReceiveQueue::Take(const std::shared_ptr<PeerQueue>& queue, bool& drained) {
  Message message{queue->peer, queue->messages.pop()};
  --waiting_;
  queue->bytes -= message.payload.size() + kMessageOverheadBytes;
  if (queue->full && queue->messages.size() <= options_.backlog_messages / 2 &&
      queue->bytes <= options_.backlog_bytes / 2) {
    queue->full = false;
    drained = true;
  }
  return message;
}

std::optional<Message> ReceiveQueue::Poll() {
  bool drained = false;
  std::optional<Message> message;
  {
    MutexLock lock(mutex_);
    if (turns_.empty()) return std::nullopt;
    std::shared_ptr<PeerQueue> queue = std::move(turns_.front());
    turns_.pop_front();
    message = Take(queue, drained);
    if (queue->messages.empty()) {
      queue->in_turn = false;
    } else {
      turns_.push_back(std::move(queue));
    }
  }
  if (drained) on_drained_(message->from);
  return message;
}

std::optional<Message> ReceiveQueue::PollPreferring(const PeerId& preferred) {
  bool drained = false;
  std::optional<Message> message;
  {
    MutexLock lock(mutex_);
    const auto at = FindTurn(preferred);
    if (at != turns_.end()) {
      const std::shared_ptr<PeerQueue> queue = *at;
      message = Take(queue, drained);
      if (queue->messages.empty()) {
        queue->in_turn = false;
        turns_.erase(at);
      }
    }
  }
  if (!message.has_value()) return Poll();
  if (drained) on_drained_(message->from);
  return message;
}

void ReceiveQueue::Reject(const PeerId& from, Rejection why) {
  CountDrop(why == Rejection::kMalformed ? Drop::kMalformed : Drop::kInvalid);
  MutexLock lock(mutex_);
  if (rejections_.size() < kMaxPeersInSet || rejections_.contains(from)) ++rejections_[from];
}

std::map<PeerId, uint64_t> ReceiveQueue::Rejections() const {
  MutexLock lock(mutex_);
  return rejections_;
}

void ReceiveQueue::AddStats(ChannelStats& stats) const {
  MutexLock lock(mutex_);
  stats.received_messages += received_messages_;
  stats.received_bytes += received_bytes_;
  stats.receive_queue_messages += waiting_;
  for (size_t drop = 0; drop < kDropCount; ++drop) stats.drops[drop] += drops_[drop];
}

}  // namespace groat::p2p
