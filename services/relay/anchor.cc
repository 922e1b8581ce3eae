#include "services/relay/anchor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::relay_service {
namespace {

using record::Cycle;
using record::Height;
using std::chrono::milliseconds;

constexpr size_t kMaxRootsPerAppend = 256;
constexpr milliseconds kCallTimeout{5000};
constexpr milliseconds kPause{100};
constexpr milliseconds kLongestPause{2000};
// A stream of checkpoints is opened anew now and then, so that a broken one cannot go unnoticed.
constexpr milliseconds kWatchTimeout{60'000};

// Errors of the ledger that no repetition mends. DATA_LOSS comes from a node that stopped; another
// one may serve.
bool IsFatal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsPermissionDenied(status);
}

}  // namespace

Anchor::Anchor(Options options, std::unique_ptr<rpc::ChannelGroup> ledger, CycleStore& cycles,
               Metrics& metrics, telemetry::Logger& logger)
    : options_(std::move(options)),
      ledger_(std::move(ledger)),
      cycles_(cycles),
      metrics_(metrics),
      logger_(logger) {}

void Anchor::Start(Events events) {
  events_ = std::move(events);
  listener_ = cycles_.AddListener([this](Cycle last) {
    {
      MutexLock lock(mutex_);
      closed_ = last;
    }
    work_.NotifyAll();
  });
  {
    MutexLock lock(mutex_);
    closed_ = std::max(closed_, cycles_.last());
  }
  appender_ = std::thread([this] { RunAppender(); });
  watcher_ = std::thread([this] { RunWatcher(); });
}

Anchor::~Anchor() {
  if (!appender_.joinable()) return;
  cycles_.RemoveListener(listener_);
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  work_.NotifyAll();
  stopping_.Cancel();
  appender_.join();
  watcher_.join();
}

std::optional<record::SignedCheckpoint> Anchor::checkpoint() const {
  MutexLock lock(mutex_);
  return checkpoint_;
}

Height Anchor::last_height() const {
  MutexLock lock(mutex_);
  return last_height_;
}

// Makes one call at the current ledger node; moves on to the next one if it is not there.
template <typename Call>
absl::Status Anchor::CallLedger(Call call) {
  const rpc::ChannelGroup::Choice node = ledger_->Current();
  const std::unique_ptr<Stub> stub = ledger::v1::LedgerService::NewStub(node.channel);
  rpc::CallContext context(kCallTimeout);
  rpc::Cancellation::Scope scope(stopping_, context);
  const absl::Status status = rpc::FromGrpc(call(*stub, &context));
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsDataLoss(status)) {
    ledger_->ReportFailure(node.index);
  }
  return status;
}

absl::StatusOr<std::optional<record::Block>> Anchor::LedgerBlock(Cycle cycle) {
  ledger::v1::GetBlockRequest request;
  ledger::v1::RelayCycle* selector = request.mutable_relay_cycle();
  selector->set_relay_id(options_.relay.value());
  selector->set_shard(options_.shard.value());
  selector->set_cycle(cycle.value());
  ledger::v1::GetBlockResponse response;
  const absl::Status status = CallLedger([&](Stub& stub, grpc::ClientContext* context) {
    return stub.GetBlock(context, request, &response);
  });
  if (absl::IsNotFound(status)) return std::optional<record::Block>();
  GROAT_RETURN_IF_ERROR(status);
  GROAT_ASSIGN_OR_RETURN(record::Block block, wire::FromProto(response.block()));
  return std::optional<record::Block>(std::move(block));
}

