// The peer mesh: keeps one link to every authorized peer, over whatever transport carries it.
//
// This is the form of Network that both gRPC streams and simulated links run: peer tracking,
// discovery, dialling, hellos, queues, rates, batching, keep-alive. docs/mesh.md tells how they
// fit; the bytes are in frame.h, control_message.h and peer_record.h.
//
// Threads as network.h says. Executor, transport and key must outlive the mesh.
#ifndef GROAT_P2P_MESH_H_
#define GROAT_P2P_MESH_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "p2p/executor.h"
#include "p2p/mesh_options.h"
#include "p2p/mesh_stats.h"
#include "p2p/network.h"
#include "p2p/transport.h"

namespace groat::p2p {

class Mesh final : public Network {
 public:
  // Errors as MeshOptions::Validate.
  static absl::StatusOr<std::unique_ptr<Mesh>> Make(MeshOptions options,
                                                    const Ed25519PrivateKey& key,
                                                    Executor& executor, Transport& transport);
  // Closes every connection without a goodbye; a task of the executor, or after it has stopped.
  ~Mesh() override;
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  const PeerId& self() const override;
  absl::StatusOr<Channel> Register(ChannelId id, const ChannelOptions& options) override;
  void WatchPeers(PeerWatch watch) override;
  absl::Status Start() override;
  absl::Status SetPeers(uint64_t index, std::vector<PeerId> peers) override;
  void DropPeers(uint64_t index) override;
  void Block(const PeerId& peer, std::string_view why) override;
  std::vector<PeerId> Connected() const override;

  // What we listen on, with the real port. After Start.
  const std::string& listen_address() const;
  // Tells every peer to dial us elsewhere from now on. InvalidArgument for a bad address.
  absl::Status SetAdvertisedAddress(const std::string& address);

  // Signed records of addresses, for an owner that keeps them over restarts. Adding checks them as
  // if a peer had sent them, and skips those that fail.
  std::vector<Bytes> KnownRecords() const;
  void AddRecords(const std::vector<Bytes>& records);

  // Counters and gauges. From any thread.
  MeshStats Stats() const;

 private:
  class Impl;
  explicit Mesh(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_MESH_H_
