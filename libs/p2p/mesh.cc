#include "p2p/mesh.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "p2p/mesh_impl.h"
#include "telemetry/log.h"

namespace groat::p2p {

class Mesh::Impl::ChannelSender final : public Sender {
 public:
  ChannelSender(Impl& mesh, size_t channel) : mesh_(mesh), channel_(channel) {}
  std::vector<PeerId> Send(const Recipients& recipients, ByteView payload) override {
    return mesh_.Send(channel_, recipients, payload);
  }
  void OnRoom(std::function<void(const PeerId&)> callback) override {
    mesh_.channels_[channel_].on_room = std::move(callback);
  }

 private:
  Impl& mesh_;
  const size_t channel_;
};

Mesh::Impl::Impl(MeshOptions options, const Ed25519PrivateKey& key, Executor& executor,
                 Transport& transport)
    : options_(std::move(options)),
      key_(key),
      self_(key.public_key()),
      executor_(executor),
      transport_(transport),
      namespace_hash_(NamespaceHash(options_.namespace_name)),
      incarnation_(executor.Random()),
      life_(std::make_shared<char>()),
      queues_(self_),
      discovery_(options_, key, executor, sets_,
                 {.send =
                      [this](const PeerId& peer, const ControlMessage& message) {
                        if (Peer* found = Find(peer); found != nullptr && found->up()) {
                          SendControl(*found, message);
                        }
                      },
                  .on_address =
                      [this](const PeerId& peer) {
                        if (Peer* found = Find(peer); found != nullptr) {
                          found->failures = 0;
                          // It may be of no use any more: an address where nobody is takes
                          // until the timeout.
                          if (found->dial_stage == DialStage::kConnecting) AbandonDial(*found);
                          ScheduleDial(*found);
                        }
                      }}),
      dials_(executor, options_.max_dials_at_once, [this](const PeerId& peer) { DialMain(peer); }) {
}

Mesh::Impl::~Impl() {
  life_.reset();
  if (tick_timer_ != 0) executor_.Cancel(tick_timer_);
  for (const auto& connection : greeting_) executor_.Cancel(connection->timer);
  for (const auto& [id, peer] : peers_) {
    if (peer->send_timer != 0) executor_.Cancel(peer->send_timer);
    if (peer->contender != nullptr) executor_.Cancel(peer->contender->timer);
  }
  greeting_.clear();
  graveyard_.clear();
  peers_.clear();
  if (started_) transport_.Shutdown();
}

Task Mesh::Impl::Guarded(Task task) const {
  return [life = std::weak_ptr<char>(life_), task = std::move(task)]() mutable {
    if (!life.expired()) task();
  };
}

absl::StatusOr<Channel> Mesh::Impl::Register(ChannelId id, const ChannelOptions& options) {
  GROAT_CHECK(!started_);
  GROAT_RETURN_IF_ERROR(options.Validate());
  if (id == ChannelId(0)) {
    return absl::InvalidArgumentError("channel 0 is the mesh's own, want 1 to 65535");
  }
  for (const RegisteredChannel& channel : channels_) {
    if (channel.id == id || channel.options.name == options.name) {
      return absl::AlreadyExistsError(absl::StrCat("channel ", id.value(), " \"", options.name,
                                                   "\": the number or the name is taken"));
    }
  }
  if (channels_.size() >= kMaxChannels) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxChannels, " channels"));
  }
  const size_t index = channels_.size();
  RegisteredChannel channel{
      .id = id,
      .options = options,
      .sender = std::make_unique<ChannelSender>(*this, index),
      .receiver = std::make_unique<ReceiveQueue>(
          options,
          [this, index](const PeerId& peer) {
            executor_.Post(Guarded([this, index, peer] { OnDrained(index, peer); }));
          }),
      .on_room = nullptr};
  queues_.AddChannel(id, options);
  has_bulk_ = has_bulk_ || options.priority == Priority::kBulk;
  has_back_pressure_ = has_back_pressure_ || options.when_full == WhenFull::kBackPressure;
  channels_.push_back(std::move(channel));
  return Channel{channels_.back().sender.get(), channels_.back().receiver.get()};
}

absl::Status Mesh::Impl::Start() {
  GROAT_CHECK(!started_);
  absl::StatusOr<std::string> address = transport_.Listen(
      options_.listen_address,
      [gate = sets_.gate()](const PeerId& peer) { return gate->Admit(peer); },
      [this](std::unique_ptr<Connection> connection) { OnAccept(std::move(connection)); });
  GROAT_RETURN_IF_ERROR(address.status());
  started_ = true;
  listen_address_ = *std::move(address);
  discovery_.Start(options_.advertised_address.empty() ? listen_address_
                                                       : options_.advertised_address);
  for (const auto& [id, peer] : peers_) ScheduleDial(*peer);
  tick_timer_ = executor_.PostAfter(options_.ping_after / 4, [this] { Tick(); });
  return absl::OkStatus();
}

