// n mesh nodes on simulated hosts: what a test of a protocol or of the mesh starts from.
//
//   MeshCluster cluster({.nodes = 4, .seed = seed, .program = [](const MeshCluster::Process& on) {
//     return std::make_shared<Votes>(on.network, on.executor, on.disk);
//   }});
//   cluster.StartAll();
//   ASSERT_TRUE(cluster.RunUntilFullMesh(std::chrono::seconds(1)));
//
// Host i is called "n<i>" and listens at port 7302. Keys come from the index, chance from the seed,
// so that the same seed, and the same calls, give the same run. testing/seeds.h runs a test with
// many seeds. Single-threaded.
#ifndef GROAT_SIM_MESH_CLUSTER_H_
#define GROAT_SIM_MESH_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crypto/ed25519.h"
#include "p2p/mesh.h"
#include "sim/disk.h"
#include "sim/node_executor.h"
#include "sim/scheduler.h"
#include "sim/wires.h"

namespace groat::sim {

// The seed that the environment variable GROAT_SEED gives, else `otherwise`: a failing test prints
// the seed that it ran with, and runs again with it.
uint64_t SeedFromEnvironment(uint64_t otherwise);

class MeshCluster {
 public:
  // What a node's program is made from, as a task of the executor, before the network starts.
  struct Process {
    size_t node;
    p2p::Network& network;
    NodeExecutor& executor;
    Disk& disk;
  };
  struct Options {
    size_t nodes = 4;
    uint64_t seed = 1;
    // Changes what a node is started with; node 0 is everybody's bootstrapper by default.
    std::function<void(size_t, p2p::MeshOptions&)> adjust = nullptr;
    // Registers channels and makes protocols, before the node starts.
    std::function<void(size_t, p2p::Network&, p2p::Executor&)> setup = nullptr;
    // Makes what runs on a node, for each of its processes; it is destroyed with the process.
    std::function<std::shared_ptr<void>(const Process&)> program = nullptr;
    // Nodes that are authorized at the start: below this index. 0: all.
    size_t members = 0;
  };

  explicit MeshCluster(Options options);
  ~MeshCluster();
  MeshCluster(const MeshCluster&) = delete;
  MeshCluster& operator=(const MeshCluster&) = delete;

  Scheduler& scheduler() { return scheduler_; }
  Wires& wires() { return wires_; }
  size_t size() const { return nodes_.size(); }
  p2p::Mesh& mesh(size_t i) { return *nodes_[i].mesh; }
  NodeExecutor& executor(size_t i) { return *nodes_[i].executor; }
  // What `program` made for the process that runs.
  template <typename Program>
  Program& program(size_t i) {
    return *static_cast<Program*>(nodes_[i].program.get());
  }
  Disk& disk(size_t i) { return *nodes_[i].disk; }
  bool runs(size_t i) const { return nodes_[i].mesh != nullptr; }
  const p2p::PeerId& id(size_t i) const { return ids_[i]; }
  const std::vector<p2p::PeerId>& ids() const { return ids_; }
  // The node whose key it is.
  size_t IndexOf(const p2p::PeerId& id) const;
  const Ed25519PrivateKey& key(size_t i) const { return *keys_[i]; }
  static std::string Host(size_t i);
  static std::string Address(size_t i);

  // Starts the node's process anew; its port may be another one.
  void Start(size_t i, uint16_t port = 7302);
  void StartAll();
  // The process ends: its connections end, and what it wrote arrives on the disk. Not from its own
  // tasks.
  void Kill(size_t i);
  // The machine loses power: nobody is told, and its disk loses or tears what was not synced. Start
  // gives it back.
  void PowerOff(size_t i, storage::MemoryFileSystem::Unsynced unsynced =
                              storage::MemoryFileSystem::Unsynced::kDrop);
  // The process is stopped and goes on.
  void Freeze(size_t i, bool frozen);

  // Runs as a task of the node.
  template <typename Callable>
  auto Run(size_t i, Callable&& task) {
    return nodes_[i].executor->Run(std::forward<Callable>(task));
  }
  void RunFor(Duration time) { scheduler_.RunFor(time); }

  // How many of the running nodes' links, both ends counted, are up.
  size_t Links() const;
  // Runs until every pair of running nodes is connected.
  bool RunUntilFullMesh(Duration limit);

 private:
  struct Node {
    std::unique_ptr<NodeExecutor> executor;
    std::unique_ptr<p2p::Transport> transport;
    std::unique_ptr<p2p::Mesh> mesh;
    std::shared_ptr<void> program;
    std::unique_ptr<Disk> disk;
  };
  void End(Node& node);

  const Options options_;
  Scheduler scheduler_;
  Wires wires_;
  std::vector<std::unique_ptr<Ed25519PrivateKey>> keys_;
  std::vector<p2p::PeerId> ids_;
  std::vector<Node> nodes_;
  uint64_t starts_ = 0;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_MESH_CLUSTER_H_
