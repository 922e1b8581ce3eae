#include "storage/etcd_reads.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/etcd/rpc.grpc.pb.h"

namespace groat::storage {
namespace {

// etcd takes 128 steps in a transaction by default; one is the fence.
constexpr size_t kMaxRangesInGroup = 127;
static_assert(kMaxRangesInRead <= kMaxRangesInGroup);

}  // namespace

absl::StatusOr<ReadResult> EtcdReads::Linearizable(const std::vector<RangeRead>& ranges) {
  Waiting own;
  own.ranges = &ranges;
  std::vector<Waiting*> group;
  MutexLock lock(mutex_);
  waiting_.push_back(&own);
  // The thread that finds no transaction on its way makes the next one, for all that wait.
  while (!own.done) {
    if (on_its_way_) {
      changed_.Wait(mutex_);
      continue;
    }
    on_its_way_ = true;
    group = TakeGroup();
    mutex_.Unlock();
    Serve(group);
    mutex_.Lock();
    for (Waiting* served : group) served->done = true;
    on_its_way_ = false;
    changed_.NotifyAll();
  }
  return std::move(own.result);
}

std::vector<EtcdReads::Waiting*> EtcdReads::TakeGroup() {
  std::vector<Waiting*> group;
  size_t ranges = 0;
  while (!waiting_.empty()) {
    ranges += waiting_.front()->ranges->size();
    if (ranges > kMaxRangesInGroup) break;
    group.push_back(waiting_.front());
    waiting_.pop_front();
  }
  return group;
}

void EtcdReads::Serve(const std::vector<Waiting*>& group) const {
  std::vector<RangeRead> ranges;
  for (const Waiting* waiting : group) {
    ranges.insert(ranges.end(), waiting->ranges->begin(), waiting->ranges->end());
  }
  ReadResult all;
  const absl::Status status = Transact(true, ranges, all);
  auto next = std::make_move_iterator(all.ranges.begin());
  for (Waiting* waiting : group) {
    if (!status.ok()) {
      waiting->result = status;
      continue;
    }
    const auto end = next + static_cast<std::ptrdiff_t>(waiting->ranges->size());
    waiting->result = ReadResult{all.revision, std::vector<RangeContent>(next, end)};
    next = end;
  }
}

absl::StatusOr<ReadResult> EtcdReads::Stale(const std::vector<RangeRead>& ranges) const {
  ReadResult result;
  GROAT_RETURN_IF_ERROR(Transact(false, ranges, result));
  return result;
}

absl::Status EtcdReads::Transact(bool fenced, const std::vector<RangeRead>& ranges,
                                 ReadResult& result) const {
  etcdserverpb::TxnRequest request;
  if (fenced) request.add_success()->mutable_request_put()->set_key(keys_.fence());
  for (const RangeRead& read : ranges) {
    etcdserverpb::RangeRequest& range = *request.add_success()->mutable_request_range();
    KeyRange bounds = keys_.ToEtcd(read.range);
    range.set_key(std::move(bounds.begin));
    range.set_range_end(std::move(bounds.end));
    range.set_limit(read.limit);
    range.set_serializable(!fenced);
  }
  etcdserverpb::TxnResponse response;
  const EtcdChannels::Try attempt = [&](const auto& channel, auto& context) {
    return etcdserverpb::KV::NewStub(channel)->Txn(&context, request, &response);
  };
  GROAT_RETURN_IF_ERROR(fenced ? channels_.CallRepeatable(attempt)
                               : channels_.CallWithoutQuorum(attempt));
  const int skipped = fenced ? 1 : 0;
  if (response.responses_size() != request.success_size()) {
    return absl::InternalError(absl::StrCat("etcd answered ", response.responses_size(),
                                            " steps, want ", request.success_size()));
  }
  result.revision = response.header().revision();
  for (int i = skipped; i < response.responses_size(); ++i) {
    const etcdserverpb::RangeResponse& range = response.responses(i).response_range();
    RangeContent& content = result.ranges.emplace_back();
    content.more = range.more();
    for (const mvccpb::KeyValue& pair : range.kvs()) content.items.push_back(keys_.FromEtcd(pair));
  }
  return absl::OkStatus();
}

}  // namespace groat::storage
