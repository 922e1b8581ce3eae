#include <gtest/gtest.h>

#include "tools/groat/terminal/progress.h"
#include "tools/groat/terminal/table.h"

namespace groat::terminal {
namespace {

using std::chrono::nanoseconds;

TEST(TableTest, AlignsAndTrims) {
  Table table({{"name", Table::Align::kLeft}, {"count", Table::Align::kRight}, {"note", {}}});
  table.AddRow({"a", "1", ""});
  table.AddRow({"longer", "1,234", "x\ny"});
  EXPECT_EQ(table.Format(),
            "name    count  note\n"
            "a           1\n"
            "longer  1,234  x y\n");
}

TEST(TableTest, NoTitleLineWithoutTitles) {
  Table table({{}, {"", Table::Align::kRight}});
  table.AddRow({"rate", "5"});
  table.AddRow({"p99 …", "12"});
  EXPECT_EQ(table.Format(),
            "rate    5\n"
            "p99 …  12\n");
}

TEST(TextTest, Numbers) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Size(0), "0 B");
  EXPECT_EQ(Size(1023), "1023 B");
  EXPECT_EQ(Size(1536), "1.5 KiB");
  EXPECT_EQ(Size(uint64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(Size(uint64_t{5} << 50), "5120.0 TiB");
}

TEST(TextTest, Durations) {
  EXPECT_EQ(Duration(nanoseconds(0)), "0 ns");
  EXPECT_EQ(Duration(nanoseconds(999)), "999 ns");
  EXPECT_EQ(Duration(nanoseconds(1000)), "1.00 us");
  EXPECT_EQ(Duration(nanoseconds(12'345'678)), "12.3 ms");
  EXPECT_EQ(Duration(nanoseconds(999'600'000)), "1.00 s");
  EXPECT_EQ(Duration(nanoseconds(4'560'000'000)), "4.56 s");
  EXPECT_EQ(Duration(std::chrono::seconds(125)), "2 min 5 s");
  EXPECT_EQ(Duration(nanoseconds(-1500)), "-1.50 us");
}

TEST(TextTest, TimesAndHashes) {
  EXPECT_EQ(Time(1'772'366'400'123), "2026-03-01 12:00:00.123");
  EXPECT_EQ(Short("0123456789abcdef"), "0123456789ab…");
  EXPECT_EQ(Short("0123"), "0123");
}

TEST(BarLineTest, FillsInProportionAndIsCut) {
  EXPECT_EQ(BarLine(0, "x", 30), "[>         ]   0%  x");
  EXPECT_EQ(BarLine(0.5, "x", 30), "[=====>    ]  50%  x");
  EXPECT_EQ(BarLine(1, "x", 30), "[==========] 100%  x");
  EXPECT_EQ(BarLine(7, "x", 30), "[==========] 100%  x");
  EXPECT_EQ(BarLine(0, "a long text", 20).size(), 20u);
}

}  // namespace
}  // namespace groat::terminal
