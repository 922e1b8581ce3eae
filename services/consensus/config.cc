#include "services/consensus/config.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/ed25519.h"

namespace groat::consensus_service {

using config::Presence;
using std::chrono::hours;
using std::chrono::milliseconds;

absl::Status Config::Validate() const {
  std::set<std::string> keys;
  for (size_t i = 0; i < peers.size(); ++i) {
    const std::string name = absl::StrCat("peers[", i, "].public_key");
    GROAT_RETURN_IF_ERROR(Ed25519PublicKey::FromHexText(peers[i].public_key, name).status());
    if (!keys.insert(peers[i].public_key).second) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", peers[i].public_key, " twice"));
    }
  }
  if (first_start && memory_lost) {
    return absl::InvalidArgumentError(
        "first_start and memory_lost are both true, want at most one of them");
  }
  if (mesh_carrier == "tls" && mesh_threads != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("mesh_threads is ", mesh_threads, ", want 1 unless mesh_carrier is grpc"));
  }
  return absl::OkStatus();
}

void Describe(config::ConfigLoader& loader, Config& config) {
  loader.Text("genesis_file", &config.genesis_file,
              "The chain's genesis, hexadecimal; the same for all replicas.", Presence::kRequired);
  loader.Text("signing_key_file", &config.signing_key_file,
              "PEM file (mode 0600) of the validator's Ed25519 key.", Presence::kRequired);
  loader.Text("bls_signing_key_file", &config.bls_signing_key_file,
              "File (mode 0600) of its BLS key, if the genesis has BLS certificates.");
  loader.Text("data_dir", &config.data_dir,
              "Folder of blocks and of what the replica must not "
              "forget.",
              Presence::kRequired);
  loader.Text("listen", &config.listen, "Address of the gRPC server, host:port.");
  loader.Text("metrics_listen", &config.metrics_listen, "Address of /metrics, host:port.");
  loader.Text("mesh_listen", &config.mesh_listen, "Address for other replicas, host:port.");
  loader.Text("mesh_advertise", &config.mesh_advertise,
              "What other replicas dial, host:port; empty: mesh_listen.");
  loader.List<PeerConfig>(
      "peers", &config.peers, "Where other replicas are; one that answers knows the rest.",
      [](config::ConfigFields& item, PeerConfig& peer) {
        item.Text("public_key", &peer.public_key, "Its Ed25519 key, 64 hexadecimal digits.",
                  Presence::kRequired);
        item.Text("address", &peer.address, "Its mesh_listen, host:port.", Presence::kRequired);
      });
  loader.TextList("admins", &config.admins,
                  "Common names of the certificates that may call ConsensusAdminService.");
  loader.Text("tls.ca_file", &config.tls.ca_file, "PEM file of the authority that signs clients.");
  loader.Text("tls.certificate_file", &config.tls.certificate_file, "PEM file of our certificate.");
  loader.Text("tls.key_file", &config.tls.key_file, "PEM file (mode 0600) of its key.");
  loader.Flag("insecure", &config.tls.insecure,
              "Plaintext instead of mutual TLS for clients. For tests.");
  loader.Integer("pool_commands", &config.pool_commands, 1, 10'000'000,
                 "Commands that may wait to be committed.");
  loader.Size("pool_memory", &config.pool_bytes, 1 << 20, uint64_t{1} << 36,
              "Bytes of commands that may wait to be committed.");
  loader.Duration("batch_delay", &config.batch_delay, milliseconds(0), milliseconds(10'000),
                  "How long a leader waits for a fuller block.");
  loader.Integer("keep_blocks", &config.keep_blocks, 0, uint64_t{1} << 48,
                 "The newest blocks that are never pruned; 0: all blocks are kept.");
  loader.Flag(
      "first_start", &config.first_start,
      "The validator's keys have signed nothing yet: an empty data folder is the beginning. "
      "Without it a replica with an empty folder follows, as if memory_lost were set.");
  loader.Flag(
      "memory_lost", &config.memory_lost,
      "What this replica signed before is not in its data folder: it does not vote until an "
      "epoch begins after this start. The folder remembers; set it for one start.");
  loader.Integer("max_subscribers", &config.max_subscribers, 1, 100'000,
                 "Subscriptions at once; more are refused.");
  loader.Size("max_request", &config.max_request_bytes, 64 << 10, 64 << 20,
              "The largest gRPC message that is taken.");
  loader.Integer("worker_threads", &config.worker_threads, 1, 64,
                 "Threads that check signatures and make certificates.");
  loader.Choice("mesh_carrier", &config.mesh_carrier, {"tls", "grpc"},
                "What carries the mesh, the same at all replicas: TLS on sockets or gRPC streams.");
  loader.Integer("mesh_threads", &config.mesh_threads, 1, 8,
                 "Threads of a mesh over gRPC; consensus itself runs on one of them at a time.");
  loader.Duration("drain_time", &config.drain_time, milliseconds(0), hours(1),
                  "How long callers are waited for when the replica stops.");
  loader.Choice("log_level", &config.log_level, {"debug", "info", "warn", "error"},
                "The least level that is logged.");
  loader.Choice("log_format", &config.log_format, {"json", "text"}, "Form of the log's lines.");
  loader.Validate([&config] { return config.Validate(); });
}

}  // namespace groat::consensus_service
