#include "examples/testing/cluster.h"

namespace groat::examples::testing {

bool Cluster::WaitUntilConnected(p2p::Duration limit) {
  for (size_t node = 0; node < size(); ++node) {
    const auto connected = [&] { return network(node).Connected().size() == size() - 1; };
    if (!WaitUntil(node, connected, limit)) return false;
  }
  return true;
}

std::vector<ClusterForm> AllForms() {
  return {{"Simulated", MakeSimulatedCluster}, {"Live", MakeLiveCluster}};
}

}  // namespace groat::examples::testing
