#include "p2p/grpc/connection_acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"

namespace groat::p2p {
namespace {

// How soon to look again for a file descriptor when none was left.
constexpr int kExhaustedWaitMs = 20;

absl::Status SystemError(std::string_view what, const std::string& address) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address, ": ", std::string(what), ": ", strerror(errno)));
}

// The first of the addresses that a name stands for.
absl::StatusOr<int> ListenAt(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address, ": ", gai_strerror(error)));
  }
  const absl::Cleanup free_found = [found] { freeaddrinfo(found); };
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SystemError("socket", address);
  absl::Cleanup close_fd = [fd] { close(fd); };
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, found->ai_addr, found->ai_addrlen) != 0) return SystemError("bind", address);
  if (listen(fd, SOMAXCONN) != 0) return SystemError("listen", address);
  std::move(close_fd).Cancel();
  return fd;
}

std::array<uint8_t, 16> MappedAddress(const in_addr& address) {
  std::array<uint8_t, 16> mapped = {};
  mapped[10] = mapped[11] = 0xff;
  std::memcpy(mapped.data() + 12, &address, sizeof(address));
  return mapped;
}

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
  const absl::StatusOr<int> listener = ListenAt(address);
  if (!listener.ok()) return listener.status();
  sockaddr_storage own = {};
  socklen_t size = sizeof(own);
  GROAT_CHECK(getsockname(*listener, reinterpret_cast<sockaddr*>(&own), &size) == 0);
  const in_port_t port = own.ss_family == AF_INET6
                             ? reinterpret_cast<const sockaddr_in6&>(own).sin6_port
                             : reinterpret_cast<const sockaddr_in&>(own).sin_port;
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) {
    close(*listener);
    return SystemError("eventfd", address);
  }
  return std::unique_ptr<ConnectionAcceptor>(
      new ConnectionAcceptor(std::move(options), *listener, wake, ntohs(port)));
}

ConnectionAcceptor::ConnectionAcceptor(AcceptorOptions options, int listener, int wake,
                                       uint16_t port)
    : options_(std::move(options)), listener_(listener), wake_(wake), port_(port) {}

ConnectionAcceptor::~ConnectionAcceptor() {
  Stop();
  close(wake_);
  close(listener_);
}

void ConnectionAcceptor::Start(HandOver hand_over) {
  GROAT_CHECK(!thread_.joinable());
  hand_over_ = std::move(hand_over);
  thread_ = std::thread([this] { Run(); });
}

void ConnectionAcceptor::Stop() {
  // Refuses from now on, also who waits to be accepted.
  shutdown(listener_, SHUT_RDWR);
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

bool ConnectionAcceptor::SourceOf(std::string_view source, Source& out) {
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
  out.second = static_cast<uint16_t>(port);
  if (!ipv6) {
    in_addr address;
    if (inet_pton(AF_INET, decoded.substr(0, colon).c_str(), &address) != 1) return false;
    out.first = MappedAddress(address);
    return true;
  }
  std::string host = decoded.substr(0, colon);
  if (!host.empty() && host.front() == '[') host = host.substr(1, host.size() - 2);
  host = host.substr(0, host.find('%'));  // The interface of a link-local address.
  return inet_pton(AF_INET6, host.c_str(), out.first.data()) == 1;
}

std::unique_ptr<AcceptedConnection> ConnectionAcceptor::Take(std::string_view source) {
  Source key;
  if (!SourceOf(source, key)) return nullptr;
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
  sockaddr_storage from = {};
  socklen_t size = sizeof(from);
  const int fd =
      accept4(listener_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  const int duplicate = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) {
    const int error = errno;
    if (fd >= 0) close(fd);
    // Other errors are of the one connection, which is gone.
    exhausted_ = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
    if (!exhausted_) return;
    MutexLock lock(mutex_);
    if (!pending_.empty()) CutOffOldest();
    return;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  Source source;
  if (from.ss_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(from);
    std::memcpy(source.first.data(), &ipv6.sin6_addr, source.first.size());
    source.second = ntohs(ipv6.sin6_port);
  } else {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(from);
    source = {MappedAddress(ipv4.sin_addr), ntohs(ipv4.sin_port)};
  }
  {
    MutexLock lock(mutex_);
    Keep(std::make_unique<AcceptedConnection>(duplicate), source);
  }
  hand_over_(fd);
}

void ConnectionAcceptor::Run() {
  pthread_setname_np(pthread_self(), options_.thread_name.substr(0, 15).c_str());
  while (true) {
    int wait_ms = CutOffLate();
    if (exhausted_) wait_ms = kExhaustedWaitMs;
    pollfd watched[] = {{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
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
