#include "services/ledger/appender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

using ledger::AppendPlanner;
using ledger::Refusal;
using ledger::RefusalKind;
using record::Block;
using record::Height;

constexpr ledger::PlanLimits kLimits;
// Blocks of its own that a node may have committed and not yet applied.
constexpr uint64_t kMaxBlocksAhead = 1024;
static_assert(2 + kLimits.max_relays <= storage::kMaxWrites);
static_assert(kLimits.max_blocks * Block::kEncodedSize + 256 * kLimits.max_relays <
              storage::kMaxTransactionBytes);

}  // namespace

absl::Status RefusalStatus(const Refusal& refusal) {
  switch (refusal.kind) {
    case RefusalKind::kMalformed:
      return absl::InvalidArgumentError(refusal.reason);
    case RefusalKind::kUnknownRelay:
      return absl::NotFoundError(refusal.reason);
    case RefusalKind::kWrongSignature:
      return absl::PermissionDeniedError(refusal.reason);
    case RefusalKind::kGap:
    case RefusalKind::kDoesNotFollow:
    case RefusalKind::kOtherRoot:
      return absl::FailedPreconditionError(refusal.reason);
    case RefusalKind::kNotApplied:
      return absl::UnavailableError(refusal.reason);
  }
  return absl::InternalError(refusal.reason);
}

void Appender::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Appender::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  wakeup_.Stop();
  if (thread_.joinable()) thread_.join();
  std::deque<AppendRequest> left;
  {
    MutexLock lock(mutex_);
    left.swap(queue_);
  }
  for (AppendRequest& request : left) {
    request.done(absl::UnavailableError("the node is stopping"));
  }
}

bool Appender::TryEnqueue(AppendRequest& request) {
  {
    MutexLock lock(mutex_);
    if (stopped_ || queue_.size() >= max_queued_) return false;
    queue_.push_back(std::move(request));
  }
  wakeup_.Wake();
  return true;
}

bool Appender::TryEnqueueIfIdle(AppendRequest& request) {
  {
    MutexLock lock(mutex_);
    if (stopped_ || serving_ || !queue_.empty()) return false;
    queue_.push_back(std::move(request));
  }
  wakeup_.Wake();
  return true;
}

void Appender::Run() {
  while (!wakeup_.stopped()) {
    std::vector<AppendRequest> batch = TakeBatch();
    if (batch.empty()) {
      wakeup_.Sleep(std::chrono::seconds(3600));
      continue;
    }
    CheckUnchecked(batch);
    Serve(std::move(batch));
  }
}

