// The mesh over simulated links: how links come up, go down and come back.
#include "p2p/mesh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "p2p/peer_record.h"
#include "sim/mesh_cluster.h"

namespace groat::p2p {
namespace {

using ::groat::testing::StatusIs;
using sim::MeshCluster;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What every node registers, and what came to it.
struct Node {
  Network* network = nullptr;
  Channel urgent;
  Channel normal;
  std::map<PeerId, std::vector<Bytes>> got;
};

class MeshTest : public ::testing::Test {
 protected:
  MeshCluster::Options Options(size_t nodes, uint64_t seed = 1) {
    nodes_.assign(nodes, Node());
    MeshCluster::Options options;
    options.nodes = nodes;
    options.seed = sim::SeedFromEnvironment(seed);
    options.setup = [this](size_t i, Network& network, Executor&) {
      Node& node = nodes_[i];
      node.network = &network;
      node.urgent =
          *network.Register(ChannelId(1), {.name = "urgent", .priority = Priority::kUrgent});
      node.normal = *network.Register(ChannelId(2), {.name = "normal"});
      const auto take = [&node](Receiver* receiver) {
        receiver->OnReady([&node, receiver] {
          while (auto message = receiver->Poll()) {
            node.got[message->from].push_back(std::move(message->payload));
          }
        });
      };
      take(node.urgent.receiver);
      take(node.normal.receiver);
    };
    return options;
  }
  static uint64_t Closures(const MeshStats& stats, Closure closure) {
    return stats.closures[0][static_cast<size_t>(closure)] +
           stats.closures[1][static_cast<size_t>(closure)];
  }

  std::vector<Node> nodes_;
};

TEST_F(MeshTest, AFullMeshFormsFromOneBootstrapper) {
  for (const size_t count : {2, 4, 20, 60}) {
    MeshCluster cluster(Options(count, count));
    cluster.StartAll();
    EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(1))) << count << " nodes, seed " << count;
    uint64_t made = 0;
    for (size_t i = 0; i < count; ++i) made += cluster.mesh(i).Stats().connections_made;
    // Each pair has one link, whoever dialled.
    EXPECT_EQ(made, count * (count - 1)) << count << " nodes";
  }
}

TEST_F(MeshTest, TheBootstrapperMayStartLast) {
  MeshCluster cluster(Options(5));
  for (size_t i = 1; i < 5; ++i) cluster.Start(i);
  cluster.scheduler().RunFor(seconds(10));
  EXPECT_EQ(cluster.Links(), 0);
  cluster.Start(0);
  EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(2)));
}

TEST_F(MeshTest, MessagesGoToAllSomeAndOne) {
  MeshCluster cluster(Options(4));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  Sender& sender = *nodes_[0].normal.sender;
  const Bytes a = {1};
  const Bytes b = {2};
  const Bytes c = {3};
  std::vector<PeerId> others(cluster.ids().begin() + 1, cluster.ids().end());
  std::sort(others.begin(), others.end());
  EXPECT_EQ(sender.Send(Recipients::All(), a), others);
  const std::vector<PeerId> some = {cluster.id(2), cluster.id(0), cluster.id(3)};
  EXPECT_THAT(sender.Send(Recipients::Some(some), b),
              ::testing::ElementsAre(cluster.id(2), cluster.id(3)));
  EXPECT_THAT(sender.Send(Recipients::One(cluster.id(1)), c),
              ::testing::ElementsAre(cluster.id(1)));
  const PeerId nobody = Ed25519PrivateKey::Generate().public_key();
  EXPECT_THAT(sender.Send(Recipients::One(nobody), c), ::testing::IsEmpty());
  cluster.scheduler().RunFor(milliseconds(10));
  EXPECT_THAT(nodes_[1].got[cluster.id(0)], ::testing::ElementsAre(a, c));
  EXPECT_THAT(nodes_[2].got[cluster.id(0)], ::testing::ElementsAre(a, b));
  EXPECT_THAT(nodes_[3].got[cluster.id(0)], ::testing::ElementsAre(a, b));
  const MeshStats stats = cluster.mesh(0).Stats();
  EXPECT_EQ(stats.channels[1].sent_messages, 6);
  EXPECT_EQ(stats.channels[1].drops[static_cast<size_t>(Drop::kNotConnected)], 1);
  EXPECT_EQ(cluster.mesh(1).Stats().channels[1].received_messages, 2);
}

