// Client threads that submit updates to a relay and repeat every batch until it is acknowledged,
// whatever happens to the relay meanwhile. Tests only.
//
// Remembers what was acknowledged and every root that an answer named, and notices at once what
// must never happen: an answer that contradicts an earlier one, a double spend that nobody made.
// Thread-safe.
#ifndef GROAT_TESTS_E2E_UPDATE_LOAD_H_
#define GROAT_TESTS_E2E_UPDATE_LOAD_H_

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "groat/relay/v1/relay.grpc.pb.h"
#include "record/update.h"
#include "rpc/retry.h"
#include "tests/e2e/cluster.h"

namespace groat::e2e {

// What a client was told.
struct Acknowledged {
  record::Update update;
  record::Cycle cycle;
};

class UpdateLoad {
 public:
  struct Options {
    uint64_t seed = 1;  // Updates and waits follow from it.
    size_t clients = 4;
    size_t max_batch = 20;
    // Waits that are asked for, evenly.
    std::vector<relay::v1::WaitLevel> waits = {relay::v1::WAIT_LEVEL_ACCEPTED,
                                               relay::v1::WAIT_LEVEL_INCLUDED};
  };

  // Starts at once. `cluster` outlives the load.
  UpdateLoad(Cluster& cluster, const Options& options);
  ~UpdateLoad() { Stop(); }
  // Every batch that was begun is acknowledged when this returns, or the load has failed.
  void Stop();

  // Waits until so many updates are acknowledged in all. DeadlineExceeded, or what went wrong.
  absl::Status WaitForAcknowledged(uint64_t count) const;
  // Waits until a batch is acknowledged that was first sent after this call. The same errors.
  absl::Status WaitForFreshAnswer() const;

  uint64_t acknowledged_count() const;
  std::vector<Acknowledged> acknowledged() const;
  // Those from index `first` on, in the order of their acknowledgements.
  std::vector<Acknowledged> AcknowledgedFrom(size_t first) const;
  // Roots that proofs in answers named, by cycle.
  std::map<uint64_t, std::string> roots() const;
  // Batches that had to be sent again.
  uint64_t repeated_batches() const;
  // The first thing that must not happen.
  absl::Status status() const;

 private:
  void Run(size_t client);
  // Sends until there is an answer; false if the load ends before.
  bool SendUntilAnswered(relay::v1::RelayService::Stub& stub,
                         const relay::v1::SubmitUpdatesRequest& request,
                         relay::v1::SubmitUpdatesResponse& response, bool& repeated);
  absl::Status Take(const std::vector<record::Update>& updates, bool repeated,
                    const relay::v1::SubmitUpdatesResponse& response) ABSL_LOCKS_EXCLUDED(mutex_);
  void Fail(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  Cluster& cluster_;
  const Options options_;
  rpc::Cancellation failed_;  // Ends clients that would send for ever.
  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::vector<Acknowledged> acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::string> roots_ ABSL_GUARDED_BY(mutex_);
  uint64_t repeated_batches_ ABSL_GUARDED_BY(mutex_) = 0;
  Clock::time_point last_answered_begin_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

// Whether a call with this result may simply be sent again: the server was not there.
bool MayComeBack(const absl::Status& status);

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_UPDATE_LOAD_H_
