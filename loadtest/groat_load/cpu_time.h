// How much processor time the processes of a platform take for a piece of work.
//
// Reads /proc. Not thread-safe.
#ifndef GROAT_LOADTEST_GROAT_LOAD_CPU_TIME_H_
#define GROAT_LOADTEST_GROAT_LOAD_CPU_TIME_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/groat/platform/platform.h"

namespace groat::load {

// Microseconds of processor time, user and system, by process: "etcd-0", "ledger-0", ..., and
// "groat-load" for this one. Counted by the kernel in steps of 10 ms.
using CpuTimes = std::map<std::string, double>;

// Since each started. A process that does not run counts as zero.
absl::StatusOr<CpuTimes> ReadCpuTimes(const platform::Platform& platform);

// Adds up what several turns of some kinds of work took, and prints it as a table: a row for each
// process, a column for each kind, microseconds a root.
class CpuTable {
 public:
  void Add(const std::string& kind, const CpuTimes& before, const CpuTimes& after, uint64_t roots);
  void Print() const;

 private:
  struct Column {
    std::string kind;
    CpuTimes taken;
    uint64_t roots = 0;
  };
  std::vector<Column> columns_;  // In the order in which the kinds came.
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_CPU_TIME_H_
