// Asks the system for the addresses of names, on a thread of its own, since asking blocks.
//
// Belongs to the executor. The thread begins with the first name; most networks have numbers alone.
#ifndef GROAT_P2P_TLS_NAME_RESOLVER_H_
#define GROAT_P2P_TLS_NAME_RESOLVER_H_

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "p2p/executor.h"
#include "p2p/live/tcp_socket.h"

namespace groat::p2p {

class NameResolver {
 public:
  using Addresses = absl::StatusOr<std::vector<SocketAddress>>;
  using OnResolved = std::function<void(Addresses)>;

  NameResolver(Executor& executor, std::string thread_name)
      : executor_(executor), thread_name_(std::move(thread_name)) {}
  // Waits for the question under way, for as long as the system's resolver does.
  ~NameResolver();

  // `on_resolved` is a task of the executor. Unavailable if there is no such name, or if
  // kMaxWaiting names wait already.
  void Ask(std::string address, OnResolved on_resolved) ABSL_LOCKS_EXCLUDED(mutex_);

  static constexpr size_t kMaxWaiting = 64;

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  Executor& executor_;
  const std::string thread_name_;
  std::thread thread_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::pair<std::string, OnResolved>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TLS_NAME_RESOLVER_H_
