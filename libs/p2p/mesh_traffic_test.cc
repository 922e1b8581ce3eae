// What travels over the mesh's links, and what offenders get: over simulated links, with a raw peer
// that sends what no mesh would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "p2p/control_message.h"
#include "p2p/frame.h"
#include "p2p/mesh.h"
#include "p2p/message_codec.h"
#include "p2p/send_queues.h"
#include "sim/mesh_cluster.h"
#include "sim/split_mix.h"

namespace groat::p2p {
namespace {

using sim::MeshCluster;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr ChannelId kUrgent{1};
constexpr ChannelId kNormal{2};
constexpr ChannelId kBulk{3};
constexpr ChannelId kSqueezed{4};
constexpr ChannelId kRated{5};
constexpr ChannelId kPatient{6};
constexpr uint16_t kLastChannel = 6;

const std::map<ChannelId, ChannelOptions>& Channels() {
  static const std::map<ChannelId, ChannelOptions> channels = {
      {kUrgent, {.name = "urgent", .priority = Priority::kUrgent}},
      {kNormal, {.name = "normal", .max_message_bytes = size_t{1} << 20, .backlog_messages = 1000}},
      {kBulk,
       {.name = "bulk",
        .priority = Priority::kBulk,
        .max_message_bytes = size_t{8} << 20,
        .backlog_bytes = size_t{64} << 20}},
      {kSqueezed, {.name = "squeezed", .max_message_bytes = 100'000, .zstd_level = 3}},
      {kRated,
       {.name = "rated",
        .rate =
            RateLimit{.messages_per_second = 100, .bytes_per_second = 1e6, .burst_seconds = 0.1}}},
      {kPatient,
       {.name = "patient",
        .max_message_bytes = 10'000,
        .backlog_messages = 50,
        .when_full = WhenFull::kBackPressure}}};
  return channels;
}

class MeshTrafficTest : public ::testing::Test {
 protected:
  struct Node {
    std::map<ChannelId, Channel> channels;
    std::map<ChannelId, std::vector<std::pair<Instant, Message>>> got;
    bool takes_patient = true;
  };

  void Make(size_t count, uint64_t seed = 1) {
    nodes_.assign(count, Node());
    MeshCluster::Options options;
    options.nodes = count;
    options.seed = sim::SeedFromEnvironment(seed);
    options.setup = [this](size_t i, Network& network, Executor& executor) {
      Node& node = nodes_[i];
      for (const auto& [id, channel_options] : Channels()) {
        const Channel channel = *network.Register(id, channel_options);
        node.channels[id] = channel;
        channel.receiver->OnReady([&node, &executor, id, channel] {
          if (id == kPatient && !node.takes_patient) return;
          while (auto message = channel.receiver->Poll()) {
            node.got[id].emplace_back(executor.Now(), *std::move(message));
          }
        });
      }
    };
    cluster_ = std::make_unique<MeshCluster>(options);
  }
  void Connect() {
    cluster_->StartAll();
    ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  }
  void Run(Duration time) { cluster_->scheduler().RunFor(time); }
  std::vector<PeerId> Send(size_t from, size_t to, ChannelId channel, const Bytes& payload) {
    return nodes_[from].channels[channel].sender->Send(Recipients::One(cluster_->id(to)), payload);
  }
  ChannelStats Stats(size_t node, ChannelId channel) {
    for (ChannelStats& stats : cluster_->mesh(node).Stats().channels) {
      if (stats.id == channel) return stats;
    }
    return {};
  }
  uint64_t Drops(size_t node, ChannelId channel, Drop drop) {
    return Stats(node, channel).drops[static_cast<size_t>(drop)];
  }
  uint64_t Closures(size_t node, Closure closure) {
    const MeshStats stats = cluster_->mesh(node).Stats();
    return stats.closures[0][static_cast<size_t>(closure)] +
           stats.closures[1][static_cast<size_t>(closure)];
  }

  std::vector<Node> nodes_;
  std::unique_ptr<MeshCluster> cluster_;
};

Bytes Noise(size_t size, uint64_t seed) {
  sim::SplitMix64 random(seed);
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
  return bytes;
}

TEST_F(MeshTrafficTest, EveryLengthArrivesWhole) {
  Make(2);
  Connect();
  for (const size_t size : {size_t{0}, size_t{1}, kMainLanePieceBytes - 1, kMainLanePieceBytes,
                            kMainLanePieceBytes + 1, size_t{65'536}, size_t{1} << 20}) {
    EXPECT_EQ(Send(0, 1, kNormal, Noise(size, size)).size(), 1);
  }
  for (const size_t size :
       {size_t{0}, kBulkLanePieceBytes, kBulkLanePieceBytes + 1, size_t{8} << 20}) {
    EXPECT_EQ(Send(1, 0, kBulk, Noise(size, size)).size(), 1);
    EXPECT_EQ(Send(0, 1, kBulk, Noise(size, size)).size(), 1);
  }
  Run(seconds(2));
  ASSERT_EQ(nodes_[1].got[kNormal].size(), 7);
  ASSERT_EQ(nodes_[1].got[kBulk].size(), 4);
  ASSERT_EQ(nodes_[0].got[kBulk].size(), 4);
  for (const auto& [at, message] : nodes_[1].got[kNormal]) {
    EXPECT_EQ(message.payload, Noise(message.payload.size(), message.payload.size()));
  }
  for (const auto& [at, message] : nodes_[0].got[kBulk]) {
    EXPECT_EQ(message.payload, Noise(message.payload.size(), message.payload.size()));
  }
}

TEST_F(MeshTrafficTest, AMessageLongerThanItsChannelIsQueuedForNobody) {
  Make(2);
  Connect();
  EXPECT_TRUE(Send(0, 1, kNormal, Bytes((size_t{1} << 20) + 1)).empty());
  EXPECT_EQ(Drops(0, kNormal, Drop::kTooLarge), 1);
}

TEST_F(MeshTrafficTest, UrgentMessagesPassWhateverIsOnItsWay) {
  Make(2);
  cluster_->wires().SetDefaultLink({.latency = milliseconds(1), .bytes_per_second = 100e6});
  Connect();
  Send(0, 1, kBulk, Noise(size_t{8} << 20, 1));
  for (int i = 0; i < 900; ++i) Send(0, 1, kNormal, Noise(1000, 2));
  Run(milliseconds(20));
  const Instant sent = cluster_->scheduler().Now();
  Send(0, 1, kUrgent, {1});
  Run(seconds(1));
  ASSERT_EQ(nodes_[1].got[kUrgent].size(), 1);
  EXPECT_EQ(nodes_[1].got[kBulk].size(), 1);
  EXPECT_EQ(nodes_[1].got[kNormal].size(), 900);
  // A link's latency, and what the sockets' buffer of its own connection held.
  EXPECT_LT(nodes_[1].got[kUrgent][0].first - sent, milliseconds(5));
}

TEST_F(MeshTrafficTest, MessagesThatWaitShareFrames) {
  Make(2);
  Connect();
  Run(seconds(1));
  const uint64_t frames = cluster_->mesh(0).Stats().frames_sent;
  for (int i = 0; i < 640; ++i) Send(0, 1, kNormal, Bytes(500));
  Run(milliseconds(100));
  EXPECT_EQ(nodes_[1].got[kNormal].size(), 640);
  // The first leaves at once, 65 fit in each frame after it.
  EXPECT_LE(cluster_->mesh(0).Stats().frames_sent - frames, 12);
}

TEST_F(MeshTrafficTest, CompressionSavesBytesAndKeepsContent) {
  Make(2);
  Connect();
  const uint64_t before = cluster_->mesh(0).Stats().frame_bytes_sent;
  const Bytes plain(90'000, 'a');
  Send(0, 1, kSqueezed, plain);
  Run(milliseconds(100));
  ASSERT_EQ(nodes_[1].got[kSqueezed].size(), 1);
  EXPECT_EQ(nodes_[1].got[kSqueezed][0].second.payload, plain);
  EXPECT_LT(cluster_->mesh(0).Stats().frame_bytes_sent - before, 2000);
  const Bytes noise = Noise(90'000, 5);
  Send(0, 1, kSqueezed, noise);
  Run(milliseconds(100));
  EXPECT_EQ(nodes_[1].got[kSqueezed][1].second.payload, noise);
}

TEST_F(MeshTrafficTest, TheSenderKeepsToTheRate) {
  Make(2);
  Connect();
  for (int i = 0; i < 200; ++i) Send(0, 1, kRated, Bytes(10));
  Run(milliseconds(100));
  EXPECT_LE(nodes_[1].got[kRated].size(), 22);
  Run(milliseconds(2500));
  EXPECT_EQ(nodes_[1].got[kRated].size(), 200);
  EXPECT_EQ(Drops(1, kRated, Drop::kRateExceeded), 0);
}

TEST_F(MeshTrafficTest, AFullBacklogDropsTheNewest) {
  Make(2);
  cluster_->wires().SetDefaultLink({.latency = milliseconds(1), .bytes_per_second = 1e6});
  Connect();
  size_t queued = 0;
  for (int i = 0; i < 3000; ++i) queued += Send(0, 1, kNormal, Bytes(1000)).size();
  EXPECT_LT(queued, 1300);
  EXPECT_EQ(Drops(0, kNormal, Drop::kBacklogFull), 3000 - queued);
  Run(seconds(10));
  EXPECT_EQ(nodes_[1].got[kNormal].size(), queued);
}

TEST_F(MeshTrafficTest, BackPressureHoldsTheSenderUpAndLosesNothing) {
  Make(2);
  Connect();
  nodes_[1].takes_patient = false;
  std::vector<PeerId> rooms;
  nodes_[0].channels[kPatient].sender->OnRoom([&](const PeerId& peer) { rooms.push_back(peer); });
  size_t queued = 0;
  // Until even the simulated sockets are full.
  for (int i = 0; i < 400; ++i) {
    queued += Send(0, 1, kPatient, Bytes(10'000)).size();
    Run(milliseconds(1));
  }
  EXPECT_LT(queued, 200);
  EXPECT_EQ(Drops(0, kPatient, Drop::kBacklogFull), 0);
  EXPECT_EQ(cluster_->mesh(1).Stats().paused_links, 1);
  // The paused link is no dead link.
  Run(seconds(10));
  EXPECT_EQ(cluster_->Links(), 2);
  EXPECT_TRUE(rooms.empty());
  nodes_[1].takes_patient = true;
  Receiver* receiver = nodes_[1].channels[kPatient].receiver;
  for (int i = 0; i < 100 && nodes_[1].got[kPatient].size() < queued; ++i) {
    while (auto message = receiver->Poll()) {
      nodes_[1].got[kPatient].emplace_back(Instant(), *std::move(message));
    }
    Run(milliseconds(10));
  }
  EXPECT_EQ(nodes_[1].got[kPatient].size(), queued);
  EXPECT_EQ(cluster_->mesh(1).Stats().paused_links, 0);
  EXPECT_THAT(rooms, ::testing::ElementsAre(cluster_->id(1)));
}

// A peer of the mesh that is none: it greets as one, and then sends bytes of the test's choice.
class RawPeer : public ConnectionHandler {
 public:
  RawPeer(MeshCluster& cluster, size_t identity, const std::string& host)
      : cluster_(cluster),
        executor_(cluster.scheduler(), identity),
        transport_(cluster.wires().MakeTransport(executor_, cluster.id(identity), host)) {}

  // Dials node 0. `hello` may be changed.
  void Dial(HelloMessage hello = {}) {
    if (hello.receiver.IsZero()) hello.receiver = cluster_.id(0);
    if (hello.namespace_hash.IsZero()) hello.namespace_hash = NamespaceHash("simulation");
    transport_->Dial(MeshCluster::Address(0), cluster_.id(0), seconds(1),
                     [this, hello](absl::StatusOr<std::unique_ptr<Connection>> connection) {
                       if (!connection.ok()) {
                         closed_ = connection.status();
                         return;
                       }
                       connection_ = *std::move(connection);
                       connection_->Start(*this);
                       SendControl(hello);
                     });
    Run();
  }
  void SendControl(const ControlMessage& message) {
    Bytes frame;
    AppendEntry({ChannelId(0), 0, EncodeControl(message)}, frame);
    Send(frame);
  }
  void Send(Bytes frame) {
    if (connection_ == nullptr) return;
    connection_->Write(std::move(frame));
    Run();
  }
  void SendEntry(ChannelId channel, uint8_t flags, const Bytes& body) {
    Bytes frame;
    AppendEntry({channel, flags, body}, frame);
    Send(frame);
  }
  void Run() { cluster_.scheduler().RunFor(milliseconds(20)); }

  // What became of the connection; OK while it stands.
  const absl::Status& closed() const { return closed_; }
  const std::vector<ControlMessage>& heard() const { return heard_; }
  bool welcomed() const {
    return std::any_of(heard_.begin(), heard_.end(), [](const ControlMessage& message) {
      return std::holds_alternative<WelcomeMessage>(message);
    });
  }

 private:
  void OnFrame(ByteView frame) override {
    FrameReader reader(frame);
    while (!reader.done()) {
      const Entry entry = *reader.Next();
      if (entry.channel == ChannelId(0)) heard_.push_back(*DecodeControl(entry.body));
    }
  }
  void OnWritten() override {}
  void OnClosed(const absl::Status& why) override {
    closed_ = why;
    connection_.reset();
  }

  MeshCluster& cluster_;
  sim::NodeExecutor executor_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Connection> connection_;
  absl::Status closed_;
  std::vector<ControlMessage> heard_;
};

// Two honest nodes, and the keys of two members that are not running.
class OffenceTest : public MeshTrafficTest {
 protected:
  void SetUp() override {
    Make(4);
    cluster_->Start(0);
    cluster_->Start(1);
    ASSERT_TRUE(cluster_->RunUntilFullMesh(seconds(2)));
  }
  void ExpectOffence(const RawPeer& peer, Closure closure) {
    EXPECT_FALSE(peer.closed().ok());
    EXPECT_EQ(Closures(0, closure), 1);
    // Nobody else is hurt.
    EXPECT_THAT(cluster_->mesh(0).Connected(), ::testing::ElementsAre(cluster_->id(1)));
    // For a while it is not let in again, and then it is.
    RawPeer again(*cluster_, 2, "n2");
    again.Dial();
    EXPECT_FALSE(again.welcomed());
    Run(seconds(6));
    RawPeer later(*cluster_, 2, "n2");
    later.Dial();
    EXPECT_TRUE(later.welcomed());
  }
};

TEST_F(OffenceTest, ARawPeerThatBehavesIsTaken) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  EXPECT_TRUE(peer.welcomed());
  peer.SendEntry(kNormal, 0, {1, 2, 3});
  ASSERT_EQ(nodes_[0].got[kNormal].size(), 1);
  EXPECT_EQ(nodes_[0].got[kNormal][0].second.payload, Bytes({1, 2, 3}));
  EXPECT_EQ(nodes_[0].got[kNormal][0].second.from, cluster_->id(2));
}

TEST_F(OffenceTest, BadHellosAreRefusedWithTheirReason) {
  const auto refusal = [&](HelloMessage hello) {
    RawPeer peer(*cluster_, 2, "n2");
    peer.Dial(hello);
    EXPECT_FALSE(peer.welcomed());
    for (const ControlMessage& message : peer.heard()) {
      if (const auto* found = std::get_if<RefusalMessage>(&message)) return found->reason;
    }
    ADD_FAILURE() << "not refused";
    return RefusalReason::kVersion;
  };
  HelloMessage version;
  version.version = 2;
  EXPECT_EQ(refusal(version), RefusalReason::kVersion);
  HelloMessage elsewhere;
  elsewhere.namespace_hash = NamespaceHash("another");
  EXPECT_EQ(refusal(elsewhere), RefusalReason::kNamespace);
  HelloMessage to_another;
  to_another.receiver = cluster_->id(1);
  EXPECT_EQ(refusal(to_another), RefusalReason::kNotForUs);
  HelloMessage bulk;
  bulk.lane = LaneKind::kBulk;
  EXPECT_EQ(refusal(bulk), RefusalReason::kNoLink);
}

TEST_F(OffenceTest, StrangersAreRefusedInTheHandshake) {
  GROAT_ASSERT_OK(cluster_->mesh(0).SetPeers(1, {cluster_->id(0), cluster_->id(1)}));
  RawPeer peer(*cluster_, 3, "n3");
  peer.Dial();
  EXPECT_EQ(peer.closed().code(), absl::StatusCode::kUnauthenticated);
  const MeshStats stats = cluster_->mesh(0).Stats();
  EXPECT_EQ(stats.closures[static_cast<size_t>(PeerClass::kStranger)]
                          [static_cast<size_t>(Closure::kUnauthorized)],
            1);
}

TEST_F(OffenceTest, APeerThatSaysNothingIsNotWaitedForLong) {
  sim::NodeExecutor executor(cluster_->scheduler(), 9);
  auto transport = cluster_->wires().MakeTransport(executor, cluster_->id(2), "n2");
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 300; ++i) {
    transport->Dial(MeshCluster::Address(0), cluster_->id(0), seconds(1),
                    [&](absl::StatusOr<std::unique_ptr<Connection>> connection) {
                      if (connection.ok()) connections.push_back(*std::move(connection));
                    });
  }
  Run(seconds(1));
  // The rest was more than may be unproven at once.
  EXPECT_EQ(Closures(0, Closure::kStrangerLimit), 300 - 256);
  Run(seconds(5));
  EXPECT_EQ(Closures(0, Closure::kHelloTimeout), 256);
  EXPECT_THAT(cluster_->mesh(0).Connected(), ::testing::ElementsAre(cluster_->id(1)));
}

TEST_F(OffenceTest, MalformedFrames) {
  const std::vector<std::pair<std::string, Bytes>> frames = {
      {"short header", {0, 2, 0, 0, 0}},
      {"length beyond the frame", {0, 2, 0, 0, 0, 0, 9, 1}},
      {"unknown flag", {0, 2, 4, 0, 0, 0, 1, 1}},
      {"control with flags", {0, 0, 1, 0, 0, 0, 1, 8}},
      {"unknown control kind", {0, 0, 0, 0, 0, 0, 1, 99}},
      {"empty control", {0, 0, 0, 0, 0, 0, 0}},
      {"empty first piece", {0, 2, 2, 0, 0, 0, 0}},
      {"bulk on the main lane", {0, 3, 0, 0, 0, 0, 1, 1}},
  };
  uint64_t offences = 0;
  for (const auto& [name, frame] : frames) {
    RawPeer peer(*cluster_, 2, "n2");
    peer.Dial();
    ASSERT_TRUE(peer.welcomed()) << name;
    peer.Send(frame);
    EXPECT_FALSE(peer.closed().ok()) << name;
    EXPECT_EQ(Closures(0, Closure::kMalformedFrame), ++offences) << name;
    Run(seconds(6));
  }
}

TEST_F(OffenceTest, AnOversizedMessageInPieces) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  const Bytes piece(256 << 10, 1);
  for (int i = 0; i < 5; ++i) peer.SendEntry(kNormal, kMoreFollowsFlag, piece);
  EXPECT_EQ(Drops(0, kNormal, Drop::kOversized), 1);
  ExpectOffence(peer, Closure::kMalformedFrame);
}

TEST_F(OffenceTest, ADecompressionBomb) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  const EncodedMessage bomb = EncodeMessage(Bytes(size_t{60} << 20, 0), 19);
  ASSERT_TRUE(bomb.compressed);
  ASSERT_LT(bomb.body.size(), 100'000);
  peer.SendEntry(kSqueezed, kCompressedFlag, bomb.body);
  EXPECT_EQ(Drops(0, kSqueezed, Drop::kOversized), 1);
  ExpectOffence(peer, Closure::kMalformedFrame);
}

TEST_F(OffenceTest, BadCompression) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  peer.SendEntry(kSqueezed, kCompressedFlag, {0, 0, 0, 9, 1, 2, 3});
  EXPECT_EQ(Drops(0, kSqueezed, Drop::kBadCompression), 1);
  ExpectOffence(peer, Closure::kMalformedFrame);
}

TEST_F(OffenceTest, AFloodAboveTheRate) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  for (int i = 0; i < 40 && peer.closed().ok(); ++i) {
    Bytes frame;
    for (int j = 0; j < 10; ++j) AppendEntry({kRated, 0, Bytes(10)}, frame);
    peer.Send(frame);
  }
  EXPECT_GT(Drops(0, kRated, Drop::kRateExceeded), 100);
  ExpectOffence(peer, Closure::kFlood);
}

TEST_F(OffenceTest, AFloodOfControlMessages) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  for (int i = 0; i < 100 && peer.closed().ok(); ++i) {
    Bytes frame;
    for (uint64_t j = 0; j < 1000; ++j) {
      AppendEntry({ChannelId(0), 0, EncodeControl(PingMessage{j})}, frame);
    }
    peer.Send(frame);
  }
  ExpectOffence(peer, Closure::kFlood);
}

TEST_F(OffenceTest, UnknownChannelsAreCountedAndOnlyAFloodIsAnOffence) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  for (int i = 0; i < 100; ++i) {
    peer.SendEntry(ChannelId(static_cast<uint16_t>(kLastChannel + 1 + i)), 0, {1});
  }
  EXPECT_TRUE(peer.closed().ok());
  EXPECT_EQ(cluster_->mesh(0).Stats().unknown_channel_messages, 100);
  for (int i = 0; i < 100 && peer.closed().ok(); ++i) {
    Bytes frame;
    for (int j = 0; j < 1000; ++j) AppendEntry({ChannelId(999), 0, Bytes(1)}, frame);
    peer.Send(frame);
  }
  ExpectOffence(peer, Closure::kFlood);
}

// A receiver that does not keep up with one peer still hears the others.
TEST_F(OffenceTest, AFloodToASlowReceiverTakesNothingFromOthers) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  nodes_[0].channels[kNormal].receiver->OnReady([] {});  // The application is busy.
  for (int i = 0; i < 50; ++i) {
    Bytes frame;
    for (int j = 0; j < 100; ++j) AppendEntry({kNormal, 0, Bytes(100)}, frame);
    peer.Send(frame);
  }
  EXPECT_EQ(Drops(0, kNormal, Drop::kReceiverFull), 4000);
  for (int i = 0; i < 10; ++i) Send(1, 0, kNormal, {static_cast<uint8_t>(i)});
  Run(milliseconds(50));
  Receiver* receiver = nodes_[0].channels[kNormal].receiver;
  // In turns: the honest peer's ten are among the first twenty.
  int honest = 0;
  for (int i = 0; i < 20; ++i) honest += receiver->Poll()->from == cluster_->id(1) ? 1 : 0;
  EXPECT_EQ(honest, 10);
  EXPECT_EQ(receiver->PollPreferring(cluster_->id(1))->from, cluster_->id(2));
}

TEST_F(OffenceTest, RecordsOfOthersMakingAreNotBelieved) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  const Hash here = NamespaceHash("simulation");
  const auto now = static_cast<uint64_t>(sim::kEpochMs);
  const Ed25519PrivateKey stranger = Ed25519PrivateKey::Generate();
  PeerRecord forged = SignPeerRecord(cluster_->key(3), here, now, "n3:1");
  forged.address = "n2:1";
  RecordsMessage message;
  message.records = {forged,
                     SignPeerRecord(stranger, here, now, "n9:1"),
                     SignPeerRecord(cluster_->key(3), NamespaceHash("another"), now, "n3:1"),
                     SignPeerRecord(cluster_->key(3), here, now + 3'600'000, "n3:1"),
                     SignPeerRecord(cluster_->key(3), here, now - 3 * 86'400'000, "n3:1"),
                     SignPeerRecord(cluster_->key(3), here, ~uint64_t{0}, "n3:1")};
  peer.SendControl(message);
  EXPECT_TRUE(peer.closed().ok());
  EXPECT_EQ(cluster_->mesh(0).Stats().records_refused, 6);
  EXPECT_EQ(cluster_->mesh(0).Stats().known_records, 1);
  // The newest wins, whatever comes after it.
  peer.SendControl(RecordsMessage{{SignPeerRecord(cluster_->key(3), here, now + 2, "n3:2")}});
  peer.SendControl(RecordsMessage{{SignPeerRecord(cluster_->key(3), here, now + 1, "n3:1")}});
  EXPECT_EQ(cluster_->mesh(0).Stats().known_records, 2);
  for (const Bytes& bytes : cluster_->mesh(0).KnownRecords()) {
    const PeerRecord record = *PeerRecord::Decode(bytes);
    if (record.peer == cluster_->id(3)) {
      EXPECT_EQ(record.address, "n3:2");
    }
  }
}

// A member that signs itself a new address with every breath does not make the others talk.
TEST_F(OffenceTest, ARecordChangesOnlySoOften) {
  RawPeer peer(*cluster_, 2, "n2");
  peer.Dial();
  const Hash here = NamespaceHash("simulation");
  const auto now = static_cast<uint64_t>(sim::kEpochMs);
  for (uint64_t i = 0; i < 200; ++i) {
    peer.SendControl(RecordsMessage{
        {SignPeerRecord(cluster_->key(2), here, now + i, absl::StrCat("n2:", i + 1))}});
  }
  const MeshStats stats = cluster_->mesh(0).Stats();
  EXPECT_LT(stats.records_accepted, 40);
  EXPECT_GT(stats.records_refused, 160);
}

TEST_F(OffenceTest, RandomFramesNeverHurtTheOthers) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    sim::SplitMix64 random(seed);
    RawPeer peer(*cluster_, 2, "n2");
    peer.Dial();
    for (int i = 0; i < 20 && peer.closed().ok(); ++i) {
      Bytes frame;
      for (uint64_t j = random.Below(5); j > 0; --j) {
        AppendEntry({ChannelId(static_cast<uint16_t>(random.Below(8))),
                     static_cast<uint8_t>(random.Below(4)), Noise(random.Below(60), random.Next())},
                    frame);
      }
      if (random.Chance(0.2)) frame = Noise(random.Below(100) + 1, random.Next());
      if (!frame.empty()) peer.Send(frame);
    }
    Run(seconds(6));
    EXPECT_THAT(cluster_->mesh(0).Connected(), ::testing::Contains(cluster_->id(1))) << seed;
  }
}

}  // namespace
}  // namespace groat::p2p
