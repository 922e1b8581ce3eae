// Blocks leave the register when all have them, or when the window is full; never the last ones.
#include "ledger/register_window.h"

#include <gtest/gtest.h>

#include <vector>

namespace groat::ledger {
namespace {

using record::Height;

TEST(RegisterWindowTest, DeletesWhatAllPassedOrWhatIsTooOld) {
  struct Case {
    const char* name;
    uint64_t head;
    std::vector<Height> applied;
    uint64_t want;
  };
  const uint64_t window = 1000;
  for (const Case& c :
       {Case{"empty", 0, {}, 0}, Case{"short chain", 64, {Height(64), Height(64)}, 0},
        Case{"all passed", 500, {Height(500), Height(400)}, 400},
        Case{"the last ones stay", 500, {Height(500), Height(500)}, 436},
        Case{"one never reported", 500, {Height(500), Height(0)}, 0},
        Case{"window full", 1500, {Height(1500), Height(0)}, 500},
        Case{"slowest is inside the window", 1500, {Height(1500), Height(700)}, 700},
        Case{"exactly full", 1000, {Height(0)}, 0}}) {
    EXPECT_EQ(HighestDeletable(Height(c.head), c.applied, window), Height(c.want)) << c.name;
  }
  EXPECT_EQ(HighestDeletable(Height(100), std::vector<Height>{Height(0)}, 10), Height(36))
      << "a window smaller than the least";
}

}  // namespace
}  // namespace groat::ledger
