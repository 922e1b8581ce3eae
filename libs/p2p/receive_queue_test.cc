#include "p2p/receive_queue.h"

#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <thread>

namespace groat::p2p {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

PeerId Peer(uint8_t number) {
  PeerId peer;
  peer[0] = number;
  return peer;
}

Bytes Payload(std::string_view text) { return Bytes(text.begin(), text.end()); }

class ReceiveQueueTest : public ::testing::Test {
 protected:
  void Make(ChannelOptions options) {
    queue_ = std::make_unique<ReceiveQueue>(
        options, [this](const PeerId& peer) { drained_.push_back(peer[0]); });
  }
  // Everything that waits, as "peer:payload".
  std::vector<std::string> PollAll() {
    std::vector<std::string> all;
    while (const auto message = queue_->Poll()) all.push_back(Told(*message));
    return all;
  }
  static std::string Told(const Message& message) {
    return std::to_string(message.from[0]) + ":" + ToString(message.payload);
  }
  ChannelStats Stats() {
    ChannelStats stats;
    queue_->AddStats(stats);
    return stats;
  }
  uint64_t Dropped(Drop why) { return Stats().drops[static_cast<size_t>(why)]; }

  std::vector<int> drained_;
  std::unique_ptr<ReceiveQueue> queue_;
};

TEST_F(ReceiveQueueTest, PeersTakeTurns) {
  Make({.name = "a"});
  const auto one = queue_->Open(Peer(1));
  const auto two = queue_->Open(Peer(2));
  for (const char* text : {"a", "b", "c", "d"}) queue_->Push(one, Payload(text));
  queue_->Push(two, Payload("x"));
  queue_->Push(two, Payload("y"));
  EXPECT_THAT(PollAll(), ElementsAre("1:a", "2:x", "1:b", "2:y", "1:c", "1:d"));
  EXPECT_EQ(queue_->Poll(), std::nullopt);
}

TEST_F(ReceiveQueueTest, ThePreferredPeerGoesFirst) {
  Make({.name = "a"});
  const auto one = queue_->Open(Peer(1));
  const auto two = queue_->Open(Peer(2));
  for (const char* text : {"a", "b"}) queue_->Push(one, Payload(text));
  for (const char* text : {"x", "y"}) queue_->Push(two, Payload(text));
  EXPECT_EQ(Told(*queue_->PollPreferring(Peer(2))), "2:x");
  EXPECT_EQ(Told(*queue_->PollPreferring(Peer(2))), "2:y");
  EXPECT_EQ(Told(*queue_->PollPreferring(Peer(2))), "1:a");  // It has none: as Poll.
  EXPECT_EQ(Told(*queue_->PollPreferring(Peer(9))), "1:b");
  EXPECT_EQ(queue_->PollPreferring(Peer(2)), std::nullopt);
}

TEST_F(ReceiveQueueTest, SaysWhenItWasEmpty) {
  Make({.name = "a"});
  const auto one = queue_->Open(Peer(1));
  const auto two = queue_->Open(Peer(2));
  EXPECT_TRUE(queue_->Push(one, {}).was_empty);
  EXPECT_FALSE(queue_->Push(two, {}).was_empty);
  queue_->Poll();
  EXPECT_FALSE(queue_->Push(one, {}).was_empty);
  PollAll();
  EXPECT_TRUE(queue_->Push(two, {}).was_empty);
}

TEST_F(ReceiveQueueTest, AFullBacklogOfOnePeerDropsTheNewestOfThatPeer) {
  Make({.name = "a", .backlog_messages = 3});
  const auto one = queue_->Open(Peer(1));
  const auto two = queue_->Open(Peer(2));
  for (const char* text : {"a", "b", "c", "d", "e"}) {
    EXPECT_FALSE(queue_->Push(one, Payload(text)).full);
  }
  EXPECT_FALSE(queue_->HasRoom(*one, 0));
  EXPECT_TRUE(queue_->HasRoom(*two, 0));
  queue_->Push(two, Payload("x"));
  EXPECT_EQ(Dropped(Drop::kReceiverFull), 2U);
  EXPECT_EQ(Stats().received_messages, 4U);
  EXPECT_EQ(Stats().receive_queue_messages, 4U);
  EXPECT_THAT(PollAll(), ElementsAre("1:a", "2:x", "1:b", "1:c"));
  EXPECT_EQ(Stats().receive_queue_messages, 0U);
  EXPECT_THAT(drained_, IsEmpty());
}

// A message counts with its payload and 64 bytes.
TEST_F(ReceiveQueueTest, BoundsBytes) {
  Make({.name = "a", .max_message_bytes = 100, .backlog_bytes = 300});
  const auto one = queue_->Open(Peer(1));
  queue_->Push(one, Bytes(100));
  EXPECT_TRUE(queue_->HasRoom(*one, 72));
  EXPECT_FALSE(queue_->HasRoom(*one, 73));
  queue_->Push(one, Bytes(73));
  EXPECT_EQ(Dropped(Drop::kReceiverFull), 1U);
  queue_->Push(one, Bytes(72));
  EXPECT_EQ(Dropped(Drop::kReceiverFull), 1U);
  EXPECT_FALSE(queue_->HasRoom(*one, 0));
  EXPECT_EQ(Stats().received_bytes, 172U);
  queue_->Poll();
  EXPECT_TRUE(queue_->HasRoom(*one, 72));
  EXPECT_FALSE(queue_->HasRoom(*one, 101));
}

TEST_F(ReceiveQueueTest, BackPressureSaysFullAndDrained) {
  Make({.name = "a", .backlog_messages = 4, .when_full = WhenFull::kBackPressure});
  const auto one = queue_->Open(Peer(1));
  const auto two = queue_->Open(Peer(2));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(queue_->Push(one, {}).full);
  EXPECT_TRUE(queue_->Push(one, {}).full);
  EXPECT_TRUE(queue_->Push(one, {}).full);  // What was on its way is taken.
  EXPECT_FALSE(queue_->Push(two, {}).full);
  EXPECT_EQ(Dropped(Drop::kReceiverFull), 0U);
  for (int i = 0; i < 2; ++i) queue_->PollPreferring(Peer(1));  // 3 left.
  EXPECT_THAT(drained_, IsEmpty());
  queue_->PollPreferring(Peer(1));  // 2 left: half.
  EXPECT_THAT(drained_, ElementsAre(1));
  PollAll();
  EXPECT_THAT(drained_, ElementsAre(1));  // Once, until it is full again.
}

TEST_F(ReceiveQueueTest, BackPressureCountsBytes) {
  Make({.name = "a",
        .max_message_bytes = 36,
        .backlog_bytes = 400,
        .when_full = WhenFull::kBackPressure});
  const auto one = queue_->Open(Peer(1));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(queue_->Push(one, Bytes(36)).full);
  EXPECT_TRUE(queue_->Push(one, Bytes(36)).full);
  queue_->Poll();
  EXPECT_THAT(drained_, IsEmpty());
  queue_->Poll();
  EXPECT_THAT(drained_, ElementsAre(1));
}

// A frame is at most 320 KiB, but what it holds may be compressed, or many empty messages: an
// honest sender's frame holds one backlog at most, and two frames may come before the pause takes
// hold. What exceeds that is a flood.
TEST_F(ReceiveQueueTest, BackPressureIsBoundedAgainstThoseWhoDoNotHeedIt) {
  Make({.name = "a",
        .max_message_bytes = 1000,
        .backlog_messages = 10,
        .backlog_bytes = 2000,
        .when_full = WhenFull::kBackPressure});
  const auto one = queue_->Open(Peer(1));
  for (int i = 0; i < 10; ++i) {  // 200 bytes each: the bytes are full as the messages are.
    ASSERT_TRUE(queue_->HasRoom(*one, 136));
    queue_->Push(one, Bytes(136));
  }
  for (int i = 0; i < 20; ++i) {  // Two more backlogs.
    ASSERT_TRUE(queue_->HasRoom(*one, 136)) << i;
    EXPECT_TRUE(queue_->Push(one, Bytes(136)).full);
  }
  EXPECT_FALSE(queue_->HasRoom(*one, 0));
  EXPECT_TRUE(queue_->Push(one, {}).full);
  EXPECT_EQ(Dropped(Drop::kReceiverFull), 1U);
  EXPECT_EQ(Stats().receive_queue_messages, 30U);
  EXPECT_EQ(PollAll().size(), 30U);
  EXPECT_THAT(drained_, ElementsAre(1));
}

// A peer that loses its link and comes back has one backlog, not two: else it could fill memory by
// coming back again and again, take more turns than others, and be heard out of order.
TEST_F(ReceiveQueueTest, APeerThatComesBackHasItsOldBacklog) {
  Make({.name = "a", .backlog_messages = 3});
  const auto other = queue_->Open(Peer(2));
  for (int life = 0; life < 5; ++life) {
    const auto one = queue_->Open(Peer(1));
    for (int i = 0; i < 2; ++i) queue_->Push(one, Payload(std::to_string(2 * life + i)));
  }
  queue_->Push(other, Payload("x"));
  queue_->Push(other, Payload("y"));
  EXPECT_EQ(Dropped(Drop::kReceiverFull), 7U);
  EXPECT_THAT(PollAll(), ElementsAre("1:0", "2:x", "1:1", "2:y", "1:2"));
  queue_->Push(queue_->Open(Peer(1)), Payload("z"));
  EXPECT_THAT(PollAll(), ElementsAre("1:z"));
}

TEST_F(ReceiveQueueTest, ABacklogOutlivesItsLink) {
  Make({.name = "a"});
  auto one = queue_->Open(Peer(1));
  queue_->Push(one, Payload("a"));
  one.reset();
  EXPECT_THAT(PollAll(), ElementsAre("1:a"));
}

TEST_F(ReceiveQueueTest, CountsRejections) {
  Make({.name = "a"});
  queue_->Reject(Peer(1), Rejection::kMalformed);
  queue_->Reject(Peer(1), Rejection::kInvalid);
  queue_->Reject(Peer(2), Rejection::kInvalid);
  queue_->CountDrop(Drop::kOversized);
  EXPECT_EQ(Dropped(Drop::kMalformed), 1U);
  EXPECT_EQ(Dropped(Drop::kInvalid), 2U);
  EXPECT_EQ(Dropped(Drop::kOversized), 1U);
  EXPECT_THAT(queue_->Rejections(), UnorderedElementsAre(Pair(Peer(1), 2), Pair(Peer(2), 1)));
}

TEST_F(ReceiveQueueTest, RemembersABoundedNumberOfRejectedPeers) {
  Make({.name = "a"});
  for (size_t i = 0; i < kMaxPeersInSet + 10; ++i) {
    PeerId peer;
    StoreBigEndian(i, peer.data(), 8);
    queue_->Reject(peer, Rejection::kInvalid);
  }
  queue_->Reject(PeerId(), Rejection::kInvalid);  // Known: counted still.
  EXPECT_EQ(queue_->Rejections().size(), kMaxPeersInSet);
  EXPECT_EQ(queue_->Rejections()[PeerId()], 2U);
  EXPECT_EQ(Dropped(Drop::kInvalid), kMaxPeersInSet + 11);
}

TEST_F(ReceiveQueueTest, TellsWhenItIsReady) {
  Make({.name = "a"});
  queue_->NotifyReady();  // Nobody listens.
  int calls = 0;
  queue_->OnReady([&] { ++calls; });
  queue_->NotifyReady();
  EXPECT_EQ(calls, 1);
}

// Model: what each peer pushed comes out in its order, whatever the turns.
TEST_F(ReceiveQueueTest, KeepsEachPeersOrder) {
  std::mt19937 random(5);
  Make({.name = "a", .backlog_messages = 20});
  std::vector<std::shared_ptr<ReceiveQueue::PeerQueue>> queues;
  for (uint8_t i = 0; i < 5; ++i) queues.push_back(queue_->Open(Peer(i)));
  std::array<std::deque<std::string>, 5> model;
  for (int step = 0; step < 20'000; ++step) {
    const size_t peer = random() % 5;
    if (random() % 9 < 5) {
      const std::string text = std::to_string(step);
      queue_->Push(queues[peer], Payload(text));
      if (model[peer].size() < 20) model[peer].push_back(text);
    } else if (const auto message =
                   random() % 2 == 0 ? queue_->Poll()
                                     : queue_->PollPreferring(Peer(static_cast<uint8_t>(peer)))) {
      auto& expected = model[message->from[0]];
      ASSERT_EQ(ToString(message->payload), expected.front());
      expected.pop_front();
    }
  }
  EXPECT_GT(Dropped(Drop::kReceiverFull), 0U);
}

// Several threads poll while messages come. Every message is seen once; ThreadSanitizer watches.
TEST(ReceiveQueueThreadsTest, AreSafeToPollFrom) {
  constexpr int kMessages = 5000;
  std::atomic<int> drained = 0;
  ReceiveQueue queue({.name = "a", .backlog_messages = 10'000}, [&](const PeerId&) { ++drained; });
  std::atomic<int> taken = 0;
  std::vector<std::thread> pollers;
  for (int i = 0; i < 3; ++i) {
    pollers.emplace_back([&, i] {
      while (taken < kMessages) {
        const auto message = i == 0 ? queue.PollPreferring(Peer(1)) : queue.Poll();
        if (!message.has_value()) {
          std::this_thread::yield();
          continue;
        }
        if (taken % 7 == 0) queue.Reject(message->from, Rejection::kInvalid);
        ++taken;
      }
    });
  }
  const auto one = queue.Open(Peer(1));
  const auto two = queue.Open(Peer(2));
  for (int i = 0; i < kMessages; ++i) {
    const auto& peer = i % 3 == 0 ? one : two;
    if (queue.HasRoom(*peer, 4)) queue.Push(peer, Bytes(4));
    ChannelStats stats;
    queue.AddStats(stats);
  }
  for (std::thread& poller : pollers) poller.join();
  EXPECT_EQ(taken, kMessages);
  EXPECT_EQ(queue.Poll(), std::nullopt);
}

}  // namespace
}  // namespace groat::p2p
