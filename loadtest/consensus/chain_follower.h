// A subscriber of one replica that checks everything it is sent (chain_checker.h).
//
// When its replica is gone it comes back, and goes on after the last block that was shown to be
// committed. Owns a thread. Thread-safe.
#ifndef GROAT_LOADTEST_CONSENSUS_CHAIN_FOLLOWER_H_
#define GROAT_LOADTEST_CONSENSUS_CHAIN_FOLLOWER_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "loadtest/consensus/chain_checker.h"
#include "rpc/retry.h"
#include "rpc/tls.h"

namespace groat::load {

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

  // Ends following. Only then may chain() be called.
  void Stop();
  const SeenChain& chain() const { return checker_.chain(); }

 private:
  ChainFollower(std::string endpoint, rpc::TlsConfig tls, const hotstuff::Genesis& genesis,
                std::unique_ptr<hotstuff::CertificateScheme> scheme);
  void Run();
  void FollowOnce();

  const std::string endpoint_;
  const rpc::TlsConfig tls_;
  const int max_receive_bytes_;
  rpc::Cancellation cancellation_;
  ChainChecker checker_;  // Of the thread, and after Stop of the caller.

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::vector<SeenCommit> commits_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_CHAIN_FOLLOWER_H_
