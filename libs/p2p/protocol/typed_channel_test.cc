#include "p2p/protocol/typed_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/check.h"
#include "base/status_matchers.h"
#include "p2p/protocol/testing/fake_world.h"

namespace groat::p2p {
namespace {

using ::testing::ElementsAre;
using testing::FakeLink;
using testing::FakeWorld;
using ::testing::IsEmpty;

constexpr ChannelId kNumbers{7};

// Two bytes; numbers from 1000 on decode and mean nothing. `twice` is derived.
struct Number {
  uint16_t value = 0;
  uint32_t twice = 0;

  Bytes Encode() const { return ByteWriter().U16(value).Take(); }
  static absl::StatusOr<Number> Decode(ByteView bytes) {
    ByteReader reader(bytes);
    Number number;
    number.value = reader.U16();
    const absl::Status whole = reader.Finish("number");
    if (!whole.ok()) return whole;
    return number;
  }
  absl::Status Validate() {
    if (value >= 1000) return absl::InvalidArgumentError("number of 1000 or more");
    twice = 2u * value;
    return absl::OkStatus();
  }
};

static_assert(TypedMessage<Number>);

// Each lacks one thing, or has it with another type.
struct WithoutEncode {
  static absl::StatusOr<WithoutEncode> Decode(ByteView);
  absl::Status Validate();
};
struct DecodesAnother : Number {};
struct ValidatesToBool : Number {
  static absl::StatusOr<ValidatesToBool> Decode(ByteView);
  bool Validate();
};
struct DecodesByMember : Number {
  absl::StatusOr<DecodesByMember> Decode(ByteView);
};
static_assert(!EncodesMessage<WithoutEncode> && DecodesMessage<WithoutEncode> &&
              ValidatesMessage<WithoutEncode>);
static_assert(EncodesMessage<DecodesAnother> && !DecodesMessage<DecodesAnother>);
static_assert(DecodesMessage<ValidatesToBool> && !ValidatesMessage<ValidatesToBool>);
static_assert(!DecodesMessage<DecodesByMember>);
static_assert(!TypedMessage<WithoutEncode> && !TypedMessage<DecodesAnother> &&
              !TypedMessage<ValidatesToBool> && !TypedMessage<DecodesByMember>);

// Three nodes with the same channel.
class TypedChannelTest : public ::testing::Test {
 protected:
  TypedChannelTest() {
    for (size_t i = 0; i < world_.size(); ++i) {
      auto channel = world_.network(i).Register(kNumbers, {.name = "numbers"});
      GROAT_CHECK_OK(channel.status());
      channels_.push_back(*channel);
    }
    world_.SetAllLinks(FakeLink{});
    world_.Start();
  }

  TypedReceiver<Number> ReceiverOf(size_t node) {
    return TypedReceiver<Number>(*channels_[node].receiver, world_.executor(node));
  }
  void SendRaw(size_t from, size_t to, std::string_view bytes) {
    ASSERT_EQ(channels_[from].sender->Send(Recipients::One(world_.peer(to)), AsBytes(bytes)).size(),
              1u);
  }
  void SendNumber(size_t from, size_t to, uint16_t value) {
    const TypedSender<Number> sender(*channels_[from].sender);
    ASSERT_EQ(sender.Send(Recipients::One(world_.peer(to)), Number{value}).size(), 1u);
  }
  void Settle() { world_.RunFor(std::chrono::milliseconds(10)); }

  FakeWorld world_{3, 1};
  std::vector<Channel> channels_;
};

TEST_F(TypedChannelTest, GivesDecodedAndValidatedMessages) {
  const TypedReceiver<Number> receiver = ReceiverOf(0);
  SendNumber(1, 0, 21);
  Settle();

  const auto received = receiver.Poll();
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->from, world_.peer(1));
  EXPECT_EQ(received->message.value, 21);
  EXPECT_EQ(received->message.twice, 42u);  // Filled by Validate.
  EXPECT_FALSE(receiver.Poll().has_value());
}

TEST_F(TypedChannelTest, CountsBadMessagesByPeerAndReasonAndPassesThemOver) {
  const TypedReceiver<Number> receiver = ReceiverOf(0);
  SendRaw(1, 0, "");
  SendRaw(1, 0, "x");
  SendRaw(1, 0, "too long");
  SendNumber(2, 0, 1000);
  SendNumber(2, 0, 999);
  Settle();

  const auto received = receiver.Poll();
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->message.value, 999);
  EXPECT_FALSE(receiver.Poll().has_value());
  EXPECT_EQ(world_.Rejected(0, 1, Rejection::kMalformed), 3u);
  EXPECT_EQ(world_.Rejected(0, 1, Rejection::kInvalid), 0u);
  EXPECT_EQ(world_.Rejected(0, 2, Rejection::kMalformed), 0u);
  EXPECT_EQ(world_.Rejected(0, 2, Rejection::kInvalid), 1u);
}