absl::Status Anchor::CompareWithLedger() {
  const Cycle last = cycles_.last();
  GROAT_ASSIGN_OR_RETURN(const auto beyond, LedgerBlock(last.Next()));
  if (beyond.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the ledger has ", beyond->root.statement.Name(), " with root ",
                     beyond->root.statement.root.Hex(), " in block ", beyond->height.value(),
                     ", but our log ends with cycle ", last.value(), ": data was lost here"));
  }
  GROAT_ASSIGN_OR_RETURN(const Cycle known, LastInLedger(last));
  if (known == Cycle(0)) return absl::OkStatus();
  GROAT_ASSIGN_OR_RETURN(const auto block, LedgerBlock(known));
  GROAT_ASSIGN_OR_RETURN(const ClosedCycle ours, cycles_.Get(known));
  if (!block.has_value()) return absl::UnavailableError("the ledger's answers changed meanwhile");
  if (block->root.statement != ours.root.statement) {
    return absl::FailedPreconditionError(absl::StrCat(
        ours.root.statement.Name(), ": the ledger has root ", block->root.statement.root.Hex(),
        " over ", block->root.statement.leaf_count, " leaves, our log gives ",
        ours.root.statement.root.Hex(), " over ", ours.root.statement.leaf_count));
  }
  cycles_.SetBlocks({&*block, 1});
  MutexLock lock(mutex_);
  appended_ = known;
  last_height_ = block->height;
  uncovered_[known] = block->height;
  return absl::OkStatus();
}

absl::StatusOr<Cycle> Anchor::LastInLedger(Cycle last) {
  // The ledger's cycles of a relay have no gap, so halving finds the end.
  uint64_t has = 0;
  uint64_t lacks = last.value() + 1;
  uint64_t probe = last.value();
  while (has + 1 < lacks) {
    GROAT_ASSIGN_OR_RETURN(const auto block, LedgerBlock(Cycle(probe)));
    (block.has_value() ? has : lacks) = probe;
    probe = has + (lacks - has) / 2;
  }
  return Cycle(has);
}

