// The transports between real processes under the suite that every form passes.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "p2p/grpc/grpc_transport.h"
#include "p2p/testing/transport_conformance.h"
#include "p2p/tls/tls_transport.h"

namespace groat::p2p::testing {
namespace {

// A port that is taken, and either refuses connections or leaves them unanswered.
class DeafPort {
 public:
  explicit DeafPort(bool listens) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    GROAT_CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    if (listens) GROAT_CHECK(listen(fd_, 16) == 0);
    GROAT_CHECK(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~DeafPort() { close(fd_); }
  DeafPort(const DeafPort&) = delete;
  DeafPort& operator=(const DeafPort&) = delete;
  const std::string& address() const { return address_; }

 private:
  const int fd_;
  std::string address_;
};

class LivePair final : public TransportPair {
 public:
  LivePair(bool tls, int threads) : unused_(false), silent_(true) {
    const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    for (uint8_t i = 0; i < 2; ++i) {
      Bytes32 seed;
      seed[0] = static_cast<uint8_t>(i + 1);
      keys_[i] = std::make_unique<Ed25519PrivateKey>(seed);
      LiveTransportOptions options;
      options.threads = threads;
      options.validity = {now - 60, now + 3600};
      if (tls) {
        transports_[i] = *MakeTlsTransport(options, *keys_[i]);
      } else {
        transports_[i] = *GrpcTransport::Make(options, *keys_[i]);
      }
      transports_[i]->executor().Start();
    }
  }
  ~LivePair() override {
    for (auto& transport : transports_) {
      transport->StopServer();
      transport->executor().Stop();
    }
  }
  const PeerId& peer(size_t process) override { return keys_[process]->public_key(); }
  Executor& executor(size_t process) override { return transports_[process]->executor(); }
  Transport& transport(size_t process) override { return *transports_[process]; }
  void Run(size_t process, const std::function<void()>& task) override {
    transports_[process]->executor().RunAndWait([&] { task(); });
  }
  bool WaitUntil(size_t process, const std::function<bool()>& condition, Duration limit) override {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (true) {
      bool holds = false;
      Run(process, [&] { holds = condition(); });
      if (holds) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
  }
  std::string ListenAddress(size_t) override { return "127.0.0.1:0"; }
  std::string UnusedAddress() override { return unused_.address(); }
  std::string SilentAddress() override { return silent_.address(); }

 private:
  const DeafPort unused_;
  const DeafPort silent_;
  std::array<std::unique_ptr<Ed25519PrivateKey>, 2> keys_;
  std::array<std::unique_ptr<LiveTransport>, 2> transports_;
};

INSTANTIATE_TEST_SUITE_P(
    Live, TransportConformanceTest,
    ::testing::Values(
        TransportForm{"Tls", [] { return std::make_unique<LivePair>(true, 1); }},
        TransportForm{"GrpcOneThread", [] { return std::make_unique<LivePair>(false, 1); }},
        TransportForm{"GrpcThreeThreads", [] { return std::make_unique<LivePair>(false, 3); }}),
    TransportFormName);

}  // namespace
}  // namespace groat::p2p::testing
