#include "p2p/protocol/testing/fake_world.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/check.h"

namespace groat::p2p::testing {

// One node: its executor, its network and its channels.
class FakeNode final : public Executor, public Network {
 public:
  FakeNode(FakeWorld& world, size_t index, uint64_t seed)
      : world_(world), index_(index), random_(seed) {
    self_.data()[30] = static_cast<uint8_t>((index + 1) >> 8);
    self_.data()[31] = static_cast<uint8_t>(index + 1);
  }

  // Executor
  Instant Now() const override { return world_.now(); }
  int64_t WallClockUs() const override {
    return 1'700'000'000'000'000 +
           std::chrono::duration_cast<std::chrono::microseconds>(Now().time_since_epoch()).count();
  }
  void Post(Task task) override { world_.At(*this, Now(), std::move(task)); }
  TimerId PostAt(Instant when, Task task) override {
    return world_.At(*this, when, std::move(task));
  }
  void Cancel(TimerId timer) override { world_.Cancel(timer); }
  uint64_t Random() override { return random_(); }
  bool IsCurrent() const override { return world_.running_ == this; }

  // Network
  const PeerId& self() const override { return self_; }
  absl::StatusOr<Channel> Register(ChannelId id, const ChannelOptions& options) override {
    const absl::Status valid = options.Validate();
    if (!valid.ok()) return valid;
    if (channels_.contains(id)) return absl::AlreadyExistsError("channel " + ToString(id));
    auto& channel = channels_[id];
    channel = std::make_unique<FakeChannel>(*this, id, options);
    return Channel{channel.get(), channel.get()};
  }
  void WatchPeers(PeerWatch watch) override { watches_.push_back(std::move(watch)); }
  absl::Status Start() override {
    if (started_) return absl::FailedPreconditionError("started before");
    started_ = true;
    for (size_t other = 0; other < world_.size(); ++other) {
      if (world_.IsConnected(index_, other)) world_.Tell(index_, other, PeerEvent::kConnected);
    }
    return absl::OkStatus();
  }
  absl::Status SetPeers(uint64_t, std::vector<PeerId>) override { return absl::OkStatus(); }
  void DropPeers(uint64_t) override {}
  void Block(const PeerId& peer, std::string_view) override {
    for (size_t other = 0; other < world_.size(); ++other) {
      if (world_.peer(other) == peer) world_.SetLink(index_, other, FakeLink{.up = false});
    }
  }
  std::vector<PeerId> Connected() const override {
    std::vector<PeerId> peers;
    for (size_t other = 0; other < world_.size(); ++other) {
      if (world_.IsConnected(index_, other)) peers.push_back(world_.peer(other));
    }
    return peers;
  }

  bool started() const { return started_; }
  void Notify(const PeerId& peer, PeerEvent event) {
    for (const PeerWatch& watch : watches_) watch(peer, event);
  }
  void Arrive(const PeerId& from, ChannelId channel, Bytes payload) {
    const auto found = channels_.find(channel);
    if (found != channels_.end()) found->second->Arrive(from, std::move(payload));
  }
  uint64_t Rejected(const PeerId& from, Rejection why) const {
    const auto found = rejected_.find({from, why});
    return found == rejected_.end() ? 0 : found->second;
  }

 private:
  class FakeChannel final : public Sender, public Receiver {
   public:
    FakeChannel(FakeNode& node, ChannelId id, const ChannelOptions& options)
        : node_(node), id_(id), options_(options) {}

    std::vector<PeerId> Send(const Recipients& recipients, ByteView payload) override {
      std::vector<PeerId> queued;
      if (payload.size() > options_.max_message_bytes) return queued;
      for (size_t to = 0; to < node_.world_.size(); ++to) {
        const PeerId& peer = node_.world_.peer(to);
        const bool wanted = recipients.all() ||
                            std::find(recipients.peers().begin(), recipients.peers().end(), peer) !=
                                recipients.peers().end();
        if (!wanted || !node_.world_.IsConnected(node_.index_, to)) continue;
        if (node_.world_.LinkOf(node_.index_, to).link.full) continue;
        node_.world_.Deliver(node_.index_, to, id_, Bytes(payload.begin(), payload.end()));
        queued.push_back(peer);
      }
      return queued;
    }
    void OnRoom(std::function<void(const PeerId&)>) override {}

    std::optional<Message> Poll() override {
      auto next = queues_.upper_bound(last_served_);
      if (next == queues_.end()) next = queues_.begin();
      return next == queues_.end() ? std::nullopt : Take(next);
    }
    std::optional<Message> PollPreferring(const PeerId& preferred) override {
      const auto found = queues_.find(preferred);
      return found == queues_.end() ? Poll() : Take(found);
    }
    void OnReady(std::function<void()> callback) override { on_ready_ = std::move(callback); }
    void Reject(const PeerId& from, Rejection why) override { ++node_.rejected_[{from, why}]; }

    void Arrive(const PeerId& from, Bytes payload) {
      const bool was_empty = queues_.empty();
      std::deque<Bytes>& queue = queues_[from];
      if (queue.size() < options_.backlog_messages) queue.push_back(std::move(payload));
      if (was_empty) {
        node_.Post([this] {
          if (on_ready_) on_ready_();
        });
      }
    }