bool Mesh::Impl::Wants(const PeerId& peer) const {
  return sets_.Allows(peer) && peer != self_ && (options_.wants == nullptr || options_.wants(peer));
}

Mesh::Impl::Peer* Mesh::Impl::Find(const PeerId& peer) {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : found->second.get();
}

absl::Status Mesh::Impl::SetPeers(uint64_t index, std::vector<PeerId> peers) {
  GROAT_RETURN_IF_ERROR(sets_.Set(index, std::move(peers)));
  OnSetsChanged();
  return absl::OkStatus();
}

void Mesh::Impl::DropPeers(uint64_t index) {
  sets_.Drop(index);
  OnSetsChanged();
}

void Mesh::Impl::Block(const PeerId& peer, std::string_view why) {
  if (sets_.Blocks(peer)) return;
  if (options_.logger != nullptr) {
    options_.logger->Warn("peer blocked", {{"peer", ShortName(peer)}, {"why", why}});
  }
  sets_.Block(peer);
  if (Peer* found = Find(peer); found != nullptr) TakeDown(*found, Closure::kBlocked);
  OnSetsChanged();
}

void Mesh::Impl::OnSetsChanged() {
  std::vector<PeerId> gone;
  for (const auto& [id, peer] : peers_) {
    if (!Wants(id)) gone.push_back(id);
  }
  for (const PeerId& id : gone) {
    // Watches that are told of an end may change the sets again.
    Peer* peer = Find(id);
    if (peer == nullptr || Wants(id)) continue;
    dials_.Forget(id);
    AbandonDial(*peer);
    if (peer->up()) TakeDown(*peer, Closure::kDropped);
    if (!Wants(id)) peers_.erase(id);
  }
  for (const PeerId& id : sets_.allowed()) {
    if (peers_.contains(id) || !Wants(id)) continue;
    auto peer = std::make_unique<Peer>();
    peer->id = id;
    Peer& added = *peers_.emplace(id, std::move(peer)).first->second;
    if (started_) ScheduleDial(added);
  }
  discovery_.OnSetsChanged();
  counters_.wanted_peers = peers_.size();
  counters_.blocked_peers = sets_.blocked_count();
  NoteDiscovery();
}

std::vector<PeerId> Mesh::Impl::Connected() const {
  std::vector<PeerId> connected;
  for (const auto& [id, peer] : peers_) {
    if (peer->up()) connected.push_back(id);
  }
  return connected;
}

absl::Status Mesh::Impl::SetAdvertisedAddress(const std::string& address) {
  GROAT_RETURN_IF_ERROR(CheckAddress(address));
  GROAT_CHECK(started_);
  discovery_.SetAddress(address);
  return absl::OkStatus();
}

std::vector<Bytes> Mesh::Impl::KnownRecords() const {
  std::vector<Bytes> out;
  for (const PeerRecord& record : discovery_.book().Records()) out.push_back(record.Encode());
  return out;
}

void Mesh::Impl::AddRecords(const std::vector<Bytes>& records) {
  std::vector<PeerRecord> decoded;
  for (const Bytes& bytes : records) {
    absl::StatusOr<PeerRecord> record = PeerRecord::Decode(bytes);
    if (record.ok()) decoded.push_back(*std::move(record));
  }
  discovery_.AddRecords(decoded);
  NoteDiscovery();
}

void Mesh::Impl::Watch(const PeerId& peer, PeerEvent event) {
  for (const PeerWatch& watch : watches_) watch(peer, event);
}

// Looks after every link: pings the silent, gives up the dead.
void Mesh::Impl::Tick() {
  const Instant now = executor_.Now();
  std::vector<PeerId> silent;
  for (const auto& [id, peer] : peers_) {
    if (!peer->up()) continue;
    const PeerConnection& main = *peer->lanes[0];
    // Nothing is read from a paused connection, so its silence says nothing.
    if (!main.paused() && now - main.last_received() > options_.silence_limit) {
      silent.push_back(id);
    } else if (now - peer->pinged_at >= options_.ping_after &&
               (now - main.last_received() >= options_.ping_after ||
                now - peer->pinged_at >= 5 * options_.ping_after)) {
      SendPing(*peer);
    }
  }
  for (const PeerId& id : silent) {
    if (Peer* peer = Find(id); peer != nullptr && peer->up()) TakeDown(*peer, Closure::kSilent);
  }
  tick_timer_ = executor_.PostAfter(options_.ping_after / 4, [this] { Tick(); });
}

