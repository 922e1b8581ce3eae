#include "loadtest/mesh/mesh_node.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "loadtest/mesh/links.h"
#include "loadtest/mesh/mesh_settings.h"
#include "loadtest/mesh/workload.h"
#include "p2p/live/live_network.h"
#include "p2p/peer_record.h"

namespace groat::load {
namespace {

constexpr std::chrono::milliseconds kRecordPoll(2);

class MeshNode final : public Links {
 public:
  MeshNode(size_t self, size_t nodes, const MeshNodeOptions& options);
  // From the thread that made it, one line at a time.
  void OnCommand(const std::string& line);

  void Broadcast(ByteView message) override {
    channels_[0].sender->Send(p2p::Recipients::All(), message);
  }
  bool Send(size_t peer, Lane lane, ByteView message) override {
    return !channels_[static_cast<size_t>(lane)]
                .sender->Send(p2p::Recipients::One(ids_[peer]), message)
                .empty();
  }
  void After(std::chrono::nanoseconds delay, std::function<void()> task) override {
    network_->executor().PostAfter(delay, std::move(task));
  }

 private:
  void Run(const std::vector<std::string>& words);
  void Listen(const std::vector<std::string>& words);
  void RegisterChannels();
  void Drain(const p2p::Channel& channel);
  void OnPeer();
  void TellConnected();
  void AwaitAddress(size_t peer, const std::string& address);
  void Flood(size_t peer, size_t bytes);
  std::string StatsText() const;

  const size_t self_;
  const MeshNodeOptions options_;
  const Ed25519PrivateKey key_;
  const std::vector<p2p::PeerId> ids_;
  absl::flat_hash_map<p2p::PeerId, size_t> numbers_;

  // Of the executor.
  std::vector<p2p::Channel> channels_;  // By Lane.
  bool paused_ = false;
  Bytes flood_;
  size_t awaited_ = SIZE_MAX;
  int64_t changed_ns_ = 0;
  std::unique_ptr<Workload> workload_;

