// Appends beside bare etcd transactions of the same bytes, in turns on one platform, so that a
// change of the machine's speed meets both.
//
// Prints tables. Blocks the caller; owns threads while it runs. The relay of the platform must not
// run, see ledger_load.h.
#ifndef GROAT_LOADTEST_GROAT_LOAD_LEDGER_COMPARISON_H_
#define GROAT_LOADTEST_GROAT_LOAD_LEDGER_COMPARISON_H_

#include <chrono>
#include <vector>

#include "absl/status/status.h"
#include "tools/groat/platform/platform.h"

namespace groat::load {

// One caller that waits for each answer, with 1 and with 64 roots in a call.
absl::Status CompareOneCaller(platform::Platform& platform, std::chrono::milliseconds duration,
                              int rounds);

// As many callers at once as each of `callers` says, each with the chain of a shard of its own, one
// root in a call. The ledger must know the shards (shard_ledger.h).
absl::Status CompareManyCallers(platform::Platform& platform, std::chrono::milliseconds duration,
                                int rounds, const std::vector<size_t>& callers);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_LEDGER_COMPARISON_H_
