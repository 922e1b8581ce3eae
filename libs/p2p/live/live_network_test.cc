// Meshes of real connections on the loopback interface.
#include "p2p/live/live_network.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "base/check.h"
#include "base/mutex.h"
#include "base/status_matchers.h"
#include "p2p/live/mesh_metrics.h"

namespace groat::p2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Ed25519PrivateKey KeyOf(size_t i) {
  Bytes32 seed;
  StoreBigEndian(i + 77, seed.data(), 8);
  return Ed25519PrivateKey(seed);
}

int64_t NowSeconds() {
  return std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Of the test that runs.
Carrier carrier = Carrier::kTls;

// A node, and what came to it.
class Node {
 public:
  Node(size_t index, const std::vector<PeerId>& peers, const std::string& bootstrapper,
       const std::function<void(LiveNetworkOptions&)>& adjust = nullptr, size_t key = SIZE_MAX)
      : key_(KeyOf(key == SIZE_MAX ? index : key)) {
    LiveNetworkOptions options;
    options.mesh.namespace_name = "test";
    options.carrier = carrier;
    if (!bootstrapper.empty()) options.mesh.bootstrappers = {{peers[0], bootstrapper}};
    options.transport.validity = {NowSeconds() - 60, NowSeconds() + 3600};
    if (adjust) adjust(options);
    network_ = *LiveNetwork::Make(std::move(options), key_);
    network_->RunAndWait([&] {
      Mesh& mesh = network_->mesh();
      normal_ = *mesh.Register(ChannelId(1), {.name = "normal"});
      bulk_ = *mesh.Register(ChannelId(2), {.name = "bulk",
                                            .priority = Priority::kBulk,
                                            .max_message_bytes = size_t{8} << 20,
                                            .when_full = WhenFull::kBackPressure});
      for (const Channel& channel : {normal_, bulk_}) {
        channel.receiver->OnReady([this, receiver = channel.receiver] {
          while (auto message = receiver->Poll()) {
            MutexLock lock(mutex_);
            got_[message->from].push_back(std::move(message->payload));
            changed_.NotifyAll();
          }
        });
      }
      mesh.WatchPeers([this](const PeerId&, PeerEvent) {
        MutexLock lock(mutex_);
        changed_.NotifyAll();
      });
      GROAT_CHECK_OK(mesh.SetPeers(1, peers));
      started_ = mesh.Start();
      address_ = mesh.listen_address();
    });
  }

  LiveNetwork& network() { return *network_; }
  const std::string& address() const { return address_; }
  const absl::Status& started() const { return started_; }
  PeerId id() const { return key_.public_key(); }
  std::vector<PeerId> Send(const Channel& channel, const Recipients& to, const Bytes& payload) {
    return channel.sender->Send(to, payload);
  }
  const Channel& normal() const { return normal_; }
  const Channel& bulk() const { return bulk_; }

  // Waits for changes, not for time.
  bool WaitForPeers(size_t count) {
    return Wait([&] { return network_->Stats().connected_peers == count; });
  }
  bool WaitForMessages(const PeerId& from, size_t count) {
    return Wait([&] { return Got(from).size() >= count; });
  }
  // The condition may use the executor, which may wait for our lock: so it is asked without.
  bool Wait(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      MutexLock lock(mutex_);
      // What the condition reads may change without a notification, as counters do.
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + milliseconds(20));
    }
    return true;
  }
  std::vector<Bytes> Got(const PeerId& from) {
    MutexLock lock(mutex_);
    return got_[from];
  }
  uint64_t Closures(PeerClass peer_class, Closure closure) {
    return network_->Stats()
        .closures[static_cast<size_t>(peer_class)][static_cast<size_t>(closure)];
  }

 private:
  const Ed25519PrivateKey key_;
  Channel normal_;
  Channel bulk_;
  std::string address_;
  absl::Status started_;
  Mutex mutex_;
  CondVar changed_;
  std::map<PeerId, std::vector<Bytes>> got_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<LiveNetwork> network_;  // Last: its callbacks use what is above.
};

std::vector<PeerId> Ids(size_t count) {
  std::vector<PeerId> ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(KeyOf(i).public_key());
  return ids;
}

