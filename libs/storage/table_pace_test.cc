#include "storage/table_pace.h"

#include <gmock/gmock.h>

namespace groat::storage {
namespace {

using std::chrono::milliseconds;
constexpr uint64_t kMiB = 1 << 20;

class TablePaceTest : public ::testing::Test {
 protected:
  // As many writes of 1 MiB as come in a second at this rate; the last pace that was told.
  int64_t ASecondOf(uint64_t mib_per_second) {
    int64_t last = 0;
    for (uint64_t i = 0; i < mib_per_second; ++i) {
      now_ += std::chrono::duration_cast<TablePace::Clock::duration>(milliseconds(1000)) /
              static_cast<int64_t>(mib_per_second);
      last = pace_.Note(kMiB, now_).value_or(last);
    }
    return last;
  }

  TablePace pace_;
  TablePace::Clock::time_point now_{};
};

TEST_F(TablePaceTest, SaysNothingBeforeItHasMeasured) {
  EXPECT_EQ(pace_.Note(kMiB, now_), std::nullopt);
  EXPECT_EQ(pace_.Note(kMiB, now_ + TablePace::kInterval - milliseconds(1)), std::nullopt);
  EXPECT_NE(pace_.Note(kMiB, now_ + TablePace::kInterval), std::nullopt);
}

TEST_F(TablePaceTest, IsTwiceWhatComesIn) {
  const int64_t pace = ASecondOf(50);
  EXPECT_GE(pace, static_cast<int64_t>(95 * kMiB));
  EXPECT_LE(pace, static_cast<int64_t>(115 * kMiB));
}

TEST_F(TablePaceTest, RisesAtOnceAndFallsSlowly) {
  ASecondOf(20);
  EXPECT_GE(ASecondOf(200), static_cast<int64_t>(380 * kMiB));
  EXPECT_GE(ASecondOf(20), static_cast<int64_t>(200 * kMiB));
  for (int i = 0; i < 20; ++i) ASecondOf(20);
  EXPECT_LE(ASecondOf(20), static_cast<int64_t>(45 * kMiB));
}

TEST_F(TablePaceTest, KeepsSomeForAStoreAtRestAndHasAnEnd) {
  EXPECT_EQ(ASecondOf(1), 0);  // One write.
  now_ += std::chrono::hours(1);
  EXPECT_EQ(pace_.Note(1, now_), TablePace::kLeast);
  now_ += TablePace::kInterval;
  EXPECT_EQ(pace_.Note(uint64_t{1} << 40, now_), TablePace::kFirst);
}

}  // namespace
}  // namespace groat::storage
