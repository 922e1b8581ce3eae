#include "p2p/protocol/requester.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "p2p/protocol/peer_ranking.h"
#include "p2p/protocol/typed_channel.h"

namespace groat::p2p {
namespace {

// Fetches whose peers are all at work, looked at for each answer, while others may have free peers.
constexpr size_t kMaxLooks = 32;
// Requests of one fetch that timed out and may still be answered.
constexpr size_t kMaxLate = 16;
// Peers that went away, of which the ranking is remembered.
constexpr size_t kMaxRemembered = kMaxPeersInSet;

int64_t Milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

absl::Status CheckRange(absl::string_view field, Duration value, Duration least, Duration most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("requester ", field, " is ", Milliseconds(value),
                                                 " ms, want ", Milliseconds(least), " to ",
                                                 Milliseconds(most), " ms"));
}

absl::Status CheckAtLeastOne(absl::string_view field, size_t value) {
  if (value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("requester ", field, " is 0, want 1 or more"));
}

}  // namespace

absl::Status RequesterOptions::Validate() const {
  constexpr Duration kLeast = std::chrono::milliseconds(1);
  GROAT_RETURN_IF_ERROR(CheckAtLeastOne("max_waiters", max_waiters));
  GROAT_RETURN_IF_ERROR(CheckAtLeastOne("max_in_flight", max_in_flight));
  GROAT_RETURN_IF_ERROR(CheckAtLeastOne("max_in_flight_per_peer", max_in_flight_per_peer));
  GROAT_RETURN_IF_ERROR(
      CheckRange("answer_timeout", answer_timeout, kLeast, std::chrono::hours(1)));
  GROAT_RETURN_IF_ERROR(
      CheckRange("fetch_timeout", fetch_timeout, answer_timeout, std::chrono::hours(24)));
  GROAT_RETURN_IF_ERROR(CheckRange("rest", rest, kLeast, std::chrono::hours(1)));
  if (explore_percent > 100) {
    return absl::InvalidArgumentError(
        absl::StrCat("requester explore_percent is ", explore_percent, ", want 0 to 100"));
  }
  return absl::OkStatus();
}

// A fetch is in one of three states:
//   ready    waits for its turn and a free peer   `turn` != 0
//   asking   waits for the answer to `awaited`    `awaited` != 0
//   resting  asked everybody in vain              `rest_timer` != 0
//
//   ready    a request is sent                                    -> asking
//   ready    everybody was asked in this round                    -> resting
//   asking   an answer without a good value, timeout, disconnect  -> ready, at the end of the line
//   resting  the rest is over, or a peer connects                 -> ready
//   any      a good value, also a late one, or nobody waits       -> gone
class Requester::Impl : public std::enable_shared_from_this<Impl> {
  // A callback that does nothing once the requester is gone, and keeps this alive while it runs.
  template <typename Callback>
  auto Guarded(Callback callback) {
    return [weak = weak_from_this(), callback = std::move(callback)](auto&&... values) {
      const std::shared_ptr<Impl> impl = weak.lock();
      if (impl != nullptr && !impl->closed_) {
        callback(*impl, std::forward<decltype(values)>(values)...);
      }
    };
  }

 public:
  Impl(Executor& executor, const RequestChannels& channels, const RequesterOptions& options,
       Check check)
      : executor_(executor),
        options_(options),
        check_(std::move(check)),
        sender_(*channels.requests.sender),
        answers_(*channels.answers.receiver),
        receiver_(*channels.answers.receiver, executor),
        ranking_({options.answer_timeout, options.explore_percent}),
        // Answers to requests from before a restart must not seem to be to new ones.
        next_request_(executor.Random() | 1) {}

  void Start(Network& network) {
    receiver_.OnMessage(Guarded([](Impl& impl, const PeerId& from, AnswerMessage answer) {
      impl.OnAnswer(from, std::move(answer));
    }));
    network.WatchPeers(Guarded([](Impl& impl, const PeerId& peer, PeerEvent event) {
      if (event == PeerEvent::kConnected) impl.OnConnected(peer);
      if (event == PeerEvent::kDisconnected) impl.OnDisconnected(peer);
    }));
  }
  void Close() { closed_ = true; }

