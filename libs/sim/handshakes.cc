#include "sim/handshakes.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "p2p/peer_record.h"
#include "sim/sim_transport.h"

namespace groat::sim {
namespace {

// An event's argument: stage 8 bits, generation 24, index 32.
constexpr uint32_t kGenerationMask = 0xffffff;
// Ports that are given for port 0.
constexpr uint16_t kFirstFreePort = 32'768;
constexpr uint16_t kFreePorts = 28'000;

struct HostPort {
  std::string host;
  uint16_t port = 0;
};

absl::StatusOr<HostPort> Parse(const std::string& address, bool allow_port_0) {
  GROAT_RETURN_IF_ERROR(p2p::CheckAddress(address, allow_port_0));
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  GROAT_CHECK(absl::SimpleAtoi(address.substr(colon + 1), &port)) << address;
  return HostPort{address.substr(0, colon), static_cast<uint16_t>(port)};
}

}  // namespace

absl::StatusOr<std::string> Handshakes::Listen(SimTransport& transport,
                                               const std::string& address) {
  GROAT_ASSIGN_OR_RETURN(HostPort at, Parse(address, /*allow_port_0=*/true));
  const std::string& ours = wires_.HostName(transport.host());
  if (at.host != ours) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address, ": this host is ", ours));
  }
  if (at.port == 0) {
    do {
      last_port_ = static_cast<uint16_t>((last_port_ + 1) % kFreePorts);
      at.port = static_cast<uint16_t>(kFirstFreePort + last_port_);
    } while (listeners_.contains(ListenerKey(transport.host(), at.port)));
  }
  const auto [entry, is_free] =
      listeners_.try_emplace(ListenerKey(transport.host(), at.port), &transport);
  if (!is_free) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": it is taken"));
  }
  return absl::StrCat(at.host, ":", at.port);
}

void Handshakes::StopListening(const std::string& address) {
  const absl::StatusOr<HostPort> at = Parse(address, /*allow_port_0=*/false);
  GROAT_CHECK_OK(at.status());
  listeners_.erase(ListenerKey(wires_.HostIndex(at->host), at->port));
}

void Handshakes::Dial(SimTransport& from, const std::string& address, const p2p::PeerId& expected,
                      Duration timeout, p2p::Transport::OnDialled done) {
  uint32_t index;
  if (free_attempts_.empty()) {
    index = static_cast<uint32_t>(attempts_.size());
    attempts_.emplace_back();
  } else {
    index = free_attempts_.back();
    free_attempts_.pop_back();
  }
  Attempt& attempt = attempts_[index];
  attempt.from = &from;
  attempt.expected = expected;
  attempt.done = std::move(done);
  const Instant now = wires_.scheduler().Now();
  attempt.deadline = Schedule(now + timeout, Stage::kDeadline, index);
  const absl::StatusOr<HostPort> at = Parse(address, /*allow_port_0=*/false);
  if (!at.ok() || !wires_.HasHost(at->host)) {
    Fail(index,
         absl::UnavailableError(at.ok() ? absl::StrCat("no such host: ", at->host)
                                        : std::string(at.status().message())),
         Duration(0));
    return;
  }
  attempt.to_host = wires_.HostIndex(at->host);
  attempt.port = at->port;
  if (wires_.host_state(from.host()) == HostState::kDead) {
    Fail(index, absl::UnavailableError("our own host is dead"), Duration(0));
    return;
  }
  Schedule(now + wires_.Delay(from.host(), attempt.to_host), Stage::kArrives, index);
}

EventId Handshakes::Schedule(Instant when, Stage stage, uint32_t attempt) {
  return wires_.scheduler().At(when, *this,
                               uint64_t{static_cast<uint8_t>(stage)} << 56 |
                                   uint64_t{attempts_[attempt].generation} << 32 | attempt);
}

SimTransport* Handshakes::ListenerOf(const Attempt& attempt) const {
  const auto found = listeners_.find(ListenerKey(attempt.to_host, attempt.port));
  return found == listeners_.end() ? nullptr : found->second;
}

bool Handshakes::IsReachable(const Attempt& attempt) const {
  const uint32_t from = attempt.from->host();
  return wires_.Passes(from, attempt.to_host) && wires_.Passes(attempt.to_host, from);
}

