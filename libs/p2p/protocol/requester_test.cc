#include "p2p/protocol/requester.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/status_matchers.h"
#include "p2p/protocol/answerer.h"
#include "p2p/protocol/testing/fake_world.h"

namespace groat::p2p {
namespace {

using groat::testing::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::FakeLink;
using testing::FakeWorld;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Node 0 fetches; the others answer as they are told. The right value of a key is the key twice.
class RequesterTest : public ::testing::Test {
 protected:
  struct Answering {
    std::unique_ptr<Answerer> answerer;
    Duration delay{0};
    bool has = true;
    bool lies = false;
    bool silent = false;
    std::vector<Answerer::Reply> held;  // Of requests that came while silent.
    std::vector<std::string> asked;
  };

  static std::string Twice(ByteView key) { return ToString(key) + ToString(key); }

  void Make(size_t nodes, RequesterOptions options = {}, uint64_t seed = 1,
            AnswererOptions answering = {}) {
    world_ = std::make_unique<FakeWorld>(nodes, seed);
    answering_.resize(nodes);
    for (size_t i = 0; i < nodes; ++i) {
      const auto channels = RegisterRequestChannels(world_->network(i), {.name = "blocks",
                                                                         .requests = ChannelId(1),
                                                                         .answers = ChannelId(2),
                                                                         .max_value_bytes = 1000});
      GROAT_CHECK_OK(channels.status());
      channels_.push_back(*channels);
      if (i == 0) {
        auto requester = Requester::Make(
            world_->network(0), world_->executor(0), *channels, options,
            [this](const PeerId&, ByteView key, ByteView value) {
              if (during_check_) during_check_();
              return AsText(value) == Twice(key) ? absl::OkStatus()
                                                 : absl::InvalidArgumentError("wrong value");
            });
        GROAT_CHECK_OK(requester.status());
        requester_ = *std::move(requester);
      } else {
        answering_[i].answerer = std::make_unique<Answerer>(
            world_->executor(i), *channels, answering,
            [this, i](const PeerId&, ByteView key, Answerer::Reply reply) {
              OnRequest(i, ToString(key), std::move(reply));
            });
      }
    }
    world_->Start();
    world_->RunFor(milliseconds(1));
  }

  void OnRequest(size_t node, const std::string& key, Answerer::Reply reply) {
    Answering& answering = answering_[node];
    answering.asked.push_back(key);
    if (answering.silent) {
      answering.held.push_back(std::move(reply));
      return;
    }
    const std::string value = answering.lies ? "lie" : Twice(AsBytes(key));
    auto answer = [has = answering.has || answering.lies, value,
                   reply = std::move(reply)]() mutable {
      if (has) reply.Have(AsBytes(value));
    };
    world_->executor(node).PostAfter(answering.delay, std::move(answer));
  }

  FetchId Fetch(const std::string& key, std::vector<PeerId> preferred = {}) {
    const auto id = requester_->Fetch(
        AsBytes(key), preferred,
        [this, key](absl::StatusOr<Bytes> value) { results_.emplace_back(key, std::move(value)); });
    GROAT_CHECK_OK(id.status());
    return *id;
  }
  bool RunUntilResults(size_t count, Duration limit = seconds(20)) {
    return world_->RunUntil([&] { return results_.size() >= count; }, limit);
  }
  size_t RequestsSeen() const {
    size_t seen = 0;
    for (const Answering& answering : answering_) seen += answering.asked.size();
    return seen;
  }
  void ExpectValue(size_t index) {
    const auto& [key, value] = results_[index];
    GROAT_ASSERT_OK(value);
    EXPECT_EQ(ToString(*value), Twice(AsBytes(key)));
  }