std::vector<AppendRequest> Appender::TakeBatch() {
  std::vector<AppendRequest> batch;
  size_t roots = 0;
  MutexLock lock(mutex_);
  while (!queue_.empty() &&
         (batch.empty() || roots + queue_.front().roots.size() <= kLimits.max_blocks)) {
    roots += queue_.front().roots.size();
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  serving_ = !batch.empty();
  return batch;
}

void Appender::CheckUnchecked(std::vector<AppendRequest>& batch) {
  std::vector<AppendRequest> left;
  for (AppendRequest& request : batch) {
    std::optional<Refusal> refusal;
    if (request.signatures == ledger::RootSignature::kUnchecked) {
      refusal = callbacks_.check(request.roots);
    }
    if (!refusal.has_value()) {
      left.push_back(std::move(request));
      continue;
    }
    context_.metrics->append_refusals.Increment();
    request.done(RefusalStatus(*refusal));
  }
  batch = std::move(left);
}

void Appender::Serve(std::vector<AppendRequest> batch) {
  base_is_fresh_ = false;
  std::chrono::milliseconds backoff = context_.timing.retry_backoff;
  absl::Status last_error;
  while (!batch.empty()) {
    AnswerExpired(batch, last_error);
    const absl::Status status =
        context_.halt->tripped() ? context_.halt->status() : ServeOnce(batch);
    if (status.ok()) continue;
    last_error = status;
    if (!absl::IsUnavailable(status) || wakeup_.stopped()) {
      for (AppendRequest& request : batch) request.done(status);
      return;
    }
    wakeup_.Pause(backoff);
    backoff = std::min(2 * backoff, context_.timing.max_retry_backoff);
  }
}

void Appender::AnswerExpired(std::vector<AppendRequest>& batch, const absl::Status& last_error) {
  const auto now = std::chrono::steady_clock::now();
  std::vector<AppendRequest> left;
  for (AppendRequest& request : batch) {
    if (request.deadline > now) {
      left.push_back(std::move(request));
      continue;
    }
    request.done(last_error.ok() ? absl::DeadlineExceededError("the append's time is over")
                                 : last_error);
  }
  batch = std::move(left);
}

absl::Status Appender::EnsureBase() {
  if (!base_.has_value()) {
    GROAT_ASSIGN_OR_RETURN(const RegisterView::Seen seen, view_.Read({{context_.keys.Relays()}}));
    Base base{seen.head_revision, seen.head, {}};
    for (const storage::KeyValue& item : seen.ranges.ranges[0].items) {
      const absl::StatusOr<ledger::RelayTip> tip = DecodeTip(item.value);
      if (!tip.ok()) {
        context_.halt->Trip(absl::StrCat("register key ", item.key, ": ", tip.status().message()));
        return context_.halt->status();
      }
      base.tips[ledger::RelayShard::Of(tip->statement)] = *tip;
    }
    base_ = std::move(base);
    base_is_fresh_ = true;
    const absl::Status applied = [&]() -> absl::Status {
      if (!callbacks_.wait_applied(base_->head.height)) {
        return absl::UnavailableError(absl::StrCat("this node has applied ",
                                                   context_.store->applied().value(), " of ",
                                                   base_->head.height.value(), " blocks"));
      }
      return CheckTips(base_->tips);
    }();
    if (!applied.ok()) base_.reset();
    return applied;
  }
  // What lies between is this node's own: each transaction extended the one before, and the first a
  // head that was applied. So appends need not wait until the disk has caught up with each of them.
  if (base_->head.height.value() <= context_.store->applied().value() + kMaxBlocksAhead) {
    return absl::OkStatus();
  }
  if (callbacks_.wait_applied(base_->head.height)) return absl::OkStatus();
  base_.reset();
  return absl::UnavailableError("this node has not applied its own last append");
}

absl::Status Appender::CheckTips(const ledger::RelayTips& tips) const {
  for (const auto& [name, tip] : tips) {
    const absl::StatusOr<Block> block = context_.store->ByCycle(name, tip.statement.cycle);
    if (block.ok() && block->height == tip.height && block->root.statement == tip.statement) {
      continue;
    }
    context_.halt->Trip(
        absl::StrCat("the register's entry of ", name.Name(), " names cycle ",
                     tip.statement.cycle.value(), " at height ", tip.height.value(), " with root ",
                     tip.statement.root.Hex(), ", this node has: ",
                     block.ok() ? absl::StrCat("height ", block->height.value(), " with root ",
                                               block->root.statement.root.Hex())
                                : block.status().ToString()));
    return context_.halt->status();
  }
  return absl::OkStatus();
}

absl::Status Appender::WaitForStanding(const std::vector<AppendRequest>& batch) {
  Height need;
  for (const AppendRequest& request : batch) {
    const record::RootStatement& first = request.roots.front().statement;
    const auto tip = base_->tips.find(ledger::RelayShard::Of(first));
    if (tip == base_->tips.end() || first.cycle > tip->second.statement.cycle) continue;
    need = std::max(need, tip->second.height);
  }
  if (need <= context_.store->applied() || callbacks_.wait_applied(need)) return absl::OkStatus();
  base_.reset();
  return absl::UnavailableError(absl::StrCat("this node has applied ",
                                             context_.store->applied().value(), " of ",
                                             need.value(), " blocks"));
}

absl::Status Appender::ServeOnce(std::vector<AppendRequest>& batch) {
  GROAT_RETURN_IF_ERROR(EnsureBase());
  GROAT_RETURN_IF_ERROR(WaitForStanding(batch));
  const ledger::BlockOfCycle standing = [this](ledger::RelayShard name,
                                               record::Cycle cycle) -> std::optional<Block> {
    absl::StatusOr<Block> block = context_.store->ByCycle(name, cycle);
    if (!block.ok()) return std::nullopt;
    return *std::move(block);
  };
  AppendPlanner planner(context_.rules, base_->head, base_->tips, standing, kLimits);
  std::vector<Outcome> outcomes;
  for (const AppendRequest& request : batch) {
    outcomes.push_back(planner.Add(request.roots, context_.now_ms()));
  }
  bool base_is_current = base_is_fresh_;
  if (!planner.new_blocks().empty()) {
    GROAT_ASSIGN_OR_RETURN(const Committed committed, Commit(planner));
    if (committed != Committed::kYes) return absl::OkStatus();  // Plan the same again.
    base_is_current = true;
  }
  Answer(batch, std::move(outcomes), base_is_current);
  // After the answers: those who wait for them come first.
  if (!planner.new_blocks().empty()) callbacks_.committed(planner.new_blocks());
  return absl::OkStatus();
}

void Appender::Answer(std::vector<AppendRequest>& batch, std::vector<Outcome> outcomes,
                      bool base_is_current) {
  std::vector<AppendRequest> left;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (auto* planned = std::get_if<AppendPlanner::Planned>(&outcomes[i])) {
      batch[i].done(std::move(planned->blocks));
      continue;
    }
    const auto* refusal = std::get_if<Refusal>(&outcomes[i]);
    if (refusal != nullptr && base_is_current) {
      context_.metrics->append_refusals.Increment();
      batch[i].done(RefusalStatus(*refusal));
      continue;
    }
    // A refusal by a state that may be outdated is no refusal: read first.
    if (refusal != nullptr) base_.reset();
    left.push_back(std::move(batch[i]));
  }
  batch = std::move(left);
}

