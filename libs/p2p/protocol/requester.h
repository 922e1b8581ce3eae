// Fetches values by key from whichever peers have them.
//
// A fetch asks one peer at a time: of those that it prefers, else of all that are connected, the
// one from which the soonest answer is expected (peer_ranking.h). It goes on to the next when the
// peer says that it does not have the value, is too busy, does not answer in time, disconnects, or
// gives a value that the application refuses; a late answer still counts. When all were asked in
// vain it rests and begins anew, without the peers that gave a wrong value, until it has a value, a
// waiter's time is up or nobody waits any more. Fetches of one key are one.
//
// Everything belongs to tasks of the network's executor, and follows from what they see: same
// messages, same times, same random numbers, same requests.
#ifndef GROAT_P2P_PROTOCOL_REQUESTER_H_
#define GROAT_P2P_PROTOCOL_REQUESTER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "p2p/executor.h"
#include "p2p/network.h"
#include "p2p/peer_id.h"
#include "p2p/protocol/request_channels.h"

namespace groat::p2p {

struct RequesterOptions {
  size_t max_waiters = 4096;          // Calls of Fetch that have no result yet; at least 1.
  size_t max_in_flight = 64;          // Requests that wait for an answer; at least 1.
  size_t max_in_flight_per_peer = 8;  // At least 1.
  // After which the next peer is asked: 1 ms to 1 h. The slowest honest answer should fit in.
  Duration answer_timeout = std::chrono::milliseconds(500);
  // After which a waiter gives up: at least answer_timeout, at most 24 h.
  Duration fetch_timeout = std::chrono::seconds(10);
  // Between two rounds over all peers: 1 ms to 1 h.
  Duration rest = std::chrono::milliseconds(100);
  // How many of a hundred requests go to any peer, so that a peer that was slow is tried again.
  unsigned explore_percent = 5;

  // InvalidArgument names the field, its value and what was wanted.
  absl::Status Validate() const;
};

// Counters since the beginning, but for the gauges at the end.
struct RequesterStats {
  uint64_t fetches = 0;
  uint64_t joined = 0;     // Waiters whose key was being fetched already.
  uint64_t succeeded = 0;  // Waiters, as the next two.
  uint64_t expired = 0;
  uint64_t cancelled = 0;
  uint64_t requests = 0;
  uint64_t unsent = 0;  // Requests to peers whose backlog was full.
  uint64_t values = 0;  // Answers.
  uint64_t wrong_values = 0;
  uint64_t did_not_have = 0;
  uint64_t busy = 0;
  uint64_t late = 0;      // Of the four above: after the timeout, while the fetch went on.
  uint64_t unwanted = 0;  // To no request of ours, or nobody waits for it any more.
  uint64_t timeouts = 0;
  uint64_t disconnects = 0;  // Requests whose peer went away.
  uint64_t waiters = 0;
  uint64_t open_fetches = 0;
  uint64_t in_flight = 0;
};

// Names one call of Fetch.
using FetchId = uint64_t;

class Requester {
 public:
  // Whether a value is the one that belongs to the key. May call the requester.
  using Check = std::function<absl::Status(const PeerId& from, ByteView key, ByteView value)>;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Bytes>)>;

  // Before Network::Start. The channels are registered with that network, which must outlive the
  // requester, as must the executor. Errors as RequesterOptions::Validate.
  static absl::StatusOr<std::unique_ptr<Requester>> Make(Network& network, Executor& executor,
                                                         const RequestChannels& channels,
                                                         const RequesterOptions& options,
                                                         Check check);
  // Waiters are not called any more.
  ~Requester();
  Requester(const Requester&) = delete;
  Requester& operator=(const Requester&) = delete;

  // Calls `done` once, never inside this call, with a value that Check found good, or with
  // DeadlineExceeded, which says how peers answered. Peers of `preferred`, such as the signers of
  // a certificate for the value, are asked before others. `done` may destroy the requester.
  // InvalidArgument for a key that is not 1 to kMaxRequestKeyBytes bytes, ResourceExhausted beyond
  // max_waiters; then `done` is never called.
  absl::StatusOr<FetchId> Fetch(ByteView key, std::span<const PeerId> preferred, Done done);
  // `done` will not be called. No effect once it was.
  void Cancel(FetchId fetch);

  // How soon an answer of the peer is expected.
  Duration ExpectedAnswerTime(const PeerId& peer) const;
  RequesterStats stats() const;

 private:
  class Impl;
  explicit Requester(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_PROTOCOL_REQUESTER_H_
