// What a subscriber checks who trusts no replica: every block is the child of the one before, shown
// to be committed by the validators' keys, and no command takes effect twice.
//
// Pure but for memory that grows with the chain: 32 bytes a block, 16 a command. Not thread-safe.
#ifndef GROAT_LOADTEST_CONSENSUS_CHAIN_CHECKER_H_
#define GROAT_LOADTEST_CONSENSUS_CHAIN_CHECKER_H_

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "groat/consensus/v1/consensus.pb.h"
#include "hotstuff/commit_proof.h"
#include "hotstuff/genesis.h"
#include "loadtest/consensus/places.h"

namespace groat::load {

// A block when the subscriber saw that it is committed.
struct SeenCommit {
  std::chrono::steady_clock::time_point at;
  uint64_t height = 0;
  uint64_t view = 0;
  uint32_t proposer = 0;
  uint64_t timestamp_us = 0;  // Unix time in microseconds, by the proposer's clock.
  uint64_t commands = 0;      // That took effect, up to and with this block.
};

// All that was shown to be committed.
struct SeenChain {
  std::vector<hotstuff::BlockId> ids;  // By height, from 1.
  Places places;                       // Of the commands that took effect.
};

class ChainChecker {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // From height 1 of the genesis' first epoch. `scheme` verifies its validators' signatures.
  ChainChecker(const hotstuff::Genesis& genesis,
               std::unique_ptr<hotstuff::CertificateScheme> scheme);

  // The blocks that are now shown to be committed, in order. DataLoss or InvalidArgument says what
  // is wrong; nothing may be taken after that.
  absl::StatusOr<std::vector<SeenCommit>> Take(const consensus::v1::SubscribeResponse& response,
                                               Time now);
  // The stream broke: what is not shown to be committed will come again.
  void Forget() { unproven_.clear(); }
  // Of the next block that is not shown to be committed.
  uint64_t next_height() const { return chain_.ids.size() + 1; }
  const SeenChain& chain() const { return chain_; }

 private:
  // A block that nothing shows to be committed yet.
  struct Unproven {
    hotstuff::BlockId id;
    SeenCommit commit;
    std::vector<std::pair<hotstuff::CommandKey, Place>> effects;
    std::vector<hotstuff::CommandKey> repeated;
  };
  absl::Status TakeBlock(const consensus::v1::Block& block, Time now);
  absl::Status CheckProof(const std::string& encoded) const;
  absl::Status TakeEffects(const Unproven& block);

  const hotstuff::Genesis genesis_;
  const std::unique_ptr<hotstuff::CommitRule> rule_;
  const std::unique_ptr<hotstuff::CertificateScheme> scheme_;
  const hotstuff::Verifier verifier_;
  SeenChain chain_;
  std::vector<Unproven> unproven_;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_CHAIN_CHECKER_H_
