#include "loadtest/consensus/chain_checker.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"
#include "wire/common.h"
#include "wire/consensus.h"

namespace groat::load {
namespace {

namespace v1 = ::groat::consensus::v1;

std::unique_ptr<hotstuff::CommitRule> MakeRule(hotstuff::RuleSet rules) {
  if (rules == hotstuff::RuleSet::kTwoChain) return std::make_unique<hotstuff::TwoChain>();
  return std::make_unique<hotstuff::ThreeChain>();
}

std::string NameOf(const hotstuff::CommandKey& key) {
  return absl::StrCat("command ", key.sequence.value(), " of client ", key.client.value());
}

}  // namespace

ChainChecker::ChainChecker(const hotstuff::Genesis& genesis,
                           std::unique_ptr<hotstuff::CertificateScheme> scheme)
    : genesis_(genesis),
      rule_(MakeRule(genesis.rules)),
      scheme_(std::move(scheme)),
      verifier_{genesis.Chain(), hotstuff::Epoch(0), genesis.validators.size(), scheme_.get()} {}

absl::StatusOr<std::vector<SeenCommit>> ChainChecker::Take(const v1::SubscribeResponse& response,
                                                           Time now) {
  for (const v1::Block& block : response.blocks()) GROAT_RETURN_IF_ERROR(TakeBlock(block, now));
  std::vector<SeenCommit> commits;
  if (response.commit_proof().empty()) return commits;
  GROAT_RETURN_IF_ERROR(CheckProof(response.commit_proof()));
  for (const Unproven& block : unproven_) {
    GROAT_RETURN_IF_ERROR(TakeEffects(block));
    chain_.ids.push_back(block.id);
    commits.push_back(block.commit);
    commits.back().commands = chain_.places.size();
  }
  unproven_.clear();
  return commits;
}

absl::Status ChainChecker::TakeBlock(const v1::Block& block, Time now) {
  GROAT_ASSIGN_OR_RETURN(const wire::ReceivedBlock received,
                         wire::FromProto(block, genesis_.block));
  const hotstuff::BlockHeader& header = received.header;
  const uint64_t want = next_height() + unproven_.size();
  hotstuff::BlockId parent = chain_.ids.empty() ? genesis_.Block0()->id() : chain_.ids.back();
  if (!unproven_.empty()) parent = unproven_.back().id;
  if (header.height.value() != want) {
    return absl::DataLossError(
        absl::StrCat("block of height ", header.height.value(), ", want ", want));
  }
  if (header.parent != parent) {
    return absl::DataLossError(
        absl::StrCat("block ", want, " is on ", header.parent.Hex(), ", want on ", parent.Hex()));
  }
  Unproven& added = unproven_.emplace_back();
  added.id = header.Id();
  added.commit = {now, want, header.view.value(), header.proposer.value(), header.timestamp_us, 0};
  for (uint32_t i = 0; i < received.commands.size(); ++i) {
    const hotstuff::CommandKey& key = received.commands[i].key;
    if (key.sequence.value() == 0 || key.sequence.value() > Places::kMaxSequence) {
      return absl::DataLossError(absl::StrCat("block ", want, " has ", NameOf(key),
                                              ", want a sequence from 1 to ",
                                              Places::kMaxSequence));
    }
    if (received.fresh[i]) {
      added.effects.push_back({key, {want, i}});
    } else {
      added.repeated.push_back(key);
    }
  }
  return absl::OkStatus();
}

absl::Status ChainChecker::CheckProof(const std::string& encoded) const {
  if (unproven_.empty()) return absl::DataLossError("a commit proof without a block");
  GROAT_ASSIGN_OR_RETURN(const hotstuff::CommitProof proof,
                         hotstuff::CommitProof::Decode(wire::View(encoded)));
  return hotstuff::VerifyCommit(proof, unproven_.back().id, *rule_, verifier_);
}

absl::Status ChainChecker::TakeEffects(const Unproven& block) {
  Places& places = chain_.places;
  for (const auto& [key, place] : block.effects) {
    const uint64_t client = key.client.value();
    const uint64_t sequence = key.sequence.value();
    if (places.Set(client, sequence, place)) continue;
    return absl::DataLossError(absl::StrCat(NameOf(key), " took effect in block ", place.height,
                                            " and before, in block ",
                                            places.Find(client, sequence)->height));
  }
  for (const hotstuff::CommandKey& key : block.repeated) {
    if (places.Find(key.client.value(), key.sequence.value()) != nullptr) continue;
    return absl::DataLossError(absl::StrCat(NameOf(key), " in block ", block.commit.height,
                                            " is said to be committed before, and is not"));
  }
  return absl::OkStatus();
}

}  // namespace groat::load
