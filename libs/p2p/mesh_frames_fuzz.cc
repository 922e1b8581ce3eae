// A mesh against peers that it has authorized, and which do anything: greetings, frames of any
// bytes, entries and control messages of any content, connections that come and go, dials that
// succeed or fail, at any time. No crash; backlogs stay within their bounds; a connection that
// carried a malformed frame is closed.
//
// The input is a list of steps, each a byte and what it takes; a short one is the seed of a long
// list, since a fuzzer tries short inputs first, and it takes many steps to get somewhere.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "p2p/control_message.h"
#include "p2p/frame.h"
#include "p2p/mesh.h"
#include "p2p/message_codec.h"
#include "sim/node_executor.h"
#include "sim/split_mix.h"

namespace {

using namespace groat::p2p;  // NOLINT: one file.
using groat::Bytes;
using groat::ByteView;
using groat::Ed25519PrivateKey;

constexpr size_t kPeers = 3;
constexpr size_t kBacklogMessages = 8;
constexpr size_t kMaxUnproven = 8;
constexpr uint16_t kChannels = 5;
constexpr char kNamespace[] = "fuzz";

const Ed25519PrivateKey& Key(size_t index) {
  static const std::array<Ed25519PrivateKey, kPeers + 1> keys = [] {
    const auto key = [](uint8_t number) {
      groat::Bytes32 seed;
      seed[0] = number;
      return Ed25519PrivateKey(seed);
    };
    return std::array<Ed25519PrivateKey, kPeers + 1>{key(0), key(1), key(2), key(3)};
  }();
  return keys[index];
}

// What is left of the input.
class Steps {
 public:
  explicit Steps(ByteView bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  // As many bytes as the next one says, or as there are.
  ByteView String() {
    const size_t size = std::min<size_t>(Byte(), bytes_.size());
    const ByteView string = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return string;
  }

 private:
  ByteView bytes_;
};

// One connection, from outside. Lives on when the mesh has destroyed its end.
struct Wire {
  size_t peer = 0;
  ConnectionHandler* handler = nullptr;  // Null: not started, or over.
  bool writing = false;
  bool paused = false;
  bool frame_while_paused = false;
  bool greeted = false;  // By the mesh: frames are entries from then on.
};

class FuzzConnection final : public Connection {
 public:
  explicit FuzzConnection(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  ~FuzzConnection() override { wire_->handler = nullptr; }
  const PeerId& peer() const override { return Key(wire_->peer).public_key(); }
  void Start(ConnectionHandler& handler) override { wire_->handler = &handler; }
  void Write(Bytes frame) override {
    GROAT_CHECK(!wire_->writing && !frame.empty() && frame.size() <= kMaxFrameBytes);
    wire_->writing = true;
    // What the mesh writes is sound.
    FrameReader reader(frame);
    while (!reader.done()) {
      const auto entry = reader.Next();
      GROAT_CHECK_OK(entry.status());
      if (entry->channel != ChannelId(0)) continue;
      const auto message = DecodeControl(entry->body);
      GROAT_CHECK_OK(message.status());
      if (std::holds_alternative<WelcomeMessage>(*message)) wire_->greeted = true;
    }
  }
  void PauseReading(bool paused) override {
    GROAT_CHECK(wire_->paused != paused);
    wire_->paused = paused;
    wire_->frame_while_paused = false;
  }

 private:
  const std::shared_ptr<Wire> wire_;
};

class FuzzTransport final : public Transport {
 public:
  absl::StatusOr<std::string> Listen(const std::string&, Admission, OnAccept on_accept) override {
    accept = std::move(on_accept);
    return "127.0.0.1:1";
  }
  void Dial(const std::string&, const PeerId& expected, Duration, OnDialled done) override {
    size_t peer = 1;
    while (Key(peer).public_key() != expected) ++peer;
    dials.emplace_back(peer, std::move(done));
  }
  void Shutdown() override { dials.clear(); }

