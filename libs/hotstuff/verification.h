// Signature checks as jobs: the core says what to check, a driver runs the jobs where it likes (on
// a pool, or at once) and hands the results back as events.
//
// RunJob is pure and safe to call from several threads with the same verifier.
#ifndef GROAT_HOTSTUFF_VERIFICATION_H_
#define GROAT_HOTSTUFF_VERIFICATION_H_

#include <memory>
#include <variant>
#include <vector>

#include "hotstuff/certificate_scheme.h"
#include "hotstuff/message.h"

namespace groat::hotstuff {

struct ApprovedChange;
struct Genesis;

// What verification needs to know of an epoch. The scheme must outlive it.
struct Verifier {
  ChainId chain;
  Epoch epoch;
  size_t replicas = 0;
  const CertificateScheme* scheme = nullptr;
};

// InvalidArgument unless n - f validators of the verifier's epoch signed. The certificate of an
// epoch's root, which has no signers, is refused: the core knows its own by its digest. `known`
// shares are not verified again.
absl::Status VerifyQc(const QuorumCertificate& qc, const Verifier& verifier,
                      std::span<const SignedShare> known = {});
absl::Status VerifyTc(const TimeoutCertificate& tc, const Verifier& verifier);
// The proposer's signature alone.
absl::Status VerifyBlockSignature(const Block& block, const Verifier& verifier);

using JobId = uint64_t;

// All of these must be right.
struct CheckJob {
  JobId id = 0;
  std::vector<QcPtr> qcs;
  std::vector<TcPtr> tcs;
  std::vector<BlockPtr> blocks;  // Their proposers' signatures.
  std::vector<SignedShare> shares;
  std::vector<SignedShare> known;  // Made by this replica: right wherever a certificate has them.
  std::vector<std::shared_ptr<const ApprovedChange>> changes;
  const Genesis* genesis = nullptr;  // With changes.

  bool empty() const {
    return qcs.empty() && tcs.empty() && blocks.empty() && shares.empty() && changes.empty();
  }
};

// Makes a certificate of shares that nobody has verified yet, but for this replica's own.
struct AssembleJob {
  JobId id = 0;
  View view;
  BlockId block;  // For votes.
  bool timeouts = false;
  std::vector<View> high_qc_views;  // For timeouts: one for each share.
  std::vector<SignedShare> shares;  // By signer, ascending.
  std::vector<SignedShare> known;
};

using Job = std::variant<CheckJob, AssembleJob>;
inline JobId IdOf(const Job& job) {
  return std::visit([](const auto& body) { return body.id; }, job);
}

struct JobResult {
  JobId id = 0;
  absl::Status status;              // Of a check.
  QcPtr qc;                         // Of assembled votes; null if too few shares are right.
  TcPtr tc;                         // Of assembled timeouts, likewise.
  std::vector<ReplicaIndex> wrong;  // Whose shares were wrong, ascending.
};

JobResult RunJob(const Job& job, const Verifier& verifier);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_VERIFICATION_H_
