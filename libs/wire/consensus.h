// groat.consensus.v1 <-> libs/hotstuff.
//
// Pure. InvalidArgument names the field, the value and what was wanted.
#ifndef GROAT_WIRE_CONSENSUS_H_
#define GROAT_WIRE_CONSENSUS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "groat/consensus/v1/consensus.pb.h"
#include "hotstuff/block.h"
#include "hotstuff/validator_change.h"

namespace groat::wire {

inline constexpr int kMaxCommandsPerRequest = 10'000;

// The commands of a request: 1 to kMaxCommandsPerRequest, of a client that is not the reserved one,
// with rising sequences from 1 and payloads that fit into a block.
absl::StatusOr<std::vector<hotstuff::Command>> CommandsFromProto(
    const consensus::v1::SubmitRequest& request, const hotstuff::CommandBounds& block);
absl::StatusOr<std::vector<hotstuff::Command>> CommandsFromProto(
    const consensus::v1::SubmitStreamRequest& request, const hotstuff::CommandBounds& block);

absl::StatusOr<hotstuff::ValidatorChange> FromProto(
    const consensus::v1::ApproveChangeRequest& request);

// A change with at most one share for each of `replicas` validators, ascending. `chain` is what the
// shares are over.
struct SignedChange {
  hotstuff::ValidatorChange change;
  std::vector<hotstuff::SignedShare> shares;
};
absl::StatusOr<SignedChange> FromProto(const consensus::v1::ChangeValidatorsRequest& request,
                                       const hotstuff::ChainId& chain, size_t replicas);

// A block that a client received: its header and commands, whose hash is the header's.
struct ReceivedBlock {
  hotstuff::BlockHeader header;
  std::vector<hotstuff::Command> commands;
  std::vector<bool> fresh;  // False: committed before.
};
absl::StatusOr<ReceivedBlock> FromProto(const consensus::v1::Block& block,
                                        const hotstuff::CommandBounds& bounds);

}  // namespace groat::wire

#endif  // GROAT_WIRE_CONSENSUS_H_
