#include "loadtest/groat_load/ledger_load.h"

#include <algorithm>
#include <thread>

#include "base/status_macros.h"
#include "crypto/blake3.h"
#include "crypto/key_file.h"
#include "groat/ledger/v1/ledger.grpc.pb.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::load {

using Clock = std::chrono::steady_clock;

Appender::Appender(Ed25519PrivateKey key, std::shared_ptr<rpc::ChannelGroup> ledger)
    : key_(std::move(key)), ledger_(std::move(ledger)) {}

absl::StatusOr<std::unique_ptr<Appender>> Appender::Make(
    record::RelayId relay, record::Shard shard, Ed25519PrivateKey key,
    std::shared_ptr<rpc::ChannelGroup> ledger) {
  const auto stub = ledger::v1::LedgerService::NewStub(ledger->Current().channel);
  auto out = std::unique_ptr<Appender>(new Appender(std::move(key), std::move(ledger)));
  out->last_.relay = relay;
  out->last_.shard = shard;
  rpc::CallContext context(std::chrono::milliseconds(5000));
  ledger::v1::GetHeadResponse head;
  GROAT_RETURN_IF_ERROR(rpc::FromGrpc(stub->GetHead(&context, {}, &head)));
  if (!head.has_block()) return out;
  GROAT_ASSIGN_OR_RETURN(const record::Block block, wire::FromProto(head.block()));
  const record::RootStatement& last = block.root.statement;
  if (last.relay == relay && last.shard == shard) out->last_ = last;
  return out;
}

record::SignedRoot Appender::NextRoot() {
  static const Blake3Context context("groat 2026 load v1");
  last_.cycle = last_.cycle.Next();
  last_.root = context(ByteWriter().U32(last_.shard.value()).U64(last_.cycle.value()).bytes());
  last_.leaf_count += 1;
  last_.new_leaf_count = 1;
  return record::SignRoot(last_, key_);
}

absl::StatusOr<LedgerLoadResult> Appender::Run(std::chrono::milliseconds duration,
                                               size_t roots_per_call,
                                               const std::function<void()>& during) {
  LedgerLoadResult result;
  const Clock::time_point begin = Clock::now();
  Clock::time_point last_success = begin;
  bool called = !during;
  while (Clock::now() - begin < duration) {
    if (!called && Clock::now() - begin > duration / 3) {
      during();
      called = true;
    }
    ledger::v1::AppendRootRequest request;
    for (size_t i = 0; i < roots_per_call; ++i) wire::ToProto(NextRoot(), request.add_roots());
    const Clock::time_point called_at = Clock::now();
    while (true) {
      const rpc::ChannelGroup::Choice node = ledger_->Current();
      const auto stub = ledger::v1::LedgerService::NewStub(node.channel);
      rpc::CallContext context(std::chrono::milliseconds(2000));
      ledger::v1::AppendRootResponse response;
      const absl::Status status = rpc::FromGrpc(stub->AppendRoot(&context, request, &response));
      const Clock::time_point now = Clock::now();
      if (status.ok()) {
        const auto gap = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_success);
        result.longest_gap = std::max(result.longest_gap, gap);
        last_success = now;
        result.appends += roots_per_call;
        if (!response.sequencer().empty()) ledger_->Prefer(response.sequencer());
        result.latency.Record(static_cast<uint64_t>((now - called_at).count()));
        break;
      }
      ++result.failures;
      if (now - last_success > std::chrono::seconds(30)) return status;
      ledger_->ReportFailure(node.index);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

absl::StatusOr<std::shared_ptr<rpc::ChannelGroup>> ConnectLedger(
    const platform::Platform& platform) {
  std::vector<std::string> endpoints;
  for (const auto& node : platform.file().ledger) endpoints.push_back(node.listen);
  return rpc::ChannelGroup::Make(endpoints, platform.Tls("client"), {});
}

absl::StatusOr<std::unique_ptr<Appender>> MakeAppender(const platform::Platform& platform,
                                                       std::shared_ptr<rpc::ChannelGroup> ledger,
                                                       record::Shard shard) {
  GROAT_ASSIGN_OR_RETURN(Ed25519PrivateKey key,
                         ReadPrivateKeyFile(platform.plan().keys().SigningKey("relay")));
  return Appender::Make(record::RelayId(platform.file().relay_id), shard, std::move(key),
                        std::move(ledger));
}

absl::StatusOr<LedgerLoadResult> RunCallers(
    size_t callers, const std::function<absl::StatusOr<LedgerLoadResult>(size_t)>& caller) {
  std::vector<absl::StatusOr<LedgerLoadResult>> results(
      callers, absl::InternalError("a caller did not run"));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < callers; ++i) {
    threads.emplace_back([&, i] { results[i] = caller(i); });
  }
  for (std::thread& thread : threads) thread.join();
  LedgerLoadResult all;
  for (const absl::StatusOr<LedgerLoadResult>& result : results) {
    GROAT_RETURN_IF_ERROR(result.status());
    all.appends += result->appends;
    all.failures += result->failures;
    all.seconds = std::max(all.seconds, result->seconds);
    all.latency.Merge(result->latency);
    all.longest_gap = std::max(all.longest_gap, result->longest_gap);
  }
  return all;
}

}  // namespace groat::load
