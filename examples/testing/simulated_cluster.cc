#include <utility>

#include "examples/testing/cluster.h"
#include "sim/mesh_cluster.h"

namespace groat::examples::testing {
namespace {

class SimulatedCluster final : public Cluster {
 public:
  SimulatedCluster(size_t nodes, uint64_t seed, const Setup& setup)
      : mesh_(
            {.nodes = nodes,
             .seed = seed,
             .setup = [this, &setup](size_t node, p2p::Network& network, p2p::Executor& executor) {
               protocols_.push_back(setup({node, members(), network, executor}));
             }}) {
    mesh_.StartAll();
  }

  const std::vector<p2p::PeerId>& members() const override { return mesh_.ids(); }
  p2p::Protocol& protocol(size_t node) override { return *protocols_[node]; }
  p2p::Network& network(size_t node) override { return mesh_.mesh(node); }
  void Run(size_t node, const std::function<void()>& task) override {
    mesh_.executor(node).Run(task);
  }
  bool WaitUntil(size_t, const std::function<bool()>& condition, p2p::Duration limit) override {
    return mesh_.scheduler().RunUntil(condition, limit);
  }

 private:
  std::vector<std::unique_ptr<p2p::Protocol>> protocols_;  // Outlive the networks.
  sim::MeshCluster mesh_;
};

}  // namespace

std::unique_ptr<Cluster> MakeSimulatedCluster(size_t nodes, uint64_t seed, const Setup& setup) {
  return std::make_unique<SimulatedCluster>(nodes, seed, setup);
}

}  // namespace groat::examples::testing
