// Discovery, partitions and floods with a hundred and a thousand simulated nodes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include "base/status_matchers.h"
#include "p2p/mesh.h"
#include "sim/mesh_cluster.h"
#include "sim/split_mix.h"

namespace groat::p2p {
namespace {

using sim::MeshCluster;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A connected random graph: a ring, and chords of its own choice for each node.
std::vector<std::set<size_t>> RandomGraph(size_t nodes, size_t chords, uint64_t seed) {
  sim::SplitMix64 random(seed);
  std::vector<std::set<size_t>> neighbours(nodes);
  const auto join = [&](size_t a, size_t b) {
    if (a == b) return;
    neighbours[a].insert(b);
    neighbours[b].insert(a);
  };
  for (size_t i = 0; i < nodes; ++i) {
    join(i, (i + 1) % nodes);
    for (size_t j = 0; j < chords; ++j) join(i, random.Below(nodes));
  }
  return neighbours;
}

// Nodes in a graph that all know one address, and count what comes to them.
class Crowd {
 public:
  Crowd(size_t nodes, size_t chords, uint64_t seed)
      : graph_(RandomGraph(nodes, chords, seed)), received_(nodes), channels_(nodes) {
    for (const std::set<size_t>& neighbours : graph_) wanted_links_ += neighbours.size();
    MeshCluster::Options options;
    options.nodes = nodes;
    options.seed = sim::SeedFromEnvironment(seed);
    options.adjust = [this](size_t i, MeshOptions& mesh) {
      mesh.wants = [this, i](const PeerId& peer) {
        // The bootstrapper takes everybody until they know others: it is everybody's neighbour.
        return i == 0 || peer == cluster_->id(0) || graph_[i].contains(index_.at(peer));
      };
    };
    options.setup = [this](size_t i, Network& network, Executor&) {
      channels_[i] = *network.Register(ChannelId(1), {.name = "flood", .backlog_messages = 100});
      Receiver* receiver = channels_[i].receiver;
      receiver->OnReady([this, i, receiver] {
        while (receiver->Poll().has_value()) ++received_[i];
      });
    };
    cluster_ = std::make_unique<MeshCluster>(options);
    for (size_t i = 0; i < nodes; ++i) index_[cluster_->id(i)] = i;
    for (size_t i = 1; i < nodes; ++i) {
      if (graph_[i].insert(0).second) ++wanted_links_;
      if (graph_[0].insert(i).second) ++wanted_links_;
    }
  }

  MeshCluster& cluster() { return *cluster_; }
  size_t IndexOf(const PeerId& peer) const { return index_.at(peer); }
  const Channel& channel(size_t i) { return channels_[i]; }
  uint64_t received(size_t i) const { return received_[i]; }
  size_t wanted_links() const { return wanted_links_; }
  bool RunUntilConnected(Duration limit) {
    const Instant end = cluster_->scheduler().Now() + limit;
    while (cluster_->Links() < wanted_links_) {
      if (cluster_->scheduler().Now() >= end) return false;
      cluster_->scheduler().RunFor(milliseconds(20));
    }
    return true;
  }

 private:
  std::vector<std::set<size_t>> graph_;
  std::vector<uint64_t> received_;
  std::vector<Channel> channels_;
  size_t wanted_links_ = 0;
  std::map<PeerId, size_t> index_;
  std::unique_ptr<MeshCluster> cluster_;
};

class MeshScaleTest : public ::testing::TestWithParam<size_t> {};

// One crowd for all three, since a thousand nodes take a while to meet.
TEST_P(MeshScaleTest, DiscoveryFloodAndPartition) {
  Crowd crowd(GetParam(), 4, GetParam());
  MeshCluster& cluster = crowd.cluster();
  cluster.StartAll();
  ASSERT_TRUE(crowd.RunUntilConnected(seconds(20)))
      << cluster.Links() << " of " << crowd.wanted_links() << " links";

  // One node floods its neighbours: what others say to them arrives all the same.
  const size_t flooder = cluster.size() / 2;
  const size_t honest = flooder + 1;  // On the ring beside it: they share neighbours.
  const std::vector<PeerId> victims = cluster.mesh(honest).Connected();
  std::vector<uint64_t> before(cluster.size());
  for (size_t i = 0; i < cluster.size(); ++i) before[i] = crowd.received(i);
  const Bytes payload(1000, 1);
  uint64_t flooded = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 100; ++i) {
      flooded += crowd.channel(flooder).sender->Send(Recipients::All(), payload).size();
    }
    EXPECT_EQ(crowd.channel(honest).sender->Send(Recipients::All(), payload).size(),
              victims.size());
    cluster.scheduler().RunFor(milliseconds(50));
  }
  EXPECT_GT(flooded, 20u * 100u);
  for (const PeerId& victim : victims) {
    const size_t index = crowd.IndexOf(victim);
    EXPECT_GE(crowd.received(index) - before[index], 20);
  }
  EXPECT_EQ(cluster.Links(), crowd.wanted_links());

  // Halves that lose each other, and meet again.
  std::vector<std::vector<std::string>> halves(2);
  for (size_t i = 0; i < cluster.size(); ++i) halves[i % 2].push_back(MeshCluster::Host(i));
  cluster.wires().Partition(halves);
  cluster.scheduler().RunFor(seconds(4));
  for (size_t i = 0; i < cluster.size(); i += cluster.size() / 10) {
    for (const PeerId& peer : cluster.mesh(i).Connected()) {
      EXPECT_EQ(crowd.IndexOf(peer) % 2, i % 2);
    }
  }
  cluster.wires().Heal();
  EXPECT_TRUE(crowd.RunUntilConnected(seconds(10)))
      << cluster.Links() << " of " << crowd.wanted_links() << " links";
}

INSTANTIATE_TEST_SUITE_P(Nodes, MeshScaleTest, ::testing::Values(100, 1000));

}  // namespace
}  // namespace groat::p2p
