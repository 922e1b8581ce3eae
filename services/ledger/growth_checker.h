// Verifies block by block that the relays' tries only grew: the condition for signing.
//
// A few workers fetch and verify the proofs of several blocks at once; `verified` moves in order.
// A block is verified when the proof of its cycle leads from the root of the cycle before (the
// empty trie at the start of a period) to its root. Endpoints of a relay are tried in turn: an
// endpoint that does not answer, or has pruned the cycle, is asked again later, for ever. A proof
// that is wrong is an alarm, and if no endpoint sends a right one, the checker stops below that
// block for good: this node will never sign it or anything above.
//
// Thread-safe.
#ifndef GROAT_SERVICES_LEDGER_GROWTH_CHECKER_H_
#define GROAT_SERVICES_LEDGER_GROWTH_CHECKER_H_

#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "services/ledger/growth_source.h"
#include "services/ledger/node_context.h"
#include "services/ledger/wakeup.h"

namespace groat::ledger_service {

class GrowthChecker {
 public:
  struct Callbacks {
    // Both on a worker's thread, without a lock held.
    std::function<void(record::Height)> verified;
    std::function<void(record::Height, const std::string& reason)> failed;
  };

  GrowthChecker(const NodeContext& context, GrowthSource& source, size_t workers,
                Callbacks callbacks)
      : context_(context),
        source_(source),
        worker_count_(workers),
        callbacks_(std::move(callbacks)) {}
  ~GrowthChecker() { Stop(); }

  // `verified` is what an earlier run has verified.
  void Start(record::Height verified);
  void Stop();

  // Blocks up to `height` are in the store and known to be the register's.
  void Offer(record::Height height);

  record::Height verified() const;
  // OK, or FailedPrecondition with the block whose growth is wrong.
  absl::Status alarm() const;

 private:
  enum class Verdict { kRight, kWrong, kStopped };

  void Work();
  // The next block to check; nothing when stopping.
  std::optional<record::Height> Take();
  Verdict CheckUntilDecided(record::Height height, std::string* reason);
  // One try at every endpoint.
  absl::Status CheckOnce(const record::Block& block, const record::RootStatement* previous,
                         bool* wrong);
  void Finish(record::Height height);
  void Fail(record::Height height, const std::string& reason);

  const NodeContext& context_;
  GrowthSource& source_;
  const size_t worker_count_;
  const Callbacks callbacks_;
  Wakeup stopping_;  // Ends pauses.
  std::vector<std::thread> workers_;

  mutable Mutex mutex_;
  CondVar work_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  record::Height offered_ ABSL_GUARDED_BY(mutex_);
  record::Height taken_ ABSL_GUARDED_BY(mutex_);
  record::Height verified_ ABSL_GUARDED_BY(mutex_);
  std::set<record::Height> done_ ABSL_GUARDED_BY(mutex_);  // Above verified_.
  record::Height failed_height_ ABSL_GUARDED_BY(mutex_);   // 0: none.
  std::string failure_ ABSL_GUARDED_BY(mutex_);
  Mutex report_mutex_;  // Keeps calls of `verified` in order.
  record::Height reported_ ABSL_GUARDED_BY(report_mutex_);
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_GROWTH_CHECKER_H_
