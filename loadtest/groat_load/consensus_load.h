// Commands submitted to replicas of consensus over SubmitStream, to all of them at once: at a fixed
// rate (open loop) or as fast as a window of unanswered commands lets them go (closed loop); and
// the replicas as processes of their own, without the rest of a platform.
//
// Blocks the caller; owns threads while it runs.
#ifndef GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_LOAD_H_
#define GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_LOAD_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rpc/tls.h"
#include "telemetry/latency_histogram.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/platform/launch.h"
#include "tools/groat/platform/supervisor.h"

namespace groat::load {

// Replica processes on loopback ports in a temporary folder, gone with this object.
class ConsensusCluster {
 public:
  // Started, and connected to a quorum each.
  static absl::StatusOr<std::unique_ptr<ConsensusCluster>> Start(const keys::ConsensusPlan& plan);
  ~ConsensusCluster();

  std::vector<std::string> endpoints() const;
  rpc::TlsConfig tls() const { return plan_->Tls(keys::kClientName); }
  platform::Supervisor& supervisor() { return *supervisor_; }

 private:
  ConsensusCluster() = default;
  absl::Status Launch(const keys::ConsensusPlan& plan);

  std::string folder_;
  platform::PlatformFile file_;
  std::unique_ptr<platform::LaunchPlan> plan_;
  std::unique_ptr<platform::Supervisor> supervisor_;
};

struct ConsensusLoad {
  std::vector<std::string> endpoints;  // One stream to each.
  rpc::TlsConfig tls;
  uint64_t first_client = 1;  // Its clients have numbers from here on; no two loads share any.
  size_t clients = 64;        // Of each stream: a client has at most 4,096 commands in flight.
  size_t batch = 100;         // Commands in a request.
  size_t payload_bytes = 128;
  size_t window = 10'000;          // Unanswered commands of a stream.
  double commands_per_second = 0;  // Of all streams together; 0: closed loop.
  std::chrono::milliseconds warm_up{2000};
  std::chrono::milliseconds duration{10'000};  // After the warm-up.
};

struct ConsensusLoadResult {
  uint64_t committed = 0;  // After the warm-up.
  uint64_t refused = 0;
  uint64_t blocks = 0;
  uint64_t late = 0;                // Requests that left more than 10 ms late in open loop.
  std::vector<std::string> errors;  // The first of each stream.
  double seconds = 0;
  // Nanoseconds from the time that a request was due to leave (in closed loop: left) until its
  // command was told to be committed. Open loop: a replica that stalls is charged with every
  // request that it kept waiting.
  telemetry::LatencyHistogram latency;
};

// Unavailable if a stream breaks.
absl::StatusOr<ConsensusLoadResult> RunConsensusLoad(const ConsensusLoad& load);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_CONSENSUS_LOAD_H_
