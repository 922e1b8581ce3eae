#include "p2p/send_queues.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "p2p/frame.h"
#include "p2p/message_codec.h"
#include "p2p/transport.h"

namespace groat::p2p {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using namespace std::chrono_literals;

constexpr Instant kStart = Instant(10s);

PeerId Peer(uint8_t number) {
  PeerId peer;
  peer[0] = number;
  return peer;
}

// A frame's entries as "channel:body", or "channel:length" for longer bodies, and '+' if more
// follow.
std::vector<std::string> Told(ByteView frame) {
  std::vector<std::string> told;
  FrameReader reader(frame);
  while (!reader.done()) {
    const auto entry = reader.Next();
    EXPECT_TRUE(entry.ok()) << entry.status();
    if (!entry.ok()) break;
    told.push_back(
        std::to_string(entry->channel.value()) + ":" +
        (entry->body.size() > 8 ? std::to_string(entry->body.size()) : ToString(entry->body)) +
        (entry->more_follows() ? "+" : ""));
  }
  return told;
}

class SendQueuesTest : public ::testing::Test {
 protected:
  // Channel ids are 1, 2, ... in the order of the calls.
  size_t Add(ChannelOptions options) {
    options.name = "c" + std::to_string(++channels_);
    queues_.AddChannel(ChannelId(static_cast<uint16_t>(channels_)), options);
    return channels_ - 1;
  }
  SendQueues::Outbox* Open(uint8_t number) { return queues_.Open(Peer(number), kStart); }
  bool SendTo(uint8_t number, size_t channel, std::string_view payload) {
    const PeerId peer = Peer(number);
    return !queues_.Send(channel, Recipients::One(peer), AsBytes(payload)).queued.empty();
  }
  std::vector<std::string> Take(SendQueues::Outbox* outbox, LaneKind lane = LaneKind::kMain,
                                Instant now = kStart) {
    return Told(queues_.TakeFrame(outbox, lane, now).frame);
  }
  std::vector<ChannelStats> Stats() {
    std::vector<ChannelStats> stats(channels_);
    queues_.AddStats(stats);
    return stats;
  }
  uint64_t Dropped(size_t channel, Drop why) {
    return Stats()[channel].drops[static_cast<size_t>(why)];
  }

