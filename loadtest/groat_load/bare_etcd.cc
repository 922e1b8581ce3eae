#include "loadtest/groat_load/bare_etcd.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "rpc/channel.h"

namespace groat::load {
namespace {

using Clock = std::chrono::steady_clock;

storage::Transaction BareAppend(size_t chain, int64_t head_revision, uint64_t height) {
  const std::string prefix = absl::StrFormat("bench/%d/", chain);
  const std::string block(197, 'b');
  return {.compares = {{prefix + "head", head_revision}},
          .puts = {{prefix + "head", absl::StrFormat("%08d%s", height, std::string(32, 'i')), {}},
                   {absl::StrFormat("%sblock/%016x", prefix, height), block, {}},
                   {prefix + "relay/1/0", std::string(64, 'r'), {}}},
          .deletes = {}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<BareEtcd>> BareEtcd::Connect(const platform::Platform& platform) {
  storage::EtcdOptions options;
  for (const auto& member : platform.file().etcd) options.endpoints.push_back(member.client);
  GROAT_ASSIGN_OR_RETURN(options.credentials,
                         rpc::MakeChannelCredentials(platform.Tls("ledger-0")));
  options.prefix = "groat-load/";
  GROAT_ASSIGN_OR_RETURN(auto etcd, storage::EtcdRegister::Connect(options));
  return std::unique_ptr<BareEtcd>(new BareEtcd(std::move(etcd)));
}

absl::StatusOr<LedgerLoadResult> BareEtcd::Run(std::chrono::milliseconds duration, size_t callers) {
  chains_.resize(std::max(chains_.size(), callers));
  return RunCallers(callers, [&](size_t number) { return RunChain(duration, number); });
}

absl::StatusOr<LedgerLoadResult> BareEtcd::RunChain(std::chrono::milliseconds duration,
                                                    size_t number) {
  Chain& chain = chains_[number];
  LedgerLoadResult result;
  const Clock::time_point begin = Clock::now();
  while (Clock::now() - begin < duration) {
    const Clock::time_point sent = Clock::now();
    GROAT_ASSIGN_OR_RETURN(const storage::CommitResult committed,
                           etcd_->Commit(BareAppend(number, chain.head_revision, chain.height)));
    if (!committed.committed) {
      return absl::InternalError(
          absl::StrCat("the head of chain ", number, " is of revision ",
                       committed.current.empty() ? 0 : committed.current[0].mod_revision, ", want ",
                       chain.head_revision));
    }
    chain.head_revision = committed.revision;
    ++chain.height;
    result.latency.Record(static_cast<uint64_t>((Clock::now() - sent).count()));
    ++result.appends;
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

}  // namespace groat::load
