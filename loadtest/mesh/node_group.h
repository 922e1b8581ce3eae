// The nodes of one measurement: processes of one form, connected. Node 0 leads.
//
// Not thread-safe.
#ifndef GROAT_LOADTEST_MESH_NODE_GROUP_H_
#define GROAT_LOADTEST_MESH_NODE_GROUP_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/mesh/node_process.h"

namespace groat::load {

enum class Form : uint8_t {
  kBare,      // epoll and OpenSSL; every node is connected to node 0.
  kMesh,      // The mesh over TLS; every node is connected to every other one.
  kMeshStar,  // The same, connected to node 0 alone.
  kMeshGrpc,  // As kMesh, over gRPC streams.
};

class NodeGroup {
 public:
  // Returns once all are connected.
  static absl::StatusOr<std::unique_ptr<NodeGroup>> Start(Form form, size_t nodes);
  ~NodeGroup();
  NodeGroup(const NodeGroup&) = delete;
  NodeGroup& operator=(const NodeGroup&) = delete;

  size_t size() const { return nodes_.size(); }
  NodeProcess& node(size_t i) { return *nodes_[i]; }
  const std::string& address(size_t i) const { return addresses_[i]; }
  // From the word to begin until the last node was connected to all it wants.
  double connect_ms() const { return connect_ms_; }

  // Gives the leader a command of a workload; the numbers of its "done".
  absl::StatusOr<std::vector<double>> Lead(const std::string& command);

  // Of the mesh alone.

  // Waits until every node but `except` is connected to `count` peers; the time at which the last
  // one was, in milliseconds since `since_ns`.
  absl::StatusOr<double> AwaitConnected(size_t count, int64_t since_ns,
                                        const std::vector<size_t>& except = {});
  // Begins a node that was started, told of the address of node `bootstrapper` alone.
  absl::Status Listen(size_t node, const std::string& address, size_t bootstrapper);
  // Kills the node and starts its process, which does nothing yet.
  absl::Status Replace(size_t node);

 private:
  NodeGroup(Form form, size_t nodes) : form_(form), nodes_(nodes), addresses_(nodes) {}
  absl::Status StartProcess(size_t node);
  absl::Status ConnectBare();
  absl::Status ConnectMesh();

  const Form form_;
  std::vector<std::unique_ptr<NodeProcess>> nodes_;
  std::vector<std::string> addresses_;
  double connect_ms_ = 0;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_NODE_GROUP_H_