  size_t channels_ = 0;
  SendQueues queues_{Peer(100)};
};

TEST_F(SendQueuesTest, ControlThenUrgentThenNormal) {
  const size_t normal = Add({});
  const size_t urgent = Add({.priority = Priority::kUrgent});
  const size_t bulk = Add({.priority = Priority::kBulk});
  auto* outbox = Open(1);
  EXPECT_TRUE(SendTo(1, bulk, "b"));
  EXPECT_TRUE(SendTo(1, normal, "n"));
  EXPECT_TRUE(SendTo(1, urgent, "u"));
  queues_.SendControl(outbox, Bytes{'p'});
  EXPECT_THAT(Take(outbox), ElementsAre("0:p", "2:u", "1:n"));
  EXPECT_THAT(Take(outbox), IsEmpty());
  EXPECT_THAT(Take(outbox, LaneKind::kBulk), ElementsAre("3:b"));
  EXPECT_THAT(Take(outbox, LaneKind::kBulk), IsEmpty());
}

TEST_F(SendQueuesTest, ChannelsOfOnePriorityTakeTurns) {
  const size_t one = Add({});
  const size_t two = Add({});
  const size_t three = Add({});
  auto* outbox = Open(1);
  for (const char* text : {"a", "b", "c"}) SendTo(1, one, text);
  for (const char* text : {"x"}) SendTo(1, two, text);
  for (const char* text : {"p", "q"}) SendTo(1, three, text);
  EXPECT_THAT(Take(outbox), ElementsAre("1:a", "2:x", "3:p", "1:b", "3:q", "1:c"));
  // Whoever went last goes last.
  for (const char* text : {"d", "e"}) SendTo(1, one, text);
  SendTo(1, two, "y");
  EXPECT_THAT(Take(outbox), ElementsAre("2:y", "1:d", "1:e"));
}

TEST_F(SendQueuesTest, AFrameIsClosedOnceItHolds31KiB) {
  const size_t channel = Add({});
  auto* outbox = Open(1);
  const std::string thousand(1000, 'a');
  for (int i = 0; i < 100; ++i) SendTo(1, channel, thousand);
  const Bytes frame = queues_.TakeFrame(outbox, LaneKind::kMain, kStart).frame;
  EXPECT_EQ(frame.size(), 32 * 1007U);  // 31 are below 31 KiB, 32 are above.
  EXPECT_EQ(Take(outbox).size(), 32U);
  EXPECT_EQ(Take(outbox).size(), 32U);
  EXPECT_EQ(Take(outbox).size(), 4U);
  EXPECT_THAT(Take(outbox), IsEmpty());
}

TEST_F(SendQueuesTest, LongMessagesTravelInPiecesThatOthersMayPass) {
  const size_t normal = Add({});
  const size_t other = Add({});
  const size_t urgent = Add({.priority = Priority::kUrgent});
  auto* outbox = Open(1);
  SendTo(1, normal, std::string(3 * kMainLanePieceBytes - 2000, 'n'));
  EXPECT_THAT(Take(outbox), ElementsAre("1:32704+"));
  SendTo(1, urgent, "now");
  SendTo(1, other, "too");
  EXPECT_THAT(Take(outbox), ElementsAre("3:now", "2:too", "1:32704+"));
  EXPECT_EQ(Stats()[0].sent_messages, 0U);
  SendTo(1, normal, "next");
  EXPECT_THAT(Take(outbox), ElementsAre("1:30704", "1:next"));
  EXPECT_EQ(Stats()[0].sent_messages, 2U);
  EXPECT_EQ(Stats()[0].sent_bytes, 3 * kMainLanePieceBytes - 2000 + 4);
}

TEST_F(SendQueuesTest, PiecesEndWhereTheMessageEnds) {
  const size_t channel = Add({});
  auto* outbox = Open(1);
  SendTo(1, channel, std::string(2 * kMainLanePieceBytes, 'n'));
  SendTo(1, channel, "");
  EXPECT_THAT(Take(outbox), ElementsAre("1:32704+"));
  EXPECT_THAT(Take(outbox), ElementsAre("1:32704"));
  EXPECT_THAT(Take(outbox), ElementsAre("1:"));
}

TEST_F(SendQueuesTest, NoFrameIsLongerThanATransportCarries) {
  const size_t normal = Add({});
  const size_t bulk = Add({.priority = Priority::kBulk});
  auto* outbox = Open(1);
  size_t longest = 0;
  for (size_t filler = kCoalescedFrameBytes - 30; filler < kCoalescedFrameBytes; ++filler) {
    for (const size_t channel : {normal, bulk}) {
      SendTo(1, channel, std::string(filler, 'f'));
      SendTo(1, channel, std::string(600'000, 'l'));
      const LaneKind lane = channel == bulk ? LaneKind::kBulk : LaneKind::kMain;
      if (lane == LaneKind::kMain) {
        for (int i = 0; i < 2; ++i) queues_.SendControl(outbox, Bytes(23'170));  // 64 records.
      }
      while (true) {
        const Bytes frame = queues_.TakeFrame(outbox, lane, kStart).frame;
        if (frame.empty()) break;
        longest = std::max(longest, frame.size());
      }
    }
  }
  EXPECT_LE(longest, kMaxFrameBytes);
  EXPECT_GT(longest, kBulkLanePieceBytes + kCoalescedFrameBytes - 30);
}

TEST_F(SendQueuesTest, CompressesOnceForAll) {
  const size_t channel = Add({.zstd_level = 3});
  auto* one = Open(1);
  auto* two = Open(2);
  const Bytes payload(10'000, 'z');
  queues_.Send(channel, Recipients::All(), payload);
  for (auto* outbox : {one, two}) {
    const Bytes frame = queues_.TakeFrame(outbox, LaneKind::kMain, kStart).frame;
    FrameReader reader(frame);
    const auto entry = reader.Next();
    ASSERT_TRUE(entry.ok());
    EXPECT_TRUE(entry->compressed());
    EXPECT_EQ(Decompress(entry->body, payload.size()).value(), payload);
  }
  EXPECT_EQ(Stats()[0].sent_bytes, 20'000U);
}

TEST_F(SendQueuesTest, AnswersToWhomItWasQueued) {
  const size_t channel = Add({});
  Open(2);
  Open(1);
  Open(3);
  const Bytes payload = {1};
  EXPECT_THAT(queues_.Send(channel, Recipients::All(), payload).queued,
              ElementsAre(Peer(1), Peer(2), Peer(3)));
  // Ourselves are passed over; whoever is not connected is counted.
  const std::vector<PeerId> some = {Peer(3), Peer(100), Peer(9), Peer(1)};
  EXPECT_THAT(queues_.Send(channel, Recipients::Some(some), payload).queued,
              ElementsAre(Peer(3), Peer(1)));
  EXPECT_EQ(Dropped(channel, Drop::kNotConnected), 1U);
  const PeerId self = Peer(100);
  const auto to_self = queues_.Send(channel, Recipients::One(self), payload);
  EXPECT_THAT(to_self.queued, IsEmpty());
  EXPECT_EQ(Dropped(channel, Drop::kNotConnected), 1U);
  EXPECT_THAT(queues_.Send(channel, Recipients::Some({}), payload).queued, IsEmpty());
  EXPECT_EQ(Stats()[channel].send_queue_messages, 5U);
}

TEST_F(SendQueuesTest, NobodyIsConnected) {
  const size_t channel = Add({});
  const auto result = queues_.Send(channel, Recipients::All(), Bytes{1});
  EXPECT_THAT(result.queued, IsEmpty());
  EXPECT_FALSE(result.flush);
}

TEST_F(SendQueuesTest, RefusesWhatIsTooLarge) {
  const size_t channel = Add({.max_message_bytes = 10});
  auto* outbox = Open(1);
  EXPECT_FALSE(SendTo(1, channel, "12345678901"));
  EXPECT_EQ(Dropped(channel, Drop::kTooLarge), 1U);
  EXPECT_THAT(queues_.TakeDirty(), IsEmpty());
  EXPECT_TRUE(SendTo(1, channel, "1234567890"));
  EXPECT_THAT(Take(outbox), ElementsAre("1:10"));
}

TEST_F(SendQueuesTest, AFullBacklogDropsTheNewest) {
  const size_t few = Add({.backlog_messages = 2});
  const size_t small = Add({.max_message_bytes = 100, .backlog_bytes = 164 + 70});
  auto* outbox = Open(1);
  Open(2);
  EXPECT_TRUE(SendTo(1, few, "a"));
  EXPECT_TRUE(SendTo(1, few, "b"));
  EXPECT_FALSE(SendTo(1, few, "c"));
  EXPECT_TRUE(SendTo(2, few, "c"));  // A backlog for each peer.
  EXPECT_EQ(Dropped(few, Drop::kBacklogFull), 1U);
  EXPECT_TRUE(SendTo(1, small, std::string(100, 's')));
  EXPECT_FALSE(SendTo(1, small, "1234567"));  // 64 + 7 of 70 bytes.
  EXPECT_TRUE(SendTo(1, small, "123456"));
  EXPECT_EQ(Dropped(small, Drop::kBacklogFull), 1U);
  EXPECT_THAT(queues_.TakeRooms(), IsEmpty());
  EXPECT_THAT(Take(outbox), ElementsAre("1:a", "2:100", "1:b", "2:123456"));
  EXPECT_THAT(queues_.TakeRooms(), IsEmpty());
}

TEST_F(SendQueuesTest, BackPressureRefusesAndTellsWhenHalfIsFree) {
  // Frames of one message each.
  const size_t channel = Add({.backlog_messages = 4, .when_full = WhenFull::kBackPressure});
  auto* outbox = Open(1);
  const std::string whole_frame(kCoalescedFrameBytes - 7, 'a');
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(SendTo(1, channel, whole_frame));
  EXPECT_FALSE(SendTo(1, channel, "x"));
  EXPECT_FALSE(SendTo(1, channel, "x"));
  EXPECT_EQ(Dropped(channel, Drop::kBacklogFull), 0U);  // Refused is not lost.
  Take(outbox);
  EXPECT_THAT(queues_.TakeRooms(), IsEmpty());
  EXPECT_TRUE(SendTo(1, channel, whole_frame));
  Take(outbox);
  EXPECT_THAT(queues_.TakeRooms(), IsEmpty());
  Take(outbox);  // Two are left.
  EXPECT_THAT(queues_.TakeRooms(), ElementsAre(Pair(channel, Peer(1))));
  Take(outbox);
  Take(outbox);
  EXPECT_THAT(queues_.TakeRooms(), IsEmpty());  // Once, and only after a refusal.
}

TEST_F(SendQueuesTest, BackPressureWaitsForBytesToo) {
  const size_t channel = Add({.max_message_bytes = 100'000,
                              .backlog_bytes = 200'000,
                              .when_full = WhenFull::kBackPressure});
  auto* outbox = Open(1);
  EXPECT_TRUE(SendTo(1, channel, std::string(60'000, 'a')));
  EXPECT_TRUE(SendTo(1, channel, std::string(100'000, 'b')));
  EXPECT_FALSE(SendTo(1, channel, std::string(40'000, 'c')));
  while (Stats()[channel].sent_messages < 1) Take(outbox);
  EXPECT_THAT(queues_.TakeRooms(), IsEmpty());  // One message is left, of more than half.
  while (Stats()[channel].sent_messages < 2) Take(outbox);
  EXPECT_THAT(queues_.TakeRooms(), ElementsAre(Pair(channel, Peer(1))));
}

TEST_F(SendQueuesTest, WhoeverWaitsForRoomLearnsThatThePeerIsGone) {
  const size_t channel = Add({.backlog_messages = 1, .when_full = WhenFull::kBackPressure});
  auto* outbox = Open(1);
  SendTo(1, channel, "a");
  EXPECT_FALSE(SendTo(1, channel, "b"));
  queues_.Close(outbox);
  EXPECT_THAT(queues_.TakeRooms(), ElementsAre(Pair(channel, Peer(1))));
}

TEST_F(SendQueuesTest, ClosingDropsWhatWaits) {
  const size_t one = Add({});
  const size_t two = Add({.priority = Priority::kBulk});
  auto* outbox = Open(1);
  Open(2);
  for (int i = 0; i < 3; ++i) SendTo(1, one, "a");
  SendTo(1, two, std::string(1'000'000, 'b'));
  SendTo(2, one, "c");
  Take(outbox, LaneKind::kBulk);  // Under way.
  queues_.Close(outbox);
  EXPECT_EQ(Dropped(one, Drop::kLinkClosed), 3U);
  EXPECT_EQ(Dropped(two, Drop::kLinkClosed), 1U);
  EXPECT_EQ(Stats()[one].send_queue_messages, 1U);
  EXPECT_EQ(Stats()[two].send_queue_messages, 0U);
  const auto dirty = queues_.TakeDirty();
  ASSERT_EQ(dirty.size(), 1U);
  EXPECT_EQ(SendQueues::PeerOf(dirty[0]), Peer(2));
  EXPECT_FALSE(SendTo(1, one, "d"));
  EXPECT_EQ(Dropped(one, Drop::kNotConnected), 1U);
  // A new outbox begins empty.
  EXPECT_THAT(Take(Open(1), LaneKind::kBulk), IsEmpty());
}

TEST_F(SendQueuesTest, TellsWhichOutboxesGotSomething) {
  const size_t channel = Add({});
  auto* one = Open(1);
  auto* two = Open(2);
  EXPECT_THAT(queues_.TakeDirty(), IsEmpty());
  SendTo(2, channel, "a");
  SendTo(2, channel, "b");
  queues_.SendControl(one, Bytes{1});
  EXPECT_THAT(queues_.TakeDirty(), ElementsAre(two, one));
  EXPECT_THAT(queues_.TakeDirty(), IsEmpty());
  SendTo(2, channel, "c");
  EXPECT_THAT(queues_.TakeDirty(), ElementsAre(two));
}

TEST_F(SendQueuesTest, ARestartedLaneBeginsItsMessageAgain) {
  const size_t bulk = Add({.priority = Priority::kBulk});
  const size_t normal = Add({});
  auto* outbox = Open(1);
  SendTo(1, bulk, std::string(kBulkLanePieceBytes + 10, 'b'));
  SendTo(1, normal, std::string(kMainLanePieceBytes + 10, 'n'));
  EXPECT_THAT(Take(outbox, LaneKind::kBulk), ElementsAre("1:65472+"));
  EXPECT_THAT(Take(outbox), ElementsAre("2:32704+"));
  queues_.RestartLane(outbox, LaneKind::kBulk);
  EXPECT_THAT(Take(outbox), ElementsAre("2:10"));  // The main lane goes on.
  EXPECT_THAT(Take(outbox, LaneKind::kBulk), ElementsAre("1:65472+"));
  EXPECT_THAT(Take(outbox, LaneKind::kBulk), ElementsAre("1:10"));
  EXPECT_EQ(Stats()[bulk].sent_messages, 1U);
}

TEST_F(SendQueuesTest, SaysWhetherTheBulkLaneIsWanted) {
  const size_t normal = Add({});
  const size_t bulk = Add({.priority = Priority::kBulk});
  auto* outbox = Open(1);
  SendTo(1, normal, "n");
  EXPECT_FALSE(queues_.WantsBulk(outbox));
  SendTo(1, bulk, "b");
  EXPECT_TRUE(queues_.WantsBulk(outbox));
  Take(outbox, LaneKind::kBulk);
  EXPECT_FALSE(queues_.WantsBulk(outbox));
}

TEST_F(SendQueuesTest, RatesHoldMessagesBackUntilTheirTime) {
  const size_t slow = Add({.rate = RateLimit{10, 1e9, 0.2}});  // 2 at once, then one in 100 ms.
  const size_t free = Add({});
  auto* outbox = Open(1);
  for (const char* text : {"a", "b", "c", "d"}) SendTo(1, slow, text);
  SendTo(1, free, "x");
  SendQueues::Taken taken = queues_.TakeFrame(outbox, LaneKind::kMain, kStart);
  EXPECT_THAT(Told(taken.frame), ElementsAre("1:a", "2:x", "1:b"));
  ASSERT_TRUE(taken.next_at.has_value());
  EXPECT_GE(*taken.next_at, kStart + 100ms);
  EXPECT_LE(*taken.next_at, kStart + 101ms);
  EXPECT_THAT(Take(outbox, LaneKind::kMain, kStart + 99ms), IsEmpty());
  taken = queues_.TakeFrame(outbox, LaneKind::kMain, *taken.next_at);
  EXPECT_THAT(Told(taken.frame), ElementsAre("1:c"));
  taken = queues_.TakeFrame(outbox, LaneKind::kMain, *taken.next_at);
  EXPECT_THAT(Told(taken.frame), ElementsAre("1:d"));
  EXPECT_FALSE(queues_.TakeFrame(outbox, LaneKind::kMain, kStart + 10s).next_at.has_value());
}

TEST_F(SendQueuesTest, TheEarliestOfTheWaitingChannelsIsTold) {
  const size_t slow = Add({.rate = RateLimit{1, 1e9, 0.01}});
  const size_t fast = Add({.rate = RateLimit{100, 1e9, 0.01}});
  auto* outbox = Open(1);
  for (const size_t channel : {slow, fast}) {
    for (const char* text : {"a", "b"}) SendTo(1, channel, text);
  }
  const SendQueues::Taken taken = queues_.TakeFrame(outbox, LaneKind::kMain, kStart);
  EXPECT_THAT(Told(taken.frame), ElementsAre("1:a", "2:a"));
  ASSERT_TRUE(taken.next_at.has_value());
  EXPECT_LE(*taken.next_at, kStart + 11ms);
}

TEST_F(SendQueuesTest, AMessageThatHasBegunIsNotHeldBack) {
  const size_t channel = Add({.rate = RateLimit{1, 1000, 1}});
  auto* outbox = Open(1);
  SendTo(1, channel, std::string(kMainLanePieceBytes + 10, 'a'));
  SendTo(1, channel, "b");
  EXPECT_THAT(Take(outbox), ElementsAre("1:32704+"));
  const SendQueues::Taken taken = queues_.TakeFrame(outbox, LaneKind::kMain, kStart);
  EXPECT_THAT(Told(taken.frame), ElementsAre("1:10"));
  // 32,714 bytes at 1,000 a second, of which 1,000 were there, and one token for the next.
  ASSERT_TRUE(taken.next_at.has_value());
  EXPECT_GE(*taken.next_at, kStart + 31'715ms);
  EXPECT_LE(*taken.next_at, kStart + 31'716ms);
}

TEST_F(SendQueuesTest, ControlMessagesAreBoundedInNumber) {
  auto* outbox = Open(1);
  for (size_t i = 0; i < kMaxControlBacklog + 10; ++i) queues_.SendControl(outbox, Bytes{1});
  size_t taken = 0;
  while (const size_t entries = Take(outbox).size()) taken += entries;
  EXPECT_EQ(taken, kMaxControlBacklog);
  queues_.SendControl(outbox, Bytes{2});
  EXPECT_EQ(Take(outbox).size(), 1U);
}

// 4,096 answers of 64 records would be 90 MiB for a peer that asks and does not read.
TEST_F(SendQueuesTest, ControlMessagesAreBoundedInBytes) {
  auto* outbox = Open(1);
  const Bytes answer(20'000);
  for (size_t i = 0; i < 1000; ++i) queues_.SendControl(outbox, answer);
  size_t taken = 0;
  while (const size_t entries = Take(outbox).size()) taken += entries;
  EXPECT_EQ(taken, kMaxControlBacklogBytes / answer.size());
  queues_.SendControl(outbox, answer);
  EXPECT_EQ(Take(outbox).size(), 1U);
}

// Threads send while one takes. Every message that was queued is taken, in its thread's order.
TEST(SendQueuesThreadsTest, AreSafeToSendFrom) {
  constexpr uint32_t kMessages = 2000;
  constexpr uint32_t kThreads = 3;
  SendQueues queues(Peer(100));
  queues.AddChannel(ChannelId(1), {.name = "a", .backlog_messages = 500'000});
  queues.AddChannel(ChannelId(2), {.name = "b", .priority = Priority::kBulk});
  auto* one = queues.Open(Peer(1), kStart);
  std::atomic<uint32_t> running = kThreads;
  std::vector<std::thread> senders;
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    senders.emplace_back([&, thread] {
      for (uint32_t i = 0; i < kMessages; ++i) {
        const Bytes payload = ByteWriter().U32(thread).U32(i).Take();
        queues.Send(0, Recipients::All(), payload);
        if (i % 10 == 0) queues.Send(1, Recipients::All(), Bytes(100'000));
        if (i % 50 == 0) {
          std::vector<ChannelStats> stats(2);
          queues.AddStats(stats);
        }
      }
      --running;
    });
  }
  std::array<uint32_t, kThreads> next = {};
  bool done = false;
  while (!done) {
    done = running == 0;  // One more round after the last message was queued.
    queues.TakeDirty();
    // Another peer comes and goes meanwhile.
    auto* two = queues.Open(Peer(2), kStart);
    while (true) {
      const Bytes frame = queues.TakeFrame(one, LaneKind::kMain, kStart).frame;
      if (frame.empty()) break;
      FrameReader reader(frame);
      while (!reader.done()) {
        const auto entry = reader.Next();
        ASSERT_TRUE(entry.ok());
        ByteReader body(entry->body);
        const uint32_t thread = body.U32();
        ASSERT_EQ(body.U32(), next.at(thread)++);
      }
    }
    queues.TakeFrame(one, LaneKind::kBulk, kStart);
    queues.Close(two);
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_THAT(next, ElementsAre(kMessages, kMessages, kMessages));
}

}  // namespace
}  // namespace groat::p2p