  std::unique_ptr<FakeWorld> world_;
  std::vector<RequestChannels> channels_;
  std::vector<Answering> answering_;
  std::unique_ptr<Requester> requester_;
  std::function<void()> during_check_;
  std::vector<std::pair<std::string, absl::StatusOr<Bytes>>> results_;
};

TEST_F(RequesterTest, FetchesAValueFromOnePeer) {
  Make(5);
  Fetch("k");
  EXPECT_THAT(results_, IsEmpty());  // Never inside the call.
  ASSERT_TRUE(RunUntilResults(1));
  ExpectValue(0);
  world_->RunFor(seconds(30));
  EXPECT_THAT(results_, SizeIs(1));
  EXPECT_EQ(RequestsSeen(), 1u);
  const RequesterStats stats = requester_->stats();
  EXPECT_EQ(stats.succeeded, 1u);
  EXPECT_EQ(stats.values, 1u);
  EXPECT_EQ(stats.waiters + stats.open_fetches + stats.in_flight, 0u);
}

TEST_F(RequesterTest, AnEmptyValueIsAValue) {
  Make(2);
  answering_[1].silent = true;
  Fetch("k");
  world_->RunFor(milliseconds(20));
  ASSERT_THAT(answering_[1].held, SizeIs(1));
  answering_[1].held[0].Have({});
  world_->RunFor(milliseconds(20));
  EXPECT_EQ(requester_->stats().values, 1u);
  EXPECT_EQ(requester_->stats().wrong_values, 1u);  // Says the application, not the wire.
}

TEST_F(RequesterTest, GoesOnWhenAPeerDoesNotHaveIt) {
  Make(6);
  for (size_t i = 1; i < 5; ++i) answering_[i].has = false;
  Fetch("k");
  ASSERT_TRUE(RunUntilResults(1, milliseconds(100)));  // Without waiting for any timeout.
  ExpectValue(0);
  EXPECT_EQ(requester_->stats().did_not_have, RequestsSeen() - 1);
}

TEST_F(RequesterTest, GoesOnAfterATimeoutAndPunishesTheSilentPeer) {
  Make(3);
  answering_[1].silent = true;
  Fetch("k", {world_->peer(1)});
  ASSERT_TRUE(RunUntilResults(1));
  ExpectValue(0);
  EXPECT_GE(world_->now().time_since_epoch(), milliseconds(500));
  EXPECT_LE(world_->now().time_since_epoch(), milliseconds(520));
  EXPECT_EQ(requester_->stats().timeouts, 1u);
  EXPECT_EQ(requester_->ExpectedAnswerTime(world_->peer(1)), seconds(1));
  EXPECT_LT(requester_->ExpectedAnswerTime(world_->peer(2)), milliseconds(10));
}

TEST_F(RequesterTest, ALateAnswerStillCounts) {
  Make(3);
  for (const size_t i : {size_t{1}, size_t{2}}) answering_[i].silent = true;
  Fetch("k", {world_->peer(1)});
  world_->RunFor(milliseconds(600));
  ASSERT_THAT(answering_[1].held, SizeIs(1));
  ASSERT_THAT(answering_[2].held, SizeIs(1));
  answering_[1].held[0].Have(AsBytes("kk"));
  ASSERT_TRUE(RunUntilResults(1, milliseconds(20)));
  ExpectValue(0);
  EXPECT_EQ(requester_->stats().late, 1u);
  EXPECT_EQ(requester_->stats().in_flight, 1u);  // Node 2's place, until it answers or is late.
  answering_[2].held[0].Have(AsBytes("kk"));
  world_->RunFor(milliseconds(20));
  EXPECT_EQ(requester_->stats().in_flight, 0u);
  EXPECT_EQ(requester_->stats().unwanted, 1u);
  EXPECT_THAT(results_, SizeIs(1));
}

TEST_F(RequesterTest, AWrongValueIsRejectedAndItsPeerNotAskedAgain) {
  Make(3, {.fetch_timeout = seconds(5)});
  answering_[1].lies = true;
  answering_[2].has = false;
  Fetch("k", {world_->peer(1)});
  ASSERT_TRUE(RunUntilResults(1));
  EXPECT_THAT(results_[0].second, StatusIs(absl::StatusCode::kDeadlineExceeded,
                                           HasSubstr("1 peers with a wrong value")));
  EXPECT_THAT(answering_[1].asked, ElementsAre("k"));
  EXPECT_GT(answering_[2].asked.size(), 10u);  // Round after round.
  EXPECT_EQ(world_->Rejected(0, 1, Rejection::kInvalid), 1u);
  EXPECT_EQ(requester_->stats().wrong_values, 1u);
  EXPECT_EQ(requester_->ExpectedAnswerTime(world_->peer(1)), seconds(4));
}

TEST_F(RequesterTest, FindsAValueThatAppearsLater) {
  Make(4);
  for (size_t i = 1; i < 4; ++i) answering_[i].has = false;
  Fetch("k");
  world_->RunFor(seconds(2));
  EXPECT_THAT(results_, IsEmpty());
  EXPECT_GE(requester_->stats().did_not_have, 3u * 15);
  answering_[2].has = true;
  ASSERT_TRUE(RunUntilResults(1, milliseconds(250)));
  ExpectValue(0);
}

TEST_F(RequesterTest, PreferredPeersAreAskedFirst) {
  Make(20, {.explore_percent = 0});
  for (const size_t i : {size_t{7}, size_t{9}}) answering_[i].has = false;
  const std::vector<PeerId> preferred = {world_->peer(9), world_->peer(7), world_->peer(3)};
  for (int i = 0; i < 10; ++i) {
    Fetch("k" + std::to_string(i), preferred);
    ASSERT_TRUE(RunUntilResults(static_cast<size_t>(i) + 1));
    ExpectValue(static_cast<size_t>(i));
  }
  EXPECT_EQ(answering_[3].asked.size(), 10u);
  EXPECT_EQ(RequestsSeen(),
            10 + answering_[7].asked.size() + answering_[9].asked.size());  // Nobody else.
}

TEST_F(RequesterTest, PreferredPeersThatFailLeaveItToOthers) {
  Make(5);
  answering_[1].has = false;
  world_->SetLink(0, 2, FakeLink{.up = false});
  Fetch("k", {world_->peer(1), world_->peer(2)});
  ASSERT_TRUE(RunUntilResults(1));
  ExpectValue(0);
  EXPECT_THAT(answering_[1].asked, SizeIs(1));
  EXPECT_THAT(answering_[2].asked, IsEmpty());
}

TEST_F(RequesterTest, OneFetchForAllWhoWantTheSameKey) {
  Make(3);
  answering_[1].silent = answering_[2].silent = true;
  Fetch("k");
  Fetch("k", {world_->peer(1)});
  const FetchId third = Fetch("k");
  world_->RunFor(milliseconds(20));
  ASSERT_EQ(RequestsSeen(), 1u);
  requester_->Cancel(third);
  for (Answering& answering : answering_) {
    for (Answerer::Reply& reply : answering.held) reply.Have(AsBytes("kk"));
  }
  world_->RunFor(seconds(20));
  ASSERT_THAT(results_, SizeIs(2));
  ExpectValue(0);
  ExpectValue(1);
  const RequesterStats stats = requester_->stats();
  EXPECT_EQ(stats.fetches, 1u);
  EXPECT_EQ(stats.joined, 2u);
  EXPECT_EQ(stats.succeeded, 2u);
  EXPECT_EQ(stats.cancelled, 1u);
}

// A waiter that joined later has its full time.
TEST_F(RequesterTest, EachWaiterHasItsOwnDeadline) {
  Make(2, {.fetch_timeout = seconds(1)});
  answering_[1].has = false;
  Fetch("k");
  world_->RunFor(milliseconds(700));
  Fetch("k");
  ASSERT_TRUE(RunUntilResults(1, milliseconds(310)));
  EXPECT_THAT(results_[0].second,
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("key 6b in 1000 ms")));
  world_->RunFor(milliseconds(600));
  EXPECT_THAT(results_, SizeIs(1));
  answering_[1].has = true;
  ASSERT_TRUE(RunUntilResults(2, milliseconds(150)));
  ExpectValue(1);
}

TEST_F(RequesterTest, CancelEndsTheFetchAndItsRequests) {
  Make(3);
  for (size_t i = 1; i < 3; ++i) answering_[i].has = false;
  const FetchId fetch = Fetch("k");
  world_->RunFor(milliseconds(50));
  requester_->Cancel(fetch);
  requester_->Cancel(fetch);  // No effect.
  requester_->Cancel(12345);
  world_->RunFor(milliseconds(20));
  const size_t seen = RequestsSeen();
  world_->RunFor(seconds(30));
  EXPECT_EQ(RequestsSeen(), seen);
  EXPECT_THAT(results_, IsEmpty());
  EXPECT_EQ(requester_->stats().cancelled, 1u);
  EXPECT_EQ(requester_->stats().open_fetches, 0u);
}

// Between a good value and the call of its waiter the waiter may still change its mind.
TEST_F(RequesterTest, CancelAfterTheValueCameIsHeeded) {
  Make(2);
  std::optional<FetchId> second;
  const auto first = requester_->Fetch(AsBytes("k"), {}, [&](absl::StatusOr<Bytes> value) {
    GROAT_EXPECT_OK(value);
    requester_->Cancel(*second);
  });
  GROAT_ASSERT_OK(first);
  second = Fetch("k");
  world_->RunFor(seconds(20));
  EXPECT_THAT(results_, IsEmpty());
  EXPECT_EQ(requester_->stats().succeeded, 1u);
  EXPECT_EQ(requester_->stats().cancelled, 1u);
}

TEST_F(RequesterTest, TheCheckMayCancelTheFetch) {
  Make(2);
  const FetchId fetch = Fetch("k");
  during_check_ = [&] { requester_->Cancel(fetch); };
  world_->RunFor(seconds(20));
  EXPECT_THAT(results_, IsEmpty());
  EXPECT_EQ(requester_->stats().in_flight, 0u);
}

TEST_F(RequesterTest, MayBeDestroyedByItsOwnCallbacks) {
  Make(2);
  size_t called = 0;
  for (int i = 0; i < 2; ++i) {
    GROAT_ASSERT_OK(requester_->Fetch(AsBytes("k"), {}, [&](absl::StatusOr<Bytes>) {
      ++called;
      requester_.reset();
    }));
  }
  world_->RunFor(seconds(20));
  EXPECT_EQ(called, 1u);
}

TEST_F(RequesterTest, MayBeDestroyedByItsCheck) {
  Make(2);
  Fetch("k");
  during_check_ = [&] { requester_.reset(); };
  world_->RunFor(seconds(20));
  EXPECT_EQ(requester_, nullptr);
  EXPECT_THAT(results_, IsEmpty());
}

TEST_F(RequesterTest, ADisconnectedPeerIsNotWaitedFor) {
  Make(3);
  answering_[1].silent = true;
  Fetch("k", {world_->peer(1)});
  world_->RunFor(milliseconds(20));
  world_->SetLink(0, 1, FakeLink{.up = false});
  ASSERT_TRUE(RunUntilResults(1, milliseconds(20)));
  ExpectValue(0);
  EXPECT_EQ(requester_->stats().disconnects, 1u);
  EXPECT_EQ(requester_->stats().timeouts, 0u);
}

TEST_F(RequesterTest, WaitsForSomebodyToConnect) {
  Make(2);
  world_->SetLink(0, 1, FakeLink{.up = false});
  world_->RunFor(milliseconds(1));
  Fetch("k");
  world_->RunFor(seconds(3));
  EXPECT_EQ(requester_->stats().requests, 0u);
  world_->SetLink(0, 1, FakeLink{});
  ASSERT_TRUE(RunUntilResults(1, milliseconds(20)));
  ExpectValue(0);
}

// A fetch that asked everybody in vain asks a new peer at once, however long the rest is.
TEST_F(RequesterTest, ANewPeerEndsTheRest) {
  Make(3, {.rest = seconds(5)});
  answering_[1].has = false;
  world_->SetLink(0, 2, FakeLink{.up = false});
  Fetch("k");
  world_->RunFor(milliseconds(500));
  world_->SetLink(0, 2, FakeLink{});
  ASSERT_TRUE(RunUntilResults(1, milliseconds(20)));
  ExpectValue(0);
}

TEST_F(RequesterTest, APeerWithoutRoomIsPassedOver) {
  Make(3);
  world_->SetLink(0, 1, FakeLink{.full = true});
  Fetch("k", {world_->peer(1)});
  ASSERT_TRUE(RunUntilResults(1, milliseconds(20)));
  ExpectValue(0);
  EXPECT_EQ(requester_->stats().unsent, 1u);
}

TEST_F(RequesterTest, BoundsRequestsInFlight) {
  Make(4, {.max_in_flight = 5, .max_in_flight_per_peer = 2});
  for (size_t i = 1; i < 4; ++i) answering_[i].delay = milliseconds(50);
  for (int i = 0; i < 100; ++i) Fetch("k" + std::to_string(i));
  size_t most = 0;
  size_t most_at_one = 0;
  ASSERT_TRUE(world_->RunUntil(
      [&] {
        most = std::max(most, static_cast<size_t>(requester_->stats().in_flight));
        for (size_t i = 1; i < 4; ++i) {
          most_at_one =
              std::max(most_at_one, static_cast<size_t>(answering_[i].answerer->stats().open));
        }
        return results_.size() == 100;
      },
      seconds(10)));
  for (size_t i = 0; i < 100; ++i) ExpectValue(i);
  EXPECT_EQ(most, 5u);
  EXPECT_EQ(most_at_one, 2u);
  EXPECT_EQ(requester_->stats().timeouts, 0u);
}

// Peers that are all at work for one fetch do not keep another from a peer that is free.
TEST_F(RequesterTest, FetchesThatWaitForBusyPeersDoNotBlockOthers) {
  Make(3, {.max_in_flight_per_peer = 1, .answer_timeout = seconds(4)});
  answering_[1].silent = true;
  answering_[2].has = false;
  for (int i = 0; i < 3; ++i) Fetch("k" + std::to_string(i), {world_->peer(1)});
  world_->RunFor(milliseconds(50));  // One waits for node 1; node 2 has told the others no.
  answering_[2].has = true;
  Fetch("z");
  ASSERT_TRUE(RunUntilResults(1, milliseconds(50)));
  EXPECT_EQ(results_[0].first, "z");
  ExpectValue(0);
}

TEST_F(RequesterTest, PrefersFastPeersAndStillTriesOthers) {
  Make(5, {.explore_percent = 10});
  for (size_t i = 1; i < 5; ++i) answering_[i].delay = milliseconds(i == 3 ? 1 : 40);
  for (int i = 0; i < 400; ++i) {
    Fetch("k" + std::to_string(i));
    ASSERT_TRUE(RunUntilResults(results_.size() + 1));
  }
  EXPECT_GT(answering_[3].asked.size(), 350u);
  EXPECT_LT(answering_[3].asked.size(), 399u);
  // The fast one slows down; the others have their turn.
  answering_[3].delay = milliseconds(200);
  const size_t before = answering_[3].asked.size();
  for (int i = 0; i < 100; ++i) {
    Fetch("m" + std::to_string(i));
    ASSERT_TRUE(RunUntilResults(results_.size() + 1));
  }
  EXPECT_LT(answering_[3].asked.size() - before, 15u);
}

// A crowd of fetches at once spreads over peers that are equally fast.
TEST_F(RequesterTest, SpreadsLoadOverEqualPeers) {
  Make(5, {.max_in_flight = 1000, .max_in_flight_per_peer = 1000});
  for (size_t i = 1; i < 5; ++i) answering_[i].delay = milliseconds(30);
  for (int i = 0; i < 400; ++i) Fetch("k" + std::to_string(i));
  ASSERT_TRUE(RunUntilResults(400));
  for (size_t i = 1; i < 5; ++i) EXPECT_GE(answering_[i].asked.size(), 80u) << i;
}

TEST_F(RequesterTest, SurvivesLossAndLiarsAndChurnUnderManySeeds) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    answering_.clear();
    channels_.clear();
    results_.clear();
    requester_.reset();
    Make(8, {.answer_timeout = milliseconds(50)}, seed);
    answering_[1].lies = answering_[2].lies = true;
    answering_[3].has = false;
    world_->SetAllLinks({.loss = 0.2, .order = false});
    for (int i = 0; i < 50; ++i) {
      Fetch("k" + std::to_string(i));
      const size_t node = 1 + seed * 7 % 5 + static_cast<size_t>(i) % 3;
      world_->SetLink(0, node, FakeLink{.loss = 0.2, .up = i % 2 == 0});
      world_->RunFor(milliseconds(10));
    }
    world_->SetAllLinks(FakeLink{});
    ASSERT_TRUE(RunUntilResults(50));
    for (size_t i = 0; i < 50; ++i) ExpectValue(i);
    world_->RunFor(seconds(1));
    EXPECT_EQ(requester_->stats().in_flight, 0u);
    EXPECT_EQ(requester_->stats().waiters, 0u);
  }
}

