#include "p2p/tls/tls_transport.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "p2p/live/tcp_socket.h"
#include "p2p/peer_record.h"
#include "p2p/tls/event_loop.h"
#include "p2p/tls/name_resolver.h"
#include "p2p/tls/tls_connection.h"
#include "p2p/tls/tls_context.h"

namespace groat::p2p {
namespace {

// How soon to look again for a file descriptor when none was left.
constexpr Duration kExhaustedWait = std::chrono::milliseconds(20);
// Connections that are taken in one turn of the loop, so that others get theirs.
constexpr int kAcceptsAtOnce = 16;

class TlsTransport final : public LiveTransport, private EventLoop::Handler {
 public:
  TlsTransport(const LiveTransportOptions& options, std::unique_ptr<TlsContext> context)
      : options_(options),
        context_(std::move(context)),
        loop_(options.name),
        resolver_(loop_, absl::StrCat(options.name, "-names")),
        scratch_(kTlsRecordBytes),
        limit_(options.handshakes, loop_.Now()) {}

  ThreadedExecutor& executor() override { return loop_; }
  uint64_t cut_off_connections() const override { return cut_off_; }
  uint64_t refused_connections() const override { return refused_; }
  // Shutdown has left nothing.
  void StopServer() override {}

  absl::StatusOr<std::string> Listen(const std::string& address, Admission admission,
                                     OnAccept on_accept) override;
  void Dial(const std::string& address, const PeerId& expected, Duration timeout,
            OnDialled done) override;
  void Shutdown() override;

 private:
  // A dial under way, from resolving to the listener's word.
  struct PendingDial {
    PeerId expected;
    OnDialled done;
    TimerId timer = 0;
    std::vector<SocketAddress> addresses;  // Not tried yet, the next one last.
    std::unique_ptr<TlsConnection> connection;
  };
  struct Greeting {
    std::unique_ptr<TlsConnection> connection;
    TimerId timer = 0;
  };

  void OnReady(uint32_t events) override;
  bool AcceptOne();
  // Listens again when the time has come.
  void Rest(Instant until);
  void Greet(Socket socket);
  void EndGreeting(const TlsConnection* connection, const absl::Status& status);
  void CutOff(std::list<Greeting>::iterator greeting);

  void OnResolved(uint64_t number, NameResolver::Addresses addresses);
  void TryNext(uint64_t number, absl::Status last);
  void EndDial(uint64_t number, absl::StatusOr<std::unique_ptr<Connection>> result);

  const LiveTransportOptions options_;
  const std::unique_ptr<TlsContext> context_;
  EventLoop loop_;
  NameResolver resolver_;
  Bytes scratch_;
  HandshakeLimit limit_;
  std::atomic<uint64_t> cut_off_ = 0;
  std::atomic<uint64_t> refused_ = 0;

