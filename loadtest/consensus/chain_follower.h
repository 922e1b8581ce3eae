// A subscriber of one replica that trusts nothing: every block must be the child of the one before,
// shown to be committed by the validators' keys, and no command may take effect twice.
//
// When its replica is gone it comes back, and goes on after the last block that was shown to be
// committed. Owns a thread. Thread-safe.
#ifndef GROAT_LOADTEST_CONSENSUS_CHAIN_FOLLOWER_H_
#define GROAT_LOADTEST_CONSENSUS_CHAIN_FOLLOWER_H_

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "hotstuff/commit_proof.h"
#include "hotstuff/genesis.h"
#include "loadtest/consensus/places.h"
#include "rpc/retry.h"
#include "rpc/tls.h"

namespace groat::load {

// A block when the subscriber saw that it is committed.
struct SeenCommit {
  std::chrono::steady_clock::time_point at;
  uint64_t height = 0;
  uint64_t timestamp_ms = 0;  // Unix time, by the proposer's clock.
  uint64_t commands = 0;      // That took effect, up to and with this block.
};

class ChainFollower {
 public:
  using Clock = std::chrono::steady_clock;

  // Follows from height 1. InvalidArgument if the genesis is not sound.
  static absl::StatusOr<std::unique_ptr<ChainFollower>> Start(std::string endpoint,
                                                              rpc::TlsConfig tls,
                                                              const hotstuff::Genesis& genesis);
  ~ChainFollower();

  // Of the last block that was shown to be committed; 0 before the first one.
  uint64_t height() const;
  // False if `deadline` passed, or what came was wrong.
  bool WaitForHeight(uint64_t height, Clock::time_point deadline) const;
  // What is wrong with what came: then nothing more is read. Or OK.
  absl::Status status() const;
  // Seen at `since` or later, in order.
  std::vector<SeenCommit> CommitsSince(Clock::time_point since) const;
  uint64_t connections() const;

  // Ends following. From then on the two below may be called.
  void Stop();
  // By height, from 1; all shown to be committed.
  const std::vector<hotstuff::BlockId>& ids() const { return ids_; }
  // Of the commands that took effect.
  const Places& places() const { return places_; }

 private:
  // A block that nothing shows to be committed yet; read again after a broken stream.
  struct Unproven {
    hotstuff::BlockId id;
    SeenCommit commit;
    std::vector<std::pair<hotstuff::CommandKey, Place>> effects;
    std::vector<hotstuff::CommandKey> repeated;
  };

  ChainFollower(std::string endpoint, rpc::TlsConfig tls, const hotstuff::Genesis& genesis);
  void Run();
  void FollowOnce();
  absl::Status Take(const consensus::v1::SubscribeResponse& response, Clock::time_point now);
  absl::Status TakeBlock(const consensus::v1::Block& block, Clock::time_point now);
  absl::Status TakeProof(const std::string& encoded);
  absl::Status TakeEffects(const Unproven& block);

  const std::string endpoint_;
  const rpc::TlsConfig tls_;
  const hotstuff::Genesis genesis_;
  std::unique_ptr<hotstuff::CommitRule> rule_;
  std::unique_ptr<hotstuff::CertificateScheme> scheme_;
  hotstuff::Verifier verifier_;
  rpc::Cancellation cancellation_;

  // Of the thread, and after Stop of the caller.
  std::vector<hotstuff::BlockId> ids_;
  Places places_;
  std::vector<Unproven> unproven_;
  uint64_t commands_ = 0;

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::vector<SeenCommit> commits_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  uint64_t connections_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_CHAIN_FOLLOWER_H_