TEST_F(MeshTest, AChangedAddressReachesAll) {
  MeshCluster cluster(Options(10));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  GROAT_ASSERT_OK(cluster.mesh(3).SetAdvertisedAddress("n3:9999"));
  cluster.scheduler().RunFor(milliseconds(100));
  for (size_t i = 0; i < 10; ++i) {
    if (i == 3) continue;
    bool found = false;
    for (const Bytes& bytes : cluster.mesh(i).KnownRecords()) {
      const PeerRecord record = *PeerRecord::Decode(bytes);
      if (record.peer == cluster.id(3)) found = record.address == "n3:9999";
    }
    EXPECT_TRUE(found) << "node " << i;
  }
  EXPECT_THAT(cluster.mesh(3).SetAdvertisedAddress("nonsense"),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("nonsense")));
}

// A node that moved is found at its new address by those that could not be told of it.
TEST_F(MeshTest, ANodeThatMovedIsFoundThroughOthers) {
  MeshCluster cluster(Options(6));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  cluster.Kill(4);
  cluster.wires().Cut(MeshCluster::Host(4), MeshCluster::Host(5));  // 4 cannot dial 5,
  cluster.Start(4, 7400);                                           // and moved.
  cluster.scheduler().RunFor(seconds(10));
  cluster.wires().Heal();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(3)));
}

TEST_F(MeshTest, APeerThatLeavesTheSetIsDisconnectedEverywhere) {
  MeshCluster cluster(Options(6));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  std::vector<PeerId> without(cluster.ids().begin(), cluster.ids().end() - 1);
  for (size_t i = 0; i < 5; ++i) GROAT_ASSERT_OK(cluster.mesh(i).SetPeers(1, without));
  cluster.scheduler().RunFor(seconds(5));
  EXPECT_THAT(cluster.mesh(5).Connected(), ::testing::IsEmpty());
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(cluster.mesh(i).Connected().size(), 4);
    EXPECT_EQ(Closures(cluster.mesh(i).Stats(), Closure::kDropped), 1);
  }
  // A second set lets it back in, and dropping that set puts it out again.
  for (size_t i = 0; i < 5; ++i) GROAT_ASSERT_OK(cluster.mesh(i).SetPeers(2, cluster.ids()));
  EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(2)));
  for (size_t i = 0; i < 5; ++i) cluster.mesh(i).DropPeers(2);
  cluster.scheduler().RunFor(seconds(1));
  EXPECT_THAT(cluster.mesh(5).Connected(), ::testing::IsEmpty());
}

// A member that knows the next set reaches a peer that knows only the present one.
TEST_F(MeshTest, APeerOutsideItsOwnSetsAcceptsMembers) {
  MeshCluster::Options options = Options(4);
  options.members = 3;  // Node 3 knows 0, 1 and 2, and is not among them.
  MeshCluster cluster(options);
  cluster.StartAll();
  cluster.scheduler().RunFor(seconds(1));
  EXPECT_THAT(cluster.mesh(3).Connected(), ::testing::IsEmpty());
  GROAT_ASSERT_OK(cluster.mesh(0).SetPeers(2, cluster.ids()));
  cluster.scheduler().RunFor(seconds(1));
  EXPECT_THAT(cluster.mesh(3).Connected(), ::testing::ElementsAre(cluster.id(0)));
}

TEST_F(MeshTest, ABlockedPeerStaysOut) {
  MeshCluster cluster(Options(4));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  cluster.mesh(0).Block(cluster.id(1), "signed two votes");
  cluster.scheduler().RunFor(seconds(10));
  EXPECT_EQ(cluster.mesh(0).Connected().size(), 2);
  EXPECT_EQ(cluster.mesh(1).Connected().size(), 2);
  EXPECT_EQ(cluster.mesh(0).Stats().blocked_peers, 1);
  // Also when it begins anew, or the sets are given again.
  cluster.Kill(1);
  cluster.Start(1);
  GROAT_ASSERT_OK(cluster.mesh(0).SetPeers(1, cluster.ids()));
  cluster.scheduler().RunFor(seconds(10));
  EXPECT_EQ(cluster.mesh(0).Connected().size(), 2);
}

TEST_F(MeshTest, AnotherNamespaceIsRefused) {
  MeshCluster::Options options = Options(3);
  options.adjust = [](size_t i, MeshOptions& mesh) {
    if (i == 2) mesh.namespace_name = "another network";
  };
  MeshCluster cluster(options);
  cluster.StartAll();
  cluster.scheduler().RunFor(seconds(3));
  EXPECT_THAT(cluster.mesh(2).Connected(), ::testing::IsEmpty());
  EXPECT_EQ(cluster.mesh(0).Connected().size(), 1);
  EXPECT_GT(Closures(cluster.mesh(0).Stats(), Closure::kWrongNamespace), 0);
}

