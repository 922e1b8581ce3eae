// Puts the answers to clients together: results, proofs, blocks and checkpoints.
//
// Thread-safe. Runs on worker threads, since proofs may read old periods from disk.
#ifndef GROAT_SERVICES_RELAY_ANSWERS_H_
#define GROAT_SERVICES_RELAY_ANSWERS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "groat/relay/v1/relay.pb.h"
#include "relay/relay_core.h"
#include "services/relay/anchor.h"
#include "services/relay/engine.h"
#include "services/relay/prover.h"

namespace groat::relay_service {

// What is kept of a submission for its answer.
struct SubmitAsk {
  std::vector<Hash> keys;  // In the order of the request.
  WaitLevel wait = WaitLevel::kAccepted;
  bool with_proofs = false;
  record::Cycle since;
};

class Answers {
 public:
  Answers(uint64_t period_cycles, Prover& prover, const CycleStore& cycles, const Anchor& anchor,
          Metrics& metrics);

  // InvalidArgument if `count` proofs back to `since` would not fit into one answer.
  absl::Status CheckSpan(size_t count, record::Cycle since) const;

  absl::StatusOr<relay::v1::SubmitUpdatesResponse> Submit(
      const SubmitAsk& ask, const std::vector<relay::Verdict>& verdicts);

  absl::StatusOr<relay::v1::GetProofResponse> Proof(const Hash& key, const Prover::Span& span,
                                                    bool prove_absence);
  absl::StatusOr<relay::v1::GetProofsResponse> Proofs(const std::vector<Hash>& keys,
                                                      const Prover::Span& span);

 private:
  uint64_t PeriodSpan(record::Cycle since, record::Cycle cycle) const;
  absl::StatusOr<asset::ProofOfProvenance> Prove(const Hash& key, const Prover::Span& span);
  absl::Status AddEvidence(const std::vector<relay::Verdict>& verdicts,
                           relay::v1::SubmitUpdatesResponse& response) const;

  const uint64_t period_cycles_;
  Prover& prover_;
  const CycleStore& cycles_;
  const Anchor& anchor_;
  Metrics& metrics_;
};

// ALREADY_EXISTS for a call whose only update is a double spend; the answer rides in its details.
absl::Status DoubleSpendStatus(relay::v1::SubmitUpdatesResponse response);

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_ANSWERS_H_