void Anchor::RunAppender() {
  bool compared = false;
  milliseconds pause = kPause;
  while (!stopping_.cancelled()) {
    const absl::Status status = compared ? AppendNext() : CompareWithLedger();
    if (status.ok()) {
      if (!std::exchange(compared, true)) {
        events_.compared();
        NoteAnchored();
      }
      pause = kPause;
      continue;
    }
    if (stopping_.cancelled()) return;
    metrics_.append_failures->Increment();
    if (IsFatal(status)) {
      events_.fatal(status);
      return;
    }
    logger_.Warn("ledger call failed", {{"status", status}});
    stopping_.Sleep(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

absl::Status Anchor::AppendNext() {
  Cycle next;
  {
    MutexLock lock(mutex_);
    while (appended_ >= closed_ && !stopped_) work_.Wait(mutex_);
    if (stopped_) return absl::OkStatus();
    next = appended_.Next();
  }
  GROAT_ASSIGN_OR_RETURN(const std::vector<ClosedCycle> cycles,
                         cycles_.List(next, kMaxRootsPerAppend));
  ledger::v1::AppendRootRequest request;
  for (const ClosedCycle& cycle : cycles) wire::ToProto(cycle.root, request.add_roots());
  ledger::v1::AppendRootResponse response;
  const auto begin = std::chrono::steady_clock::now();
  GROAT_RETURN_IF_ERROR(CallLedger([&](Stub& stub, grpc::ClientContext* context) {
    return stub.AppendRoot(context, request, &response);
  }));
  metrics_.append_seconds->Observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  metrics_.appended_roots->Increment(static_cast<double>(cycles.size()));
  if (!response.sequencer().empty()) ledger_->Prefer(response.sequencer());
  return TakeBlocks(cycles, response);
}

absl::Status Anchor::TakeBlocks(std::span<const ClosedCycle> cycles,
                                const ledger::v1::AppendRootResponse& response) {
  if (static_cast<size_t>(response.blocks_size()) != cycles.size()) {
    return absl::InternalError(absl::StrCat("the ledger answered ", response.blocks_size(),
                                            " blocks to ", cycles.size(), " roots"));
  }
  std::vector<record::Block> blocks;
  for (size_t i = 0; i < cycles.size(); ++i) {
    GROAT_ASSIGN_OR_RETURN(record::Block block,
                           wire::FromProto(response.blocks(static_cast<int>(i))));
    if (block.root.statement != cycles[i].root.statement) {
      return absl::InternalError(absl::StrCat("the ledger answered a block of ",
                                              block.root.statement.Name(), " to ",
                                              cycles[i].root.statement.Name()));
    }
    blocks.push_back(std::move(block));
  }
  cycles_.SetBlocks(blocks);
  {
    MutexLock lock(mutex_);
    for (const record::Block& block : blocks) {
      uncovered_[block.root.statement.cycle] = block.height;
    }
    appended_ = cycles.back().cycle();
    last_height_ = blocks.back().height;
  }
  NoteAnchored();
  return absl::OkStatus();
}

void Anchor::RunWatcher() {
  while (!stopping_.cancelled()) {
    size_t index = 0;
    const absl::Status status = Watch(index);
    if (stopping_.cancelled()) return;
    if (!status.ok() && !absl::IsDeadlineExceeded(status)) {
      logger_.Warn("watch of checkpoints broke", {{"status", status}});
      ledger_->ReportFailure(index);
      stopping_.Sleep(kPause);
    }
  }
}

absl::Status Anchor::Watch(size_t& index) {
  const rpc::ChannelGroup::Choice node = ledger_->Current();
  index = node.index;
  const std::unique_ptr<Stub> stub = ledger::v1::LedgerService::NewStub(node.channel);
  rpc::CallContext context(kWatchTimeout);
  rpc::Cancellation::Scope scope(stopping_, context);
  ledger::v1::WatchCheckpointsRequest request;
  if (const auto known = checkpoint()) request.set_above_height(known->checkpoint.height.value());
  const auto stream = stub->WatchCheckpoints(&context, request);
  ledger::v1::WatchCheckpointsResponse response;
  absl::Status taken;
  while (taken.ok() && stream->Read(&response)) taken = TakeCheckpoint(response.checkpoint());
  if (!taken.ok()) context.TryCancel();
  const absl::Status ended = rpc::FromGrpc(stream->Finish());
  return taken.ok() ? ended : taken;
}

absl::Status Anchor::TakeCheckpoint(const common::v1::Checkpoint& proto) {
  GROAT_ASSIGN_OR_RETURN(record::SignedCheckpoint checkpoint, wire::FromProto(proto));
  if (checkpoint.checkpoint.ledger_id != options_.ledger_id) {
    return absl::FailedPreconditionError(absl::StrCat("checkpoint of ledger ",
                                                      checkpoint.checkpoint.ledger_id.Hex(),
                                                      ", want ", options_.ledger_id.Hex()));
  }
  GROAT_RETURN_IF_ERROR(
      options_.ledger_nodes.VerifyQuorum(checkpoint.checkpoint.Encode(), checkpoint.quorum));
  {
    MutexLock lock(mutex_);
    if (!checkpoint_.has_value() || checkpoint.checkpoint.height > checkpoint_->checkpoint.height) {
      checkpoint_ = std::move(checkpoint);
    }
  }
  NoteAnchored();
  return absl::OkStatus();
}

// Cycles whose blocks lie at or under the newest checkpoint are anchored.
void Anchor::NoteAnchored() {
  Cycle anchored;
  {
    MutexLock lock(mutex_);
    if (!checkpoint_.has_value()) return;
    while (!uncovered_.empty() && uncovered_.begin()->second <= checkpoint_->checkpoint.height) {
      anchored_ = std::max(anchored_, uncovered_.begin()->first);
      uncovered_.erase(uncovered_.begin());
    }
    anchored = anchored_;
  }
  metrics_.anchored_cycle->Set(static_cast<double>(anchored.value()));
  events_.anchored(anchored);
}

}  // namespace groat::relay_service
