// A load of commands on all replicas at once: a session to each.
//
// Thread-safe but for Finish and destruction.
#ifndef GROAT_LOADTEST_CONSENSUS_SUBMIT_RUN_H_
#define GROAT_LOADTEST_CONSENSUS_SUBMIT_RUN_H_

#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/consensus/submit_session.h"

namespace groat::load {

class SubmitRun {
 public:
  using Clock = SubmitSession::Clock;

  // Connects every session, then begins. Unavailable; InvalidArgument names a value that is out of
  // range.
  static absl::StatusOr<std::unique_ptr<SubmitRun>> Start(const SubmitLoad& load);
  // Cancels what is under way.
  ~SubmitRun();

  Clock::time_point measured_from() const { return begin_ + load_.warm_up; }
  Clock::time_point measured_until() const { return measured_from() + load_.duration; }
  // The highest block that an answer named so far.
  uint64_t height() const;

  // Sends nothing new from now on; waits up to `patience` for answers. Once.
  SubmitResult Stop(std::chrono::milliseconds patience);
  // As Stop, at the load's own end.
  SubmitResult Finish(std::chrono::milliseconds patience);

 private:
  explicit SubmitRun(const SubmitLoad& load) : load_(load) {}
  void Watch();
  bool WaitForQuit(Clock::time_point deadline) ABSL_LOCKS_EXCLUDED(mutex_);
  SubmitResult Gather(Clock::time_point deadline);

  const SubmitLoad load_;
  Clock::time_point begin_;
  std::vector<std::unique_ptr<SubmitSession>> sessions_;
  Mutex mutex_;
  CondVar changed_;
  bool quit_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread watcher_;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_SUBMIT_RUN_H_
