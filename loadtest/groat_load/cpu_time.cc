#include "loadtest/groat_load/cpu_time.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace groat::load {
namespace {

absl::StatusOr<double> ReadOne(const std::string& pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  // The name, in parentheses, may hold anything; fields 14 and 15 are the times.
  const size_t end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return 0.0;  // It has ended.
  const std::vector<std::string> fields =
      absl::StrSplit(text.substr(end_of_name + 1), ' ', absl::SkipEmpty());
  uint64_t user = 0;
  uint64_t system = 0;
  if (fields.size() < 13 || !absl::SimpleAtoi(fields[11], &user) ||
      !absl::SimpleAtoi(fields[12], &system)) {
    return absl::InternalError(absl::StrCat("/proc/", pid, "/stat: ", text));
  }
  return static_cast<double>(user + system) * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

absl::StatusOr<CpuTimes> ReadCpuTimes(const platform::Platform& platform) {
  CpuTimes times;
  GROAT_ASSIGN_OR_RETURN(times["groat-load"], ReadOne("self"));
  for (const std::string& name : platform.process_names()) {
    GROAT_ASSIGN_OR_RETURN(const platform::ProcessState state, platform.State(name));
    GROAT_ASSIGN_OR_RETURN(times[name], ReadOne(absl::StrCat(state.pid)));
  }
  return times;
}

void CpuTable::Add(const std::string& kind, const CpuTimes& before, const CpuTimes& after,
                   uint64_t roots) {
  auto column = std::find_if(columns_.begin(), columns_.end(),
                             [&](const Column& known) { return known.kind == kind; });
  if (column == columns_.end()) column = columns_.insert(column, Column{.kind = kind, .taken = {}});
  for (const auto& [name, time] : after) {
    const auto start = before.find(name);
    if (start != before.end()) column->taken[name] += time - start->second;
  }
  column->roots += roots;
}

void CpuTable::Print() const {
  std::set<std::string> names;
  std::string head = "\n| processor time, us a root |";
  std::string line = "|---|";
  for (const Column& column : columns_) {
    absl::StrAppend(&head, " ", column.kind, " |");
    line += "---|";
    for (const auto& [name, time] : column.taken) names.insert(name);
  }
  std::cout << head << "\n" << line << "\n";
  std::vector<double> sums(columns_.size());
  const auto print = [&](const std::string& name, const std::vector<double>& values) {
    std::cout << "| " << name << " |";
    for (const double value : values) std::cout << absl::StrFormat(" %.0f |", value);
    std::cout << "\n";
  };
  for (const std::string& name : names) {
    std::vector<double> values;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto taken = columns_[i].taken.find(name);
      const double time = taken == columns_[i].taken.end() ? 0 : taken->second;
      values.push_back(time / static_cast<double>(std::max<uint64_t>(columns_[i].roots, 1)));
      sums[i] += values.back();
    }
    print(name, values);
  }
  print("sum", sums);
}

}  // namespace groat::load