  absl::StatusOr<FetchId> AddWaiter(ByteView key, std::span<const PeerId> preferred, Done done) {
    if (key.empty() || key.size() > kMaxRequestKeyBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("key to fetch is ", key.size(), " bytes, want 1 to ", kMaxRequestKeyBytes));
    }
    if (waiters_.size() >= options_.max_waiters) {
      return absl::ResourceExhaustedError(absl::StrCat(
          waiters_.size(), " waiters for values, want at most ", options_.max_waiters));
    }
    const auto [found, is_new] = fetches_.try_emplace(Bytes(key.begin(), key.end()));
    Fetch& fetch = found->second;
    ++(is_new ? stats_.fetches : stats_.joined);
    const FetchId id = next_waiter_++;
    fetch.waiters.insert(id);
    fetch.preferred.insert(preferred.begin(), preferred.end());
    const TimerId deadline = executor_.PostAfter(options_.fetch_timeout,
                                                 Guarded([id](Impl& impl) { impl.OnExpired(id); }));
    waiters_.emplace(id, Waiter{std::move(done), deadline, &fetch});
    if (is_new) {
      fetch.key = found->first;
      MakeReady(fetch);
      Pump();
    }
    return id;
  }

  void Cancel(FetchId id) {
    if (const std::optional<Waiter> waiter = RemoveWaiter(id)) ++stats_.cancelled;
  }

  Duration ExpectedAnswerTime(const PeerId& peer) const { return ranking_.Expected(peer); }

  RequesterStats stats() const {
    RequesterStats stats = stats_;
    stats.waiters = waiters_.size();
    stats.open_fetches = fetches_.size();
    stats.in_flight = in_flight_;
    return stats;
  }

 private:
  using RequestId = uint64_t;

  struct Fetch {
    Bytes key;
    std::set<PeerId> preferred;
    std::set<FetchId> waiters;
    std::set<PeerId> asked;  // In this round.
    std::set<PeerId> liars;  // Never asked again.
    std::set<RequestId> late;
    RequestId awaited = 0;
    TimerId rest_timer = 0;
    uint64_t turn = 0;
    uint64_t did_not_have = 0;
    uint64_t timeouts = 0;
  };
  struct Waiter {
    Done done;
    TimerId deadline;
    Fetch* fetch;  // Null when its result is on the way.
  };
  struct Request {
    PeerId peer;
    Fetch* fetch;  // Null when the fetch has ended: the answer only frees the peer.
    Instant sent;
    TimerId timeout;  // 0 when it has passed, and the peer is free again.
  };

  void MakeReady(Fetch& fetch) {
    executor_.Cancel(std::exchange(fetch.rest_timer, 0));
    fetch.turn = next_turn_++;
    ready_.emplace(fetch.turn, &fetch);
  }

  // Asks for as many ready fetches as the bounds allow.
  void Pump() {
    size_t looks = 0;
    while (!ready_.empty() && looks < kMaxLooks && in_flight_ < options_.max_in_flight) {
      // Nobody is connected, or all are at work.
      if (in_flight_ >= peers_.size() * options_.max_in_flight_per_peer) return;
      Fetch& fetch = *ready_.begin()->second;
      ready_.erase(ready_.begin());
      fetch.turn = 0;
      const Asking asking = Ask(fetch);
      if (asking == Asking::kPeersAtWork) {
        MakeReady(fetch);
        ++looks;
      } else if (asking == Asking::kNobodyLeft) {
        fetch.rest_timer = executor_.PostAfter(
            options_.rest, Guarded([&fetch](Impl& impl) { impl.OnRested(fetch); }));
      }
    }
  }

  enum class Asking { kAsked, kPeersAtWork, kNobodyLeft };
  Asking Ask(Fetch& fetch) {
    while (true) {
      bool at_work = false;
      const std::vector<PeerRanking::Candidate> candidates = CandidatesOf(fetch, at_work);
      if (candidates.empty()) return at_work ? Asking::kPeersAtWork : Asking::kNobodyLeft;
      const PeerId peer = candidates[ranking_.Choose(candidates, executor_.Random())].peer;
      fetch.asked.insert(peer);
      const RequestId id = next_request_++;
      if (sender_.Send(Recipients::One(peer), {id, fetch.key}).empty()) {
        ++stats_.unsent;
        continue;
      }
      const TimerId timeout = executor_.PostAfter(
          options_.answer_timeout, Guarded([id](Impl& impl) { impl.OnTimeout(id); }));
      requests_.emplace(id, Request{peer, &fetch, executor_.Now(), timeout});
      fetch.awaited = id;
      ++peers_[peer];
      ++in_flight_;
      ++stats_.requests;
      return Asking::kAsked;
    }
  }

  // The peers to choose from: preferred ones if any is free. `at_work`: others will be free.
  std::vector<PeerRanking::Candidate> CandidatesOf(const Fetch& fetch, bool& at_work) const {
    std::vector<PeerRanking::Candidate> preferred;
    std::vector<PeerRanking::Candidate> others;
    for (const auto& [peer, in_flight] : peers_) {
      if (fetch.asked.contains(peer) || fetch.liars.contains(peer)) continue;
      if (in_flight >= options_.max_in_flight_per_peer) {
        at_work = true;
      } else {
        (fetch.preferred.contains(peer) ? preferred : others).push_back({peer, in_flight});
      }
    }
    return preferred.empty() ? others : preferred;
  }

  // Ends a request that is not answered late. The fetch, if it waited for it, is ready again.
  void Remove(std::map<RequestId, Request>::iterator request) {
    const RequestId id = request->first;
    const Request ended = request->second;
    requests_.erase(request);
    if (ended.timeout != 0) Free(ended);
    if (ended.fetch == nullptr) return;
    ended.fetch->late.erase(id);
    if (ended.fetch->awaited != id) return;
    ended.fetch->awaited = 0;
    MakeReady(*ended.fetch);
  }

  void Free(const Request& request) {
    executor_.Cancel(request.timeout);
    --in_flight_;
    const auto peer = peers_.find(request.peer);
    if (peer != peers_.end()) --peer->second;
  }

  void OnAnswer(const PeerId& from, AnswerMessage answer) {
    const auto request = requests_.find(answer.id);
    if (request == requests_.end() || request->second.peer != from) {
      ++stats_.unwanted;
      return;
    }
    const Duration took = executor_.Now() - request->second.sent;
    Fetch* const fetch = request->second.fetch;
    const bool late = request->second.timeout == 0;
    if (fetch == nullptr) ++stats_.unwanted;
    if (late) ++stats_.late;
    if (answer.kind == AnswerKind::kValue && fetch != nullptr) {
      OnValue(from, answer, took);
      return;
    }
    if (fetch != nullptr) {
      ++(answer.kind == AnswerKind::kBusy ? stats_.busy : stats_.did_not_have);
      if (answer.kind == AnswerKind::kDoNotHave) ++fetch->did_not_have;
    }
    if (answer.kind == AnswerKind::kDoNotHave) ranking_.AnsweredWithout(from, took);
    if (answer.kind == AnswerKind::kBusy) ranking_.Answered(from, options_.answer_timeout);
    Remove(request);
    Pump();
  }

  void OnValue(const PeerId& from, AnswerMessage& answer, Duration took) {
    ++stats_.values;
    const Bytes key = requests_.at(answer.id).fetch->key;
    const absl::Status good = check_(from, key, answer.value);
    // The check may have cancelled the fetch, or have disconnected the peer.
    const auto request = requests_.find(answer.id);
    if (closed_) return;
    if (good.ok()) {
      ranking_.Answered(from, took);
    } else {
      ++stats_.wrong_values;
      answers_.Reject(from, Rejection::kInvalid);
      ranking_.Lied(from);
    }
    if (request == requests_.end()) return;
    Fetch* const fetch = request->second.fetch;
    if (fetch != nullptr && good.ok()) {
      Finish(*fetch, std::move(answer.value));
    } else if (fetch != nullptr) {
      fetch->liars.insert(from);
    }
    if (const auto left = requests_.find(answer.id); left != requests_.end()) Remove(left);
    Pump();
  }

  void OnTimeout(RequestId id) {
    const auto found = requests_.find(id);
    Request& request = found->second;
    ++stats_.timeouts;
    ranking_.TimedOut(request.peer);
    if (request.fetch == nullptr) {
      Remove(found);
    } else {
      Fetch& fetch = *request.fetch;
      Free(request);
      request.timeout = 0;
      ++fetch.timeouts;
      fetch.awaited = 0;
      fetch.late.insert(id);
      if (fetch.late.size() > kMaxLate) Remove(requests_.find(*fetch.late.begin()));
      MakeReady(fetch);
    }
    Pump();
  }

  void OnRested(Fetch& fetch) {
    fetch.rest_timer = 0;
    fetch.asked.clear();
    MakeReady(fetch);
    Pump();
  }

  void OnConnected(const PeerId& peer) {
    peers_.try_emplace(peer, 0);
    for (auto& [key, fetch] : fetches_) {
      fetch.asked.erase(peer);
      if (fetch.rest_timer != 0) MakeReady(fetch);
    }
    Pump();
  }

  void OnDisconnected(const PeerId& peer) {
    for (auto next = requests_.begin(); next != requests_.end();) {
      const auto request = next++;
      if (request->second.peer != peer) continue;
      if (request->second.timeout != 0) ++stats_.disconnects;
      Remove(request);
    }
    peers_.erase(peer);
    if (ranking_.size() > kMaxRemembered) ranking_.Forget(peer);
    Pump();
  }

  void OnExpired(FetchId id) {
    const Fetch& fetch = *waiters_.at(id).fetch;
    const absl::Status why = absl::DeadlineExceededError(absl::StrCat(
        "no value for key ", ToHex(fetch.key), " in ", Milliseconds(options_.fetch_timeout),
        " ms: ", fetch.did_not_have, " times not had, ", fetch.timeouts, " times no answer, ",
        fetch.liars.size(), " peers with a wrong value, ", peers_.size(), " peers connected"));
    std::optional<Waiter> waiter = RemoveWaiter(id);
    ++stats_.expired;
    waiter->done(why);
  }

  // Ends its fetch if nobody else waits.
  std::optional<Waiter> RemoveWaiter(FetchId id) {
    auto node = waiters_.extract(id);
    if (node.empty()) return std::nullopt;
    Waiter waiter = std::move(node.mapped());
    executor_.Cancel(waiter.deadline);
    if (waiter.fetch != nullptr) {
      waiter.fetch->waiters.erase(id);
      if (waiter.fetch->waiters.empty()) {
        End(*waiter.fetch);
        Pump();
      }
    }
    return waiter;
  }

  // Waiters are told in tasks of their own, so that they may call us, and may be cancelled.
  void Finish(Fetch& fetch, Bytes value) {
    const auto shared = std::make_shared<const Bytes>(std::move(value));
    for (const FetchId id : fetch.waiters) {
      Waiter& waiter = waiters_.at(id);
      waiter.fetch = nullptr;
      executor_.Cancel(waiter.deadline);
      executor_.Post(Guarded([id, shared](Impl& impl) {
        if (std::optional<Waiter> waiting = impl.RemoveWaiter(id)) {
          ++impl.stats_.succeeded;
          waiting->done(*shared);
        }
      }));
    }
    End(fetch);
  }

  void End(Fetch& fetch) {
    executor_.Cancel(fetch.rest_timer);
    ready_.erase(fetch.turn);
    for (const RequestId id : fetch.late) requests_.erase(id);
    if (fetch.awaited != 0) requests_.at(fetch.awaited).fetch = nullptr;
    const Bytes key = fetch.key;
    fetches_.erase(key);
  }

  Executor& executor_;
  const RequesterOptions options_;
  const Check check_;
  const TypedSender<RequestMessage> sender_;
  Receiver& answers_;
  const TypedReceiver<AnswerMessage> receiver_;
  PeerRanking ranking_;
  std::map<PeerId, size_t> peers_;  // Connected, and their requests in flight.
  std::map<Bytes, Fetch> fetches_;
  std::map<FetchId, Waiter> waiters_;
  std::map<uint64_t, Fetch*> ready_;  // By turn.
  std::map<RequestId, Request> requests_;
  size_t in_flight_ = 0;
  RequestId next_request_;
  FetchId next_waiter_ = 1;
  uint64_t next_turn_ = 1;
  bool closed_ = false;
  RequesterStats stats_;
};

absl::StatusOr<std::unique_ptr<Requester>> Requester::Make(Network& network, Executor& executor,
                                                           const RequestChannels& channels,
                                                           const RequesterOptions& options,
                                                           Check check) {
  GROAT_RETURN_IF_ERROR(options.Validate());
  auto impl = std::make_shared<Impl>(executor, channels, options, std::move(check));
  impl->Start(network);
  return std::unique_ptr<Requester>(new Requester(std::move(impl)));
}

Requester::Requester(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Requester::~Requester() { impl_->Close(); }

absl::StatusOr<FetchId> Requester::Fetch(ByteView key, std::span<const PeerId> preferred,
                                         Done done) {
  return impl_->AddWaiter(key, preferred, std::move(done));
}

void Requester::Cancel(FetchId fetch) { impl_->Cancel(fetch); }

Duration Requester::ExpectedAnswerTime(const PeerId& peer) const {
  return impl_->ExpectedAnswerTime(peer);
}

RequesterStats Requester::stats() const { return impl_->stats(); }

}  // namespace groat::p2p