  // Of the loop.
  Socket listener_;
  EventLoop::WatchId listening_ = 0;
  TimerId rest_timer_ = 0;
  Admission admission_;
  OnAccept on_accept_;
  std::list<Greeting> greetings_;  // The oldest first.
  std::map<uint64_t, PendingDial> dials_;
  uint64_t last_dial_ = 0;
};

absl::StatusOr<std::string> TlsTransport::Listen(const std::string& address, Admission admission,
                                                 OnAccept on_accept) {
  GROAT_RETURN_IF_ERROR(CheckAddress(address, /*allow_port_0=*/true));
  GROAT_ASSIGN_OR_RETURN(Listener listener, ListenTcp(address));
  listener_ = std::move(listener.socket);
  admission_ = std::move(admission);
  on_accept_ = std::move(on_accept);
  listening_ = loop_.Watch(listener_.fd(), EPOLLIN, *this);
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", listener.port);
}

void TlsTransport::OnReady(uint32_t) {
  for (int i = 0; i < kAcceptsAtOnce && AcceptOne(); ++i) continue;
}

bool TlsTransport::AcceptOne() {
  const Instant now = loop_.Now();
  absl::StatusOr<Accepted> accepted = AcceptTcp(listener_.fd());
  if (absl::IsResourceExhausted(accepted.status())) {
    if (!greetings_.empty()) CutOff(greetings_.begin());
    Rest(now + kExhaustedWait);
  }
  if (!accepted.ok()) return false;
  switch (limit_.Consider(accepted->source, now)) {
    case HandshakeLimit::Verdict::kTake:
      Greet(std::move(accepted->socket));
      return true;
    case HandshakeLimit::Verdict::kRefuseSource:
      ++refused_;
      return true;
    case HandshakeLimit::Verdict::kAllBusy:
      ++refused_;
      Rest(limit_.in_all_ready_at(now));
      return false;
  }
  return false;
}

void TlsTransport::Rest(Instant until) {
  loop_.Mute(listening_, listener_.fd());
  rest_timer_ = loop_.PostAt(until, [this] {
    rest_timer_ = 0;
    loop_.Change(listening_, listener_.fd(), EPOLLIN);
  });
}

void TlsTransport::Greet(Socket socket) {
  if (greetings_.size() >= options_.max_handshakes_at_once) CutOff(greetings_.begin());
  const auto greeting = greetings_.emplace(greetings_.end());
  greeting->connection = std::make_unique<TlsConnection>(
      loop_, *context_, std::move(socket), /*dialled=*/false, admission_, scratch_,
      [this](TlsConnection& connection, const absl::Status& status) {
        EndGreeting(&connection, status);
      });
  greeting->timer = loop_.PostAfter(options_.handshake_timeout, [this, greeting] {
    greeting->timer = 0;
    CutOff(greeting);
  });
}

void TlsTransport::CutOff(std::list<Greeting>::iterator greeting) {
  ++cut_off_;
  loop_.Cancel(greeting->timer);
  greetings_.erase(greeting);
}

void TlsTransport::EndGreeting(const TlsConnection* connection, const absl::Status& status) {
  const auto found = std::find_if(
      greetings_.begin(), greetings_.end(),
      [&](const Greeting& greeting) { return greeting.connection.get() == connection; });
  loop_.Cancel(found->timer);
  std::unique_ptr<TlsConnection> ended = std::move(found->connection);
  greetings_.erase(found);
  if (status.ok()) on_accept_(std::move(ended));
}

void TlsTransport::Dial(const std::string& address, const PeerId& expected, Duration timeout,
                        OnDialled done) {
  const uint64_t number = ++last_dial_;
  PendingDial& dial = dials_[number];
  dial.expected = expected;
  dial.done = std::move(done);
  dial.timer = loop_.PostAfter(timeout, [this, number] {
    EndDial(number, absl::DeadlineExceededError("no connection in time"));
  });
  const auto resolved = [this, number](NameResolver::Addresses addresses) {
    OnResolved(number, std::move(addresses));
  };
  if (IsNumericHost(SplitAddress(address).first)) {
    loop_.Post(
        [resolved, addresses = Resolve(address)]() mutable { resolved(std::move(addresses)); });
  } else {
    resolver_.Ask(address, resolved);
  }
}

void TlsTransport::OnResolved(uint64_t number, NameResolver::Addresses addresses) {
  const auto found = dials_.find(number);
  if (found == dials_.end()) return;
  if (!addresses.ok()) {
    EndDial(number, addresses.status());
    return;
  }
  found->second.addresses = *std::move(addresses);
  std::reverse(found->second.addresses.begin(), found->second.addresses.end());
  TryNext(number, absl::UnavailableError("the name has no address"));
}

// The next address, or `last` if there is none.
void TlsTransport::TryNext(uint64_t number, absl::Status last) {
  PendingDial& dial = dials_.at(number);
  dial.connection = nullptr;
  while (!dial.addresses.empty()) {
    absl::StatusOr<Socket> socket = BeginConnect(dial.addresses.back());
    dial.addresses.pop_back();
    if (!socket.ok()) {
      last = socket.status();
      continue;
    }
    dial.connection = std::make_unique<TlsConnection>(
        loop_, *context_, *std::move(socket), /*dialled=*/true,
        [expected = dial.expected](const PeerId& peer) { return peer == expected; }, scratch_,
        [this, number](TlsConnection&, const absl::Status& status) {
          if (status.ok()) {
            EndDial(number, std::move(dials_.at(number).connection));
          } else {
            TryNext(number, status);
          }
        });
    return;
  }
  EndDial(number, last);
}

void TlsTransport::EndDial(uint64_t number, absl::StatusOr<std::unique_ptr<Connection>> result) {
  const auto found = dials_.find(number);
  loop_.Cancel(found->second.timer);
  OnDialled done = std::move(found->second.done);
  dials_.erase(found);
  done(std::move(result));
}

void TlsTransport::Shutdown() {
  if (rest_timer_ != 0) loop_.Cancel(std::exchange(rest_timer_, 0));
  if (listener_.open()) {
    loop_.Unwatch(listening_, listener_.fd());
    listener_.Close();
  }
  for (const Greeting& greeting : greetings_) loop_.Cancel(greeting.timer);
  greetings_.clear();
  for (const auto& [number, dial] : dials_) loop_.Cancel(dial.timer);
  dials_.clear();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LiveTransport>> MakeTlsTransport(const LiveTransportOptions& options,
                                                                const Ed25519PrivateKey& key) {
  if (options.threads != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads is ", options.threads, ", the TLS transport has 1"));
  }
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<TlsContext> context,
                         TlsContext::Make(key, options.validity));
  return std::make_unique<TlsTransport>(options, std::move(context));
}

}  // namespace groat::p2p
