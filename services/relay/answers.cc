#include "services/relay/answers.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/status.h"
#include "wire/common.h"
#include "wire/provenance.h"

namespace groat::relay_service {
namespace {

using record::Cycle;
using relay::Outcome;

// Proofs of double spends in one answer; GetProofs has the others.
constexpr size_t kMaxDoubleSpendProofs = 256;
// Null proofs in one answer, so that it stays under 4 MiB at a depth of 24. Well below what one
// proof may have, since periods may end between the check of a request and its answer.
constexpr uint64_t kMaxNullProofsPerAnswer = 4'000;
static_assert(kMaxNullProofsPerAnswer + 64 < asset::kMaxNullProofs);

relay::v1::UpdateOutcome ToProto(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAccepted:
      return relay::v1::UPDATE_OUTCOME_ACCEPTED;
    case Outcome::kRepeated:
      return relay::v1::UPDATE_OUTCOME_REPEATED;
    case Outcome::kDoubleSpend:
      return relay::v1::UPDATE_OUTCOME_DOUBLE_SPEND;
  }
  return relay::v1::UPDATE_OUTCOME_UNSPECIFIED;
}

}  // namespace

Answers::Answers(uint64_t period_cycles, Prover& prover, const CycleStore& cycles,
                 const Anchor& anchor, Metrics& metrics)
    : period_cycles_(period_cycles),
      prover_(prover),
      cycles_(cycles),
      anchor_(anchor),
      metrics_(metrics) {}

uint64_t Answers::PeriodSpan(Cycle since, Cycle cycle) const {
  return record::PeriodOf(cycle, period_cycles_).value() -
         record::PeriodOf(since, period_cycles_).value() + 1;
}

absl::Status Answers::CheckSpan(size_t count, Cycle since) const {
  const Cycle newest = cycles_.last().Next();
  const uint64_t periods = PeriodSpan(std::clamp(since, Cycle(1), newest), newest);
  if (periods * count <= kMaxNullProofsPerAnswer) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(count, " proofs over ", periods, " periods each, want at most ",
                   kMaxNullProofsPerAnswer, " in all: raise since_cycle or ask for fewer"));
}

absl::StatusOr<asset::ProofOfProvenance> Answers::Prove(const Hash& key, const Prover::Span& span) {
  const auto begin = std::chrono::steady_clock::now();
  absl::StatusOr<asset::ProofOfProvenance> proof = prover_.Prove(key, span);
  metrics_.proofs->Increment();
  metrics_.proof_seconds->Observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return proof;
}

absl::StatusOr<relay::v1::SubmitUpdatesResponse> Answers::Submit(
    const SubmitAsk& ask, const std::vector<relay::Verdict>& verdicts) {
  relay::v1::SubmitUpdatesResponse response;
  size_t double_spend_proofs = 0;
  uint64_t double_spend_nulls = 0;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const relay::Verdict& verdict = verdicts[i];
    relay::v1::UpdateResult* result = response.add_results();
    result->set_outcome(ToProto(verdict.outcome));
    wire::SetBytes(ask.keys[i], result->mutable_key());
    result->set_cycle(verdict.cycle.value());
    bool with_proof = ask.with_proofs;
    if (verdict.outcome == Outcome::kDoubleSpend) {
      std::optional<Bytes32> standing = verdict.standing_value;
      if (!standing.has_value()) {
        GROAT_ASSIGN_OR_RETURN(standing, prover_.ValueOf(ask.keys[i], verdict.cycle));
      }
      wire::SetBytes(*standing, result->mutable_standing_value());
      double_spend_nulls += PeriodSpan(std::min(ask.since, verdict.cycle), verdict.cycle);
      with_proof = verdict.cycle <= cycles_.last() &&
                   double_spend_proofs++ < kMaxDoubleSpendProofs &&
                   double_spend_nulls <= kMaxNullProofsPerAnswer;
    }
    if (!with_proof) continue;
    const Cycle since = std::min(ask.since, verdict.cycle);
    GROAT_ASSIGN_OR_RETURN(const asset::ProofOfProvenance proof,
                           Prove(ask.keys[i], {since, Cycle(0)}));
    wire::ToProto(proof, result->mutable_proof());
  }
  if (ask.wait == WaitLevel::kAnchored) {
    GROAT_RETURN_IF_ERROR(AddEvidence(verdicts, response));
  }
  return response;
}

