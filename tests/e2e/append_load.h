// Clients of a ledger: writers that append roots of a relay each, readers that ask for the head,
// all through whichever node comes next, all recorded in one history. Tests only.
//
// A writer repeats an append until it is acknowledged, whatever happens to the nodes meanwhile, and
// now and then sends an acknowledged one again, which must give the same block. Thread-safe.
#ifndef GROAT_TESTS_E2E_APPEND_LOAD_H_
#define GROAT_TESTS_E2E_APPEND_LOAD_H_

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "rpc/retry.h"
#include "tests/e2e/chain_history.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/root_source.h"

namespace groat::e2e {

class AppendLoad {
 public:
  struct Options {
    uint64_t seed = 1;
    size_t readers = 3;
    size_t max_roots = 3;  // In one call.
  };

  // Starts at once, one writer a source. Everything outlives the load.
  AppendLoad(Cluster& cluster, const std::vector<std::unique_ptr<RootSource>>& sources,
             const Options& options, ChainHistory& history);
  ~AppendLoad() { Stop(); }
  // Every append that was begun is acknowledged when this returns, or the load has failed.
  void Stop();

  // Waits until so many roots are acknowledged in all. DeadlineExceeded, or what went wrong.
  absl::Status WaitForAcknowledged(uint64_t count) const;
  // Waits until an append is acknowledged that began after this call. The same errors.
  absl::Status WaitForFreshAnswer() const;
  uint64_t acknowledged_count() const;
  // The first thing that must not happen.
  absl::Status status() const;

 private:
  using Call = std::function<absl::Status(ledger::v1::LedgerService::Stub&)>;

  void Write(RootSource& source, Random random);
  void Read(Random random);
  // Sends to one node after the other until it succeeds; the error that is not of a server's
  // absence, or Cancelled when the load has failed.
  absl::Status UntilAnswered(Random& random, const Call& call);
  absl::StatusOr<std::vector<record::Block>> Append(Random& random,
                                                    const std::vector<record::SignedRoot>& roots);
  bool Ended() const ABSL_LOCKS_EXCLUDED(mutex_);
  void Fail(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  Cluster& cluster_;
  const Options options_;
  ChainHistory& history_;
  rpc::Cancellation failed_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  uint64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  Clock::time_point last_answered_begin_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_APPEND_LOAD_H_
