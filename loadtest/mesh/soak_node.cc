#include "loadtest/mesh/soak_node.h"

#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "loadtest/mesh/links.h"
#include "loadtest/mesh/mesh_settings.h"
#include "loadtest/mesh/soak_log.h"
#include "p2p/live/live_network.h"

namespace groat::load {
namespace {

using std::chrono::milliseconds;

constexpr uint8_t kMessage = 1;
constexpr uint8_t kAcknowledgement = 2;
constexpr size_t kPaddingBytes = 200;
constexpr milliseconds kRepeatAfter(250);
constexpr milliseconds kRepeatCheck(100);

class SoakNode {
 public:
  SoakNode(size_t self, size_t nodes, const std::string& log_path, double rate);
  void OnCommand(const std::string& line);

 private:
  using MessageName = std::pair<uint32_t, uint64_t>;  // Peer and number.

  void Recall(const std::string& log_path);
  void Listen(const std::vector<std::string>& words);
  void Run(const std::vector<std::string>& words);
  void Make();
  void Repeat();
  void Send(const MessageName& name);
  void OnMessages();
  void OnMessage(uint32_t from, ByteView payload);
  void TellConnected();
  void TellDrained();

  const uint32_t self_;
  const Ed25519PrivateKey key_;
  const std::vector<p2p::PeerId> ids_;
  const std::chrono::nanoseconds make_interval_;
  absl::flat_hash_map<p2p::PeerId, uint32_t> numbers_;

  // Of the executor.
  SoakLog log_;
  p2p::Channel channel_ = {};
  std::map<uint32_t, uint64_t> last_made_;
  std::map<MessageName, p2p::Instant> waiting_;  // Not acknowledged; when each was sent last.
  std::set<MessageName> taken_;
  uint64_t repeated_ = 0;
  size_t awaited_ = SIZE_MAX;
  bool stopped_ = false;
  bool drained_told_ = false;

  // Goes first: its executor uses all the others.
  std::unique_ptr<p2p::LiveNetwork> network_;
};

SoakNode::SoakNode(size_t self, size_t nodes, const std::string& log_path, double rate)
    : self_(static_cast<uint32_t>(self)),
      key_(NodeKey(self)),
      ids_(NodeIds(nodes)),
      make_interval_(static_cast<int64_t>(1e9 / rate)),
      log_(log_path) {
  for (size_t i = 0; i < nodes; ++i) numbers_.emplace(ids_[i], static_cast<uint32_t>(i));
  Recall(log_path);
}

void SoakNode::Recall(const std::string& log_path) {
  const auto entries = ReadSoakLog(log_path);
  GROAT_CHECK_OK(entries.status());
  for (const SoakEntry& entry : *entries) {
    const MessageName name(entry.peer, entry.number);
    switch (entry.kind) {
      case SoakKind::kMade:
        last_made_[entry.peer] = entry.number;
        waiting_.emplace(name, p2p::Instant());
        break;
      case SoakKind::kAcknowledged:
        waiting_.erase(name);
        break;
      case SoakKind::kTaken:
        taken_.insert(name);
        break;
    }
  }
}

void SoakNode::OnCommand(const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  if (words[0] == "listen") {
    Listen(words);
  } else {
    GROAT_CHECK(network_ != nullptr) << "not listening: " << line;
    network_->RunAndWait([&] { Run(words); });
  }
}

void SoakNode::Listen(const std::vector<std::string>& words) {
  auto network = p2p::LiveNetwork::Make(NetworkOptions(words, ids_), key_);
  GROAT_CHECK_OK(network.status());
  network_ = *std::move(network);
  network_->RunAndWait([&] {
    p2p::Mesh& mesh = network_->mesh();
    const auto channel = mesh.Register(p2p::ChannelId(1), {.name = "soak"});
    GROAT_CHECK_OK(channel.status());
    channel_ = *channel;
    channel_.receiver->OnReady([this] { OnMessages(); });
    mesh.WatchPeers([this](const p2p::PeerId&, p2p::PeerEvent) { TellConnected(); });
    GROAT_CHECK_OK(mesh.SetPeers(0, ids_));
    GROAT_CHECK_OK(mesh.Start());
    Make();
    Repeat();
    Report(absl::StrCat("listening ", mesh.listen_address()));
  });
}

void SoakNode::Run(const std::vector<std::string>& words) {
  if (words[0] == "await") {
    awaited_ = std::stoul(words.at(1));
    TellConnected();
  } else if (words[0] == "stop") {
    stopped_ = true;
    TellDrained();
  } else {
    GROAT_CHECK(false) << "unknown command: " << words[0];
  }
}

void SoakNode::Make() {
  if (stopped_) return;
  auto peer = static_cast<uint32_t>(network_->executor().Random() % (ids_.size() - 1));
  if (peer >= self_) ++peer;
  const MessageName name(peer, ++last_made_[peer]);
  log_.Append({SoakKind::kMade, name.first, name.second});
  Send(name);
  network_->executor().PostAfter(make_interval_, [this] { Make(); });
}

void SoakNode::Send(const MessageName& name) {
  ByteWriter message;
  message.U8(kMessage).U64(name.second).Raw(Bytes(kPaddingBytes));
  channel_.sender->Send(p2p::Recipients::One(ids_[name.first]), message.bytes());
  waiting_[name] = network_->executor().Now();
}

void SoakNode::Repeat() {
  const p2p::Instant now = network_->executor().Now();
  for (const auto& [name, sent_at] : waiting_) {
    if (now - sent_at < kRepeatAfter) continue;
    ++repeated_;
    Send(name);
  }
  network_->executor().PostAfter(kRepeatCheck, [this] { Repeat(); });
}

void SoakNode::OnMessages() {
  while (const auto message = channel_.receiver->Poll()) {
    OnMessage(numbers_.at(message->from), message->payload);
  }
}

void SoakNode::OnMessage(uint32_t from, ByteView payload) {
  ByteReader reader(payload);
  const uint8_t kind = reader.U8();
  const MessageName name(from, reader.U64());
  if (reader.failed() || (kind != kMessage && kind != kAcknowledgement)) {
    channel_.receiver->Reject(ids_[from], p2p::Rejection::kMalformed);
    return;
  }
  if (kind == kAcknowledgement) {
    if (waiting_.erase(name) == 0) return;
    log_.Append({SoakKind::kAcknowledged, name.first, name.second});
    TellDrained();
    return;
  }
  // In the log before the acknowledgement leaves: that is what an acknowledgement says.
  if (taken_.insert(name).second) log_.Append({SoakKind::kTaken, name.first, name.second});
  ByteWriter answer;
  answer.U8(kAcknowledgement).U64(name.second);
  channel_.sender->Send(p2p::Recipients::One(ids_[from]), answer.bytes());
}

void SoakNode::TellConnected() {
  if (network_->mesh().Connected().size() != awaited_) return;
  awaited_ = SIZE_MAX;
  Report(absl::StrCat("connected ", MonotonicNs()));
}

void SoakNode::TellDrained() {
  if (!stopped_ || drained_told_ || !waiting_.empty()) return;
  drained_told_ = true;
  Report(absl::StrCat("drained ", repeated_));
}

}  // namespace

void RunSoakNode(size_t self, size_t nodes, const std::string& log_path, double rate) {
  SoakNode node(self, nodes, log_path, rate);
  Report("ready");
  std::string line;
  while (std::getline(std::cin, line)) node.OnCommand(line);
}

}  // namespace groat::load
