// Work as tasks of the executor itself, after a delay: what a simulated replica has instead of
// threads. Tests only.
#ifndef GROAT_SERVICES_CONSENSUS_TESTING_INLINE_OFFLOAD_H_
#define GROAT_SERVICES_CONSENSUS_TESTING_INLINE_OFFLOAD_H_

#include <algorithm>
#include <utility>

#include "services/consensus/offload.h"

namespace groat::consensus_service::testing {

class InlineOffload final : public Offload {
 public:
  // Each piece takes `delay` after the one before.
  InlineOffload(p2p::Executor& executor, p2p::Duration delay)
      : executor_(executor), delay_(delay) {}

  void Run(p2p::Task work, p2p::Task then) override {
    busy_until_ = std::max(busy_until_, executor_.Now()) + delay_;
    executor_.PostAt(busy_until_, [work = std::move(work), then = std::move(then)]() mutable {
      work();
      if (then) then();
    });
  }

 private:
  p2p::Executor& executor_;
  const p2p::Duration delay_;
  p2p::Instant busy_until_;
};

}  // namespace groat::consensus_service::testing

#endif  // GROAT_SERVICES_CONSENSUS_TESTING_INLINE_OFFLOAD_H_
