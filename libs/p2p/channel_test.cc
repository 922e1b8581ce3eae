#include "p2p/channel.h"

#include <gmock/gmock.h>

#include <array>
#include <functional>
#include <limits>

#include "base/status_matchers.h"

namespace groat::p2p {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Change {
  const char* name;
  std::function<void(ChannelOptions&)> apply;
  const char* value = "";  // Both are in the error.
  const char* want = "";
};

ChannelOptions Rated(double messages, double bytes, double burst = 1) {
  return {.name = "a",
          .rate = RateLimit{
              .messages_per_second = messages, .bytes_per_second = bytes, .burst_seconds = burst}};
}

TEST(ChannelOptionsTest, DefaultsNeedOnlyAName) {
  EXPECT_THAT(ChannelOptions{.name = "votes"}.Validate(), IsOk());
  EXPECT_THAT(ChannelOptions{}.Validate(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("channel name \"\"")));
}

TEST(ChannelOptionsTest, TakesTheEndsOfEveryRange) {
  const Change kChanges[] = {
      {"short name", [](auto& o) { o.name = "_"; }},
      {"long name", [](auto& o) { o.name = "abcdefghijklmnopqrstuvwxyz_01239"; }},
      {"least message",
       [](auto& o) {
         o.max_message_bytes = 1;
         o.backlog_bytes = 65;
       }},
      {"greatest message",
       [](auto& o) {
         o.max_message_bytes = kMaxMessageBytes;
         o.backlog_bytes = kMaxMessageBytes + 64;
       }},
      {"greatest backlog", [](auto& o) { o.backlog_bytes = size_t{1} << 30; }},
      {"one message waits", [](auto& o) { o.backlog_messages = 1; }},
      {"a million wait", [](auto& o) { o.backlog_messages = 1'000'000; }},
      {"least level", [](auto& o) { o.zstd_level = 1; }},
      {"greatest level", [](auto& o) { o.zstd_level = 19; }},
      {"small rate", [](auto& o) { o = Rated(1e-300, 1e-300, 0.01); }},
      {"no bound for bytes", [](auto& o) { o = Rated(1, kInfinity, 60); }},
  };
  for (const Change& change : kChanges) {
    ChannelOptions options{.name = "a"};
    change.apply(options);
    EXPECT_THAT(options.Validate(), IsOk()) << change.name;
  }
}

TEST(ChannelOptionsTest, ErrorsNameFieldValueAndRange) {
  const Change kChanges[] = {
      {"name", [](auto& o) { o.name = "abcdefghijklmnopqrstuvwxyz_012345"; }, "_012345\"",
       "1 to 32"},
      {"name", [](auto& o) { o.name = "Votes"; }, "\"Votes\"", "lower-case"},
      {"name", [](auto& o) { o.name = "a-b"; }, "\"a-b\"", "lower-case"},
      {"name", [](auto& o) { o.name = "a b"; }, "\"a b\"", "lower-case"},
      {"name", [](auto& o) { o.name = "\xc3\xa4"; }, "", "lower-case"},
      {"max_message_bytes", [](auto& o) { o.max_message_bytes = 0; }, " is 0,", "1 to 67108864"},
      {"max_message_bytes", [](auto& o) { o.max_message_bytes = kMaxMessageBytes + 1; },
       " is 67108865,", "1 to 67108864"},
      {"max_message_bytes", [](auto& o) { o.max_message_bytes = SIZE_MAX; },
       " is 18446744073709551615,", "1 to 67108864"},
      {"backlog_messages", [](auto& o) { o.backlog_messages = 0; }, " is 0,", "1 to 1000000"},
      {"backlog_messages", [](auto& o) { o.backlog_messages = 1'000'001; }, " is 1000001,",
       "1 to 1000000"},
      {"backlog_bytes", [](auto& o) { o.backlog_bytes = o.max_message_bytes + 63; }, " is 1048639,",
       "1048640"},
      {"backlog_bytes", [](auto& o) { o.backlog_bytes = 0; }, " is 0,", "1048640"},
      {"backlog_bytes", [](auto& o) { o.backlog_bytes = (size_t{1} << 30) + 1; }, " is 1073741825,",
       "1 GiB"},
      {"rate.messages_per_second", [](auto& o) { o = Rated(0, 1); }, " is 0,", "more than 0"},
      {"rate.messages_per_second", [](auto& o) { o = Rated(-2.5, 1); }, " is -2.5,", "more than 0"},
      {"rate.messages_per_second", [](auto& o) { o = Rated(kNan, 1); }, " is nan,", "more than 0"},
      {"rate.bytes_per_second", [](auto& o) { o = Rated(1, 0); }, " is 0,", "more than 0"},
      {"rate.bytes_per_second", [](auto& o) { o = Rated(1, kNan); }, " is nan,", "more than 0"},
      {"rate.burst_seconds", [](auto& o) { o = Rated(1, 1, 0.009); }, " is 0.009,", "0.01 to 60"},
      {"rate.burst_seconds", [](auto& o) { o = Rated(1, 1, 60.5); }, " is 60.5,", "0.01 to 60"},
      {"rate.burst_seconds", [](auto& o) { o = Rated(1, 1, kNan); }, " is nan,", "0.01 to 60"},
      {"zstd_level", [](auto& o) { o.zstd_level = -1; }, " is -1,", "0 to 19"},
      {"zstd_level", [](auto& o) { o.zstd_level = 20; }, " is 20,", "0 to 19"},
  };
  for (const Change& change : kChanges) {
    ChannelOptions options{.name = "a"};
    change.apply(options);
    EXPECT_THAT(options.Validate(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(std::string("channel ") + change.name),
                               HasSubstr(change.value), HasSubstr(change.want))));
  }
}

TEST(RecipientsTest, SayWhoIsMeant) {
  const std::array<PeerId, 2> peers = {};
  EXPECT_TRUE(Recipients::All().all());
  EXPECT_THAT(Recipients::All().peers(), IsEmpty());
  EXPECT_FALSE(Recipients::Some(peers).all());
  EXPECT_EQ(Recipients::Some(peers).peers().data(), peers.data());
  EXPECT_EQ(Recipients::Some(peers).peers().size(), 2U);
  EXPECT_FALSE(Recipients::Some({}).all());
  EXPECT_EQ(Recipients::One(peers[1]).peers().data(), &peers[1]);
  EXPECT_EQ(Recipients::One(peers[1]).peers().size(), 1U);
}

}  // namespace
}  // namespace groat::p2p