absl::StatusOr<Appender::Committed> Appender::Commit(const AppendPlanner& planner) {
  storage::Transaction transaction;
  transaction.compares = {{context_.keys.Head(), base_->head_revision}};
  transaction.puts = {
      {context_.keys.Head(), EncodeHead(context_.ledger_id, planner.head()), {}},
      {context_.keys.BlockRun(planner.head().height), EncodeBlockRun(planner.new_blocks()), {}}};
  for (const ledger::RelayShard& name : planner.changed()) {
    transaction.puts.push_back({context_.keys.Relay(name), EncodeTip(planner.tips().at(name)), {}});
  }
  const auto begin = std::chrono::steady_clock::now();
  const absl::StatusOr<storage::CommitResult> result = context_.reg->Commit(transaction);
  context_.metrics->commit_seconds.Observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  if (result.ok() && result->committed) {
    base_ = Base{result->revision, planner.head(), planner.tips()};
    context_.metrics->appended_blocks.Increment(static_cast<double>(planner.new_blocks().size()));
    context_.metrics->batch_blocks.Observe(static_cast<double>(planner.new_blocks().size()));
    return Committed::kYes;
  }
  base_.reset();
  if (result.ok()) {
    context_.metrics->lost_races.Increment();
    return Committed::kLostRace;
  }
  if (storage::IsOutcomeUnknown(result.status())) {
    context_.metrics->unknown_outcomes.Increment();
    return Committed::kUnknown;
  }
  context_.metrics->register_errors.Increment();
  if (absl::IsUnavailable(result.status()) || absl::IsResourceExhausted(result.status())) {
    return absl::UnavailableError(
        absl::StrCat("the register does not answer: ", result.status().ToString()));
  }
  return absl::InternalError(
      absl::StrCat("the register refused the append: ", result.status().ToString()));
}

}  // namespace groat::ledger_service
