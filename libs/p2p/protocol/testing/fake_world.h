// A handful of nodes with executors and networks in one process, for tests of what stands on these
// seams. No mesh: nodes that are up are connected. Virtual time; the same seed, the same run.
//
// Single-threaded. Tests only.
#ifndef GROAT_P2P_PROTOCOL_TESTING_FAKE_WORLD_H_
#define GROAT_P2P_PROTOCOL_TESTING_FAKE_WORLD_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "p2p/executor.h"
#include "p2p/network.h"

namespace groat::p2p::testing {

class FakeNode;

// How messages fare between two nodes, in both directions.
struct FakeLink {
  Duration least_delay = std::chrono::milliseconds(1);
  Duration most_delay = std::chrono::milliseconds(3);
  double loss = 0;    // Probability.
  bool up = true;     // Connected.
  bool full = false;  // Nothing can be queued.
  bool order = true;  // Messages arrive in the order in which they were sent.
};

class FakeWorld {
 public:
  FakeWorld(size_t node_count, uint64_t seed);
  ~FakeWorld();

  size_t size() const { return nodes_.size(); }
  const PeerId& peer(size_t node) const;
  Network& network(size_t node);
  Executor& executor(size_t node);
  // Messages of `from` that node `at` turned down.
  uint64_t Rejected(size_t at, size_t from, Rejection why) const;

  // A link that goes down loses what is under way; both ends are told of a change.
  void SetLink(size_t a, size_t b, const FakeLink& link);
  void SetAllLinks(const FakeLink& link);
  // Starts every network.
  void Start();

  Instant now() const { return now_; }
  void RunFor(Duration duration);
  // Whether the condition came true before `limit` had passed.
  bool RunUntil(const std::function<bool()>& condition, Duration limit);

 private:
  friend class FakeNode;
  using Key = std::pair<Instant, uint64_t>;
  struct Event {
    FakeNode* node;
    Task task;
  };
  struct LinkState {
    FakeLink link;
    uint64_t epoch = 0;            // Changes when the link goes down.
    Instant last_arrival[2] = {};  // By direction.
  };

  TimerId At(FakeNode& node, Instant when, Task task);
  void Cancel(TimerId timer);
  bool RunNext(Instant until);
  LinkState& LinkOf(size_t a, size_t b);
  bool IsConnected(size_t a, size_t b);
  void Deliver(size_t from, size_t to, ChannelId channel, Bytes payload);
  void Tell(size_t a, size_t b, PeerEvent event);

  std::vector<std::unique_ptr<FakeNode>> nodes_;
  std::map<std::pair<size_t, size_t>, LinkState> links_;
  std::map<Key, Event> events_;
  std::map<TimerId, Instant> timers_;
  Instant now_{};
  uint64_t next_event_ = 1;
  FakeNode* running_ = nullptr;
  std::mt19937_64 random_;
};

}  // namespace groat::p2p::testing

#endif  // GROAT_P2P_PROTOCOL_TESTING_FAKE_WORLD_H_
