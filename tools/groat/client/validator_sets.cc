#include "tools/groat/client/validator_sets.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"

namespace groat::client {
namespace {

using hotstuff::Epoch;
using hotstuff::Height;
using hotstuff::Validator;

}  // namespace

absl::StatusOr<ValidatorSets> ValidatorSets::Make(hotstuff::Genesis genesis,
                                                  GetHandover get_handover) {
  GROAT_RETURN_IF_ERROR(genesis.Validate());
  ValidatorSets sets;
  sets.genesis_ = std::move(genesis);
  sets.chain_ = sets.genesis_.Chain();
  sets.get_handover_ = std::move(get_handover);
  if (sets.genesis_.rules == hotstuff::RuleSet::kTwoChain) {
    sets.rule_ = std::make_unique<hotstuff::TwoChain>();
  } else {
    sets.rule_ = std::make_unique<hotstuff::ThreeChain>();
  }
  GROAT_RETURN_IF_ERROR(
      sets.Add(Epoch(0), sets.genesis_.validators, sets.genesis_.Block0()->id(), Height(0)));
  return sets;
}

absl::Status ValidatorSets::Add(Epoch epoch, std::vector<Validator> validators,
                                const hotstuff::BlockId& root, Height root_height) {
  auto set = std::make_unique<ValidatorSet>();
  GROAT_ASSIGN_OR_RETURN(set->scheme, hotstuff::MakeScheme(validators, genesis_.certificates));
  set->verifier = {chain_, epoch, validators.size(), set->scheme.get()};
  set->validators = std::move(validators);
  set->root = root;
  set->root_height = root_height;
  sets_.push_back(std::move(set));
  return absl::OkStatus();
}

absl::StatusOr<const ValidatorSet*> ValidatorSets::Of(Epoch epoch) {
  while (epoch.value() >= sets_.size()) {
    const ValidatorSet& last = *sets_.back();
    const Epoch ended = last.verifier.epoch;
    GROAT_ASSIGN_OR_RETURN(const hotstuff::HandoverProof proof, get_handover_(ended));
    const absl::Status status = hotstuff::VerifyHandover(proof, genesis_, *rule_, last.verifier);
    if (!status.ok()) {
      return absl::DataLossError(absl::StrCat("handover after epoch ", ended.value(), ": ",
                                              std::string(status.message())));
    }
    const hotstuff::BlockHeader& header = proof.commit.headers.front();
    GROAT_RETURN_IF_ERROR(
        Add(ended.Next(), proof.approved.change.validators, header.Id(), header.height));
  }
  return sets_[epoch.value()].get();
}

}  // namespace groat::client
