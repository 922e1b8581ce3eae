#include "services/ledger/ledger_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "merkle/block_log.h"
#include "rpc/unary.h"
#include "services/ledger/grpc_peers.h"
#include "services/ledger/pumped_stream.h"
#include "wire/common.h"

namespace groat::ledger_service {
namespace {

namespace v1 = ::groat::ledger::v1;
using record::Block;
using record::Height;

constexpr uint32_t kMaxPage = 1000;
constexpr uint32_t kDefaultPage = 100;
constexpr int kMaxPaths = 1000;
// For callers that set no deadline, or one far away.
constexpr std::chrono::seconds kLongestAppend{30};

absl::StatusOr<bool> IsLinearizable(v1::ReadMode mode) {
  switch (mode) {
    case v1::READ_MODE_UNSPECIFIED:
    case v1::READ_MODE_LINEARIZABLE:
      return true;
    case v1::READ_MODE_STALE:
      return false;
    default:
      return absl::InvalidArgumentError(absl::StrCat("read_mode ", static_cast<int>(mode)));
  }
}

std::chrono::steady_clock::time_point DeadlineOf(const grpc::CallbackServerContext& context) {
  const auto left = context.deadline() - std::chrono::system_clock::now();
  return std::chrono::steady_clock::now() +
         std::min<std::chrono::nanoseconds>(left, kLongestAppend);
}

absl::StatusOr<std::vector<record::SignedRoot>> RootsOf(const v1::AppendRootRequest& request) {
  if (request.roots_size() < 1 ||
      request.roots_size() > static_cast<int>(ledger::kMaxRootsInAppend)) {
    return absl::InvalidArgumentError(
        absl::StrCat("roots: ", request.roots_size(), ", want 1 to ", ledger::kMaxRootsInAppend));
  }
  std::vector<record::SignedRoot> roots;
  for (const common::v1::SignedRoot& proto : request.roots()) {
    GROAT_ASSIGN_OR_RETURN(record::SignedRoot root, wire::FromProto(proto));
    roots.push_back(std::move(root));
  }
  return roots;
}

absl::StatusOr<Block> FindBlock(const BlockStore& store, const v1::GetBlockRequest& request) {
  switch (request.selector_case()) {
    case v1::GetBlockRequest::kHeight:
      return store.AtHeight(Height(request.height()));
    case v1::GetBlockRequest::kId: {
      GROAT_ASSIGN_OR_RETURN(const Bytes32 id, wire::Fixed<32>(request.id(), "id"));
      return store.ById(id);
    }
    case v1::GetBlockRequest::kRelayCycle: {
      const v1::RelayCycle& cycle = request.relay_cycle();
      return store.ByCycle({record::RelayId(cycle.relay_id()), record::Shard(cycle.shard())},
                           record::Cycle(cycle.cycle()));
    }
    case v1::GetBlockRequest::kRoot: {
      GROAT_ASSIGN_OR_RETURN(const Hash root, wire::Fixed<32>(request.root(), "root"));
      return store.LowestWithRoot(root);
    }
    case v1::GetBlockRequest::SELECTOR_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("selector: want height, id, relay_cycle or root");
}

void SetPath(const std::vector<merkle::LogHash>& path,
             google::protobuf::RepeatedPtrField<std::string>* out) {
  for (const merkle::LogHash& hash : path) wire::SetBytes(hash, out->Add());
}

}  // namespace

// Answers with what `make` gives, read from the store after the fence if `linearizable`.
template <class Response, class Make>
grpc::ServerUnaryReactor* LedgerServiceImpl::Read(grpc::CallbackServerContext* context,
                                                  Response* response, bool linearizable,
                                                  Make make) {
  auto reply = std::make_shared<rpc::UnaryReply<Response>>(context, response);
  grpc::ServerUnaryReactor* reactor = reply->reactor();
  ReadFence::Passed read = [reply, make = std::move(make)](const absl::Status& status) {
    if (reply->closed()) return;
    if (!status.ok()) {
      reply->Fail(status);
      return;
    }
    absl::StatusOr<Response> answer = make();
    if (answer.ok()) {
      reply->Send(*std::move(answer));
    } else {
      reply->Fail(answer.status());
    }
  };
  if (linearizable) {
    node_.ReadLinearizable(std::move(read));
  } else {
    node_.ReadStale(std::move(read));
  }
  return reactor;
}

std::string LedgerServiceImpl::OtherSequencer() const {
  const std::optional<record::NodeIndex> sequencer = node_.OtherSequencer();
  if (!sequencer.has_value() || sequencer->value() >= endpoints_.size()) return {};
  return endpoints_[sequencer->value()];
}

grpc::ServerUnaryReactor* LedgerServiceImpl::AppendRoot(grpc::CallbackServerContext* context,
                                                        const v1::AppendRootRequest* request,
                                                        v1::AppendRootResponse* response) {
  absl::StatusOr<std::vector<record::SignedRoot>> roots = RootsOf(*request);
  if (!roots.ok()) return rpc::FinishUnary(context, roots.status());
  const bool sent_on = context->client_metadata().count(kSentOnMetadata) != 0;
  auto reply = std::make_shared<rpc::UnaryReply<v1::AppendRootResponse>>(context, response);
  grpc::ServerUnaryReactor* reactor = reply->reactor();
  node_.Append(*std::move(roots), sent_on, DeadlineOf(*context),
               [this, reply](absl::StatusOr<std::vector<Block>> blocks) {
                 if (!blocks.ok()) {
                   reply->Fail(blocks.status());
                   return;
                 }
                 v1::AppendRootResponse answer;
                 for (const Block& block : *blocks) wire::ToProto(block, answer.add_blocks());
                 answer.set_sequencer(OtherSequencer());
                 reply->Send(std::move(answer));
               });
  return reactor;
}

grpc::ServerUnaryReactor* LedgerServiceImpl::GetBlock(grpc::CallbackServerContext* context,
                                                      const v1::GetBlockRequest* request,
                                                      v1::GetBlockResponse* response) {
  const absl::StatusOr<bool> linearizable = IsLinearizable(request->read_mode());
  if (!linearizable.ok()) return rpc::FinishUnary(context, linearizable.status());
  return Read(context, response, *linearizable,
              [this, request = *request]() -> absl::StatusOr<v1::GetBlockResponse> {
                v1::GetBlockResponse answer;
                answer.set_applied_height(node_.store().applied().value());
                GROAT_ASSIGN_OR_RETURN(const Block block, FindBlock(node_.store(), request));
                wire::ToProto(block, answer.mutable_block());
                return answer;
              });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::ListBlocks(grpc::CallbackServerContext* context,
                                                        const v1::ListBlocksRequest* request,
                                                        v1::ListBlocksResponse* response) {
  const absl::StatusOr<bool> linearizable = IsLinearizable(request->read_mode());
  if (!linearizable.ok()) return rpc::FinishUnary(context, linearizable.status());
  if (request->limit() > kMaxPage) {
    return rpc::FinishUnary(context, absl::InvalidArgumentError(absl::StrCat(
                                         "limit ", request->limit(), ", want 0 to ", kMaxPage)));
  }
  const Height first(std::max<uint64_t>(request->from_height(), 1));
  const uint32_t limit = request->limit() == 0 ? kDefaultPage : request->limit();
  return Read(context, response, *linearizable,
              [this, first, limit]() -> absl::StatusOr<v1::ListBlocksResponse> {
                v1::ListBlocksResponse answer;
                answer.set_applied_height(node_.store().applied().value());
                GROAT_ASSIGN_OR_RETURN(const std::vector<Block> blocks,
                                       node_.store().Range(first, limit));
                for (const Block& block : blocks) wire::ToProto(block, answer.add_blocks());
                return answer;
              });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::GetHead(grpc::CallbackServerContext* context,
                                                     const v1::GetHeadRequest* request,
                                                     v1::GetHeadResponse* response) {
  const absl::StatusOr<bool> linearizable = IsLinearizable(request->read_mode());
  if (!linearizable.ok()) return rpc::FinishUnary(context, linearizable.status());
  return Read(context, response, *linearizable, [this]() -> absl::StatusOr<v1::GetHeadResponse> {
    v1::GetHeadResponse answer;
    const Height height = node_.store().applied();
    wire::SetBytes(node_.context().ledger_id, answer.mutable_ledger_id());
    answer.set_applied_height(height.value());
    if (height.value() == 0) return answer;
    GROAT_ASSIGN_OR_RETURN(const Block block, node_.store().AtHeight(height));
    wire::ToProto(block, answer.mutable_block());
    return answer;
  });
}

absl::StatusOr<Height> LedgerServiceImpl::LogHeight(uint64_t asked) const {
  if (asked != 0) return Height(asked);
  const std::optional<record::SignedCheckpoint> newest = node_.checkpoint();
  if (!newest.has_value()) return absl::NotFoundError("there is no checkpoint yet");
  return newest->checkpoint.height;
}

grpc::ServerUnaryReactor* LedgerServiceImpl::GetInclusionProof(
    grpc::CallbackServerContext* context, const v1::GetInclusionProofRequest* request,
    v1::GetInclusionProofResponse* response) {
  if (request->heights_size() < 1 || request->heights_size() > kMaxPaths) {
    return rpc::FinishUnary(
        context, absl::InvalidArgumentError(absl::StrCat("heights: ", request->heights_size(),
                                                         ", want 1 to ", kMaxPaths)));
  }
  const absl::StatusOr<Height> size = LogHeight(request->log_height());
  if (!size.ok()) return rpc::FinishUnary(context, size.status());
  return Read(
      context, response, NeedsFence(size->value()),
      [this, request = *request, size = *size]() -> absl::StatusOr<v1::GetInclusionProofResponse> {
        GROAT_ASSIGN_OR_RETURN(const ledger::SignMark top, node_.store().PointAt(size));
        v1::GetInclusionProofResponse answer;
        answer.set_log_height(size.value());
        wire::SetBytes(top.log_root, answer.mutable_log_root());
        for (const uint64_t height : request.heights()) {
          if (height == 0 || height > size.value()) {
            return absl::OutOfRangeError(
                absl::StrCat("height ", height, ", want 1 to ", size.value()));
          }
          GROAT_ASSIGN_OR_RETURN(
              const merkle::LogInclusionProof proof,
              merkle::ProveLogInclusion(height - 1, size.value(), node_.store()));
          v1::LogPath* path = answer.add_paths();
          path->set_height(height);
          SetPath(proof.path, path->mutable_path());
        }
        return answer;
      });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::GetConsistencyProof(
    grpc::CallbackServerContext* context, const v1::GetConsistencyProofRequest* request,
    v1::GetConsistencyProofResponse* response) {
  const absl::StatusOr<Height> to = LogHeight(request->to_height());
  if (!to.ok()) return rpc::FinishUnary(context, to.status());
  const Height from(request->from_height());
  if (from.value() == 0 || from > *to) {
    return rpc::FinishUnary(
        context, absl::OutOfRangeError(
                     absl::StrCat("from_height ", from.value(), ", want 1 to ", to->value())));
  }
  return Read(context, response, NeedsFence(to->value()),
              [this, from, to = *to]() -> absl::StatusOr<v1::GetConsistencyProofResponse> {
                GROAT_ASSIGN_OR_RETURN(const ledger::SignMark top, node_.store().PointAt(to));
                GROAT_ASSIGN_OR_RETURN(const ledger::SignMark base, node_.store().PointAt(from));
                GROAT_ASSIGN_OR_RETURN(
                    const merkle::LogConsistencyProof proof,
                    merkle::ProveLogConsistency(from.value(), to.value(), node_.store()));
                v1::GetConsistencyProofResponse answer;
                SetPath(proof.path, answer.mutable_path());
                answer.set_to_height(to.value());
                wire::SetBytes(base.log_root, answer.mutable_from_log_root());
                wire::SetBytes(top.log_root, answer.mutable_to_log_root());
                return answer;
              });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::GetCheckpoint(grpc::CallbackServerContext* context,
                                                           const v1::GetCheckpointRequest* request,
                                                           v1::GetCheckpointResponse* response) {
  const std::optional<record::SignedCheckpoint> newest = node_.checkpoint();
  if (!newest.has_value()) {
    return rpc::FinishUnary(context, absl::NotFoundError("there is no checkpoint yet"));
  }
  const Height height = newest->checkpoint.height;
  if (height.value() < request->min_height()) {
    return rpc::FinishUnary(context, absl::OutOfRangeError(absl::StrCat(
                                         "the newest checkpoint has height ", height.value(),
                                         ", want ", request->min_height())));
  }
  wire::ToProto(*newest, response->mutable_checkpoint());
  return rpc::FinishUnary(context, absl::OkStatus());
}

absl::Status LedgerServiceImpl::WatchStatus() const {
  if (watches_ended_.load()) return absl::UnavailableError("the node is draining");
  return node_.halted();
}

// Streams blocks from the store; live ones come by the same way, a moment after they are applied.
class LedgerServiceImpl::BlockWatch final : public PumpedStream<v1::WatchBlocksResponse> {
 public:
  BlockWatch(grpc::CallbackServerContext* context, LedgerServiceImpl& service)
      : PumpedStream(context, service.node_.pool()), service_(service) {}

  // Before Listen.
  void StartAt(Height next) { next_ = next; }
  void Listen(std::function<void()> schedule) {
    listener_ = service_.node_.AddBlockListener(std::move(schedule));
  }

 private:
  static constexpr size_t kPage = 256;

  void PumpSome() override {
    while (!closed()) {
      if (const absl::Status status = service_.WatchStatus(); !status.ok()) return Abort(status);
      const absl::StatusOr<std::vector<Block>> blocks = service_.node_.store().Range(next_, kPage);
      if (!blocks.ok()) return Abort(blocks.status());
      for (const Block& block : *blocks) {
        v1::WatchBlocksResponse response;
        wire::ToProto(block, response.mutable_block());
        if (Push(std::move(response)) != rpc::PushResult::kQueued) return;
        next_ = next_.Next();
      }
      if (blocks->size() < kPage) return;
    }
  }
  void OnClosed(const absl::Status&) override {
    service_.node_.RemoveListener(listener_);
    service_.watch_count_.fetch_sub(1);
  }

  LedgerServiceImpl& service_;
  uint64_t listener_ = 0;
  Height next_;  // Of the task that pumps.
};

// Streams the newest checkpoint whenever there is room; those in between are passed over.
class LedgerServiceImpl::CheckpointWatch final : public PumpedStream<v1::WatchCheckpointsResponse> {
 public:
  CheckpointWatch(grpc::CallbackServerContext* context, LedgerServiceImpl& service)
      : PumpedStream(context, service.node_.pool()), service_(service) {}

  void StartAt(Height above) { sent_ = above; }
  void Listen(std::function<void()> schedule) {
    listener_ = service_.node_.AddCheckpointListener(std::move(schedule));
  }

 private:
  void PumpSome() override {
    if (const absl::Status status = service_.WatchStatus(); !status.ok()) return Abort(status);
    const std::optional<record::SignedCheckpoint> newest = service_.node_.checkpoint();
    if (!newest.has_value() || newest->checkpoint.height <= sent_) return;
    v1::WatchCheckpointsResponse response;
    wire::ToProto(*newest, response.mutable_checkpoint());
    if (Push(std::move(response)) == rpc::PushResult::kQueued) sent_ = newest->checkpoint.height;
  }
  void OnClosed(const absl::Status&) override {
    service_.node_.RemoveListener(listener_);
    service_.watch_count_.fetch_sub(1);
  }

  LedgerServiceImpl& service_;
  uint64_t listener_ = 0;
  Height sent_;  // Of the task that pumps.
};

template <class Stream, class Start>
typename Stream::Reactor* LedgerServiceImpl::Watch(grpc::CallbackServerContext* context,
                                                   Start start) {
  auto stream = std::make_shared<Stream>(context, *this);
  stream->KeepReference(stream);
  start(*stream);
  stream->Listen([weak = std::weak_ptr<Stream>(stream)] {
    if (const std::shared_ptr<Stream> strong = weak.lock()) strong->Schedule();
  });
  if (watch_count_.fetch_add(1) >= kMaxWatches) {
    stream->Abort(
        absl::ResourceExhaustedError(absl::StrCat("there are ", kMaxWatches, " watches already")));
  }
  stream->Schedule();
  return rpc::StartStream(stream);
}

grpc::ServerWriteReactor<v1::WatchBlocksResponse>* LedgerServiceImpl::WatchBlocks(
    grpc::CallbackServerContext* context, const v1::WatchBlocksRequest* request) {
  return Watch<BlockWatch>(context, [&](BlockWatch& stream) {
    stream.StartAt(request->from_height() == 0 ? node_.store().applied().Next()
                                               : Height(request->from_height()));
  });
}

grpc::ServerWriteReactor<v1::WatchCheckpointsResponse>* LedgerServiceImpl::WatchCheckpoints(
    grpc::CallbackServerContext* context, const v1::WatchCheckpointsRequest* request) {
  return Watch<CheckpointWatch>(
      context, [&](CheckpointWatch& stream) { stream.StartAt(Height(request->above_height())); });
}

void LedgerServiceImpl::EndWatches() {
  watches_ended_.store(true);
  node_.NotifyListeners();
}

}  // namespace groat::ledger_service