TEST_F(MeshTest, AFrozenPeerIsNoticedWithinThreeSeconds) {
  MeshCluster cluster(Options(4));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  cluster.scheduler().RunFor(milliseconds(1234));
  cluster.Freeze(2, true);
  const auto noticed = [&] {
    for (size_t i = 0; i < 4; ++i) {
      if (i != 2 && cluster.mesh(i).Connected().size() != 2) return false;
    }
    return true;
  };
  EXPECT_TRUE(cluster.scheduler().RunUntil(noticed, seconds(3)));
  cluster.scheduler().RunFor(seconds(30));
  cluster.Freeze(2, false);
  EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(3)));
}

TEST_F(MeshTest, APeerWithoutPowerIsNoticedAndComesBackSoon) {
  MeshCluster cluster(Options(4));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  cluster.PowerOff(1);
  EXPECT_TRUE(cluster.scheduler().RunUntil([&] { return cluster.Links() == 6; }, seconds(3)));
  cluster.scheduler().RunFor(seconds(60));
  cluster.Start(1);
  EXPECT_TRUE(cluster.RunUntilFullMesh(milliseconds(500)));
}

// Before its old connections were seen to be dead, a peer that began anew replaces them.
TEST_F(MeshTest, ANewIncarnationReplacesTheOldAtOnce) {
  MeshCluster cluster(Options(4));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  cluster.PowerOff(1);
  cluster.Start(1);
  EXPECT_TRUE(cluster.scheduler().RunUntil([&] { return cluster.mesh(1).Connected().size() == 3; },
                                           milliseconds(500)));
  cluster.scheduler().RunFor(milliseconds(10));
  EXPECT_EQ(cluster.Links(), 12);
  EXPECT_EQ(Closures(cluster.mesh(0).Stats(), Closure::kReplaced), 1);
  cluster.scheduler().RunFor(seconds(10));
  EXPECT_EQ(cluster.Links(), 12);
}

TEST_F(MeshTest, ARestartedPeerIsConnectedWithinHalfASecond) {
  MeshCluster cluster(Options(20));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  for (const size_t victim : {0, 7, 19}) {
    cluster.Kill(victim);
    cluster.scheduler().RunFor(seconds(7));
    cluster.Start(victim);
    EXPECT_TRUE(cluster.RunUntilFullMesh(milliseconds(500))) << victim;
  }
}

TEST_F(MeshTest, APartitionHeals) {
  MeshCluster cluster(Options(7));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  cluster.wires().Partition({{"n0", "n1", "n2"}, {"n3", "n4", "n5", "n6"}});
  cluster.scheduler().RunFor(seconds(20));
  EXPECT_EQ(cluster.Links(), 3 * 2 + 4 * 3);
  cluster.wires().Heal();
  EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(4)));
}

TEST_F(MeshTest, LinksThatHearOnlyOneWayAreGivenUp) {
  MeshCluster cluster(Options(3));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  cluster.wires().Cut("n0", "n1");
  EXPECT_TRUE(cluster.scheduler().RunUntil([&] { return cluster.mesh(1).Connected().size() == 1; },
                                           seconds(3)));
  cluster.wires().Heal();
  EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(4)));
}

// Frames that are lost, repeated, late and damaged: links break and come back, and what is read is
// what was sent.
TEST_F(MeshTest, BadLinksHeal) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    MeshCluster cluster(Options(6, seed));
    cluster.wires().SetDefaultLink({.latency = milliseconds(5),
                                    .jitter = milliseconds(10),
                                    .success_rate = 0.95,
                                    .reorder_rate = 0.05,
                                    .duplicate_rate = 0.05,
                                    .corrupt_rate = 0.002});
    cluster.StartAll();
    const Bytes payload(300, 7);
    for (int i = 0; i < 300; ++i) {
      for (Node& node : nodes_) node.normal.sender->Send(Recipients::All(), payload);
      cluster.scheduler().RunFor(milliseconds(50));
    }
    cluster.wires().SetDefaultLink({});
    // A penalty may be under way.
    EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(12))) << "GROAT_SEED=" << seed;
    size_t got = 0;
    for (const Node& node : nodes_) {
      for (const auto& [from, messages] : node.got) got += messages.size();
    }
    EXPECT_GT(got, 300u * 6 * 5 / 4) << seed;
  }
}

TEST_F(MeshTest, TheSameSeedGivesTheSameRun) {
  const auto run = [&](uint64_t seed) {
    MeshCluster cluster(Options(8, seed));
    cluster.wires().SetDefaultLink(
        {.latency = milliseconds(2), .jitter = milliseconds(3), .success_rate = 0.98});
    cluster.StartAll();
    cluster.scheduler().RunFor(seconds(2));
    cluster.Kill(3);
    for (Node& node : nodes_) {
      if (node.network != nodes_[3].network) {
        node.urgent.sender->Send(Recipients::All(), Bytes(100, 1));
      }
    }
    cluster.scheduler().RunFor(seconds(2));
    cluster.Start(3);
    cluster.scheduler().RunFor(seconds(2));
    return cluster.scheduler().digest();
  };
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const uint64_t first = run(seed);
    EXPECT_EQ(run(seed), first) << seed;
    EXPECT_NE(run(seed + 1000), first) << seed;
  }
}

