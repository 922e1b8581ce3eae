// Updates sent to a relay over StreamUpdates: at a fixed rate (open loop) or as fast as a window of
// unanswered requests lets them go (closed loop).
//
// Blocks the caller; owns threads while it runs.
#ifndef GROAT_LOADTEST_GROAT_LOAD_RELAY_LOAD_H_
#define GROAT_LOADTEST_GROAT_LOAD_RELAY_LOAD_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "groat/relay/v1/relay.pb.h"
#include "rpc/tls.h"
#include "telemetry/latency_histogram.h"

namespace groat::load {

struct RelayLoad {
  std::string endpoint;
  rpc::TlsConfig tls;
  uint64_t seed = 1;   // Unlocks follow from it: another seed, other updates.
  size_t batch = 100;  // Updates in a request, 1 to 10,000.
  size_t connections = 2;
  size_t window = 32;  // Unanswered requests of a connection; in open loop too, as a bound.
  double updates_per_second = 0;  // Of all connections together; 0: closed loop.
  std::chrono::milliseconds duration{10'000};
  relay::v1::WaitLevel wait = relay::v1::WAIT_LEVEL_ACCEPTED;
};

struct RelayLoadResult {
  uint64_t accepted = 0;
  uint64_t repeated = 0;
  uint64_t double_spends = 0;
  uint64_t refused = 0;             // Updates of requests that were answered with an error.
  std::vector<std::string> errors;  // The first of each kind.
  double seconds = 0;               // From the first request to the last answer.
  // Nanoseconds of a request until its answer; in open loop from its intended time, so that a
  // server that stalls is charged with every request that it kept waiting.
  telemetry::LatencyHistogram latency;
  std::vector<Bytes32> some_keys;  // Of accepted updates, for asking for proofs; at most 10,000.
};

// Unavailable if a stream breaks.
absl::StatusOr<RelayLoadResult> RunRelayLoad(const RelayLoad& load);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_RELAY_LOAD_H_
