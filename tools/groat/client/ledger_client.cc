#include "tools/groat/client/ledger_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::client {
namespace {

namespace v1 = ledger::v1;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPause{50};
// A watch is begun anew after this long at the latest; CallContext wants some deadline.
constexpr std::chrono::hours kWatchLength{1};

absl::Status BadAnswer(std::string what) {
  return absl::InvalidArgumentError(absl::StrCat("the ledger's answer: ", what));
}

milliseconds Left(Clock::time_point deadline) {
  return std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerClient>> LedgerClient::Make(
    const std::vector<std::string>& endpoints, const rpc::TlsConfig& tls,
    rpc::Cancellation& cancellation) {
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<rpc::ChannelGroup> group,
                         rpc::ChannelGroup::Make(endpoints, tls, {}));
  return std::unique_ptr<LedgerClient>(new LedgerClient(std::move(group), cancellation));
}

absl::Status LedgerClient::WithRetry(const Call& call) const {
  return rpc::CallWithRetry(policy_, cancellation_, [&](grpc::ClientContext& context) {
    const rpc::ChannelGroup::Choice choice = group_->Current();
    const std::unique_ptr<v1::LedgerService::Stub> stub =
        v1::LedgerService::NewStub(choice.channel);
    const grpc::Status status = call(*stub, context);
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
        status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      group_->ReportFailure(choice.index);
    }
    return status;
  });
}

absl::StatusOr<Head> LedgerClient::GetHead(v1::ReadMode mode) const {
  v1::GetHeadRequest request;
  request.set_read_mode(mode);
  v1::GetHeadResponse response;
  GROAT_RETURN_IF_ERROR(WithRetry([&](v1::LedgerService::Stub& stub, grpc::ClientContext& context) {
    return stub.GetHead(&context, request, &response);
  }));
  Head head;
  head.applied = record::Height(response.applied_height());
  GROAT_ASSIGN_OR_RETURN(head.ledger_id, wire::Fixed<32>(response.ledger_id(), "ledger_id"));
  if (response.has_block()) {
    GROAT_ASSIGN_OR_RETURN(head.block, wire::FromProto(response.block()));
  }
  return head;
}

absl::StatusOr<record::Block> LedgerClient::GetBlock(const v1::GetBlockRequest& request) const {
  v1::GetBlockResponse response;
  GROAT_RETURN_IF_ERROR(WithRetry([&](v1::LedgerService::Stub& stub, grpc::ClientContext& context) {
    return stub.GetBlock(&context, request, &response);
  }));
  return wire::FromProto(response.block());
}

absl::StatusOr<record::Block> LedgerClient::WaitBlockOfCycle(const record::RootStatement& statement,
                                                             milliseconds timeout) const {
  const Clock::time_point deadline = Clock::now() + timeout;
  v1::GetBlockRequest request;
  request.mutable_relay_cycle()->set_relay_id(statement.relay.value());
  request.mutable_relay_cycle()->set_shard(statement.shard.value());
  request.mutable_relay_cycle()->set_cycle(statement.cycle.value());
  for (;;) {
    // Read before the block, so that a block appended in between is not waited past.
    GROAT_ASSIGN_OR_RETURN(const Head head, GetHead(v1::READ_MODE_LINEARIZABLE));
    absl::StatusOr<record::Block> block = GetBlock(request);
    if (!absl::IsNotFound(block.status()) || Left(deadline).count() <= 0) return block;
    const uint64_t height = head.block.has_value() ? head.block->height.value() : 0;
    GROAT_RETURN_IF_ERROR(WaitCheckpoint(record::Height(height + 1), Left(deadline)).status());
  }
}

