#include "sim/mesh_cluster.h"

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::sim {
namespace {

Ed25519PrivateKey KeyOf(size_t i) {
  Bytes32 seed;
  StoreBigEndian(i + 1, seed.data(), 8);
  return Ed25519PrivateKey(seed);
}

}  // namespace

uint64_t SeedFromEnvironment(uint64_t otherwise) {
  const char* text = std::getenv("GROAT_SEED");
  uint64_t seed = 0;
  return text != nullptr && absl::SimpleAtoi(text, &seed) ? seed : otherwise;
}

MeshCluster::MeshCluster(Options options)
    : options_(std::move(options)),
      wires_(scheduler_, options_.seed * 2 + 1),
      nodes_(options_.nodes) {
  for (size_t i = 0; i < options_.nodes; ++i) {
    keys_.push_back(std::make_unique<Ed25519PrivateKey>(KeyOf(i)));
    ids_.push_back(keys_.back()->public_key());
    nodes_[i].disk = std::make_unique<Disk>(scheduler_, options_.seed << 20 ^ i);
  }
}

MeshCluster::~MeshCluster() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (runs(i)) Kill(i);
  }
}

std::string MeshCluster::Host(size_t i) { return absl::StrCat("n", i); }
std::string MeshCluster::Address(size_t i) { return absl::StrCat(Host(i), ":7302"); }

size_t MeshCluster::IndexOf(const p2p::PeerId& id) const {
  for (size_t i = 0; i < ids_.size(); ++i) {
    if (ids_[i] == id) return i;
  }
  GROAT_CHECK(false) << p2p::ShortName(id);
  return 0;
}

void MeshCluster::Start(size_t i, uint16_t port) {
  Node& node = nodes_[i];
  GROAT_CHECK(node.mesh == nullptr) << i;
  wires_.SetHostState(Host(i), HostState::kUp);
  node.executor = std::make_unique<NodeExecutor>(
      scheduler_, SplitMix64(options_.seed ^ ++starts_ << 20 ^ i << 1).Next());
  node.transport = wires_.MakeTransport(*node.executor, ids_[i], Host(i));
  p2p::MeshOptions mesh;
  mesh.namespace_name = "simulation";
  mesh.listen_address = absl::StrCat(Host(i), ":", port);
  if (i != 0) mesh.bootstrappers = {{ids_[0], Address(0)}};
  if (options_.adjust) options_.adjust(i, mesh);
  node.executor->Run([&] {
    node.mesh = *p2p::Mesh::Make(std::move(mesh), *keys_[i], *node.executor, *node.transport);
    if (options_.setup) options_.setup(i, *node.mesh, *node.executor);
    if (options_.program) {
      node.program = options_.program({i, *node.mesh, *node.executor, *node.disk});
    }
    const size_t members = options_.members == 0 ? ids_.size() : options_.members;
    GROAT_CHECK_OK(
        node.mesh->SetPeers(1, {ids_.begin(), ids_.begin() + static_cast<ptrdiff_t>(members)}));
    GROAT_CHECK_OK(node.mesh->Start());
  });
}

void MeshCluster::StartAll() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!runs(i)) Start(i);
  }
}

void MeshCluster::End(Node& node) {
  node.executor->Stop();
  node.program.reset();
  node.mesh.reset();
  node.transport.reset();
  node.executor.reset();
}

void MeshCluster::Kill(size_t i) {
  End(nodes_[i]);
  nodes_[i].disk->Crash(storage::MemoryFileSystem::Unsynced::kKeep);
}

void MeshCluster::PowerOff(size_t i, storage::MemoryFileSystem::Unsynced unsynced) {
  wires_.SetHostState(Host(i), HostState::kSilent);
  End(nodes_[i]);
  nodes_[i].disk->Crash(unsynced);
}

void MeshCluster::Freeze(size_t i, bool frozen) { nodes_[i].executor->Freeze(frozen); }

size_t MeshCluster::Links() const {
  size_t links = 0;
  for (const Node& node : nodes_) {
    if (node.mesh != nullptr) links += node.mesh->Connected().size();
  }
  return links;
}

bool MeshCluster::RunUntilFullMesh(Duration limit) {
  size_t running = 0;
  for (const Node& node : nodes_) running += node.mesh != nullptr ? 1 : 0;
  const Instant end = scheduler_.Now() + limit;
  // Looking costs more than an event, so it is not done after each.
  while (Links() < running * (running - 1)) {
    if (scheduler_.Now() >= end) return false;
    scheduler_.RunFor(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace groat::sim
