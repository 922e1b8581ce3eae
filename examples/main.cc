// Starts some nodes in one process, each with a mesh on loopback, and runs both examples
// on them:
//
//   mesh_example            four nodes, three broadcasts each
//   mesh_example 10 5       ten nodes, five broadcasts each
//
// What it prints: when everybody was connected to everybody, how long the echoes of one text took,
// and what the first node delivered.
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "examples/echo.h"
#include "examples/reliable_broadcast.h"
#include "p2p/live/live_network.h"

namespace groat::examples {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience(30);

// Counts down from other threads; the main one waits.
class Countdown {
 public:
  explicit Countdown(size_t count) : left_(count) {}
  void Down() {
    MutexLock lock(mutex_);
    if (left_ > 0 && --left_ == 0) zero_.NotifyAll();
  }
  absl::Status Wait(absl::string_view what) {
    const Clock::time_point deadline = Clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (left_ > 0) {
      if (!zero_.WaitUntil(mutex_, deadline) && left_ > 0) {
        return absl::DeadlineExceededError(absl::StrCat(what, ": ", left_, " are missing"));
      }
    }
    return absl::OkStatus();
  }

 private:
  Mutex mutex_;
  CondVar zero_;
  size_t left_ ABSL_GUARDED_BY(mutex_);
};

// One node. Its network goes first when it is destroyed.
struct Member {
  std::unique_ptr<Echo> echo;
  std::unique_ptr<ReliableBroadcast> broadcast;
  std::unique_ptr<p2p::LiveNetwork> network;
};

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// What the callbacks of all nodes count down.
struct Progress {
  Progress(size_t nodes, size_t broadcasts)
      : connections(nodes * (nodes - 1)),
        echoes(nodes - 1),
        deliveries(nodes * nodes * broadcasts) {}
  Countdown connections;
  Countdown echoes;
  Countdown deliveries;
};

// As a task of the member's executor.
absl::Status SetUp(Member& member, bool is_first, const std::vector<p2p::PeerId>& keys,
                   Progress& progress) {
  p2p::Mesh& mesh = member.network->mesh();
  p2p::Executor& executor = member.network->executor();
  GROAT_RETURN_IF_ERROR(mesh.SetPeers(0, keys));
  mesh.WatchPeers([&progress](const p2p::PeerId&, p2p::PeerEvent event) {
    if (event == p2p::PeerEvent::kConnected) progress.connections.Down();
  });
  GROAT_ASSIGN_OR_RETURN(
      member.echo, Echo::Make(mesh, executor,
                              [&progress](const p2p::PeerId& peer, uint32_t, p2p::Duration took) {
                                std::printf("  %s said it back after %.3f ms\n",
                                            p2p::ShortName(peer).c_str(), Milliseconds(took));
                                progress.echoes.Down();
                              }));
  GROAT_ASSIGN_OR_RETURN(
      member.broadcast,
      ReliableBroadcast::Make(
          mesh, executor, keys,
          [&progress, is_first](const p2p::PeerId& origin, uint32_t sequence, const Bytes& text) {
            if (is_first) {
              std::printf("  broadcast %u of %s: %s\n", sequence, p2p::ShortName(origin).c_str(),
                          ToString(text).c_str());
            }
            progress.deliveries.Down();
          }));
  return mesh.Start();
}

absl::Status Run(size_t nodes, size_t broadcasts) {
  std::vector<Ed25519PrivateKey> keys;
  std::vector<p2p::PeerId> peers;
  for (size_t i = 0; i < nodes; ++i) {
    keys.push_back(Ed25519PrivateKey::Generate());
    peers.push_back(keys.back().public_key());
  }
  Progress progress(nodes, broadcasts);
  std::vector<Member> members(nodes);

  const int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
  const Clock::time_point began = Clock::now();
  std::string first_address;
  for (size_t i = 0; i < nodes; ++i) {
    p2p::LiveNetworkOptions options;
    options.mesh.namespace_name = "groat mesh example";
    options.transport.validity = {now_s - 3600, now_s + 3600};
    // The first node is all that the others know; through it they find each other.
    if (i > 0) options.mesh.bootstrappers = {{peers[0], first_address}};
    GROAT_ASSIGN_OR_RETURN(members[i].network, p2p::LiveNetwork::Make(std::move(options), keys[i]));
    absl::Status status;
    members[i].network->RunAndWait([&] {
      status = SetUp(members[i], i == 0, peers, progress);
      if (status.ok())
        first_address = i == 0 ? members[0].network->mesh().listen_address() : first_address;
    });
    GROAT_RETURN_IF_ERROR(status);
  }
  GROAT_RETURN_IF_ERROR(progress.connections.Wait("connections"));
  std::printf("%zu nodes connected to each other after %.0f ms\n", nodes,
              Milliseconds(Clock::now() - began));

  std::printf("%s says hello\n", p2p::ShortName(peers[0]).c_str());
  absl::Status said;
  members[0].network->RunAndWait([&] { said = members[0].echo->Request(AsBytes("hello")); });
  GROAT_RETURN_IF_ERROR(said);
  GROAT_RETURN_IF_ERROR(progress.echoes.Wait("echoes"));

  std::printf("every node broadcasts %zu payloads; %s delivers\n", broadcasts,
              p2p::ShortName(peers[0]).c_str());
  for (size_t i = 0; i < nodes; ++i) {
    members[i].network->RunAndWait([&] {
      for (size_t sequence = 0; sequence < broadcasts && said.ok(); ++sequence) {
        said = members[i].broadcast->Request(
            AsBytes(absl::StrCat("news ", sequence, " from node ", i)));
      }
    });
    GROAT_RETURN_IF_ERROR(said);
  }
  GROAT_RETURN_IF_ERROR(progress.deliveries.Wait("deliveries"));
  std::printf("all %zu nodes delivered all %zu broadcasts\n", nodes, nodes * broadcasts);
  return absl::OkStatus();
}

// `text` as a number of `least` to `most`.
std::optional<size_t> ParseCount(const char* text, size_t least, size_t most) {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < least || value > most) return std::nullopt;
  return static_cast<size_t>(value);
}

}  // namespace
}  // namespace groat::examples

int main(int argc, char** argv) {
  using groat::examples::ParseCount;
  const std::optional<size_t> nodes = argc > 1 ? ParseCount(argv[1], 2, 60) : 4;
  const std::optional<size_t> broadcasts = argc > 2 ? ParseCount(argv[2], 1, 256) : 3;
  if (argc > 3 || !nodes.has_value() || !broadcasts.has_value()) {
    std::fprintf(stderr, "usage: mesh_example [NODES, 2 to 60] [BROADCASTS, 1 to 256]\n");
    return 64;
  }
  const absl::Status status = groat::examples::Run(*nodes, *broadcasts);
  if (status.ok()) return 0;
  std::fprintf(stderr, "mesh_example: %s\n", status.ToString().c_str());
  return 1;
}
