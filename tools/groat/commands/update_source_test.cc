#include "tools/groat/commands/update_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace groat::commands {
namespace {

using ::groat::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kA(64, 'a');
const std::string kB(64, 'B');

TEST(ParseUpdatesTest, ReadsCsvAndJsonLines) {
  const std::string text = "unlock,value\n" + kA + "," + kB + "\r\n\n{\"value\": \"" + kA +
                           "\", \"unlock\": \"" + kB + "\"}";
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<record::Update> updates, ParseUpdates(text, "f"));
  ASSERT_EQ(updates.size(), 2u);
  EXPECT_EQ(updates[0].unlock[0], 0xaa);
  EXPECT_EQ(updates[0].value[0], 0xbb);
  EXPECT_EQ(updates[1].unlock, updates[0].value);
}

TEST(ParseUpdatesTest, NamesTheLine) {
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"", "f: holds no update"},
      {"unlock,value\n", "f: holds no update"},
      {kA + "\n", "f:1: want UNLOCK,VALUE or a JSON object"},
      {kA + "," + kB + "\nabc," + kA, "f:2: unlock: "},
      {kA + ",0g", "f:1: value: "},
      {kA + ",00", "f:1: value is 1 bytes, want 32"},
      {"{\"unlock\": \"" + kA + "\"}", "f:1: want {\"unlock\": HEX, \"value\": HEX}"},
      {"{\"unlock\": 5, \"value\": 6}", "f:1: want {\"unlock\""},
      {"{", "f:1: want {\"unlock\""},
  };
  for (const auto& bad : cases) {
    EXPECT_THAT(ParseUpdates(bad.text, "f"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.message)));
  }
}

TEST(CutBatchesTest, CutsAtTheSizeAndBeforeARepeatedUnlock) {
  std::vector<record::Update> updates = RandomUpdates(7);
  EXPECT_THAT(CutBatches(updates, 3), ElementsAre(0, 3, 6));
  updates[4].unlock = updates[3].unlock;
  updates[6].unlock = updates[0].unlock;
  // The unlock of 6 is that of 0, which lies in an earlier batch.
  EXPECT_THAT(CutBatches(updates, 100), ElementsAre(0, 4));
  updates[6].unlock = updates[5].unlock;
  EXPECT_THAT(CutBatches(updates, 100), ElementsAre(0, 4, 6));
}

}  // namespace
}  // namespace groat::commands