absl::StatusOr<std::vector<record::Block>> LedgerClient::ListBlocks(record::Height from,
                                                                    uint32_t limit,
                                                                    v1::ReadMode mode) const {
  v1::ListBlocksRequest request;
  request.set_from_height(from.value());
  request.set_limit(limit);
  request.set_read_mode(mode);
  v1::ListBlocksResponse response;
  GROAT_RETURN_IF_ERROR(WithRetry([&](v1::LedgerService::Stub& stub, grpc::ClientContext& context) {
    return stub.ListBlocks(&context, request, &response);
  }));
  std::vector<record::Block> blocks;
  for (const common::v1::Block& proto : response.blocks()) {
    GROAT_ASSIGN_OR_RETURN(record::Block block, wire::FromProto(proto));
    const uint64_t want = from.value() + blocks.size();
    if (block.height.value() != want) {
      return BadAnswer(absl::StrCat("height ", block.height.value(), ", want ", want));
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

absl::StatusOr<std::vector<std::vector<merkle::LogHash>>> LedgerClient::GetLogPaths(
    const std::vector<record::Height>& heights, record::Height log_height) const {
  v1::GetInclusionProofRequest request;
  for (const record::Height height : heights) request.add_heights(height.value());
  request.set_log_height(log_height.value());
  v1::GetInclusionProofResponse response;
  GROAT_RETURN_IF_ERROR(WithRetry([&](v1::LedgerService::Stub& stub, grpc::ClientContext& context) {
    return stub.GetInclusionProof(&context, request, &response);
  }));
  if (response.paths_size() != request.heights_size()) {
    return BadAnswer(absl::StrCat(response.paths_size(), " paths, want ", request.heights_size()));
  }
  std::vector<std::vector<merkle::LogHash>> paths;
  for (const v1::LogPath& proto : response.paths()) {
    std::vector<merkle::LogHash>& path = paths.emplace_back();
    for (const std::string& bytes : proto.path()) {
      GROAT_ASSIGN_OR_RETURN(const merkle::LogHash hash, wire::Fixed<32>(bytes, "path"));
      path.push_back(hash);
    }
  }
  return paths;
}

absl::StatusOr<record::SignedCheckpoint> LedgerClient::WaitCheckpoint(record::Height height,
                                                                      milliseconds timeout) const {
  const Clock::time_point deadline = Clock::now() + timeout;
  v1::WatchCheckpointsRequest request;
  request.set_above_height(height.value() == 0 ? 0 : height.value() - 1);
  absl::Status last = absl::DeadlineExceededError("no time");
  while (Left(deadline).count() > 0) {
    const rpc::ChannelGroup::Choice choice = group_->Current();
    rpc::CallContext context(Left(deadline));
    const rpc::Cancellation::Scope scope(cancellation_, context);
    v1::WatchCheckpointsResponse response;
    const auto reader =
        v1::LedgerService::NewStub(choice.channel)->WatchCheckpoints(&context, request);
    const bool received = reader->Read(&response);
    context.TryCancel();
    const grpc::Status status = reader->Finish();
    if (received) return wire::FromProto(response.checkpoint());
    last = rpc::FromGrpc(status);
    group_->ReportFailure(choice.index);
    if (!cancellation_.Sleep(kPause)) return absl::CancelledError("cancelled");
  }
  return absl::DeadlineExceededError(absl::StrCat("no checkpoint covers height ", height.value(),
                                                  " after ", timeout.count(),
                                                  " ms: ", std::string(last.message())));
}

absl::Status LedgerClient::WatchBlocks(
    record::Height from, const std::function<bool(const record::Block&)>& on_block) const {
  uint64_t next = from.value();
  for (;;) {
    const rpc::ChannelGroup::Choice choice = group_->Current();
    rpc::CallContext context(kWatchLength);
    const rpc::Cancellation::Scope scope(cancellation_, context);
    v1::WatchBlocksRequest request;
    request.set_from_height(next);
    const auto reader = v1::LedgerService::NewStub(choice.channel)->WatchBlocks(&context, request);
    v1::WatchBlocksResponse response;
    while (reader->Read(&response)) {
      absl::StatusOr<record::Block> block = wire::FromProto(response.block());
      if (block.ok() && (next == 0 || block->height.value() == next)) {
        next = block->height.value() + 1;
        if (on_block(*block)) continue;
        context.TryCancel();
        reader->Finish();
        return absl::OkStatus();
      }
      context.TryCancel();
      reader->Finish();
      if (!block.ok()) return block.status();
      return BadAnswer(absl::StrCat("height ", block->height.value(), ", want ", next));
    }
    const absl::Status status = rpc::FromGrpc(reader->Finish());
    const bool again = status.ok() || absl::IsUnavailable(status) ||
                       absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status);
    if (!again) return status;
    group_->ReportFailure(choice.index);
    if (!cancellation_.Sleep(kPause)) return absl::CancelledError("cancelled");
  }
}

absl::Status LedgerClient::Admin(milliseconds timeout, const AdminCall& call) const {
  absl::Status status;
  for (size_t tries = 0; tries < group_->size(); ++tries) {
    const rpc::ChannelGroup::Choice choice = group_->Current();
    rpc::CallContext context(timeout);
    const rpc::Cancellation::Scope scope(cancellation_, context);
    const std::unique_ptr<v1::LedgerAdminService::Stub> stub =
        v1::LedgerAdminService::NewStub(choice.channel);
    status = rpc::FromGrpc(call(*stub, context));
    // Only a node that cannot be reached is passed over.
    if (!absl::IsUnavailable(status)) return status;
    group_->ReportFailure(choice.index);
  }
  return status;
}

}  // namespace groat::client
