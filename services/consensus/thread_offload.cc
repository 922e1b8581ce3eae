#include "services/consensus/thread_offload.h"

#include <pthread.h>

#include <utility>

namespace groat::consensus_service {

ThreadOffload::ThreadOffload(p2p::Executor& executor, size_t threads, const std::string& name)
    : executor_(executor) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Loop(); });
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
}

void ThreadOffload::Run(p2p::Task work, p2p::Task then) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  pieces_.push_back({std::move(work), std::move(then)});
  changed_.NotifyOne();
}

void ThreadOffload::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
}

size_t ThreadOffload::waiting() const {
  MutexLock lock(mutex_);
  return pieces_.size();
}

void ThreadOffload::Loop() {
  while (true) {
    Piece piece;
    {
      MutexLock lock(mutex_);
      while (pieces_.empty() && !stopping_) changed_.Wait(mutex_);
      if (pieces_.empty()) return;
      piece = std::move(pieces_.front());
      pieces_.pop_front();
    }
    piece.work();
    if (piece.then) executor_.Post(std::move(piece.then));
  }
}

}  // namespace groat::consensus_service
