// The validators of each epoch of a chain of consensus: those of the genesis, then those that each
// handover proof names, verified by the keys of the ones before. So whoever trusts a genesis file
// knows the validators of every epoch without trust in the replica that shows the proofs.
//
// Not thread-safe; asks for proofs by a function of its owner.
#ifndef GROAT_TOOLS_GROAT_CLIENT_VALIDATOR_SETS_H_
#define GROAT_TOOLS_GROAT_CLIENT_VALIDATOR_SETS_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "hotstuff/validator_change.h"

namespace groat::client {

// What an epoch's signatures are checked with.
struct ValidatorSet {
  std::vector<hotstuff::Validator> validators;
  std::unique_ptr<hotstuff::CertificateScheme> scheme;
  hotstuff::Verifier verifier;
  // The last block of the epoch before; the genesis' block 0 in epoch 0.
  hotstuff::BlockId root;
  hotstuff::Height root_height;
};

class ValidatorSets {
 public:
  // How an epoch ended, from whoever knows; OutOfRange if it has not.
  using GetHandover = std::function<absl::StatusOr<hotstuff::HandoverProof>(hotstuff::Epoch)>;

  // InvalidArgument if the genesis is not sound.
  static absl::StatusOr<ValidatorSets> Make(hotstuff::Genesis genesis, GetHandover get_handover);

  const hotstuff::Genesis& genesis() const { return genesis_; }
  const hotstuff::ChainId& chain() const { return chain_; }
  const hotstuff::CommitRule& rule() const { return *rule_; }

  // Asks for the handovers up to this epoch that are not known yet. The set lives as long as this.
  // DataLoss for a proof that is wrong; else errors of GetHandover.
  absl::StatusOr<const ValidatorSet*> Of(hotstuff::Epoch epoch);

 private:
  ValidatorSets() = default;
  absl::Status Add(hotstuff::Epoch epoch, std::vector<hotstuff::Validator> validators,
                   const hotstuff::BlockId& root, hotstuff::Height root_height);

  hotstuff::Genesis genesis_;
  hotstuff::ChainId chain_;
  std::unique_ptr<const hotstuff::CommitRule> rule_;
  GetHandover get_handover_;
  std::vector<std::unique_ptr<ValidatorSet>> sets_;  // By epoch.
};

}  // namespace groat::client

#endif  // GROAT_TOOLS_GROAT_CLIENT_VALIDATOR_SETS_H_
