// Work on threads of its own; with one thread, one after another.
//
// Thread-safe. The number of pieces of work that wait is bounded by whoever hands them in.
#ifndef GROAT_SERVICES_CONSENSUS_THREAD_OFFLOAD_H_
#define GROAT_SERVICES_CONSENSUS_THREAD_OFFLOAD_H_

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "services/consensus/offload.h"

namespace groat::consensus_service {

class ThreadOffload final : public Offload {
 public:
  // `executor` must live until Stop. `name` is the threads' name, at most 15 characters.
  ThreadOffload(p2p::Executor& executor, size_t threads, const std::string& name);
  ~ThreadOffload() override { Stop(); }

  void Run(p2p::Task work, p2p::Task then) override ABSL_LOCKS_EXCLUDED(mutex_);
  // Without anything afterwards.
  void Run(p2p::Task work) { Run(std::move(work), nullptr); }
  // Does what was handed in, then joins; what comes later is dropped.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  size_t waiting() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Piece {
    p2p::Task work;
    p2p::Task then;
  };
  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);

  p2p::Executor& executor_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Piece> pieces_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_THREAD_OFFLOAD_H_
