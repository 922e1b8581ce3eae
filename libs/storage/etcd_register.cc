#include "storage/etcd_register.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/etcd/rpc.grpc.pb.h"
#include "storage/etcd_lease.h"
#include "storage/etcd_watch.h"
#include "storage/register_transaction.h"

namespace groat::storage {
namespace {

constexpr uint64_t kCommitsBetweenLooks = 256;

etcdserverpb::TxnRequest ToRequest(const Transaction& transaction, const EtcdKeys& keys) {
  etcdserverpb::TxnRequest request;
  for (const Compare& compare : transaction.compares) {
    etcdserverpb::Compare& out = *request.add_compare();
    out.set_target(etcdserverpb::Compare::MOD);
    out.set_key(keys.ToEtcd(compare.key));
    out.set_mod_revision(compare.mod_revision);
    request.add_failure()->mutable_request_range()->set_key(out.key());
  }
  for (const KeyRange& range : transaction.deletes) {
    etcdserverpb::DeleteRangeRequest& out = *request.add_success()->mutable_request_delete_range();
    KeyRange bounds = keys.ToEtcd(range);
    out.set_key(std::move(bounds.begin));
    out.set_range_end(std::move(bounds.end));
  }
  for (const Put& put : transaction.puts) {
    etcdserverpb::PutRequest& out = *request.add_success()->mutable_request_put();
    out.set_key(keys.ToEtcd(put.key));
    out.set_value(put.value);
    out.set_lease(put.lease.value());
  }
  return request;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EtcdRegister>> EtcdRegister::Connect(const EtcdOptions& options) {
  if (options.prefix.empty() || options.prefix.back() != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("etcd prefix \"", options.prefix, "\", want one that ends with '/'"));
  }
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<EtcdChannels> channels, EtcdChannels::Make(options));
  return std::unique_ptr<EtcdRegister>(new EtcdRegister(std::move(channels), options.prefix));
}

EtcdRegister::EtcdRegister(std::unique_ptr<EtcdChannels> channels, std::string_view prefix)
    : channels_(std::move(channels)), keys_(prefix), reads_(channels_.get(), &keys_) {}

absl::StatusOr<CommitResult> EtcdRegister::Commit(const Transaction& transaction) {
  GROAT_RETURN_IF_ERROR(ValidateTransaction(transaction));
  const etcdserverpb::TxnRequest request = ToRequest(transaction, keys_);
  etcdserverpb::TxnResponse response;
  GROAT_RETURN_IF_ERROR(channels_->CallOnce([&](const auto& channel, auto& context) {
    return etcdserverpb::KV::NewStub(channel)->Txn(&context, request, &response);
  }));
  // Only writers that write much care where the leader is.
  if (commits_.fetch_add(1) % kCommitsBetweenLooks == kCommitsBetweenLooks - 1) {
    channels_->PreferLeader();
  }
  CommitResult result;
  result.committed = response.succeeded();
  result.revision = response.header().revision();
  if (result.committed) return result;
  for (const etcdserverpb::ResponseOp& step : response.responses()) {
    for (const mvccpb::KeyValue& pair : step.response_range().kvs()) {
      result.current.push_back(keys_.FromEtcd(pair));
    }
  }
  return result;
}

absl::StatusOr<ReadResult> EtcdRegister::ReadRanges(const std::vector<RangeRead>& ranges,
                                                    Consistency consistency) {
  GROAT_RETURN_IF_ERROR(ValidateRead(ranges));
  return consistency == Consistency::kLinearizable ? reads_.Linearizable(ranges)
                                                   : reads_.Stale(ranges);
}

std::unique_ptr<Watch> EtcdRegister::WatchPrefix(std::string_view prefix, int64_t from_revision,
                                                 WatchCallback callback) {
  return std::make_unique<EtcdWatch>(EtcdWatch::Parts{channels_.get(), &keys_, &shelf_}, prefix,
                                     from_revision, std::move(callback));
}

absl::StatusOr<std::unique_ptr<Lease>> EtcdRegister::GrantLease(absl::Duration ttl,
                                                                std::function<void()> on_lost) {
  GROAT_RETURN_IF_ERROR(ValidateTimeToLive(ttl));
  return EtcdLease::Grant(channels_.get(), &shelf_, ttl, std::move(on_lost));
}

absl::Status EtcdRegister::Compact(int64_t revision) {
  etcdserverpb::CompactionRequest request;
  request.set_revision(revision);
  etcdserverpb::CompactionResponse response;
  const absl::Status status = channels_->CallRepeatable([&](const auto& channel, auto& context) {
    return etcdserverpb::KV::NewStub(channel)->Compact(&context, request, &response);
  });
  // A compaction that was done before is fine; one in the future has the same code.
  if (absl::IsOutOfRange(status) && absl::StrContains(status.message(), "has been compacted")) {
    return absl::OkStatus();
  }
  return status;
}

}  // namespace groat::storage
