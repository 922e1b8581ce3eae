#include "telemetry/log.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/status_matchers.h"
#include "base/strong_id.h"

namespace groat::telemetry {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int64_t kTimeMs = 1772366400123;  // 2026-03-01T12:00:00.123Z
using Cycle = StrongId<struct CycleTag, uint64_t>;

std::string Line(LogFormat format, std::string_view event, Logger::Fields fields) {
  return FormatLogLine({.service = "relay", .format = format}, kTimeMs, LogLevel::kInfo, event,
                       fields);
}

TEST(LogTest, JsonLine) {
  EXPECT_EQ(Line(LogFormat::kJson, "cycle rooted",
                 {{"cycle", Cycle(7)},
                  {"delta", -3},
                  {"ratio", 0.5},
                  {"late", false},
                  {"root", std::string("ab")},
                  {"largest", UINT64_MAX},
                  {"status", absl::NotFoundError("gone")}}),
            "{\"time\":\"2026-03-01T12:00:00.123Z\",\"level\":\"info\",\"service\":\"relay\","
            "\"event\":\"cycle rooted\",\"cycle\":7,\"delta\":-3,\"ratio\":0.5,\"late\":false,"
            "\"root\":\"ab\",\"largest\":18446744073709551615,\"status\":\"NOT_FOUND: gone\"}\n");
}

TEST(LogTest, TextLine) {
  EXPECT_EQ(Line(LogFormat::kText, "cycle rooted",
                 {{"cycle", 7}, {"root", "ab"}, {"note", "two words"}, {"empty", ""}}),
            "2026-03-01T12:00:00.123Z info  relay cycle rooted cycle=7 root=ab "
            "note=\"two words\" empty=\"\"\n");
}

// Whatever a field holds, the line stays one line of valid JSON, and reads back unchanged where it
// was text.
TEST(LogTest, EscapesEverything) {
  struct Case {
    const char* name;
    std::string value, read_back;
  };
  const Case cases[] = {
      {"quote and backslash", "a\"b\\c", "a\"b\\c"},
      {"line feed", "a\nlevel=error", "a\nlevel=error"},
      {"all control characters", std::string("\0\x01\x1b\x7f\t\r", 6),
       std::string("\0\x01\x1b\x7f\t\r", 6)},
      {"terminal control beyond ASCII", "\xc2\x9b", "\xc2\x9b"},
      {"two, three and four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
       "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"lone continuation", "\x80", "\xef\xbf\xbd"},
      {"cut short", "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd"},
      {"overlong", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"overlong of three", "\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"surrogate", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"beyond the last code point", "\xf4\x90\x80\x80",
       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
  };
  for (const Case& c : cases) {
    for (const LogFormat format : {LogFormat::kJson, LogFormat::kText}) {
      const std::string line = Line(format, c.value, {{"key", c.value}});
      for (size_t i = 0; i + 1 < line.size(); ++i) {
        const auto byte = static_cast<unsigned char>(line[i]);
        EXPECT_TRUE(byte >= 0x20 && byte != 0x7f) << c.name << ": " << line;
      }
      EXPECT_EQ(line.find("\xc2\x9b"), std::string::npos) << c.name;
      if (format == LogFormat::kJson) {
        const auto json = nlohmann::json::parse(line);
        EXPECT_EQ(json["key"], c.read_back) << c.name;
        EXPECT_EQ(json["event"], c.read_back) << c.name;
      }
    }
  }
}

TEST(LogTest, ATextFieldCannotPassForAnother) {
  EXPECT_THAT(Line(LogFormat::kText, "event", {{"user", "x level=error"}}),
              HasSubstr("user=\"x level=error\""));
  EXPECT_THAT(Line(LogFormat::kText, "event", {{"user", "\xff"}}),
              HasSubstr("user=\"\xef\xbf\xbd\""));
}

TEST(LogTest, NumbersThatJsonLacks) {
  EXPECT_THAT(Line(LogFormat::kJson, "e", {{"a", 0.0 / 0.0}, {"b", 1e308 * 10}}),
              HasSubstr("\"a\":\"nan\",\"b\":\"inf\""));
}

TEST(LogTest, LevelsBelowTheChosenAreDropped) {
  std::vector<std::string> lines;
  Logger logger(
      {.service = "relay", .level = LogLevel::kWarn},
      [&](std::string_view line) { lines.emplace_back(line); }, [] { return kTimeMs; });
  logger.Debug("d");
  logger.Info("i");
  logger.Warn("w");
  logger.Error("e", {{"key", 1}});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("\"level\":\"warn\""));
  EXPECT_THAT(lines[1], HasSubstr("\"level\":\"error\""));
  EXPECT_FALSE(logger.Enabled(LogLevel::kInfo));
  EXPECT_TRUE(logger.Enabled(LogLevel::kError));
}

TEST(LogTest, ParsesLevelAndFormat) {
  EXPECT_EQ(*ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(*ParseLogLevel("error"), LogLevel::kError);
  EXPECT_EQ(*ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(*ParseLogFormat("text"), LogFormat::kText);
  EXPECT_THAT(ParseLogLevel("loud"), StatusIs(absl::StatusCode::kInvalidArgument,
                                              "log level `loud`, want debug, info, warn or error"));
  EXPECT_THAT(ParseLogFormat("xml"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("`xml`")));
}

TEST(LogTest, ThreadsNeverInterleave) {
  std::string all;
  Logger logger(
      {.service = "relay"}, [&](std::string_view line) { all += line; }, [] { return kTimeMs; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&logger, i] {
      for (int j = 0; j < 250; ++j) logger.Info("event", {{"thread", i}, {"count", j}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t lines = 0;
  for (size_t start = 0; start < all.size(); ++lines) {
    const size_t end = all.find('\n', start);
    EXPECT_EQ(nlohmann::json::parse(all.substr(start, end - start))["event"], "event");
    start = end + 1;
  }
  EXPECT_EQ(lines, 1000u);
}

TEST(LogTest, WritesToStandardErrorByDefault) {
  ::testing::internal::CaptureStderr();
  Logger({.service = "relay"}).Info("started");
  const auto json = nlohmann::json::parse(::testing::internal::GetCapturedStderr());
  EXPECT_EQ(json["event"], "started");
  EXPECT_THAT(json["time"].get<std::string>(), ::testing::MatchesRegex("20.*T.*\\.[0-9]*Z"));
}

}  // namespace
}  // namespace groat::telemetry