TEST_F(RequesterTest, SameSeedSameRequests) {
  std::vector<std::vector<std::string>> runs;
  for (const uint64_t seed : {5, 5, 6}) {
    answering_.clear();
    channels_.clear();
    requester_.reset();
    Make(6, {}, seed);
    world_->SetAllLinks({.loss = 0.1});
    for (int i = 0; i < 100; ++i) Fetch("k" + std::to_string(i));
    world_->RunFor(seconds(30));
    std::vector<std::string>& run = runs.emplace_back();
    for (size_t i = 1; i < 6; ++i) {
      run.insert(run.end(), answering_[i].asked.begin(), answering_[i].asked.end());
    }
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST_F(RequesterTest, RefusesBadKeysAndTooManyWaiters) {
  Make(2, {.max_waiters = 2});
  const auto fetch = [&](const std::string& key) {
    return requester_->Fetch(AsBytes(key), {}, [](absl::StatusOr<Bytes>) {}).status();
  };
  EXPECT_THAT(fetch(""), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 bytes")));
  EXPECT_THAT(fetch(std::string(65, 'k')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("65 bytes, want 1 to 64")));
  GROAT_EXPECT_OK(fetch(std::string(64, 'k')));
  GROAT_EXPECT_OK(fetch("k"));
  EXPECT_THAT(fetch("k"), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("at most 2")));
}

// A peer can answer only what it was asked, and once.
TEST_F(RequesterTest, IgnoresAnswersThatNobodyAskedFor) {
  Make(3);
  answering_[1].silent = true;
  Fetch("k", {world_->peer(1)});
  world_->RunFor(milliseconds(20));
  const auto answer = [&](size_t from, const Bytes& bytes) {
    EXPECT_THAT(channels_[from].answers.sender->Send(Recipients::One(world_->peer(0)), bytes),
                SizeIs(1));
    world_->RunFor(milliseconds(10));
  };
  answer(2, AnswerMessage{1, AnswerKind::kValue, Bytes{'k', 'k'}}.Encode());
  answer(2, Bytes{1, 2, 3});
  EXPECT_THAT(results_, IsEmpty());
  EXPECT_EQ(requester_->stats().unwanted, 1u);
  EXPECT_EQ(world_->Rejected(0, 2, Rejection::kMalformed), 1u);
  answering_[1].held[0].Have(AsBytes("kk"));
  answering_[1].held[0].Have(AsBytes("kk"));  // A reply is used once.
  world_->RunFor(milliseconds(20));
  EXPECT_THAT(results_, SizeIs(1));
  EXPECT_EQ(requester_->stats().unwanted, 1u);
}

TEST_F(RequesterTest, AnotherPeersRequestIsNotItsToAnswer) {
  Make(3);
  answering_[1].silent = true;
  // Sees the id of node 1's request, as a colluding peer would.
  Fetch("k", {world_->peer(1)});
  world_->RunFor(milliseconds(20));
  ASSERT_THAT(answering_[1].asked, SizeIs(1));
  EXPECT_EQ(requester_->stats().in_flight, 1u);
  // The first id is a random odd number that a fresh requester of the same seed draws too.
  FakeWorld twin(3, 1);
  const uint64_t id = twin.executor(0).Random() | 1;
  EXPECT_THAT(channels_[2].answers.sender->Send(
                  Recipients::One(world_->peer(0)),
                  AnswerMessage{id, AnswerKind::kValue, Bytes{'k', 'k'}}.Encode()),
              SizeIs(1));
  world_->RunFor(milliseconds(20));
  EXPECT_THAT(results_, IsEmpty());
  EXPECT_EQ(requester_->stats().unwanted, 1u);
}

TEST_F(RequesterTest, TheAnswererBoundsWhatItHoldsAndSaysSo) {
  Make(3, {.max_in_flight_per_peer = 100}, 1, {.max_open_per_peer = 3, .max_open = 100});
  answering_[1].silent = true;
  for (int i = 0; i < 10; ++i) Fetch("k" + std::to_string(i), {world_->peer(1)});
  // Node 2 answers, in more than one round, what node 1 was too busy for.
  ASSERT_TRUE(RunUntilResults(7, milliseconds(450)));
  const AnswererStats& first = answering_[1].answerer->stats();
  EXPECT_EQ(first.open, 3u);
  EXPECT_THAT(answering_[1].held, SizeIs(3));
  EXPECT_GE(first.busy, 7u);
  EXPECT_EQ(requester_->stats().busy, first.busy + answering_[2].answerer->stats().busy);
  answering_[1].held.clear();  // Dropped unanswered: not had.
  EXPECT_EQ(first.open, 0u);
  ASSERT_TRUE(RunUntilResults(10, milliseconds(50)));
  EXPECT_EQ(requester_->stats().did_not_have, 3u);
}

TEST_F(RequesterTest, AValueThatTheChannelDoesNotTakeIsNotHad) {
  Make(2);
  answering_[1].silent = true;
  Fetch("k");
  world_->RunFor(milliseconds(20));
  answering_[1].held[0].Have(Bytes(1001));
  world_->RunFor(milliseconds(20));
  EXPECT_EQ(answering_[1].answerer->stats().too_large, 1u);
  EXPECT_EQ(requester_->stats().did_not_have, 1u);
}

TEST_F(RequesterTest, RepliesMayOutliveTheAnswerer) {
  Make(2);
  answering_[1].silent = true;
  Fetch("k");
  world_->RunFor(milliseconds(20));
  answering_[1].answerer.reset();
  answering_[1].held[0].Have(AsBytes("kk"));
  world_->RunFor(milliseconds(20));
  EXPECT_THAT(results_, IsEmpty());
}

TEST(RequesterOptionsTest, NamesTheFieldAndItsValue) {
  const struct {
    RequesterOptions options;
    std::string want;
  } cases[] = {
      {{.max_waiters = 0}, "max_waiters is 0"},
      {{.max_in_flight = 0}, "max_in_flight is 0"},
      {{.max_in_flight_per_peer = 0}, "max_in_flight_per_peer is 0"},
      {{.answer_timeout = Duration(0)}, "answer_timeout is 0 ms, want 1 to 3600000 ms"},
      {{.answer_timeout = seconds(11)}, "fetch_timeout is 10000 ms, want 11000 to"},
      {{.rest = Duration(0)}, "rest is 0 ms"},
      {{.explore_percent = 101}, "explore_percent is 101, want 0 to 100"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(c.options.Validate(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.want)));
  }
  GROAT_EXPECT_OK(RequesterOptions{}.Validate());
}

}  // namespace
}  // namespace groat::p2p
