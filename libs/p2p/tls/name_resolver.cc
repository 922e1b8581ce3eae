#include "p2p/tls/name_resolver.h"

#include <pthread.h>

namespace groat::p2p {

NameResolver::~NameResolver() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    waiting_.clear();
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

void NameResolver::Ask(std::string address, OnResolved on_resolved) {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  {
    MutexLock lock(mutex_);
    if (waiting_.size() < kMaxWaiting) {
      waiting_.emplace_back(std::move(address), std::move(on_resolved));
      changed_.NotifyOne();
      return;
    }
  }
  executor_.Post([on_resolved = std::move(on_resolved)] {
    on_resolved(absl::UnavailableError("too many names wait to be resolved"));
  });
}

void NameResolver::Run() {
  pthread_setname_np(pthread_self(), thread_name_.substr(0, 15).c_str());
  while (true) {
    std::pair<std::string, OnResolved> next;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !ending_) changed_.Wait(mutex_);
      if (ending_) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    executor_.Post(
        [on_resolved = std::move(next.second), addresses = Resolve(next.first)]() mutable {
          on_resolved(std::move(addresses));
        });
  }
}

}  // namespace groat::p2p
