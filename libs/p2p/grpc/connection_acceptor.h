// Takes TCP connections for a gRPC server, and keeps strangers from using them up.
//
// gRPC 1.51 never listens again once accepting fails, be it that a flood of connections took the
// last file descriptor or that one was aborted; and it bounds neither connections in the handshake
// nor those that never begin a stream. So connections are taken here and handed over. Whoever has
// not begun a stream in time is cut off, and before that the oldest such is, when there are too
// many: an honest peer takes milliseconds for what those who hold connections for their own sake
// leave undone. A connection lives no longer than its stream.
//
// Thread-safe. One thread of its own, asleep while nobody connects.
#ifndef GROAT_P2P_GRPC_CONNECTION_ACCEPTOR_H_
#define GROAT_P2P_GRPC_CONNECTION_ACCEPTOR_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "p2p/live/handshake_limit.h"
#include "p2p/live/tcp_socket.h"

namespace groat::p2p {

// An accepted connection, which ends with this.
class AcceptedConnection {
 public:
  // Takes over a duplicate of gRPC's file descriptor, which gRPC may close at any time.
  explicit AcceptedConnection(int fd) : fd_(fd) {}
  ~AcceptedConnection();
  AcceptedConnection(const AcceptedConnection&) = delete;
  AcceptedConnection& operator=(const AcceptedConnection&) = delete;
  // Neither gRPC nor the other side has ended it.
  bool alive() const;

 private:
  const int fd_;
};

struct AcceptorOptions {
  std::string thread_name = "acceptor";
  // Connections that have not begun a stream: how many there may be, and for how long.
  size_t max_pending = 256;
  std::chrono::milliseconds patience = std::chrono::seconds(10);
  // Whoever comes more often is turned away.
  HandshakeRates rates = {};
};

class ConnectionAcceptor {
 public:
  // Takes over the file descriptor.
  using HandOver = std::function<void(int fd)>;

  // Listens at "host:port", where port 0 takes any free one. Unavailable if it cannot be had.
  static absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> Listen(const std::string& address,
                                                                    AcceptorOptions options);
  // Stops.
  ~ConnectionAcceptor();
  ConnectionAcceptor(const ConnectionAcceptor&) = delete;
  ConnectionAcceptor& operator=(const ConnectionAcceptor&) = delete;

  uint16_t port() const { return port_; }
  // From now on connections are taken. Once. `hand_over` is called by the acceptor's thread.
  void Start(HandOver hand_over);
  // Closes the port and cuts off who is pending. `hand_over` is not called after.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  // The connection from here has begun its stream: whoever has the stream owns it now. Null if it
  // was cut off. `source` is its other end as gRPC calls it, "ipv4:127.0.0.1:4711" or
  // "ipv6:%5B::1%5D:4711".
  std::unique_ptr<AcceptedConnection> Take(std::string_view source) ABSL_LOCKS_EXCLUDED(mutex_);

  size_t pending() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Connections that were cut off so far.
  uint64_t cut_off() const { return cut_off_.load(std::memory_order_relaxed); }
  // Connections that were turned away so far.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    std::unique_ptr<AcceptedConnection> connection;
    Source source;
    Clock::time_point until;
  };

  ConnectionAcceptor(AcceptorOptions options, Listener listener, int wake);
  static bool ReadSource(std::string_view source, Source& out);
  static Instant Now() { return Instant(Clock::now().time_since_epoch()); }
  void Run();
  void AcceptOne() ABSL_LOCKS_EXCLUDED(mutex_);
  void Keep(std::unique_ptr<AcceptedConnection> connection, const Source& source)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CutOffOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How long to sleep, -1 for ever.
  int CutOffLate() ABSL_LOCKS_EXCLUDED(mutex_);

  const AcceptorOptions options_;
  const Socket listener_;
  const int wake_;  // An eventfd: the end.
  const uint16_t port_;
  HandOver hand_over_;
  std::thread thread_;
  // Of the thread.
  HandshakeLimit limit_;
  bool exhausted_ = false;  // No file descriptors are left, or nobody may come for now.
  std::atomic<uint64_t> cut_off_ = 0;
  std::atomic<uint64_t> refused_ = 0;

  mutable Mutex mutex_;
  std::list<Pending> pending_ ABSL_GUARDED_BY(mutex_);  // The oldest first.
  std::map<Source, std::list<Pending>::iterator> by_source_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_GRPC_CONNECTION_ACCEPTOR_H_
