// Appends of signed cycle roots to a ledger, and how long appends stop when a process dies.
//
// Blocks the caller. The roots are made up and signed with the relay's key, so the relay of that
// platform must not run; nobody can prove their growth, hence no checkpoint forms over them.
#ifndef GROAT_LOADTEST_GROAT_LOAD_LEDGER_LOAD_H_
#define GROAT_LOADTEST_GROAT_LOAD_LEDGER_LOAD_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "record/root_statement.h"
#include "rpc/channel.h"
#include "telemetry/latency_histogram.h"
#include "tools/groat/platform/platform.h"

namespace groat::load {

struct LedgerLoadResult {
  uint64_t appends = 0;
  uint64_t failures = 0;
  double seconds = 0;
  telemetry::LatencyHistogram latency;      // Nanoseconds of one AppendRoot.
  std::chrono::milliseconds longest_gap{};  // Between two acknowledged appends.
};

// Appends one root after the other, cycle by cycle, and moves to the next
// endpoint when a call fails. Fails only if nothing is acknowledged for 30 s.
class Appender {
 public:
  // Goes on after the ledger's head, if that is of this shard; otherwise the ledger must not have a
  // root of it yet. Nobody else may append to the shard any more.
  static absl::StatusOr<std::unique_ptr<Appender>> Make(record::RelayId relay, record::Shard shard,
                                                        Ed25519PrivateKey key,
                                                        std::shared_ptr<rpc::ChannelGroup> ledger);

  // `roots_per_call` roots in each AppendRoot, for `duration`. `during`, if set, is called once
  // about a third of the way, from the appending thread's side, and must not block for long.
  absl::StatusOr<LedgerLoadResult> Run(std::chrono::milliseconds duration, size_t roots_per_call,
                                       const std::function<void()>& during = {});

 private:
  Appender(Ed25519PrivateKey key, std::shared_ptr<rpc::ChannelGroup> ledger);
  record::SignedRoot NextRoot();

  const Ed25519PrivateKey key_;
  const std::shared_ptr<rpc::ChannelGroup> ledger_;
  record::RootStatement last_;  // Cycle 0 before the first.
};

// Channels to all ledger nodes of a platform.
absl::StatusOr<std::shared_ptr<rpc::ChannelGroup>> ConnectLedger(
    const platform::Platform& platform);
// Of one shard of the platform's relay, which must not run any more, with that relay's key.
absl::StatusOr<std::unique_ptr<Appender>> MakeAppender(const platform::Platform& platform,
                                                       std::shared_ptr<rpc::ChannelGroup> ledger,
                                                       record::Shard shard);

// Runs `caller` on as many threads as there are callers, from 0, and adds up what they did, over
// the time of the slowest. The first error, if any fails.
absl::StatusOr<LedgerLoadResult> RunCallers(
    size_t callers, const std::function<absl::StatusOr<LedgerLoadResult>(size_t)>& caller);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_GROAT_LOAD_LEDGER_LOAD_H_
