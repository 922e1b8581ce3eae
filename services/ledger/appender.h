// Appends roots to the chain: many requests in one transaction of the register.
//
// A transaction puts the next blocks, the head and the relays' entries if the head is still as it
// was read. That comparison alone makes it safe; that one node usually does it (the sequencer) only
// keeps nodes from getting in each other's way. When the answer to a transaction is lost, or the
// comparison fails, the head is read again and the same requests are planned again: cycles that got
// their blocks meanwhile are answered with them. The lost transaction may still come later, but
// then the head's comparison fails for one of the two.
// A node appends only to a head that it has applied itself, or that its own transactions made of
// such a one, so it never extends a history that contradicts its own.
//
// A thread of its own does the work. Public functions are thread-safe.
#ifndef GROAT_SERVICES_LEDGER_APPENDER_H_
#define GROAT_SERVICES_LEDGER_APPENDER_H_

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "ledger/append_planner.h"
#include "services/ledger/node_context.h"
#include "services/ledger/peers.h"
#include "services/ledger/register_view.h"
#include "services/ledger/wakeup.h"

namespace groat::ledger_service {

// The canonical error of a refusal.
absl::Status RefusalStatus(const ledger::Refusal& refusal);

struct AppendRequest {
  std::vector<record::SignedRoot> roots;
  std::chrono::steady_clock::time_point deadline;
  AppendDone done;  // On the appender's thread.
  // Whether the check was made, and found nothing against the roots.
  ledger::RootSignature signatures = ledger::RootSignature::kChecked;
};

class Appender {
 public:
  struct Callbacks {
    // Signatures and shape of roots (CheckRoots).
    std::function<std::optional<ledger::Refusal>(std::span<const record::SignedRoot>)> check;
    // Waits until this node has applied a height; false after some seconds without it.
    std::function<bool(record::Height)> wait_applied;
    // Blocks of this node's own transaction, which was committed.
    std::function<void(std::vector<record::Block>)> committed;
  };

  Appender(const NodeContext& context, size_t max_queued, Callbacks callbacks)
      : context_(context), max_queued_(max_queued), callbacks_(std::move(callbacks)) {}
  ~Appender() { Stop(); }

  void Start();
  // Ends what is under way; requests that are left are answered UNAVAILABLE.
  void Stop();

  // False, with the request untouched, if the queue is full or the appender has stopped.
  bool TryEnqueue(AppendRequest& request);
  // The same for a request whose roots are unchecked: the appender checks them itself. False
  // also if it has anything else to do, so that it is never kept from appending.
  bool TryEnqueueIfIdle(AppendRequest& request);

 private:
  // The state of the register that the next transaction is planned on.
  struct Base {
    int64_t head_revision = 0;
    ledger::ChainHead head;
    ledger::RelayTips tips;
  };
  // What was planned for a request.
  using Outcome = ledger::AppendPlanner::Result;
  enum class Committed { kYes, kLostRace, kUnknown };

  void Run();
  std::vector<AppendRequest> TakeBatch();
  // Answers those whose roots are refused, and takes them out.
  void CheckUnchecked(std::vector<AppendRequest>& batch);
  // Until every request is answered.
  void Serve(std::vector<AppendRequest> batch);
  void AnswerExpired(std::vector<AppendRequest>& batch, const absl::Status& last_error);
  absl::Status EnsureBase();
  // Blocks that repetitions are answered with come from the store: waits until they are there.
  absl::Status WaitForStanding(const std::vector<AppendRequest>& batch);
  // The register's relay entries must name blocks of our own chain.
  absl::Status CheckTips(const ledger::RelayTips& tips) const;
  // One plan and one transaction; answers what is decided and takes it out of `batch`.
  absl::Status ServeOnce(std::vector<AppendRequest>& batch);
  absl::StatusOr<Committed> Commit(const ledger::AppendPlanner& planner);
  void Answer(std::vector<AppendRequest>& batch, std::vector<Outcome> outcomes,
              bool base_is_current);

  const NodeContext& context_;
  const size_t max_queued_;
  const Callbacks callbacks_;
  const RegisterView view_{context_};
  Wakeup wakeup_;
  std::thread thread_;
  std::optional<Base> base_;    // Of the own thread.
  bool base_is_fresh_ = false;  // Read since the batch began. Of the own thread.

  Mutex mutex_;
  std::deque<AppendRequest> queue_ ABSL_GUARDED_BY(mutex_);
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_APPENDER_H_
