#include "p2p/grpc/connection_acceptor.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mutex.h"
#include "base/status_matchers.h"

namespace groat::p2p {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A client's socket, connected to a port of this host.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit = {.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
    socklen_t size = sizeof(to);
    GROAT_CHECK(getsockname(fd_, reinterpret_cast<sockaddr*>(&to), &size) == 0);
    source_ = absl::StrCat("ipv4:127.0.0.1:", ntohs(to.sin_port));
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  // As gRPC's server calls it.
  const std::string& source() const { return source_; }
  // Waits for the end, ten seconds at most.
  bool IsCutOff() {
    char byte = 0;
    const ssize_t got = recv(fd_, &byte, 1, 0);
    return got == 0 || (got < 0 && errno != EAGAIN);
  }
  bool IsAlive() {
    char byte = 0;
    return recv(fd_, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

 private:
  const int fd_;
  bool connected_ = false;
  std::string source_;
};

class ConnectionAcceptorTest : public ::testing::Test {
 protected:
  ~ConnectionAcceptorTest() override {
    if (acceptor_ != nullptr) acceptor_->Stop();
    MutexLock lock(mutex_);
    for (const int fd : taken_) close(fd);
  }
  void Listen(AcceptorOptions options) {
    auto acceptor = ConnectionAcceptor::Listen("127.0.0.1:0", std::move(options));
    GROAT_CHECK_OK(acceptor.status());
    acceptor_ = *std::move(acceptor);
    acceptor_->Start([this](int fd) {
      MutexLock lock(mutex_);
      taken_.push_back(fd);
      changed_.NotifyAll();
    });
  }
  bool WaitForTaken(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    MutexLock lock(mutex_);
    while (taken_.size() < count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      changed_.WaitUntil(mutex_, deadline);
    }
    return taken_.size() == count;
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<int> taken_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

TEST_F(ConnectionAcceptorTest, HandsConnectionsOver) {
  Listen({.patience = hours(1)});
  Client first(acceptor_->port());
  Client second(acceptor_->port());
  ASSERT_TRUE(WaitForTaken(2));
  EXPECT_EQ(acceptor_->pending(), 2U);
  std::unique_ptr<AcceptedConnection> connection = acceptor_->Take(first.source());
  ASSERT_NE(connection, nullptr);
  EXPECT_TRUE(connection->alive());
  EXPECT_EQ(acceptor_->Take(first.source()), nullptr);
  EXPECT_EQ(acceptor_->pending(), 1U);
  EXPECT_TRUE(first.IsAlive());
  connection.reset();
  EXPECT_TRUE(first.IsCutOff());
  EXPECT_TRUE(second.IsAlive());
  EXPECT_EQ(acceptor_->cut_off(), 0U);
}

TEST_F(ConnectionAcceptorTest, WhoBeginsNoStreamInTimeIsCutOff) {
  Listen({.patience = milliseconds(50)});
  Client late(acceptor_->port());
  EXPECT_TRUE(late.IsCutOff());
  EXPECT_EQ(acceptor_->pending(), 0U);
  EXPECT_EQ(acceptor_->cut_off(), 1U);
  EXPECT_EQ(acceptor_->Take(late.source()), nullptr);
}

TEST_F(ConnectionAcceptorTest, TheOldestMakesRoomForTheNewest) {
  Listen({.max_pending = 3, .patience = hours(1)});
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(acceptor_->port()));
    ASSERT_TRUE(WaitForTaken(i + 1));
  }
  const auto streaming = acceptor_->Take(clients[1]->source());
  ASSERT_NE(streaming, nullptr);
  for (size_t i = 3; i < 6; ++i) {
    clients.push_back(std::make_unique<Client>(acceptor_->port()));
    ASSERT_TRUE(WaitForTaken(i + 1));
  }
  EXPECT_EQ(acceptor_->pending(), 3U);
  EXPECT_EQ(acceptor_->cut_off(), 2U);
  EXPECT_TRUE(clients[0]->IsCutOff());
  EXPECT_TRUE(clients[2]->IsCutOff());
  for (const size_t i : {1, 3, 4, 5}) EXPECT_TRUE(clients[i]->IsAlive()) << i;
}

// Without file descriptors nobody can be accepted; with them everybody can, again.
TEST_F(ConnectionAcceptorTest, OutlivesALackOfFileDescriptors) {
  Listen({.patience = hours(1)});
  Client before(acceptor_->port());
  ASSERT_TRUE(WaitForTaken(1));
  const auto streaming = acceptor_->Take(before.source());
  std::vector<int> held;
  rlimit old_limit = {};
  GROAT_CHECK(getrlimit(RLIMIT_NOFILE, &old_limit) == 0);
  const rlimit low = {.rlim_cur = 64, .rlim_max = old_limit.rlim_max};
  GROAT_CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
  for (int fd = dup(0); fd >= 0; fd = dup(0)) held.push_back(fd);
  // The client's own.
  close(held.back());
  held.pop_back();
  auto waiting = std::make_unique<Client>(acceptor_->port());
  EXPECT_TRUE(waiting->connected());  // By the system, on the acceptor's behalf.
  EXPECT_TRUE(waiting->IsAlive());
  for (const int fd : held) close(fd);
  GROAT_CHECK(setrlimit(RLIMIT_NOFILE, &old_limit) == 0);
  EXPECT_TRUE(WaitForTaken(2));
  EXPECT_TRUE(before.IsAlive());
  Client after(acceptor_->port());
  EXPECT_TRUE(WaitForTaken(3));
}

TEST_F(ConnectionAcceptorTest, AfterItStopsThePortIsClosed) {
  Listen({.patience = hours(1)});
  Client pending(acceptor_->port());
  ASSERT_TRUE(WaitForTaken(1));
  acceptor_->Stop();
  EXPECT_TRUE(pending.IsCutOff());
  EXPECT_FALSE(Client(acceptor_->port()).connected());
  EXPECT_TRUE(WaitForTaken(1));
  acceptor_->Stop();
}

TEST(ConnectionAcceptorAddressTest, AddressesOfEveryKindAndNone) {
  for (const char* address : {"127.0.0.1:0", "[::1]:0", "localhost:0", "0.0.0.0:0", "[::]:0"}) {
    const auto acceptor = ConnectionAcceptor::Listen(address, {});
    ASSERT_TRUE(acceptor.ok()) << acceptor.status();
    EXPECT_GT((*acceptor)->port(), 0) << address;
    EXPECT_THAT(
        ConnectionAcceptor::Listen("127.0.0.1:" + std::to_string((*acceptor)->port()), {}).ok() &&
            std::string(address) == "127.0.0.1:0",
        false);
  }
  EXPECT_THAT(ConnectionAcceptor::Listen("192.0.2.1:4711", {}).status(),
              ::groat::testing::StatusIs(absl::StatusCode::kUnavailable,
                                         ::testing::HasSubstr("192.0.2.1:4711")));
}

// Also who comes over IPv6, or over IPv4 to a port of both, is known by the name gRPC has for him.
TEST_F(ConnectionAcceptorTest, NamesOfSources) {
  auto acceptor =
      ConnectionAcceptor::Listen("[::]:0", {.thread_name = "both", .patience = hours(1)});
  GROAT_ASSERT_OK(acceptor.status());
  acceptor_ = *std::move(acceptor);
  acceptor_->Start([this](int fd) {
    MutexLock lock(mutex_);
    taken_.push_back(fd);
    changed_.NotifyAll();
  });
  Client over_ipv4(acceptor_->port());
  ASSERT_TRUE(WaitForTaken(1));
  EXPECT_NE(acceptor_->Take(over_ipv4.source()), nullptr);
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  address.sin6_port = htons(acceptor_->port());
  socklen_t size = sizeof(address);
  ASSERT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_TRUE(WaitForTaken(2));
  for (const char* wrong : {"", "ipv4", "ipv4:127.0.0.1", "ipv4:127.0.0.1:", "ipv4::1", "unix:/x",
                            "ipv6:%5B::1%5D:65536", "ipv6:%5B::2%5D:1"}) {
    EXPECT_EQ(acceptor_->Take(wrong), nullptr) << wrong;
  }
  EXPECT_NE(acceptor_->Take(absl::StrCat("ipv6:%5B::1%5D:", ntohs(address.sin6_port))), nullptr);
  close(fd);
}

}  // namespace
}  // namespace groat::p2p
