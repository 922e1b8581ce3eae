// Nodes of one protocol, real or simulated, behind one interface: a test is written once and
// runs in both forms.
//
// Tests only. One thread.
#ifndef GROAT_EXAMPLES_TESTING_CLUSTER_H_
#define GROAT_EXAMPLES_TESTING_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "p2p/executor.h"
#include "p2p/network.h"
#include "p2p/trace/protocol_registry.h"

namespace groat::examples::testing {

// What a node's protocol is made from, as a task of its executor, before its network starts.
struct Node {
  size_t index;
  const std::vector<p2p::PeerId>& members;  // Of all nodes, in order.
  p2p::Network& network;
  p2p::Executor& executor;
};
using Setup = std::function<std::unique_ptr<p2p::Protocol>(const Node& node)>;

class Cluster {
 public:
  virtual ~Cluster() = default;

  virtual const std::vector<p2p::PeerId>& members() const = 0;
  // The protocol that Setup made, and the network under it, for tasks of the node.
  virtual p2p::Protocol& protocol(size_t node) = 0;
  virtual p2p::Network& network(size_t node) = 0;
  // Runs as a task of the node; returns at its end.
  virtual void Run(size_t node, const std::function<void()>& task) = 0;
  // Whether the condition, asked in tasks of the node, came true within `limit`.
  virtual bool WaitUntil(size_t node, const std::function<bool()>& condition,
                         p2p::Duration limit) = 0;

  size_t size() const { return members().size(); }
  // Until every node is connected to every other.
  bool WaitUntilConnected(p2p::Duration limit);
};

// Every node knows the keys of all, and the address of the first. Networks are running on return.
using MakeCluster = std::unique_ptr<Cluster> (*)(size_t nodes, uint64_t seed, const Setup& setup);
std::unique_ptr<Cluster> MakeLiveCluster(size_t nodes, uint64_t seed, const Setup& setup);
std::unique_ptr<Cluster> MakeSimulatedCluster(size_t nodes, uint64_t seed, const Setup& setup);

// For INSTANTIATE_TEST_SUITE_P.
struct ClusterForm {
  std::string name;
  MakeCluster make;
};
std::vector<ClusterForm> AllForms();

}  // namespace groat::examples::testing

#endif  // GROAT_EXAMPLES_TESTING_CLUSTER_H_
