// Checks a chain of consensus as a replica shows it (Subscribe), by the genesis alone.
//
//   each block     its hash is the parent that the next one names, its height one more, its time
//                  later, its epoch the one before's or, where that has ended, the next
//   its commands   hash to what its header says
//   commit proofs  n - f validators of the epoch signed what commits the block and all below
//   repetitions    from height 1 on: the commands that are said to have no effect are those that
//                  were committed before
//
// Not shown by it: that there is no later block, and what commands mean. Not thread-safe.
#ifndef GROAT_TOOLS_GROAT_CLIENT_CHAIN_VERIFIER_H_
#define GROAT_TOOLS_GROAT_CLIENT_CHAIN_VERIFIER_H_

#include <optional>

#include "absl/status/status.h"
#include "groat/consensus/v1/consensus.pb.h"
#include "hotstuff/client_table.h"
#include "tools/groat/client/validator_sets.h"
#include "wire/consensus.h"

namespace groat::client {

class ChainVerifier {
 public:
  // Blocks come from height `from` (1 or more) on. `sets` must outlive the verifier.
  ChainVerifier(ValidatorSets& sets, hotstuff::Height from);

  // Takes the next response. DataLoss names the first thing that is not right; nothing may be taken
  // after it. Errors of ValidatorSets::GetHandover.
  absl::Status Take(const consensus::v1::SubscribeResponse& response);

  // What was taken up to the last block that is proven to be committed.
  struct Proven {
    hotstuff::Height height;  // One below `from` if there is none yet.
    hotstuff::BlockId block;
    hotstuff::Epoch epoch;
    uint64_t timestamp_us = 0;
    uint64_t commands = 0;
    uint64_t effective_commands = 0;  // Those that are not repetitions.
  };
  const Proven& proven() const { return proven_; }
  // The height of the next block.
  hotstuff::Height next() const { return next_; }

 private:
  absl::Status TakeBlock(const wire::ReceivedBlock& block);
  absl::Status CheckLink(const hotstuff::BlockHeader& header);
  absl::Status EnterEpoch(const hotstuff::BlockHeader& header);
  absl::Status CheckRepetitions(const wire::ReceivedBlock& block);

  ValidatorSets& sets_;
  const hotstuff::Height from_;
  hotstuff::Height next_;
  const ValidatorSet* set_ = nullptr;  // Of the last block's epoch; null before the first block.
  std::optional<hotstuff::BlockHeader> last_;
  Proven taken_;  // Up to the last block, proven or not.
  Proven proven_;
  hotstuff::ClientTable clients_;
};

}  // namespace groat::client

#endif  // GROAT_TOOLS_GROAT_CLIENT_CHAIN_VERIFIER_H_