   private:
    using Queues = std::map<PeerId, std::deque<Bytes>>;
    std::optional<Message> Take(Queues::iterator queue) {
      Message message{queue->first, std::move(queue->second.front())};
      last_served_ = queue->first;
      queue->second.pop_front();
      if (queue->second.empty()) queues_.erase(queue);
      return message;
    }

    FakeNode& node_;
    const ChannelId id_;
    const ChannelOptions options_;
    Queues queues_;  // None is empty.
    PeerId last_served_;
    std::function<void()> on_ready_;
  };

  FakeWorld& world_;
  const size_t index_;
  PeerId self_;
  std::mt19937_64 random_;
  bool started_ = false;
  std::map<ChannelId, std::unique_ptr<FakeChannel>> channels_;
  std::vector<PeerWatch> watches_;
  std::map<std::pair<PeerId, Rejection>, uint64_t> rejected_;
};

FakeWorld::FakeWorld(size_t node_count, uint64_t seed) : random_(seed) {
  for (size_t i = 0; i < node_count; ++i) {
    nodes_.push_back(std::make_unique<FakeNode>(*this, i, random_()));
  }
}

FakeWorld::~FakeWorld() = default;

const PeerId& FakeWorld::peer(size_t node) const { return nodes_[node]->self(); }
Network& FakeWorld::network(size_t node) { return *nodes_[node]; }
Executor& FakeWorld::executor(size_t node) { return *nodes_[node]; }

uint64_t FakeWorld::Rejected(size_t at, size_t from, Rejection why) const {
  return nodes_[at]->Rejected(peer(from), why);
}

void FakeWorld::SetLink(size_t a, size_t b, const FakeLink& link) {
  const bool was_connected = IsConnected(a, b);
  LinkState& state = LinkOf(a, b);
  if (state.link.up && !link.up) ++state.epoch;
  state.link = link;
  const bool is_connected = IsConnected(a, b);
  if (was_connected && !is_connected) Tell(a, b, PeerEvent::kDisconnected);
  if (!was_connected && is_connected) Tell(a, b, PeerEvent::kConnected);
}

void FakeWorld::SetAllLinks(const FakeLink& link) {
  for (size_t a = 0; a < size(); ++a) {
    for (size_t b = 0; b < a; ++b) SetLink(a, b, link);
  }
}

void FakeWorld::Start() {
  for (const auto& node : nodes_) GROAT_CHECK_OK(node->Start());
}

void FakeWorld::RunFor(Duration duration) {
  const Instant until = now_ + duration;
  while (RunNext(until)) {
  }
  now_ = until;
}

bool FakeWorld::RunUntil(const std::function<bool()>& condition, Duration limit) {
  const Instant until = now_ + limit;
  while (!condition()) {
    if (!RunNext(until)) return condition();
  }
  return true;
}

TimerId FakeWorld::At(FakeNode& node, Instant when, Task task) {
  const Instant at = std::max(when, now_);
  const TimerId timer = next_event_++;
  events_.emplace(Key{at, timer}, Event{&node, std::move(task)});
  timers_.emplace(timer, at);
  return timer;
}

void FakeWorld::Cancel(TimerId timer) {
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  events_.erase({found->second, timer});
  timers_.erase(found);
}

bool FakeWorld::RunNext(Instant until) {
  if (events_.empty() || events_.begin()->first.first > until) return false;
  auto node = events_.extract(events_.begin());
  now_ = node.key().first;
  timers_.erase(node.key().second);
  running_ = node.mapped().node;
  node.mapped().task();
  running_ = nullptr;
  return true;
}

FakeWorld::LinkState& FakeWorld::LinkOf(size_t a, size_t b) { return links_[std::minmax(a, b)]; }

bool FakeWorld::IsConnected(size_t a, size_t b) {
  return a != b && nodes_[a]->started() && nodes_[b]->started() && LinkOf(a, b).link.up;
}

void FakeWorld::Deliver(size_t from, size_t to, ChannelId channel, Bytes payload) {
  LinkState& state = LinkOf(from, to);
  const auto spread =
      static_cast<uint64_t>((state.link.most_delay - state.link.least_delay).count());
  const Duration delay =
      state.link.least_delay + Duration(static_cast<int64_t>(random_() % (spread + 1)));
  const bool lost = static_cast<double>(random_() >> 11) * 0x1p-53 < state.link.loss;
  if (lost) return;
  Instant arrival = now_ + delay;
  if (state.link.order) {
    Instant& last = state.last_arrival[from < to ? 0 : 1];
    last = arrival = std::max(arrival, last);
  }
  At(*nodes_[to], arrival,
     [this, from, to, channel, epoch = state.epoch, payload = std::move(payload)]() mutable {
       if (LinkOf(from, to).epoch != epoch) return;
       nodes_[to]->Arrive(peer(from), channel, std::move(payload));
     });
}

void FakeWorld::Tell(size_t a, size_t b, PeerEvent event) {
  At(*nodes_[a], now_, [this, a, b, event] { nodes_[a]->Notify(peer(b), event); });
  At(*nodes_[b], now_, [this, a, b, event] { nodes_[b]->Notify(peer(a), event); });
}

}  // namespace groat::p2p::testing
