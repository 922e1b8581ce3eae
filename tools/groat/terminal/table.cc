#include "tools/groat/terminal/table.h"

#include <algorithm>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"

namespace groat::terminal {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kShortDigits = 12;

size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// Three significant digits of a number from 1 to 1000.
std::string ThreeDigits(double value) {
  if (value < 9.995) return absl::StrFormat("%.2f", value);
  if (value < 99.95) return absl::StrFormat("%.1f", value);
  return absl::StrFormat("%.0f", value);
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::AddRow(std::vector<std::string> cells) {
  GROAT_CHECK_EQ(cells.size(), columns_.size());
  for (std::string& cell : cells) {
    std::replace(cell.begin(), cell.end(), '\n', ' ');
  }
  rows_.push_back(std::move(cells));
}

std::string Table::FormatRow(const std::vector<std::string>& cells,
                             const std::vector<size_t>& widths) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - Width(cells[i]), ' ');
    if (i > 0) line.append(kGap, ' ');
    line.append(columns_[i].align == Align::kRight ? padding + cells[i] : cells[i] + padding);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line.append("\n");
}

std::string Table::Format() const {
  std::vector<size_t> widths;
  std::vector<std::string> titles;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(Width(column.title));
  }
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  const bool titled = std::any_of(titles.begin(), titles.end(),
                                  [](const std::string& title) { return !title.empty(); });
  std::string text = titled ? FormatRow(titles, widths) : std::string();
  for (const std::vector<std::string>& row : rows_) text += FormatRow(row, widths);
  return text;
}

std::string Grouped(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string Duration(std::chrono::nanoseconds duration) {
  const double ns = static_cast<double>(duration.count());
  if (ns < 0) return absl::StrCat("-", Duration(-duration));
  if (ns < 999.5) return absl::StrFormat("%.0f ns", ns);
  if (ns < 999.5e3) return ThreeDigits(ns / 1e3) + " us";
  if (ns < 999.5e6) return ThreeDigits(ns / 1e6) + " ms";
  if (ns < 119.5e9) return ThreeDigits(ns / 1e9) + " s";
  const int64_t seconds = (duration.count() + 500'000'000) / 1'000'000'000;
  return absl::StrCat(seconds / 60, " min ", seconds % 60, " s");
}

std::string Size(uint64_t size_bytes) {
  if (size_bytes < 1024) return absl::StrCat(size_bytes, " B");
  double size = static_cast<double>(size_bytes) / 1024;
  for (const char* unit : {"KiB", "MiB", "GiB"}) {
    if (size < 1024) return absl::StrFormat("%.1f %s", size, unit);
    size /= 1024;
  }
  return absl::StrFormat("%.1f TiB", size);
}

std::string Time(uint64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return absl::StrFormat("%s.%03d", text, unix_ms % 1000);
}

std::string Short(const std::string& hex) {
  return hex.size() <= kShortDigits ? hex : hex.substr(0, kShortDigits) + "…";
}

}  // namespace groat::terminal