absl::Status Answers::AddEvidence(const std::vector<relay::Verdict>& verdicts,
                                  relay::v1::SubmitUpdatesResponse& response) const {
  std::set<Cycle> named;
  for (const relay::Verdict& verdict : verdicts) named.insert(verdict.cycle);
  for (const Cycle cycle : named) {
    GROAT_ASSIGN_OR_RETURN(const ClosedCycle closed, cycles_.Get(cycle));
    if (!closed.block.has_value()) {
      return absl::InternalError(
          absl::StrCat("cycle ", cycle.value(), " is anchored without a block"));
    }
    wire::ToProto(*closed.block, response.add_blocks());
  }
  if (const auto checkpoint = anchor_.checkpoint()) {
    wire::ToProto(*checkpoint, response.mutable_checkpoint());
  }
  return absl::OkStatus();
}

absl::StatusOr<relay::v1::GetProofResponse> Answers::Proof(const Hash& key,
                                                           const Prover::Span& span,
                                                           bool prove_absence) {
  relay::v1::GetProofResponse response;
  const absl::StatusOr<asset::ProofOfProvenance> proof = Prove(key, span);
  if (proof.ok()) {
    wire::ToProto(*proof, response.mutable_provenance());
    return response;
  }
  if (!prove_absence || !absl::IsNotFound(proof.status())) return proof.status();
  GROAT_ASSIGN_OR_RETURN(const asset::ProofOfAbsence absence, prover_.ProveAbsence(key, span));
  wire::ToProto(absence, response.mutable_absence());
  return response;
}

absl::StatusOr<relay::v1::GetProofsResponse> Answers::Proofs(const std::vector<Hash>& keys,
                                                             const Prover::Span& span) {
  relay::v1::GetProofsResponse response;
  uint64_t null_proofs = 0;
  for (const Hash& key : keys) {
    const absl::StatusOr<asset::ProofOfProvenance> proof = Prove(key, span);
    common::v1::ProofOfProvenance* out = response.add_proofs();
    if (proof.ok()) {
      null_proofs += proof->nulls.size();
      if (keys.size() > 1 && null_proofs > kMaxNullProofsPerAnswer) {
        return absl::InvalidArgumentError(
            absl::StrCat("the ", keys.size(), " proofs have more than ", kMaxNullProofsPerAnswer,
                         " null proofs in all: raise since_cycle or ask for fewer keys"));
      }
      wire::ToProto(*proof, out);
    } else if (absl::IsNotFound(proof.status())) {
      wire::SetBytes(key, out->mutable_key());
    } else {
      return absl::Status(proof.status().code(),
                          absl::StrCat("key ", key.Hex(), ": ", proof.status().message()));
    }
  }
  return response;
}

absl::Status DoubleSpendStatus(relay::v1::SubmitUpdatesResponse response) {
  relay::v1::UpdateResult* result = response.mutable_results(0);
  absl::Status status = absl::AlreadyExistsError(
      absl::StrCat("key ", ToHex(AsBytes(result->key())), " was set in cycle ", result->cycle(),
                   " to ", ToHex(AsBytes(result->standing_value()))));
  constexpr size_t kRoomForMessage = 512;
  if (response.ByteSizeLong() > rpc::kMaxDetailsBytes - kRoomForMessage) {
    result->mutable_proof()->clear_null_proofs();
  }
  rpc::SetDetail(status, response);
  return status;
}

}  // namespace groat::relay_service