struct Nodes {
  explicit Nodes(size_t count) : ids(Ids(count)) {
    for (size_t i = 0; i < count; ++i) {
      nodes.push_back(std::make_unique<Node>(i, ids, i == 0 ? "" : nodes[0]->address()));
    }
  }
  bool WaitForFullMesh() {
    for (const auto& node : nodes) {
      if (!node->WaitForPeers(nodes.size() - 1)) return false;
    }
    return true;
  }
  Node& operator[](size_t i) { return *nodes[i]; }
  const std::vector<PeerId> ids;
  std::vector<std::unique_ptr<Node>> nodes;
};

class LiveNetworkTest : public ::testing::TestWithParam<Carrier> {
 protected:
  LiveNetworkTest() { carrier = GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(Carriers, LiveNetworkTest,
                         ::testing::Values(Carrier::kTls, Carrier::kGrpc),
                         [](const ::testing::TestParamInfo<Carrier>& tested) {
                           return tested.param == Carrier::kTls ? "Tls" : "Grpc";
                         });

TEST_P(LiveNetworkTest, AFullMeshFormsFromOneBootstrapper) {
  Nodes nodes(8);
  EXPECT_TRUE(nodes.WaitForFullMesh());
  EXPECT_EQ(nodes[0].Send(nodes[0].normal(), Recipients::All(), {1, 2, 3}).size(), 7);
  for (size_t i = 1; i < 8; ++i) {
    ASSERT_TRUE(nodes[i].WaitForMessages(nodes.ids[0], 1)) << i;
    EXPECT_EQ(nodes[i].Got(nodes.ids[0])[0], Bytes({1, 2, 3}));
  }
}

TEST_P(LiveNetworkTest, MessagesOfEveryLengthArriveInOrderFromAnyThread) {
  Nodes nodes(2);
  ASSERT_TRUE(nodes.WaitForFullMesh());
  const Recipients to = Recipients::One(nodes.ids[1]);
  size_t sent = 0;
  for (size_t size : {0, 1, 500, 32'768, 300'000, 1'000'000}) {
    for (uint8_t i = 0; i < 20; ++i) {
      sent += nodes[0].Send(nodes[0].normal(), to, Bytes(size, i)).size();
    }
  }
  // 1 MB messages may meet a full backlog; the small ones never do.
  EXPECT_GE(sent, 100);
  ASSERT_TRUE(nodes[1].WaitForMessages(nodes.ids[0], sent));
  const std::vector<Bytes> got = nodes[1].Got(nodes.ids[0]);
  size_t last_size = 0;
  for (const Bytes& message : got) {
    EXPECT_GE(message.size(), last_size);
    last_size = message.size();
  }
}

TEST_P(LiveNetworkTest, BulkTravelsOnItsOwnConnection) {
  Nodes nodes(3);
  ASSERT_TRUE(nodes.WaitForFullMesh());
  const uint64_t before = nodes[0].network().Stats().connections_made;
  for (size_t i = 0; i < 2; ++i) {
    const Bytes bulk(size_t{8} << 20, 9);
    EXPECT_EQ(nodes[i].Send(nodes[i].bulk(), Recipients::One(nodes.ids[2]), bulk).size(), 1);
    ASSERT_TRUE(nodes[2].WaitForMessages(nodes.ids[i], 1));
    EXPECT_EQ(nodes[2].Got(nodes.ids[i])[0], bulk);
  }
  EXPECT_EQ(nodes[0].network().Stats().connections_made, before + 1);
}

TEST_P(LiveNetworkTest, AnAddressThatChangesReachesAllAndADroppedPeerLeavesAll) {
  Nodes nodes(4);
  ASSERT_TRUE(nodes.WaitForFullMesh());
  nodes[2].network().RunAndWait(
      [&] { GROAT_CHECK_OK(nodes[2].network().mesh().SetAdvertisedAddress("127.0.0.2:4444")); });
  for (const size_t i : {0, 1, 3}) {
    EXPECT_TRUE(nodes[i].Wait([&] {
      bool found = false;
      nodes[i].network().RunAndWait([&] {
        for (const Bytes& bytes : nodes[i].network().mesh().KnownRecords()) {
          const auto record = AsText(bytes);
          found = found || record.find("127.0.0.2:4444") != std::string_view::npos;
        }
      });
      return found;
    })) << i;
  }
  const std::vector<PeerId> rest = {nodes.ids[0], nodes.ids[1], nodes.ids[3]};
  for (const size_t i : {0, 1, 3}) {
    nodes[i].network().RunAndWait(
        [&] { GROAT_CHECK_OK(nodes[i].network().mesh().SetPeers(1, rest)); });
  }
  EXPECT_TRUE(nodes[2].WaitForPeers(0));
  for (const size_t i : {0, 1, 3}) EXPECT_TRUE(nodes[i].WaitForPeers(2)) << i;
}

TEST_P(LiveNetworkTest, APeerThatEndsIsNoticedAndComesBack) {
  Nodes nodes(4);
  ASSERT_TRUE(nodes.WaitForFullMesh());
  nodes.nodes[3].reset();
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(nodes[i].WaitForPeers(2)) << i;
  nodes.nodes[3] = std::make_unique<Node>(3, nodes.ids, nodes[0].address());
  EXPECT_TRUE(nodes.WaitForFullMesh());
}

TEST_P(LiveNetworkTest, StrangersAndWrongKeysAreRefused) {
  const std::vector<PeerId> ids = Ids(2);
  Node honest(0, ids, "");
  // Key 5 is in nobody's set but its own.
  Node stranger(5, ids, honest.address());
  EXPECT_TRUE(honest.Wait(
      [&] { return honest.Closures(PeerClass::kStranger, Closure::kUnauthorized) > 0; }));
  EXPECT_EQ(honest.network().Stats().connected_peers, 0);
  // Somebody else listens where node 0 is said to be.
  Node impostor(6, ids, "");
  Node fooled(1, ids, impostor.address());
  EXPECT_TRUE(
      fooled.Wait([&] { return fooled.Closures(PeerClass::kMember, Closure::kDialFailed) > 1; }));
  EXPECT_EQ(fooled.network().Stats().connected_peers, 0);
}

TEST_P(LiveNetworkTest, AnExpiredCertificateIsRefused) {
  const std::vector<PeerId> ids = Ids(2);
  Node honest(0, ids, "");
  Node late(1, ids, honest.address(), [](LiveNetworkOptions& options) {
    options.transport.validity = {NowSeconds() - 100, NowSeconds() - 50};
  });
  EXPECT_TRUE(
      late.Wait([&] { return late.Closures(PeerClass::kMember, Closure::kDialFailed) > 1; }));
  EXPECT_EQ(honest.network().Stats().connected_peers, 0);
}

TEST_P(LiveNetworkTest, AnotherNamespaceIsRefused) {
  const std::vector<PeerId> ids = Ids(2);
  Node honest(0, ids, "");
  Node other(1, ids, honest.address(),
             [](LiveNetworkOptions& options) { options.mesh.namespace_name = "another"; });
  EXPECT_TRUE(honest.Wait(
      [&] { return honest.Closures(PeerClass::kMember, Closure::kWrongNamespace) > 0; }));
  EXPECT_EQ(honest.network().Stats().connected_peers, 0);
}

TEST_P(LiveNetworkTest, AnAddressThatIsTakenOrBadIsAnError) {
  const std::vector<PeerId> ids = Ids(2);
  Node first(0, ids, "");
  Node second(1, ids, "",
              [&](LiveNetworkOptions& options) { options.mesh.listen_address = first.address(); });
  EXPECT_THAT(second.started(), ::groat::testing::StatusIs(absl::StatusCode::kUnavailable,
                                                           ::testing::HasSubstr(first.address())));
  LiveNetworkOptions options;
  options.carrier = carrier;
  options.mesh.namespace_name = "test";
  options.mesh.listen_address = "nowhere";
  options.transport.validity = {NowSeconds(), NowSeconds() + 10};
  const Ed25519PrivateKey key = KeyOf(0);
  EXPECT_THAT(LiveNetwork::Make(options, key).status(),
              ::groat::testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                         ::testing::HasSubstr("nowhere")));
  options.mesh.listen_address = "127.0.0.1:0";
  options.transport.threads = 9;
  EXPECT_THAT(LiveNetwork::Make(options, key).status(),
              ::groat::testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                         ::testing::HasSubstr("threads is 9")));
}

