// Four replicas of consensus as processes, mutual TLS, durable, base timeout 200 ms; an open-loop
// load on all of them, and a subscriber of each that checks everything it is sent. Tests only.
//
//   GROAT_ASSERT_OK_AND_ASSIGN(const auto run, ConsensusRun::Make({}));
//   GROAT_ASSERT_OK(run->Start());
//   ... run->cluster().Kill(1) ...
//   run->ExpectNothingLost();
//
// Not thread-safe.
#ifndef GROAT_TESTS_E2E_CONSENSUS_RUN_H_
#define GROAT_TESTS_E2E_CONSENSUS_RUN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "loadtest/consensus/chain_audit.h"
#include "loadtest/consensus/leader_kills.h"
#include "loadtest/consensus/submit_run.h"
#include "tests/e2e/run.h"

namespace groat::e2e {

struct ConsensusRunOptions {
  uint32_t replicas = 4;
  uint32_t base_timeout_ms = 200;
  double commands_per_second = 500;
};

class ConsensusRun {
 public:
  // Makes folder and keys; nothing runs yet.
  static absl::StatusOr<std::unique_ptr<ConsensusRun>> Make(const ConsensusRunOptions& options);
  // Says where the files are if the test failed, and keeps them.
  ~ConsensusRun();

  // Starts replicas, subscribers and load, and waits for the first commits.
  absl::Status Start();

  load::ConsensusCluster& cluster() { return *cluster_; }
  const load::Followers& followers() const { return followers_; }
  // The highest block that any subscriber has seen.
  uint64_t Height() const;
  // Waits until the subscriber of `witness` has seen `more` blocks more than now: commits go on.
  absl::Status WaitForMore(uint32_t witness, uint64_t more) const;
  // Waits until a replica's subscriber has seen what others have seen by now; how long that took.
  absl::StatusOr<milliseconds> WaitCaughtUp(uint32_t replica) const;

  // Ends the load and compares what clients were told with what every replica shows: nothing lost,
  // repeated or elsewhere, one chain, every command answered, nobody ended by itself.
  void ExpectNothingLost();
  // After ExpectNothingLost.
  const load::ChainAudit& audit() const { return audit_; }
  const load::SubmitResult& result() const { return result_; }

 private:
  explicit ConsensusRun(const ConsensusRunOptions& options) : options_(options) {}

  const ConsensusRunOptions options_;
  std::unique_ptr<load::ConsensusCluster> cluster_;
  load::Followers followers_;
  std::unique_ptr<load::SubmitRun> load_;
  load::SubmitResult result_;
  load::ChainAudit audit_;
};

// "p50 / max" in milliseconds of a histogram of nanoseconds.
std::string MedianAndMaxOfNanoseconds(const telemetry::LatencyHistogram& histogram);

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_CONSENSUS_RUN_H_
