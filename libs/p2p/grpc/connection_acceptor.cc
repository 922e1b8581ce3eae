#include "p2p/grpc/connection_acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::p2p {
namespace {

// How soon to look again when no file descriptor was left, or too many had come.
constexpr int kExhaustedWaitMs = 20;

}  // namespace

AcceptedConnection::~AcceptedConnection() {
  shutdown(fd_, SHUT_RDWR);
  close(fd_);
}

bool AcceptedConnection::alive() const {
  char byte = 0;
  return recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> ConnectionAcceptor::Listen(
    const std::string& address, AcceptorOptions options) {
  GROAT_ASSIGN_OR_RETURN(Listener listener, ListenTcp(address));
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address, ": eventfd: ", strerror(errno)));
  }
  return std::unique_ptr<ConnectionAcceptor>(
      new ConnectionAcceptor(std::move(options), std::move(listener), wake));
}

ConnectionAcceptor::ConnectionAcceptor(AcceptorOptions options, Listener listener, int wake)
    : options_(std::move(options)),
      listener_(std::move(listener.socket)),
      wake_(wake),
      port_(listener.port),
      limit_(options_.rates, Now()) {}

ConnectionAcceptor::~ConnectionAcceptor() {
  Stop();
  close(wake_);
}

void ConnectionAcceptor::Start(HandOver hand_over) {
  GROAT_CHECK(!thread_.joinable());
  hand_over_ = std::move(hand_over);
  thread_ = std::thread([this] { Run(); });
}

void ConnectionAcceptor::Stop() {
  // Refuses from now on, also who waits to be accepted.
  shutdown(listener_.fd(), SHUT_RDWR);
  if (thread_.joinable()) {
    const uint64_t one = 1;
    GROAT_CHECK(write(wake_, &one, sizeof(one)) == sizeof(one));
    thread_.join();
  }
  MutexLock lock(mutex_);
  while (!pending_.empty()) CutOffOldest();
}

size_t ConnectionAcceptor::pending() const {
  MutexLock lock(mutex_);
  return pending_.size();
}

bool ConnectionAcceptor::ReadSource(std::string_view source, Source& out) {
  const bool ipv6 = absl::StartsWith({source.data(), source.size()}, "ipv6:");
  const size_t scheme = source.find(':');
  const std::string decoded =
      absl::StrReplaceAll({source.data() + scheme + 1, source.size() - scheme - 1},
                          {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
  const size_t colon = decoded.rfind(':');
  uint32_t port = 0;
  if (scheme == std::string_view::npos || colon == std::string::npos ||
      !absl::SimpleAtoi(decoded.substr(colon + 1), &port) || port > UINT16_MAX) {
    return false;
  }
  SocketAddress address;
  const uint16_t network_port = htons(static_cast<uint16_t>(port));
  std::string host = decoded.substr(0, colon);
  bool is_read = false;
  if (ipv6) {
    if (!host.empty() && host.front() == '[') host = host.substr(1, host.size() - 2);
    host = host.substr(0, host.find('%'));  // The interface of a link-local address.
    auto& at = reinterpret_cast<sockaddr_in6&>(address.storage);
    at.sin6_family = AF_INET6;
    at.sin6_port = network_port;
    is_read = inet_pton(AF_INET6, host.c_str(), &at.sin6_addr) == 1;
  } else {
    auto& at = reinterpret_cast<sockaddr_in&>(address.storage);
    at.sin_family = AF_INET;
    at.sin_port = network_port;
    is_read = inet_pton(AF_INET, host.c_str(), &at.sin_addr) == 1;
  }
  out = SourceOf(address);
  return is_read;
}

std::unique_ptr<AcceptedConnection> ConnectionAcceptor::Take(std::string_view source) {
  Source key;
  if (!ReadSource(source, key)) return nullptr;
  MutexLock lock(mutex_);
  const auto found = by_source_.find(key);
  if (found == by_source_.end()) return nullptr;
  std::unique_ptr<AcceptedConnection> connection = std::move(found->second->connection);
  pending_.erase(found->second);
  by_source_.erase(found);
  return connection;
}

void ConnectionAcceptor::CutOffOldest() {
  if (pending_.front().connection->alive()) cut_off_.fetch_add(1, std::memory_order_relaxed);
  by_source_.erase(pending_.front().source);
  pending_.pop_front();
}

void ConnectionAcceptor::Keep(std::unique_ptr<AcceptedConnection> connection,
                              const Source& source) {
  // Who comes from the same port again has closed the connection before.
  if (const auto found = by_source_.find(source); found != by_source_.end()) {
    pending_.erase(found->second);
    by_source_.erase(found);
  }
  if (pending_.size() >= options_.max_pending) CutOffOldest();
  pending_.push_back({std::move(connection), source, Clock::now() + options_.patience});
  by_source_.emplace(source, std::prev(pending_.end()));
}

int ConnectionAcceptor::CutOffLate() {
  MutexLock lock(mutex_);
  const Clock::time_point now = Clock::now();
  while (!pending_.empty() && pending_.front().until <= now) CutOffOldest();
  if (pending_.empty()) return -1;
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(pending_.front().until - now).count();
  return static_cast<int>(wait);
}

void ConnectionAcceptor::AcceptOne() {
  absl::StatusOr<Accepted> accepted = AcceptTcp(listener_.fd());
  Socket duplicate;
  if (accepted.ok()) {
    switch (limit_.Consider(accepted->source, Now())) {
      case HandshakeLimit::Verdict::kTake:
        break;
      case HandshakeLimit::Verdict::kAllBusy:
        exhausted_ = true;
        [[fallthrough]];
      case HandshakeLimit::Verdict::kRefuseSource:
        refused_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    duplicate = Socket(fcntl(accepted->socket.fd(), F_DUPFD_CLOEXEC, 0));
  } else if (!absl::IsResourceExhausted(accepted.status())) {
    return;  // Of the one connection, which is gone.
  }
  if (!duplicate.open()) {
    exhausted_ = true;
    MutexLock lock(mutex_);
    if (!pending_.empty()) CutOffOldest();
    return;
  }
  {
    MutexLock lock(mutex_);
    Keep(std::make_unique<AcceptedConnection>(duplicate.Release()), accepted->source);
  }
  hand_over_(accepted->socket.Release());
}

void ConnectionAcceptor::Run() {
  pthread_setname_np(pthread_self(), options_.thread_name.substr(0, 15).c_str());
  while (true) {
    int wait_ms = CutOffLate();
    if (exhausted_) wait_ms = kExhaustedWaitMs;
    pollfd watched[] = {{wake_, POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
    // A listener with connections that cannot be taken would be ready all the time.
    poll(watched, exhausted_ ? 1 : 2, wait_ms);
    if (watched[0].revents != 0) return;
    if (watched[1].revents == 0 && !exhausted_) continue;
    exhausted_ = false;
    // One at a time, so that who is late is cut off in time.
    AcceptOne();
  }
}

}  // namespace groat::p2p
