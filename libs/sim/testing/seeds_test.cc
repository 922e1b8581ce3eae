#include "sim/testing/seeds.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "base/check.h"

namespace groat::sim::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SeedsTest : public ::testing::Test {
 protected:
  void SetUp() override { TearDown(); }
  void TearDown() override {
    unsetenv("GROAT_SEED");
    unsetenv("GROAT_SEEDS");
  }
  static std::vector<uint64_t> Seeds(uint64_t count) {
    std::vector<uint64_t> seeds;
    ForEachSeed(count, [&](uint64_t seed) { seeds.push_back(seed); });
    return seeds;
  }
};

TEST_F(SeedsTest, SeedsComeFromTheTestOrTheEnvironment) {
  EXPECT_THAT(Seeds(3), ElementsAre(1, 2, 3));
  setenv("GROAT_SEEDS", "2", 1);
  EXPECT_THAT(Seeds(3), ElementsAre(1, 2));
  setenv("GROAT_SEED", "77", 1);
  EXPECT_THAT(Seeds(3), ElementsAre(77));
}

TEST_F(SeedsTest, AFailurePrintsTheCommandThatRepeatsIt) {
  EXPECT_THAT(RepeatCommand(7), HasSubstr("GROAT_SEED=7 /"));
  EXPECT_THAT(RepeatCommand(7),
              HasSubstr("_test --gtest_filter=SeedsTest.AFailurePrintsTheCommandThatRepeatsIt"));
  EXPECT_NONFATAL_FAILURE(ForEachSeed(1, [](uint64_t) { ADD_FAILURE(); }), RepeatCommand(1));
}

TEST_F(SeedsTest, ACheckThatEndsTheProcessPrintsItToo) {
  EXPECT_DEATH(ForEachSeed(5, [](uint64_t seed) { GROAT_CHECK(seed < 3) << "bad"; }),
               "repeat: GROAT_SEED=3 /");
}

}  // namespace
}  // namespace groat::sim::testing