// Sockets that speak no TLS, or nothing at all, keep nobody out.
TEST_P(LiveNetworkTest, GarbageAndSilenceOnTheSocketHurtNobody) {
  const std::vector<PeerId> ids = Ids(2);
  Node honest(0, ids, "");
  std::vector<int> sockets;
  for (int i = 0; i < 50; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    uint32_t port = 0;
    ASSERT_TRUE(absl::SimpleAtoi(honest.address().substr(honest.address().rfind(':') + 1), &port));
    address.sin_port = htons(static_cast<uint16_t>(port));
    ASSERT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    if (i % 2 == 0) {
      const std::string garbage(1000, static_cast<char>(i));
      EXPECT_EQ(send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL), 1000);
    }
    sockets.push_back(fd);
  }
  Node other(1, ids, honest.address());
  EXPECT_TRUE(honest.WaitForPeers(1));
  for (const int fd : sockets) close(fd);
}

TEST_P(LiveNetworkTest, TwoNetworksInOneProcessDoNotMix) {
  const std::vector<PeerId> ids = Ids(2);
  const auto other = [](LiveNetworkOptions& options) {
    options.mesh.namespace_name = "second";
    options.transport.name = "second";
    options.transport.threads = carrier == Carrier::kGrpc ? 2 : 1;
  };
  Node a(0, ids, "");
  Node b(1, ids, a.address());
  Node a2(0, ids, "", other);
  Node b2(1, ids, a2.address(), other);
  ASSERT_TRUE(a.WaitForPeers(1));
  ASSERT_TRUE(a2.WaitForPeers(1));
  EXPECT_EQ(a2.network().executor().threads(), carrier == Carrier::kGrpc ? 2 : 1);
  for (int i = 0; i < 500; ++i) {
    a.Send(a.normal(), Recipients::All(), {1});
    a2.Send(a2.normal(), Recipients::All(), {2});
  }
  ASSERT_TRUE(b.WaitForMessages(ids[0], 500));
  ASSERT_TRUE(b2.WaitForMessages(ids[0], 500));
  for (const Bytes& message : b.Got(ids[0])) EXPECT_EQ(message, Bytes({1}));
  for (const Bytes& message : b2.Got(ids[0])) EXPECT_EQ(message, Bytes({2}));
}