void Handshakes::OnEvent(uint64_t argument) {
  const auto stage = static_cast<Stage>(argument >> 56);
  const auto index = static_cast<uint32_t>(argument);
  Attempt& attempt = attempts_[index];
  if (attempt.from == nullptr ||
      attempt.generation != (static_cast<uint32_t>(argument >> 32) & kGenerationMask)) {
    return;
  }
  if (stage == Stage::kArrives) {
    Arrive(index);
    return;
  }
  if (stage == Stage::kProven) {
    SimTransport* const listener = ListenerOf(attempt);
    // The listener's process has its part in what follows.
    if (listener != nullptr && listener->executor().Defer(*this, argument)) return;
    Prove(index);
    return;
  }
  NodeExecutor& executor = attempt.from->executor();
  if (executor.Defer(*this, argument)) return;
  if (stage == Stage::kDeadline) {
    executor.Run([&] { End(index, absl::DeadlineExceededError("no connection in time")); });
  } else if (IsReachable(attempt) || !attempt.failure.ok()) {
    executor.Run([&] { End(index, attempt.failure); });
  }
}

// Trip 1 is over: the listener's machine answers.
void Handshakes::Arrive(uint32_t index) {
  Attempt& attempt = attempts_[index];
  const uint32_t from = attempt.from->host();
  const uint32_t to = attempt.to_host;
  const SimTransport* listener = ListenerOf(attempt);
  const bool is_dead = wires_.host_state(to) == HostState::kDead;
  if (!is_dead && !IsReachable(attempt)) return;
  if (is_dead || listener == nullptr) {
    Fail(index,
         absl::UnavailableError(
             absl::StrCat("nobody listens at ", wires_.HostName(to), ":", attempt.port)),
         wires_.Delay(to, from));
    return;
  }
  Duration trips = wires_.Delay(to, from) + wires_.Delay(from, to) + wires_.Delay(to, from);
  if (listener->identity() != attempt.expected) {
    Fail(index,
         absl::UnauthenticatedError(absl::StrCat("peer is ", p2p::ShortName(listener->identity()),
                                                 ", want ", p2p::ShortName(attempt.expected))),
         trips);
    return;
  }
  trips += wires_.Delay(from, to);
  Schedule(wires_.scheduler().Now() + trips, Stage::kProven, index);
}

// Trip 5 is over: both keys are proven.
void Handshakes::Prove(uint32_t index) {
  Attempt& attempt = attempts_[index];
  SimTransport& from = *attempt.from;
  SimTransport* const listener = ListenerOf(attempt);
  if (!IsReachable(attempt)) return;
  const Duration back = wires_.Delay(attempt.to_host, from.host());
  if (listener == nullptr || listener->identity() != attempt.expected) {
    Fail(index, absl::UnavailableError("the listener is gone"), back);
    return;
  }
  if (!listener->Admits(from.identity())) {
    Fail(index, absl::UnauthenticatedError("the listener refused us"), back);
    return;
  }
  const auto [ours, theirs] = wires_.Connect(from, *listener);
  attempt.end = ours;
  Schedule(wires_.scheduler().Now() + back, Stage::kEnds, index);
  // Last, since it may end all of this.
  listener->executor().Run(
      [&, theirs = theirs] { listener->Accept(wires_.MakeConnection(theirs)); });
}

void Handshakes::Fail(uint32_t index, absl::Status why, Duration delay) {
  attempts_[index].failure = std::move(why);
  Schedule(wires_.scheduler().Now() + delay, Stage::kEnds, index);
}

void Handshakes::End(uint32_t index, absl::Status status) {
  Attempt attempt = Take(index);
  if (status.ok()) {
    attempt.done(wires_.MakeConnection(attempt.end));
    return;
  }
  if (attempt.end.generation != 0) wires_.Close(attempt.end);
  attempt.done(std::move(status));
}

Handshakes::Attempt Handshakes::Take(uint32_t index) {
  Attempt& attempt = attempts_[index];
  wires_.scheduler().Cancel(attempt.deadline);
  Attempt taken = std::exchange(attempt, Attempt());
  attempt.generation = taken.generation % kGenerationMask + 1;
  free_attempts_.push_back(index);
  return taken;
}

void Handshakes::Abandon(SimTransport& from) {
  for (uint32_t index = 0; index < attempts_.size(); ++index) {
    if (attempts_[index].from != &from) continue;
    const Attempt abandoned = Take(index);
    if (abandoned.end.generation != 0) wires_.Close(abandoned.end);
  }
}

}  // namespace groat::sim