  // Goes first: its executor uses all the others.
  std::unique_ptr<p2p::LiveNetwork> network_;
};

MeshNode::MeshNode(size_t self, size_t nodes, const MeshNodeOptions& options)
    : self_(self), options_(options), key_(NodeKey(self)), ids_(NodeIds(nodes)) {
  for (size_t i = 0; i < nodes; ++i) numbers_.emplace(ids_[i], i);
  workload_ = std::make_unique<Workload>(*this);
}

void MeshNode::OnCommand(const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  if (words[0] == "listen") {
    Listen(words);
  } else {
    GROAT_CHECK(network_ != nullptr) << "not listening: " << line;
    network_->RunAndWait([&] { Run(words); });
  }
}

void MeshNode::Listen(const std::vector<std::string>& words) {
  p2p::LiveNetworkOptions options = NetworkOptions(words, ids_);
  options.carrier = options_.carrier;
  if (options_.star) {
    options.mesh.wants = [this](const p2p::PeerId& peer) { return self_ == 0 || peer == ids_[0]; };
  }
  auto network = p2p::LiveNetwork::Make(std::move(options), key_);
  GROAT_CHECK_OK(network.status());
  network_ = *std::move(network);
  network_->RunAndWait([&] {
    RegisterChannels();
    GROAT_CHECK_OK(network_->mesh().SetPeers(0, ids_));
    const int64_t began_ns = MonotonicNs();
    GROAT_CHECK_OK(network_->mesh().Start());
    Report(absl::StrCat("listening ", network_->mesh().listen_address(), " ", began_ns));
  });
}

void MeshNode::RegisterChannels() {
  p2p::Mesh& mesh = network_->mesh();
  const p2p::ChannelOptions options[] = {
      {.name = "urgent", .priority = p2p::Priority::kUrgent},
      {.name = "stream",
       .priority = p2p::Priority::kNormal,
       .when_full = p2p::WhenFull::kBackPressure},
      {.name = "bulk",
       .priority = p2p::Priority::kBulk,
       .max_message_bytes = size_t{8} << 20,
       .when_full = p2p::WhenFull::kBackPressure},
  };
  for (const p2p::ChannelOptions& channel : options) {
    const auto registered =
        mesh.Register(p2p::ChannelId(static_cast<uint16_t>(channels_.size() + 1)), channel);
    GROAT_CHECK_OK(registered.status());
    channels_.push_back(*registered);
  }
  for (size_t i = 0; i < channels_.size(); ++i) {
    channels_[i].receiver->OnReady([this, i] {
      if (i == 0 || !paused_) Drain(channels_[i]);
    });
    if (i == 0) continue;
    channels_[i].sender->OnRoom([this](const p2p::PeerId& peer) {
      const size_t number = numbers_.at(peer);
      if (flood_.empty()) {
        workload_->OnRoom(number);
      } else {
        Flood(number, flood_.size());
      }
    });
  }
  mesh.WatchPeers([this](const p2p::PeerId&, p2p::PeerEvent) { OnPeer(); });
}

void MeshNode::Drain(const p2p::Channel& channel) {
  while (const auto message = channel.receiver->Poll()) {
    if (message->payload.empty()) continue;
    workload_->OnMessage(numbers_.at(message->from), message->payload);
  }
}

void MeshNode::OnPeer() {
  changed_ns_ = MonotonicNs();
  TellConnected();
}

void MeshNode::TellConnected() {
  if (network_->mesh().Connected().size() != awaited_) return;
  awaited_ = SIZE_MAX;
  Report(absl::StrCat("connected ", changed_ns_));
}

void MeshNode::AwaitAddress(size_t peer, const std::string& address) {
  for (const Bytes& bytes : network_->mesh().KnownRecords()) {
    const auto record = p2p::PeerRecord::Decode(bytes);
    GROAT_CHECK_OK(record.status());
    if (record->peer == ids_.at(peer) && record->address == address) {
      Report(absl::StrCat("knows ", MonotonicNs()));
      return;
    }
  }
  After(kRecordPoll, [this, peer, address] { AwaitAddress(peer, address); });
}

void MeshNode::Flood(size_t peer, size_t bytes) {
  // The first byte names no kind that a workload knows.
  flood_.assign(bytes, 0);
  while (Send(peer, Lane::kStream, flood_)) continue;
  while (Send(peer, Lane::kBulk, flood_)) continue;
}

std::string MeshNode::StatsText() const {
  const p2p::MeshStats stats = network_->Stats();
  std::string text =
      absl::StrCat("stats connected=", stats.connected_peers, " records=", stats.known_records,
                   " dials=", stats.dials, " made=", stats.connections_made,
                   " paused=", stats.paused_links, " frames_out=", stats.frames_sent,
                   " frames_in=", stats.frames_received, " pings=", stats.round_trips);
  for (size_t i = 0; i < p2p::kClosureCount; ++i) {
    const uint64_t count = stats.closures[0][i] + stats.closures[1][i];
    if (count > 0) {
      absl::StrAppend(&text, " ", p2p::ClosureName(static_cast<p2p::Closure>(i)), "=", count);
    }
  }
  for (const p2p::ChannelStats& channel : stats.channels) {
    absl::StrAppend(&text, " ", channel.name, "=", channel.sent_messages, "/",
                    channel.received_messages);
    for (size_t i = 0; i < p2p::kDropCount; ++i) {
      if (channel.drops[i] == 0) continue;
      absl::StrAppend(&text, " ", channel.name, ".", p2p::DropName(static_cast<p2p::Drop>(i)), "=",
                      channel.drops[i]);
    }
  }
  return text;
}

void MeshNode::Run(const std::vector<std::string>& words) {
  const std::string& name = words[0];
  if (name == "await") {
    awaited_ = std::stoul(words.at(1));
    TellConnected();
  } else if (name == "set") {
    std::vector<p2p::PeerId> peers;
    for (size_t i = 1; i < words.size(); ++i) peers.push_back(ids_.at(std::stoul(words[i])));
    GROAT_CHECK_OK(network_->mesh().SetPeers(0, peers));
  } else if (name == "advertise") {
    GROAT_CHECK_OK(network_->mesh().SetAdvertisedAddress(words.at(1)));
  } else if (name == "await-address") {
    AwaitAddress(std::stoul(words.at(1)), words.at(2));
  } else if (name == "pause") {
    paused_ = words.at(1) == "on";
    if (!paused_) {
      for (const p2p::Channel& channel : channels_) Drain(channel);
    }
  } else if (name == "flood") {
    Flood(std::stoul(words.at(1)), std::stoul(words.at(2)));
    Report("flooding");
  } else if (name == "stats") {
    Report(StatsText());
  } else {
    GROAT_CHECK(workload_->Begin(words, network_->mesh().Connected().size()))
        << "unknown command: " << name;
  }
}

}  // namespace

void RunMeshNode(size_t self, size_t nodes, const MeshNodeOptions& options) {
  MeshNode node(self, nodes, options);
  std::string line;
  while (std::getline(std::cin, line)) node.OnCommand(line);
}

}  // namespace groat::load
