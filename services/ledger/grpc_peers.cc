#include "services/ledger/grpc_peers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::ledger_service {
namespace {

using ledger::v1::AppendRootRequest;
using ledger::v1::AppendRootResponse;

constexpr std::chrono::milliseconds kFetchTimeout{5000};

absl::StatusOr<std::vector<record::Block>> BlocksOf(
    const google::protobuf::RepeatedPtrField<common::v1::Block>& protos) {
  std::vector<record::Block> blocks;
  for (const common::v1::Block& proto : protos) {
    GROAT_ASSIGN_OR_RETURN(record::Block block, wire::FromProto(proto));
    blocks.push_back(std::move(block));
  }
  return blocks;
}

// Blocks for exactly these roots, in order; Internal if the answer is for something else.
absl::StatusOr<std::vector<record::Block>> BlocksFor(const AppendRootRequest& request,
                                                     const AppendRootResponse& response) {
  absl::StatusOr<std::vector<record::Block>> blocks = BlocksOf(response.blocks());
  if (!blocks.ok()) return absl::InternalError(blocks.status().message());
  if (response.blocks_size() != request.roots_size()) {
    return absl::InternalError(absl::StrCat("the sequencer answered with ", response.blocks_size(),
                                            " blocks, want ", request.roots_size()));
  }
  for (int i = 0; i < request.roots_size(); ++i) {
    const absl::StatusOr<record::SignedRoot> root = wire::FromProto(request.roots(i));
    if (root.ok() && root->statement == (*blocks)[static_cast<size_t>(i)].root.statement) continue;
    return absl::InternalError(
        absl::StrCat("the sequencer answered root ", i, " with a block of another root"));
  }
  return blocks;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcPeers>> GrpcPeers::Make(
    const std::vector<std::string>& endpoints, const rpc::TlsConfig& tls,
    const rpc::ChannelOptions& options) {
  std::unique_ptr<GrpcPeers> peers(new GrpcPeers());
  for (const std::string& endpoint : endpoints) {
    GROAT_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                           rpc::MakeChannel(endpoint, tls, options));
    peers->stubs_.push_back(ledger::v1::LedgerService::NewStub(channel));
  }
  return peers;
}

bool GrpcPeers::Register(grpc::ClientContext* context) {
  MutexLock lock(mutex_);
  if (stopped_) return false;
  calls_.insert(context);
  return true;
}

void GrpcPeers::Unregister(grpc::ClientContext* context) {
  MutexLock lock(mutex_);
  calls_.erase(context);
  ended_.NotifyAll();
}

void GrpcPeers::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (grpc::ClientContext* context : calls_) context->TryCancel();
  while (!calls_.empty()) ended_.Wait(mutex_);
}

void GrpcPeers::ForwardAppend(record::NodeIndex node, const std::vector<record::SignedRoot>& roots,
                              std::chrono::steady_clock::time_point deadline, AppendDone done) {
  struct Call {
    explicit Call(std::chrono::milliseconds timeout) : context(timeout) {}
    rpc::CallContext context;
    AppendRootRequest request;
    AppendRootResponse response;
  };
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  auto call = std::make_shared<Call>(std::max(left, std::chrono::milliseconds(1)));
  for (const record::SignedRoot& root : roots) wire::ToProto(root, call->request.add_roots());
  call->context.AddMetadata(kSentOnMetadata, "1");
  if (!Register(&call->context)) {
    done(absl::UnavailableError("the node is stopping"));
    return;
  }
  stubs_[node.value()]->async()->AppendRoot(
      &call->context, &call->request, &call->response,
      [this, call, done = std::move(done)](grpc::Status status) {
        if (status.ok()) {
          done(BlocksFor(call->request, call->response));
        } else {
          done(rpc::FromGrpc(status));
        }
        Unregister(&call->context);
      });
}

absl::StatusOr<std::vector<record::Block>> GrpcPeers::FetchBlocks(record::NodeIndex node,
                                                                  record::Height first,
                                                                  size_t limit) {
  rpc::CallContext context(kFetchTimeout);
  if (!Register(&context)) return absl::UnavailableError("the node is stopping");
  ledger::v1::ListBlocksRequest request;
  request.set_from_height(first.value());
  request.set_limit(static_cast<uint32_t>(limit));
  request.set_read_mode(ledger::v1::READ_MODE_STALE);
  ledger::v1::ListBlocksResponse response;
  const grpc::Status status = stubs_[node.value()]->ListBlocks(&context, request, &response);
  Unregister(&context);
  GROAT_RETURN_IF_ERROR(rpc::FromGrpc(status));
  return BlocksOf(response.blocks());
}

}  // namespace groat::ledger_service
