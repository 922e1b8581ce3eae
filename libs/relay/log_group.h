// Which group of log segments a cycle's records go to, so that old periods can be read back alone.
//
// Pure.
#ifndef GROAT_RELAY_LOG_GROUP_H_
#define GROAT_RELAY_LOG_GROUP_H_

#include <cstdint>

#include "record/ids.h"

namespace groat::relay {

// A period has a group of its own; short periods share one, so that a relay with a period of one
// cycle does not make a file twice a second.
inline constexpr uint64_t kLeastGroupCycles = 1024;

// Cycles in a group, a whole number of periods; 0: one group for ever.
constexpr uint64_t GroupCycles(uint64_t period_cycles) {
  if (period_cycles == 0) return 0;
  return (kLeastGroupCycles + period_cycles - 1) / period_cycles * period_cycles;
}

constexpr uint64_t LogGroupOf(record::Cycle cycle, uint64_t period_cycles) {
  const uint64_t cycles = GroupCycles(period_cycles);
  return cycles == 0 ? 0 : (cycle.value() - 1) / cycles;
}

}  // namespace groat::relay

#endif  // GROAT_RELAY_LOG_GROUP_H_