void Mesh::Impl::CountClosure(Closure closure, const PeerId& peer) {
  const PeerClass peer_class = sets_.Allows(peer) ? PeerClass::kMember : PeerClass::kStranger;
  ++counters_.closures[static_cast<size_t>(peer_class)][static_cast<size_t>(closure)];
}

void Mesh::Impl::NoteDiscovery() {
  counters_.known_records = discovery_.book().size();
  counters_.records_accepted = discovery_.accepted();
  counters_.records_refused = discovery_.refused();
}

MeshStats Mesh::Impl::Stats() const {
  MeshStats stats;
  for (const RegisteredChannel& channel : channels_) {
    ChannelStats& numbers = stats.channels.emplace_back();
    numbers.id = channel.id;
    numbers.name = channel.options.name;
    channel.receiver->AddStats(numbers);
    for (const auto& [peer, count] : channel.receiver->Rejections()) {
      stats.rejections[peer] += count;
    }
  }
  queues_.AddStats(stats.channels);
  for (size_t peer_class = 0; peer_class < kPeerClassCount; ++peer_class) {
    for (size_t closure = 0; closure < kClosureCount; ++closure) {
      stats.closures[peer_class][closure] = counters_.closures[peer_class][closure];
    }
  }
  // Refused in the handshake, before there was a connection.
  stats.closures[static_cast<size_t>(PeerClass::kStranger)]
                [static_cast<size_t>(Closure::kUnauthorized)] += sets_.gate()->refused();
  stats.connected_peers = counters_.connected_peers;
  stats.wanted_peers = counters_.wanted_peers;
  stats.known_records = counters_.known_records;
  stats.blocked_peers = counters_.blocked_peers;
  stats.dials = counters_.dials;
  stats.connections_made = counters_.connections_made;
  stats.records_accepted = counters_.records_accepted;
  stats.records_refused = counters_.records_refused;
  stats.frames_sent = counters_.frames_sent;
  stats.frame_bytes_sent = counters_.frame_bytes_sent;
  stats.frames_received = counters_.frames_received;
  stats.frame_bytes_received = counters_.frame_bytes_received;
  stats.unknown_channel_messages = counters_.unknown_channel_messages;
  stats.paused_links = counters_.paused_links;
  stats.round_trip_us_sum = counters_.round_trip_us_sum;
  stats.round_trips = counters_.round_trips;
  for (size_t i = 0; i < stats.round_trip_buckets.size(); ++i) {
    stats.round_trip_buckets[i] = counters_.round_trip_buckets[i];
  }
  return stats;
}

absl::StatusOr<std::unique_ptr<Mesh>> Mesh::Make(MeshOptions options, const Ed25519PrivateKey& key,
                                                 Executor& executor, Transport& transport) {
  GROAT_RETURN_IF_ERROR(options.Validate());
  return std::unique_ptr<Mesh>(
      new Mesh(std::make_unique<Impl>(std::move(options), key, executor, transport)));
}

Mesh::Mesh(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mesh::~Mesh() = default;

const PeerId& Mesh::self() const { return impl_->self(); }
absl::StatusOr<Channel> Mesh::Register(ChannelId id, const ChannelOptions& options) {
  return impl_->Register(id, options);
}
void Mesh::WatchPeers(PeerWatch watch) { impl_->WatchPeers(std::move(watch)); }
absl::Status Mesh::Start() { return impl_->Start(); }
absl::Status Mesh::SetPeers(uint64_t index, std::vector<PeerId> peers) {
  return impl_->SetPeers(index, std::move(peers));
}
void Mesh::DropPeers(uint64_t index) { impl_->DropPeers(index); }
void Mesh::Block(const PeerId& peer, std::string_view why) { impl_->Block(peer, why); }
std::vector<PeerId> Mesh::Connected() const { return impl_->Connected(); }
const std::string& Mesh::listen_address() const { return impl_->listen_address(); }
absl::Status Mesh::SetAdvertisedAddress(const std::string& address) {
  return impl_->SetAdvertisedAddress(address);
}
std::vector<Bytes> Mesh::KnownRecords() const { return impl_->KnownRecords(); }
void Mesh::AddRecords(const std::vector<Bytes>& records) { impl_->AddRecords(records); }
MeshStats Mesh::Stats() const { return impl_->Stats(); }

}  // namespace groat::p2p
