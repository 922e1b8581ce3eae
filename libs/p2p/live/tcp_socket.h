// TCP sockets for transports: non-blocking, without Nagle's delay, closed on exec.
//
// No state.
#ifndef GROAT_P2P_LIVE_TCP_SOCKET_H_
#define GROAT_P2P_LIVE_TCP_SOCKET_H_

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace groat::p2p {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

// A file descriptor that is closed with this.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void Close();
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// The other end of a connection: an IPv6 address, or an IPv4 address mapped to one, and a port.
struct Source {
  std::array<uint8_t, 16> host = {};
  uint16_t port = 0;
  auto operator<=>(const Source&) const = default;
};
Source SourceOf(const SocketAddress& address);

// "host:port" taken apart; brackets around an IPv6 host are dropped. The address must have passed
// CheckAddress (peer_record.h).
std::pair<std::string, std::string> SplitAddress(const std::string& address);
// Whether the host is an IP address, so that resolving it asks nobody.
bool IsNumericHost(const std::string& host);
// All that the name stands for. Blocks while a resolver is asked. Unavailable if there is none.
absl::StatusOr<std::vector<SocketAddress>> Resolve(const std::string& address);

struct Listener {
  Socket socket;
  uint16_t port = 0;  // The real one.
};
// At the first of the addresses that `address` stands for. Unavailable if it cannot be had.
absl::StatusOr<Listener> ListenTcp(const std::string& address);

// Begins to connect. Unavailable if that fails at once.
absl::StatusOr<Socket> BeginConnect(const SocketAddress& address);

struct Accepted {
  Socket socket;
  Source source;
};
// Unavailable if there is none, or it has gone; ResourceExhausted if file descriptors or memory
// have run out, in which case it waits on.
absl::StatusOr<Accepted> AcceptTcp(int listener);

}  // namespace groat::p2p

#endif  // GROAT_P2P_LIVE_TCP_SOCKET_H_
