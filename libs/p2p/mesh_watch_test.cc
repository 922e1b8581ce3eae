// Watches of peers that change the mesh while it tells them of a change.
#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "p2p/mesh.h"
#include "sim/mesh_cluster.h"

namespace groat::p2p {
namespace {

using sim::MeshCluster;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The index of the set that a cluster's nodes have.
constexpr uint64_t kClusterSet = 1;

class MeshWatchTest : public ::testing::Test {
 protected:
  MeshCluster::Options Options() {
    MeshCluster::Options options;
    options.nodes = 4;
    options.setup = [this](size_t i, Network& network, Executor&) {
      if (i != 0) return;
      network.WatchPeers([this](const PeerId& peer, PeerEvent event) {
        events_.emplace_back(peer, event);
        // It may take itself away.
        const auto on_event = on_event_;
        if (on_event) on_event(peer, event);
      });
    };
    return options;
  }

  std::vector<std::pair<PeerId, PeerEvent>> events_;
  std::function<void(const PeerId&, PeerEvent)> on_event_;
};

// The outer change meant to disconnect everybody; the watch of the first does it meanwhile.
TEST_F(MeshWatchTest, MayDropTheSetsWhileTheyChange) {
  MeshCluster cluster(Options());
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(10)));
  Mesh& mesh = cluster.mesh(0);
  events_.clear();
  on_event_ = [&](const PeerId&, PeerEvent) { mesh.DropPeers(kClusterSet); };
  cluster.executor(0).Run([&] { GROAT_EXPECT_OK(mesh.SetPeers(kClusterSet, {cluster.id(0)})); });
  EXPECT_EQ(events_.size(), 3U);
  EXPECT_THAT(mesh.Connected(), IsEmpty());
  EXPECT_EQ(mesh.Stats().wanted_peers, 0U);
}

TEST_F(MeshWatchTest, MayAuthorizeAgainWhomTheChangeDropped) {
  MeshCluster cluster(Options());
  cluster.StartAll();
  ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(10)));
  Mesh& mesh = cluster.mesh(0);
  events_.clear();
  on_event_ = [&](const PeerId&, PeerEvent) {
    on_event_ = nullptr;
    GROAT_EXPECT_OK(mesh.SetPeers(kClusterSet, cluster.ids()));
  };
  cluster.executor(0).Run([&] { mesh.DropPeers(kClusterSet); });
  // One had been told; the others stand.
  EXPECT_EQ(events_.size(), 1U);
  EXPECT_EQ(mesh.Connected().size(), 2U);
  EXPECT_TRUE(cluster.RunUntilFullMesh(seconds(10)));
}

TEST_F(MeshWatchTest, MayBlockWhoeverConnects) {
  MeshCluster cluster(Options());
  cluster.StartAll();
  const PeerId unwanted = cluster.id(2);
  on_event_ = [&](const PeerId& peer, PeerEvent event) {
    if (peer == unwanted && event == PeerEvent::kConnected) cluster.mesh(0).Block(peer, "test");
  };
  cluster.scheduler().RunFor(seconds(5));
  EXPECT_EQ(cluster.mesh(0).Connected().size(), 2U);
  std::erase_if(events_, [&](const auto& event) { return event.first != unwanted; });
  EXPECT_THAT(events_, ElementsAre(std::pair(unwanted, PeerEvent::kConnected),
                                   std::pair(unwanted, PeerEvent::kDisconnected)));
}

}  // namespace
}  // namespace groat::p2p
