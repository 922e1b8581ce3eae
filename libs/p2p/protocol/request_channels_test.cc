#include "p2p/protocol/request_channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "p2p/protocol/testing/fake_world.h"
#include "p2p/protocol/typed_channel.h"

namespace groat::p2p {
namespace {

using groat::testing::StatusIs;
using ::testing::HasSubstr;

static_assert(TypedMessage<RequestMessage> && TypedMessage<AnswerMessage>);

TEST(RequestMessageTest, PinsItsBytes) {
  EXPECT_EQ(ToHex(RequestMessage{0x0102030405060708, {0xaa, 0xbb}}.Encode()),
            "0102030405060708aabb");
  GROAT_ASSERT_OK_AND_ASSIGN(const RequestMessage request,
                             RequestMessage::Decode(*FromHex("0102030405060708aabb")));
  EXPECT_EQ(request.id, 0x0102030405060708u);
  EXPECT_EQ(request.key, (Bytes{0xaa, 0xbb}));
}

TEST(RequestMessageTest, RefusesBadKeys) {
  EXPECT_THAT(RequestMessage::Decode(Bytes(7)),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
  EXPECT_THAT(RequestMessage::Decode(Bytes(8)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 bytes, want 1 to 64")));
  GROAT_EXPECT_OK(RequestMessage::Decode(Bytes(8 + 64)));
  EXPECT_THAT(RequestMessage::Decode(Bytes(8 + 65)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("65 bytes, want 1 to 64")));
}

TEST(AnswerMessageTest, PinsItsBytes) {
  EXPECT_EQ(ToHex(AnswerMessage{1, AnswerKind::kValue, {0xcc}}.Encode()), "000000000000000101cc");
  EXPECT_EQ(ToHex(AnswerMessage{2, AnswerKind::kDoNotHave, {}}.Encode()), "000000000000000202");
  EXPECT_EQ(ToHex(AnswerMessage{3, AnswerKind::kBusy, {}}.Encode()), "000000000000000303");
  GROAT_ASSERT_OK_AND_ASSIGN(const AnswerMessage answer,
                             AnswerMessage::Decode(*FromHex("000000000000000101cc")));
  EXPECT_EQ(answer.id, 1u);
  EXPECT_EQ(answer.kind, AnswerKind::kValue);
  EXPECT_EQ(answer.value, (Bytes{0xcc}));
  GROAT_EXPECT_OK(AnswerMessage::Decode(*FromHex("000000000000000101")));  // An empty value.
}

TEST(AnswerMessageTest, RefusesWhatNoEncoderGives) {
  const struct {
    const char* hex;
    const char* want;
  } cases[] = {
      {"", "answer"},
      {"0000000000000001", "answer"},
      {"000000000000000100", "kind is 0, want 1 to 3"},
      {"000000000000000104", "kind is 4, want 1 to 3"},
      {"000000000000000102cc", "kind 2 has a value of 1 bytes, want 0"},
      {"000000000000000103cccc", "kind 3 has a value of 2 bytes, want 0"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(AnswerMessage::Decode(*FromHex(c.hex)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.want)))
        << c.hex;
  }
}

TEST(RequestChannelsTest, RefusesBadOptions) {
  testing::FakeWorld world(1, 1);
  const auto registered = [&](const RequestChannelsOptions& options) {
    return RegisterRequestChannels(world.network(0), options).status();
  };
  RequestChannelsOptions options = {
      .name = "blocks", .requests = ChannelId(1), .answers = ChannelId(2)};
  options.max_value_bytes = 0;
  EXPECT_THAT(registered(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("max_value_bytes is 0, want 1 to")));
  options.max_value_bytes = kMaxMessageBytes - kAnswerHeaderBytes + 1;
  EXPECT_THAT(registered(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("max_value_bytes is 67108856")));
  options.max_value_bytes = kMaxMessageBytes - kAnswerHeaderBytes;
  GROAT_EXPECT_OK(registered(options));
  options.answers = ChannelId(3);
  EXPECT_THAT(registered(options), StatusIs(absl::StatusCode::kAlreadyExists, ::testing::_));
}

}  // namespace
}  // namespace groat::p2p