TEST_F(TypedChannelTest, PollsThePreferredPeerFirst) {
  const TypedReceiver<Number> receiver = ReceiverOf(0);
  SendNumber(1, 0, 1);
  SendNumber(1, 0, 2);
  SendNumber(2, 0, 11);
  SendNumber(2, 0, 12);
  Settle();

  std::vector<uint16_t> values;
  while (const auto received = receiver.PollPreferring(world_.peer(2))) {
    values.push_back(received->message.value);
  }
  EXPECT_THAT(values, ElementsAre(11, 12, 1, 2));
}

TEST_F(TypedChannelTest, CallsBackWithEveryGoodMessage) {
  std::vector<std::pair<PeerId, uint16_t>> seen;
  const TypedReceiver<Number> receiver = ReceiverOf(0);
  receiver.OnMessage([&](const PeerId& from, Number number) {
    EXPECT_TRUE(world_.executor(0).IsCurrent());
    seen.emplace_back(from, number.value);
  });
  SendNumber(1, 0, 1);
  SendRaw(1, 0, "bad");
  SendNumber(1, 0, 2);
  Settle();
  EXPECT_THAT(seen, ElementsAre(std::pair(world_.peer(1), 1), std::pair(world_.peer(1), 2)));
}

TEST_F(TypedChannelTest, GivesWhatCameBeforeTheCallback) {
  const TypedReceiver<Number> receiver = ReceiverOf(0);
  SendNumber(1, 0, 5);
  Settle();
  std::vector<uint16_t> seen;
  receiver.OnMessage([&](const PeerId&, Number number) { seen.push_back(number.value); });
  EXPECT_THAT(seen, IsEmpty());  // Never inside the call.
  Settle();
  EXPECT_THAT(seen, ElementsAre(5));
}

// A flood of bad messages ends a poll, which is not the end of the good ones behind them.
TEST_F(TypedChannelTest, PollGivesUpAfterManyBadMessagesAndAnnouncesTheRest) {
  size_t announced = 0;
  const TypedReceiver<Number> receiver = ReceiverOf(0);
  receiver.OnReady([&] { ++announced; });
  for (size_t i = 0; i < kMaxBadMessagesPerPoll; ++i) SendRaw(1, 0, "bad");
  SendNumber(1, 0, 3);
  Settle();
  announced = 0;

  EXPECT_FALSE(receiver.Poll().has_value());
  EXPECT_EQ(world_.Rejected(0, 1, Rejection::kMalformed), kMaxBadMessagesPerPoll);
  EXPECT_EQ(announced, 0u);
  Settle();
  EXPECT_EQ(announced, 1u);
  const auto received = receiver.Poll();
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->message.value, 3);
}

// Between two messages of a flood, other tasks of the executor run.
TEST_F(TypedChannelTest, AFloodDoesNotHoldTheExecutor) {
  constexpr size_t kFlood = 20 * kMaxBadMessagesPerPoll;
  size_t handled_when_task_ran = 0;
  size_t good = 0;
  const TypedReceiver<Number> receiver = ReceiverOf(0);
  Settle();
  for (size_t i = 0; i < kFlood; ++i) SendRaw(1, 0, "bad");
  for (size_t i = 0; i < kFlood; ++i) SendNumber(2, 0, 1);
  Settle();
  receiver.OnMessage([&](const PeerId&, Number) {
    if (good++ == 0) {
      world_.executor(0).Post(
          [&] { handled_when_task_ran = good + world_.Rejected(0, 1, Rejection::kMalformed); });
    }
  });
  Settle();
  EXPECT_EQ(good, kFlood);
  EXPECT_EQ(world_.Rejected(0, 1, Rejection::kMalformed), kFlood);
  EXPECT_GT(handled_when_task_ran, 0u);
  EXPECT_LE(handled_when_task_ran, 2 * kMaxMessagesPerTask + kMaxBadMessagesPerPoll);
}

TEST_F(TypedChannelTest, NoCallbackAfterTheReceiverIsGone) {
  auto receiver = std::make_unique<TypedReceiver<Number>>(ReceiverOf(0));
  size_t seen = 0;
  receiver->OnMessage([&](const PeerId&, Number) {
    ++seen;
    receiver.reset();  // By its own callback, with messages left.
  });
  SendNumber(1, 0, 1);
  SendNumber(1, 0, 2);
  Settle();
  EXPECT_EQ(seen, 1u);
  SendNumber(1, 0, 3);
  Settle();
  EXPECT_EQ(seen, 1u);
}

TEST(TypedChannelRegisterTest, PassesOnWhatTheNetworkRefuses) {
  FakeWorld world(1, 1);
  const auto bad = TypedChannel<Number>::Register(world.network(0), world.executor(0), kNumbers,
                                                  {.name = "Not A Label"});
  EXPECT_THAT(bad, groat::testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                            ::testing::HasSubstr("Not A Label")));
  const auto good = TypedChannel<Number>::Register(world.network(0), world.executor(0), kNumbers,
                                                   {.name = "numbers"});
  GROAT_EXPECT_OK(good);
  const auto again = TypedChannel<Number>::Register(world.network(0), world.executor(0), kNumbers,
                                                    {.name = "numbers"});
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace groat::p2p
