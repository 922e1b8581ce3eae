#include "p2p/live/tcp_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::p2p {
namespace {

absl::Status SystemError(const char* what, const std::string& address) {
  return absl::UnavailableError(absl::StrCat(what, " ", address, ": ", strerror(errno)));
}

uint16_t PortOf(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

void SendAtOnce(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this == &other) return *this;
  Close();
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

void Socket::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Source SourceOf(const SocketAddress& address) {
  Source source;
  source.port = PortOf(address.storage);
  if (address.storage.ss_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
    std::memcpy(source.host.data(), &ipv6.sin6_addr, source.host.size());
  } else {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    source.host[10] = source.host[11] = 0xff;
    std::memcpy(source.host.data() + 12, &ipv4.sin_addr, 4);
  }
  return source;
}

std::pair<std::string, std::string> SplitAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (!host.empty() && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

bool IsNumericHost(const std::string& host) {
  in6_addr numeric;
  return inet_pton(AF_INET, host.c_str(), &numeric) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &numeric) == 1;
}

absl::StatusOr<std::vector<SocketAddress>> Resolve(const std::string& address) {
  const auto [host, port] = SplitAddress(address);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (IsNumericHost(host) ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("cannot resolve ", host, ": ", gai_strerror(error)));
  }
  const absl::Cleanup free_found = [found] { freeaddrinfo(found); };
  std::vector<SocketAddress> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    SocketAddress& added = addresses.emplace_back();
    std::memcpy(&added.storage, at->ai_addr, at->ai_addrlen);
    added.size = at->ai_addrlen;
  }
  return addresses;
}

absl::StatusOr<Listener> ListenTcp(const std::string& address) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<SocketAddress> all, Resolve(address));
  const SocketAddress& at = all.front();
  Listener listener;
  listener.socket =
      Socket(socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.socket.open()) return SystemError("cannot listen on", address);
  const int fd = listener.socket.fd();
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at.storage), at.size) != 0 ||
      listen(fd, SOMAXCONN) != 0) {
    return SystemError("cannot listen on", address);
  }
  sockaddr_storage own = {};
  socklen_t size = sizeof(own);
  GROAT_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0) << strerror(errno);
  listener.port = PortOf(own);
  return listener;
}

absl::StatusOr<Socket> BeginConnect(const SocketAddress& address) {
  Socket connecting(
      socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connecting.open()) return SystemError("cannot connect", "");
  SendAtOnce(connecting.fd());
  const int result =
      connect(connecting.fd(), reinterpret_cast<const sockaddr*>(&address.storage), address.size);
  if (result != 0 && errno != EINPROGRESS) return SystemError("cannot connect", "");
  return connecting;
}

absl::StatusOr<Accepted> AcceptTcp(int listener) {
  SocketAddress from;
  from.size = sizeof(from.storage);
  Accepted accepted;
  accepted.socket = Socket(accept4(listener, reinterpret_cast<sockaddr*>(&from.storage), &from.size,
                                   SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!accepted.socket.open()) {
    const bool exhausted =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return exhausted ? absl::ResourceExhaustedError(strerror(errno))
                     : absl::UnavailableError(strerror(errno));
  }
  SendAtOnce(accepted.socket.fd());
  accepted.source = SourceOf(from);
  return accepted;
}

}  // namespace groat::p2p