  OnAccept accept;
  std::vector<std::pair<size_t, OnDialled>> dials;
};

class World {
 public:
  explicit World(ByteView input) : steps_(input) {
    Run([&] {
      MeshOptions options{.namespace_name = kNamespace,
                          .bootstrappers = {{Key(1).public_key(), "one:1"}}};
      options.max_unproven_connections = kMaxUnproven;
      mesh_ = *Mesh::Make(std::move(options), Key(0), executor_, transport_);
      Register({.name = "urgent", .priority = Priority::kUrgent, .max_message_bytes = 40'000});
      Register({.name = "rated", .rate = RateLimit{10, 10'000, 1}});
      Register({.name = "pressed",
                .max_message_bytes = 100'000,
                .when_full = WhenFull::kBackPressure,
                .zstd_level = 1});
      Register({.name = "bulk", .priority = Priority::kBulk, .zstd_level = 1});
      Register({.name = "bulk_pressed",
                .priority = Priority::kBulk,
                .when_full = WhenFull::kBackPressure});
      mesh_->WatchPeers([this](const PeerId& peer, PeerEvent) { OnWatch(peer); });
      GROAT_CHECK_OK(mesh_->Start());
      Authorize();
    });
  }
  ~World() {
    Run([&] { mesh_.reset(); });
    for (const auto& wire : wires_) GROAT_CHECK(wire->handler == nullptr);
  }

  void RunAll() {
    while (!steps_.empty()) {
      Run([&] { Step(); });
      CheckBounds();
    }
  }

 private:
  template <typename Callable>
  void Run(Callable&& call) {
    executor_.Run(std::forward<Callable>(call));
  }

  void Register(ChannelOptions options) {
    options.backlog_messages = kBacklogMessages;
    options.backlog_bytes = size_t{200'000} + options.max_message_bytes;
    const auto id = static_cast<uint16_t>(channels_.size() + 1);
    channels_.push_back(*mesh_->Register(ChannelId(id), options));
  }

  void Authorize() {
    std::vector<PeerId> peers;
    for (size_t i = 0; i <= kPeers; ++i) peers.push_back(Key(i).public_key());
    GROAT_CHECK_OK(mesh_->SetPeers(0, std::move(peers)));
  }

  // An application may do anything when it is told of a peer.
  void OnWatch(const PeerId& peer) {
    switch (steps_.Byte() % 16) {
      case 0:
        mesh_->DropPeers(0);
        break;
      case 1:
        Authorize();
        break;
      case 2:
        mesh_->Block(peer, "fuzz");
        break;
      case 3:
        channels_[0].sender->Send(Recipients::All(), Bytes(10));
        break;
      default:
        break;
    }
  }

  size_t PeerIndex() { return 1 + steps_.Byte() % kPeers; }

  std::shared_ptr<Wire> PickWire() {
    if (wires_.empty()) return std::make_shared<Wire>();
    return wires_[wires_.size() - 1 - steps_.Byte() % std::min<size_t>(wires_.size(), 8)];
  }

  std::shared_ptr<Wire> NewWire(size_t peer) {
    wires_.push_back(std::make_shared<Wire>());
    wires_.back()->peer = peer;
    return wires_.back();
  }

  void Receive(const std::shared_ptr<Wire>& wire, ByteView frame) {
    if (wire->handler == nullptr || frame.empty()) return;
    if (wire->paused && std::exchange(wire->frame_while_paused, true)) return;
    bool sound = true;
    for (FrameReader reader(frame); sound && !reader.done();) sound = reader.Next().ok();
    wire->handler->OnFrame(frame);
    // A connection that is being refused may stand until its refusal has left.
    if (!sound && wire->greeted) GROAT_CHECK(wire->handler == nullptr);
  }

  void ReceiveEntry(const std::shared_ptr<Wire>& wire, const Entry& entry) {
    Bytes frame;
    AppendEntry(entry, frame);
    // Sometimes many times over, as a flood would.
    const size_t copies = steps_.Byte() % 32 == 31 ? 50 : 1;
    const Bytes one = frame;
    for (size_t i = 1; i < copies && frame.size() + one.size() <= kMaxFrameBytes; ++i) {
      frame.insert(frame.end(), one.begin(), one.end());
    }
    Receive(wire, frame);
  }

  void ReceiveControl(const std::shared_ptr<Wire>& wire, const ControlMessage& message) {
    const Bytes body = EncodeControl(message);
    ReceiveEntry(wire, {ChannelId(0), 0, body});
  }

  HelloMessage Hello() {
    HelloMessage hello;
    const uint8_t choice = steps_.Byte();
    hello.lane = LaneKind(choice & 1);
    hello.incarnation = choice >> 1 & 1;
    if ((choice & 0x70) == 0x10) ++hello.version;
    if ((choice & 0x70) != 0x20) hello.namespace_hash = NamespaceHash(kNamespace);
    if ((choice & 0x70) != 0x30) hello.receiver = Key(0).public_key();
    return hello;
  }

  PeerRecord Record() {
    // Sometimes our own, from an earlier life.
    const size_t peer = steps_.Byte() % (kPeers + 1);
    const uint64_t time =
        static_cast<uint64_t>(executor_.WallClockMs()) + uint64_t{steps_.Byte()} * 1000 - 100'000;
    const std::string address = "host:" + std::to_string(1 + steps_.Byte() % 4);
    PeerRecord record = SignPeerRecord(Key(peer), NamespaceHash(kNamespace), time, address);
    if (steps_.Byte() % 8 == 0) record.signature[0] ^= 1;
    return record;
  }

  void Step() {
    switch (steps_.Byte() % 20) {
      case 0: {
        const auto wire = PickWire();
        Receive(wire, steps_.String());
        break;
      }
      case 1: {
        const auto wire = PickWire();
        const ChannelId channel(steps_.Byte() % (kChannels + 2));
        const uint8_t flags = steps_.Byte() % 5;
        ReceiveEntry(wire, {channel, flags, steps_.String()});
        break;
      }
      case 2: {
        const auto wire = PickWire();
        Bytes body = {static_cast<uint8_t>(steps_.Byte() % 10)};
        const ByteView rest = steps_.String();
        body.insert(body.end(), rest.begin(), rest.end());
        ReceiveEntry(wire, {ChannelId(0), 0, body});
        break;
      }
      case 3:  // Long pieces.
      case 4: {
        const auto wire = PickWire();
        const ChannelId channel(1 + steps_.Byte() % kChannels);
        const Bytes body(size_t{steps_.Byte()} * 250);
        const uint8_t flags = steps_.Byte() % 2 == 0 ? kMoreFollowsFlag : 0;
        ReceiveEntry(wire, {channel, flags, body});
        break;
      }
      case 5: {  // A short body of a long message.
        const auto wire = PickWire();
        const ChannelId channel(1 + steps_.Byte() % kChannels);
        const EncodedMessage bomb = EncodeMessage(Bytes(size_t{steps_.Byte()} * 500), 1);
        const uint8_t flags = bomb.compressed ? kCompressedFlag : 0;
        ReceiveEntry(wire, {channel, flags, bomb.body});
        break;
      }
      case 6:
      case 7: {
        const auto wire = NewWire(PeerIndex());
        transport_.accept(std::make_unique<FuzzConnection>(wire));
        if (steps_.Byte() % 4 != 0) ReceiveControl(wire, Hello());
        break;
      }
      case 8: {
        const auto wire = PickWire();
        ReceiveControl(wire, Hello());
        break;
      }
      case 9: {
        const auto wire = PickWire();
        if (wire->handler != nullptr) wire->handler->OnClosed(absl::UnavailableError("closed"));
        break;
      }
      case 10:
      case 11: {
        for (const auto& wire : std::vector(wires_)) {
          if (wire->handler == nullptr || !std::exchange(wire->writing, false)) continue;
          wire->handler->OnWritten();
        }
        break;
      }
      case 12:
        time_ = std::chrono::milliseconds(steps_.Byte() * 10);
        executor_.Post([] {});
        break;
      case 13:
        for (const Channel& channel : channels_) {
          for (size_t i = steps_.Byte() % 16; i > 0; --i) {
            const auto message = channel.receiver->PollPreferring(Key(1).public_key());
            if (!message.has_value()) break;
            if (message->payload.empty()) {
              channel.receiver->Reject(message->from, Rejection::kMalformed);
            }
          }
        }
        break;
      case 14:
      case 15: {
        if (transport_.dials.empty()) break;
        auto [peer, done] = std::move(transport_.dials.front());
        transport_.dials.erase(transport_.dials.begin());
        const uint8_t choice = steps_.Byte();
        if (choice % 4 == 0) {
          done(absl::UnavailableError("nobody"));
          break;
        }
        const auto wire = NewWire(peer);
        done(std::make_unique<FuzzConnection>(wire));
        if (choice % 4 == 1) {
          ReceiveControl(wire, RefusalMessage{RefusalReason(1 + choice % 7)});
        } else if (choice % 4 == 2) {
          wire->greeted = wire->handler != nullptr;
          ReceiveControl(wire, WelcomeMessage{.incarnation = choice >> 2 & 1U});
        }
        break;
      }
      case 16: {
        const Channel& channel = channels_[steps_.Byte() % kChannels];
        const Bytes payload(size_t{steps_.Byte()} * 300);
        channel.sender->Send(Recipients::All(), payload);
        break;
      }
      case 17: {
        const auto wire = PickWire();
        RecordsMessage records;
        for (size_t i = steps_.Byte() % 4; i > 0; --i) records.records.push_back(Record());
        ReceiveControl(wire, records);
        break;
      }
      case 18: {
        const auto wire = PickWire();
        std::vector<PeerId> ids;
        for (size_t i = 0; i <= kPeers; ++i) ids.push_back(Key(i).public_key());
        std::sort(ids.begin(), ids.end());
        ReceiveControl(wire, KnownMessage{0, DigestOfSet(ids), std::vector<bool>(ids.size())});
        break;
      }
      case 19:
        switch (steps_.Byte() % 8) {
          case 0:
            mesh_->Block(Key(PeerIndex()).public_key(), "fuzz");
            break;
          case 1:
            mesh_->DropPeers(0);
            break;
          case 2:
            GROAT_CHECK_OK(mesh_->SetAdvertisedAddress("elsewhere:2"));
            break;
          case 3:
            mesh_->AddRecords(mesh_->KnownRecords());
            break;
          default:
            Authorize();
            break;
        }
        break;
    }
  }

  // Also lets time pass, where a step said so, and runs what is due.
  void CheckBounds() {
    scheduler_.RunFor(std::exchange(time_, {}));
    const MeshStats stats = mesh_->Stats();
    for (const ChannelStats& channel : stats.channels) {
      GROAT_CHECK_LE(channel.send_queue_messages, kPeers * kBacklogMessages);
      GROAT_CHECK_LE(channel.receive_queue_messages, kPeers * 3 * kBacklogMessages);
    }
    GROAT_CHECK_LE(stats.connected_peers, kPeers);
    GROAT_CHECK_LE(stats.known_records, kPeers);
    uint64_t paused = 0;
    size_t standing = 0;
    for (const auto& wire : wires_) {
      if (wire->handler == nullptr) continue;
      ++standing;
      if (wire->paused) ++paused;
    }
    GROAT_CHECK_EQ(stats.paused_links, paused);
    // Of each peer two lanes, two dials, one contender, and one that was; and those that have not
    // greeted.
    GROAT_CHECK_LE(standing, kPeers * 6 + kMaxUnproven);
    std::erase_if(wires_, [](const auto& wire) { return wire->handler == nullptr; });
  }

  Steps steps_;
  groat::sim::Scheduler scheduler_;
  groat::sim::NodeExecutor executor_{scheduler_, 1};
  FuzzTransport transport_;
  std::unique_ptr<Mesh> mesh_;
  std::vector<Channel> channels_;
  std::vector<std::shared_ptr<Wire>> wires_;
  Duration time_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  Bytes steps(data, data + size);
  if (size <= 8) {
    groat::sim::SplitMix64 random(groat::LoadBigEndian(data, size));
    steps.resize(600);
    for (uint8_t& step : steps) step = static_cast<uint8_t>(random.Next());
  }
  World world(steps);
  world.RunAll();
  return 0;
}