TEST_F(MeshTest, ClocksThatAreWrongWithinTheSkewDoNotHinder) {
  MeshCluster::Options options = Options(5);
  const auto setup = options.setup;
  options.setup = [&](size_t i, Network& network, Executor& executor) {
    setup(i, network, executor);
    static_cast<sim::NodeExecutor&>(executor).SetWallClock(
        {.skew = seconds(static_cast<int>(i) * 5), .drift = 1e-3});
  };
  MeshCluster cluster(options);
  cluster.StartAll();
  EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
}

// A process that begins anew with a clock that went back signs above its older record.
TEST_F(MeshTest, AClockThatWentBackIsOvercome) {
  MeshCluster::Options options = Options(5);
  const auto setup = options.setup;
  milliseconds skew(0);
  options.setup = [&](size_t i, Network& network, Executor& executor) {
    setup(i, network, executor);
    if (i == 4) static_cast<sim::NodeExecutor&>(executor).SetWallClock({.skew = skew});
  };
  MeshCluster cluster(options);
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  cluster.Kill(4);
  skew = milliseconds(-20'000);
  cluster.Start(4, 7777);
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(5)));
  cluster.scheduler().RunFor(seconds(1));
  for (const Bytes& bytes : cluster.mesh(0).KnownRecords()) {
    const PeerRecord record = *PeerRecord::Decode(bytes);
    if (record.peer == cluster.id(4)) {
      EXPECT_EQ(record.address, "n4:7777");
    }
  }
}

TEST_F(MeshTest, RecordsThatWereKeptReplaceTheBootstrapper) {
  MeshCluster cluster(Options(5));
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(1)));
  const std::vector<Bytes> kept = cluster.mesh(3).KnownRecords();
  EXPECT_EQ(kept.size(), 4);
  cluster.Kill(3);
  cluster.PowerOff(0);
  cluster.Start(3);
  cluster.mesh(3).AddRecords(kept);
  EXPECT_TRUE(cluster.scheduler().RunUntil([&] { return cluster.mesh(3).Connected().size() == 3; },
                                           milliseconds(500)));
}

TEST_F(MeshTest, ALayoutBoundsWhoConnects) {
  MeshCluster::Options options = Options(6);
  std::vector<PeerId> ids;
  MeshCluster* made = nullptr;
  options.adjust = [&](size_t i, MeshOptions& mesh) {
    mesh.wants = [&made, i](const PeerId& peer) {
      return i == 0 || peer == made->id(0);  // A star.
    };
  };
  MeshCluster cluster(options);
  made = &cluster;
  cluster.StartAll();
  cluster.scheduler().RunFor(seconds(2));
  EXPECT_EQ(cluster.Links(), 10);
  EXPECT_EQ(cluster.mesh(0).Connected().size(), 5);
}

TEST_F(MeshTest, WatchesAreToldOfEveryChange) {
  MeshCluster::Options options = Options(3);
  std::vector<std::string> events;
  const auto setup = options.setup;
  MeshCluster* made = nullptr;
  options.setup = [&](size_t i, Network& network, Executor& executor) {
    setup(i, network, executor);
    if (i != 0) return;
    network.WatchPeers([&](const PeerId& peer, PeerEvent event) {
      events.push_back(
          absl::StrCat(event == PeerEvent::kConnected ? "+" : "-", made->IndexOf(peer)));
    });
  };
  MeshCluster cluster(options);
  made = &cluster;
  cluster.Start(0);
  cluster.Start(1);
  cluster.scheduler().RunFor(seconds(1));
  cluster.Start(2);
  cluster.scheduler().RunFor(seconds(1));
  cluster.Kill(1);
  cluster.scheduler().RunFor(seconds(1));
  EXPECT_THAT(events, ::testing::ElementsAre("+1", "+2", "-1"));
}

TEST_F(MeshTest, SetsAndChannelsAreBounded) {
  MeshCluster cluster(Options(2));
  cluster.StartAll();
  Mesh& mesh = cluster.mesh(0);
  std::vector<PeerId> many(kMaxPeersInSet + 1);
  for (size_t i = 0; i < many.size(); ++i) StoreBigEndian(i, many[i].data(), 8);
  EXPECT_THAT(mesh.SetPeers(5, many),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("4097")));
  for (uint64_t i = 2; i <= kMaxPeerSets; ++i) GROAT_EXPECT_OK(mesh.SetPeers(i, {}));
  EXPECT_THAT(mesh.SetPeers(99, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("99")));
}

}  // namespace
}  // namespace groat::p2p