TEST_P(LiveNetworkTest, MetricsMove) {
  Nodes nodes(2);
  ASSERT_TRUE(nodes.WaitForFullMesh());
  MeshMetrics metrics("test", nodes[0].network());
  nodes[0].Send(nodes[0].normal(), Recipients::All(), Bytes(100));
  nodes[1].Send(nodes[1].normal(), Recipients::All(), Bytes(10));
  ASSERT_TRUE(nodes[0].WaitForMessages(nodes.ids[1], 1));
  ASSERT_TRUE(nodes[1].WaitForMessages(nodes.ids[0], 1));
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& family : metrics.Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::string name = family.name;
      for (const auto& label : metric.label) name += " " + label.value;
      values[name] = metric.counter.value + metric.gauge.value;
    }
  }
  EXPECT_EQ(values["groat_p2p_connected_peers test"], 1);
  EXPECT_EQ(values["groat_p2p_messages_total test normal out"], 1);
  EXPECT_EQ(values["groat_p2p_message_bytes_total test normal out"], 100);
  EXPECT_EQ(values["groat_p2p_messages_total test normal in"], 1);
  EXPECT_EQ(values["groat_p2p_message_bytes_total test normal in"], 10);
  EXPECT_EQ(values["groat_p2p_executor_threads test"], 1);
  EXPECT_GT(values["groat_p2p_executor_busy_seconds_total test"], 0);
  EXPECT_TRUE(values.contains("groat_p2p_turned_away_connections_total test no_proof_in_time"));
  metrics.Detach();
  EXPECT_TRUE(metrics.Collect().empty());
}

TEST_P(LiveNetworkTest, NetworksComeAndGoInTheMidstOfTraffic) {
  for (int round = 0; round < 5; ++round) {
    Nodes nodes(4);
    ASSERT_TRUE(nodes.WaitForFullMesh());
    for (int i = 0; i < 200; ++i) {
      for (const auto& node : nodes.nodes) {
        node->Send(node->normal(), Recipients::All(), Bytes(2000));
        node->Send(node->bulk(), Recipients::All(), Bytes(20'000));
      }
    }
  }
}

TEST(CarrierTest, HasAName) {
  EXPECT_EQ(*CarrierOfName("tls"), Carrier::kTls);
  EXPECT_EQ(*CarrierOfName("grpc"), Carrier::kGrpc);
  EXPECT_THAT(CarrierOfName("quic").status(),
              ::groat::testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                         ::testing::HasSubstr("`quic`")));
}

}  // namespace
}  // namespace groat::p2p
