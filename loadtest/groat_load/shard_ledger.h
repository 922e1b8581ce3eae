// Makes the ledger of a local platform take the roots of several shards of its relay network.
//
// A local platform has one relay with one shard. Changes its trust file and its nodes'
// configuration, and starts the nodes again. Not thread-safe.
#ifndef GROAT_LOADTEST_GROAT_LOAD_SHARD_LEDGER_H_
#define GROAT_LOADTEST_GROAT_LOAD_SHARD_LEDGER_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "rpc/retry.h"
#include "tools/groat/platform/platform.h"

namespace groat::load {

// The least s with 2^s >= `shards`; `shards` from 1.
uint32_t ShardBitsFor(size_t shards);

// 2^shard_bits shards, whose growth proofs would come from the one relay. That relay must not run
// any more: its own configuration stays as it is. Returns when the nodes serve again.
absl::Status ShardLedger(platform::Platform& platform, uint32_t shard_bits,
                         rpc::Cancellation& cancellation);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_SHARD_LEDGER_H_
