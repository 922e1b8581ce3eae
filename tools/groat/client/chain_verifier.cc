#include "tools/groat/client/chain_verifier.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/commit_proof.h"
#include "wire/common.h"

namespace groat::client {
namespace {

using hotstuff::BlockHeader;
using hotstuff::Epoch;
using hotstuff::Height;

absl::Status Wrong(Height height, const std::string& what) {
  return absl::DataLossError(absl::StrCat("block ", height.value(), ": ", what));
}

absl::Status Wrong(Height height, const absl::Status& status) {
  return Wrong(height, std::string(status.message()));
}

}  // namespace

ChainVerifier::ChainVerifier(ValidatorSets& sets, Height from)
    : sets_(sets), from_(from), next_(from), clients_(sets.genesis().max_clients) {
  taken_.height = proven_.height = from.Previous();
}

absl::Status ChainVerifier::Take(const consensus::v1::SubscribeResponse& response) {
  for (const consensus::v1::Block& proto : response.blocks()) {
    const absl::StatusOr<wire::ReceivedBlock> block = wire::FromProto(proto, sets_.genesis().block);
    if (!block.ok()) return Wrong(next_, block.status());
    GROAT_RETURN_IF_ERROR(TakeBlock(*block));
  }
  if (response.commit_proof().empty()) return absl::OkStatus();
  if (!last_.has_value()) return Wrong(next_, "a commit proof without a block");
  const absl::StatusOr<hotstuff::CommitProof> proof =
      hotstuff::CommitProof::Decode(wire::View(response.commit_proof()));
  if (!proof.ok()) return Wrong(taken_.height, proof.status());
  const absl::Status status =
      hotstuff::VerifyCommit(*proof, taken_.block, sets_.rule(), set_->verifier);
  if (!status.ok()) return Wrong(taken_.height, status);
  proven_ = taken_;
  return absl::OkStatus();
}

absl::Status ChainVerifier::TakeBlock(const wire::ReceivedBlock& block) {
  const BlockHeader& header = block.header;
  GROAT_RETURN_IF_ERROR(CheckLink(header));
  if (set_ == nullptr || header.epoch != set_->verifier.epoch) {
    GROAT_RETURN_IF_ERROR(EnterEpoch(header));
  }
  if (from_ == Height(1)) GROAT_RETURN_IF_ERROR(CheckRepetitions(block));
  taken_.commands += block.commands.size();
  for (const bool fresh : block.fresh) taken_.effective_commands += fresh ? 1 : 0;
  taken_.height = header.height;
  taken_.block = header.Id();
  taken_.epoch = header.epoch;
  taken_.timestamp_us = header.timestamp_us;
  last_ = header;
  next_ = header.height.Next();
  return absl::OkStatus();
}

absl::Status ChainVerifier::CheckLink(const BlockHeader& header) {
  if (header.height != next_) {
    return Wrong(next_, absl::StrCat("got height ", header.height.value()));
  }
  if (header.chain != sets_.chain()) {
    return Wrong(next_, absl::StrCat("of chain ", header.chain.Hex(), ", the genesis is of ",
                                     sets_.chain().Hex()));
  }
  if (!last_.has_value()) return absl::OkStatus();
  if (header.parent != taken_.block) {
    return Wrong(next_, absl::StrCat("its parent is ", header.parent.Hex(), ", the block below is ",
                                     taken_.block.Hex()));
  }
  if (header.timestamp_us <= last_->timestamp_us) {
    return Wrong(next_, absl::StrCat("its time is ", header.timestamp_us,
                                     " us, that of the block below ", last_->timestamp_us));
  }
  return absl::OkStatus();
}

// The first block of an epoch, or the first one of all.
absl::Status ChainVerifier::EnterEpoch(const BlockHeader& header) {
  if (set_ != nullptr && header.epoch != set_->verifier.epoch.Next()) {
    return Wrong(next_, absl::StrCat("of epoch ", header.epoch.value(), ", the block below is of ",
                                     set_->verifier.epoch.value()));
  }
  GROAT_ASSIGN_OR_RETURN(set_, sets_.Of(header.epoch));
  const bool first_of_epoch = last_.has_value() || header.height == set_->root_height.Next();
  if (first_of_epoch && header.parent != set_->root) {
    return Wrong(next_, absl::StrCat("its parent is ", header.parent.Hex(), ", epoch ",
                                     header.epoch.value(), " begins after ", set_->root.Hex()));
  }
  if (header.height <= set_->root_height) {
    return Wrong(next_, absl::StrCat("of epoch ", header.epoch.value(), ", which begins above ",
                                     set_->root_height.value()));
  }
  return absl::OkStatus();
}

// A change of validators takes effect once: in the block from which on headers name it.
absl::Status ChainVerifier::CheckRepetitions(const wire::ReceivedBlock& block) {
  const bool first_of_epoch = !last_.has_value() || last_->epoch != block.header.epoch;
  const Hash before = first_of_epoch ? Hash() : last_->handover;
  bool orders_change = block.header.handover != before;
  for (size_t i = 0; i < block.commands.size(); ++i) {
    const hotstuff::Command& command = block.commands[i];
    bool fresh = clients_.Look(command.key) == hotstuff::ClientTable::State::kFresh;
    if (command.key.client == hotstuff::kChangeClient) {
      fresh = orders_change && command.key == hotstuff::ChangeKey(block.header.handover);
      if (fresh) orders_change = false;
    } else if (fresh) {
      clients_.Commit(command.key);
    }
    if (fresh == block.fresh[i]) continue;
    return Wrong(next_, absl::StrCat("command ", i, " of client ", command.key.client.value(),
                                     " with sequence ", command.key.sequence.value(),
                                     fresh ? " is said to have no effect, but has"
                                           : " is said to have an effect, but has none"));
  }
  return absl::OkStatus();
}

}  // namespace groat::client
