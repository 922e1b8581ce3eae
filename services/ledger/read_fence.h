// Makes reads linearizable: one look at the register's head for all calls that wait at that moment,
// then a wait until this node has applied that head.
//
// A call's answer is read from the store after that, so it shows every append that was acknowledged
// before the call began. A thread of its own does the work. Public functions are thread-safe.
#ifndef GROAT_SERVICES_LEDGER_READ_FENCE_H_
#define GROAT_SERVICES_LEDGER_READ_FENCE_H_

#include <functional>
#include <thread>
#include <vector>

#include "services/ledger/node_context.h"
#include "services/ledger/register_view.h"
#include "services/ledger/wakeup.h"

namespace groat::ledger_service {

class ReadFence {
 public:
  // OK, or Unavailable, or DataLoss from a node that has stopped.
  using Passed = std::function<void(const absl::Status&)>;

  // `wait_applied` as for Appender.
  ReadFence(const NodeContext& context, size_t max_waiting,
            std::function<bool(record::Height)> wait_applied)
      : context_(context), max_waiting_(max_waiting), wait_applied_(std::move(wait_applied)) {}
  ~ReadFence() { Stop(); }

  void Start();
  void Stop();

  // `passed` is called once, on the fence's thread; it must be short. False if too many wait.
  bool TryPass(Passed passed);

 private:
  void Run();
  absl::Status Look();

  const NodeContext& context_;
  const size_t max_waiting_;
  const std::function<bool(record::Height)> wait_applied_;
  const RegisterView view_{context_};
  Wakeup wakeup_;
  std::thread thread_;

  Mutex mutex_;
  std::vector<Passed> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_READ_FENCE_H_
