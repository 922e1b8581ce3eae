// Ids that the relay, the ledger and every verifier share. Pure values.
#ifndef GROAT_RECORD_IDS_H_
#define GROAT_RECORD_IDS_H_

#include <cstdint>

#include "base/strong_id.h"

namespace groat::record {

// Names a relay network: the same for all its operators and shards. From 1.
using RelayId = StrongId<struct RelayIdTag, uint32_t>;
// Which part of a relay network's key space, by the first bits of the key. From 0.
using Shard = StrongId<struct ShardTag, uint32_t>;
// Counts the tries of a relay; a period starts an empty one. From 0.
using Period = StrongId<struct PeriodTag, uint32_t>;
// Counts the intervals whose updates enter the trie together; gapless over all periods. From 1.
using Cycle = StrongId<struct CycleTag, uint64_t>;
// Counts the ledger's blocks. From 1; 0 is the empty chain.
using Height = StrongId<struct HeightTag, uint64_t>;

// The period of a cycle. `period_cycles` is the fixed number of cycles a period has; 0 means that
// the first period never ends.
constexpr Period PeriodOf(Cycle cycle, uint64_t period_cycles) {
  if (period_cycles == 0 || cycle.value() == 0) return Period(0);
  return Period(static_cast<uint32_t>((cycle.value() - 1) / period_cycles));
}

// The first cycle of a period; the last of the one before is one less.
constexpr Cycle FirstCycleOf(Period period, uint64_t period_cycles) {
  return Cycle(period.value() * period_cycles + 1);
}

}  // namespace groat::record

#endif  // GROAT_RECORD_IDS_H_
