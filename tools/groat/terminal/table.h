// Text for people: tables, numbers and durations.
//
// Pure values.
#ifndef GROAT_TOOLS_GROAT_TERMINAL_TABLE_H_
#define GROAT_TOOLS_GROAT_TERMINAL_TABLE_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace groat::terminal {

// Columns as wide as their widest cell, two spaces apart. Widths count UTF-8 code points.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns);

  // As many cells as there are columns (CHECKed). Line breaks in a cell become spaces.
  void AddRow(std::vector<std::string> cells);

  // With a line of titles unless all are empty. Ends with a line break; no trailing spaces.
  std::string Format() const;

 private:
  std::string FormatRow(const std::vector<std::string>& cells,
                        const std::vector<size_t>& widths) const;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "1,234,567".
std::string Grouped(uint64_t number);
// "87 us", "12.3 ms", "4.56 s", "2 min 5 s": three significant digits.
std::string Duration(std::chrono::nanoseconds duration);
// "512 B", "1.5 KiB", "3.2 MiB".
std::string Size(uint64_t size_bytes);
// UTC, "2026-03-01 12:00:00.123".
std::string Time(uint64_t unix_ms);
// The first 12 digits and an ellipsis.
std::string Short(const std::string& hex);

}  // namespace groat::terminal

#endif  // GROAT_TOOLS_GROAT_TERMINAL_TABLE_H_
