#include "services/ledger/checkpointer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

using ledger::CheckpointCollector;
using ledger::Share;
using ledger::SignMark;
using record::Height;

constexpr size_t kMaxQueuedShares = 4096;
constexpr size_t kMaxAppliedTimes = 1024;
constexpr std::chrono::milliseconds kIdle = std::chrono::hours(1);
// Keys deleted along with one publication.
constexpr size_t kMaxDeletes = 60;
// Own signatures kept while no checkpoint forms; the lowest goes first.
constexpr size_t kMaxOwnShares = 60;
static_assert(kMaxDeletes + kMaxOwnShares + 1 <= storage::kMaxWrites);

}  // namespace

absl::Status Checkpointer::Start() {
  GROAT_ASSIGN_OR_RETURN(const std::optional<SignMark> mark, context_.store->LoadSignMark());
  GROAT_ASSIGN_OR_RETURN(std::optional<record::SignedCheckpoint> newest,
                         context_.store->LoadCheckpoint());
  if (mark.has_value() && context_.store->IdAt(mark->height) != mark->block_id) {
    view_.TripFork(ledger::ForkKind::kSignedHistory,
                   absl::StrCat("the store ends at ", context_.store->applied().value()));
  }
  if (newest.has_value() && PointAt(newest->checkpoint.height) !=
                                SignMark{newest->checkpoint.height, newest->checkpoint.block_id,
                                         newest->checkpoint.log_root}) {
    return absl::DataLossError(absl::StrCat("the stored checkpoint of height ",
                                            newest->checkpoint.height.value(),
                                            " does not cover the stored blocks"));
  }
  guard_ = std::make_unique<ledger::SignGuard>(mark);
  collector_ =
      std::make_unique<CheckpointCollector>(context_.ledger_id, context_.node_keys, newest);
  context_.metrics->checkpoint_height.Set(static_cast<double>(collector_->newest_height().value()));
  if (mark.has_value()) {
    context_.metrics->signed_height.Set(static_cast<double>(mark->height.value()));
  }
  if (mark.has_value() && !context_.halt->tripped()) {
    // Shares vanish with the lease of the process that published them: this one brings back the
    // last, from which nodes that were away learn the newest checkpoint.
    own_[mark->height] = {context_.self, *mark,
                          record::SignAsNode(key_, collector_->MessageFor(*mark))};
    collector_->Add(own_[mark->height]);
    unpublished_.insert(mark->height);
  }
  {
    MutexLock lock(mutex_);
    if (mark.has_value()) signed_ = verified_ = mark->height;
    newest_ = std::move(newest);
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void Checkpointer::Stop() {
  wakeup_.Stop();
  if (thread_.joinable()) thread_.join();
}

Height Checkpointer::signed_height() const {
  MutexLock lock(mutex_);
  return signed_;
}

std::optional<record::SignedCheckpoint> Checkpointer::newest() const {
  MutexLock lock(mutex_);
  return newest_;
}

void Checkpointer::NoteApplied(Height height) {
  {
    MutexLock lock(mutex_);
    if (applied_times_.size() >= kMaxAppliedTimes) applied_times_.pop_front();
    applied_times_.emplace_back(height, std::chrono::steady_clock::now());
  }
  wakeup_.Wake();
}

void Checkpointer::SetVerified(Height height) {
  {
    MutexLock lock(mutex_);
    verified_ = std::max(verified_, height);
  }
  wakeup_.Wake();
}

void Checkpointer::OfferShare(Share share) {
  {
    MutexLock lock(mutex_);
    // The oldest is the least useful; what was dropped comes again with the next reading.
    if (shares_.size() >= kMaxQueuedShares) shares_.pop_front();
    shares_.push_back(std::move(share));
  }
  wakeup_.Wake();
}

void Checkpointer::Republish() {
  {
    MutexLock lock(mutex_);
    republish_ = true;
  }
  wakeup_.Wake();
}

std::optional<SignMark> Checkpointer::PointAt(Height height) const {
  const absl::StatusOr<SignMark> point = context_.store->PointAt(height);
  if (absl::IsOutOfRange(point.status())) return std::nullopt;
  GROAT_CHECK_OK(point.status());
  return *point;
}

void Checkpointer::Run() {
  while (!wakeup_.stopped()) {
    TakeShares();
    Form();
    if (TimeToSign().count() == 0 && !context_.halt->tripped()) Sign();
    Form();  // With one node, or as the last of a quorum, the own share completes a checkpoint.
    if (Publish()) {
      backoff_ = std::chrono::milliseconds(0);
      const std::chrono::milliseconds wait = TimeToSign();
      wakeup_.Sleep(wait.count() == 0 ? kIdle : wait);
    } else {
      backoff_ = std::clamp(2 * backoff_, context_.timing.retry_backoff,
                            context_.timing.max_retry_backoff);
      wakeup_.Pause(backoff_);
    }
  }
}

void Checkpointer::TakeShares() {
  std::deque<Share> shares;
  {
    MutexLock lock(mutex_);
    shares.swap(shares_);
    if (std::exchange(republish_, false)) {
      for (const auto& [height, share] : own_) unpublished_.insert(height);
    }
  }
  for (const Share& share : shares) {
    if (share.node == context_.self) continue;  // What we signed we know.
    switch (collector_->Add(share)) {
      case CheckpointCollector::AddResult::kWrongSignature:
      case CheckpointCollector::AddResult::kEquivocation:
        context_.metrics->wrong_shares.Increment();
        context_.logger->Error("a node's signature is wrong or contradicts an earlier one",
                               {{"node", share.node},
                                {"height", share.point.height},
                                {"block_id", share.point.block_id.Hex()}});
        break;
      case CheckpointCollector::AddResult::kAdded:
      case CheckpointCollector::AddResult::kRepeated:
      case CheckpointCollector::AddResult::kPassed:
        break;
    }
  }
}

void Checkpointer::Form() {
  const CheckpointCollector::Progress progress =
      collector_->TryForm([this](Height height) { return PointAt(height); });
  for (const Share& share : progress.conflicts) {
    context_.metrics->wrong_shares.Increment();
    context_.logger->Error("a node signed another history",
                           {{"node", share.node},
                            {"height", share.point.height},
                            {"block_id", share.point.block_id.Hex()},
                            {"log_root", share.point.log_root.Hex()}});
  }
  if (progress.other_quorum.has_value()) {
    view_.TripFork(ledger::ForkKind::kOtherQuorum,
                   absl::StrCat("a quorum signed block ", progress.other_quorum->height.value(),
                                " as ", progress.other_quorum->block_id.Hex()));
  }
  if (!progress.formed) return;
  const record::SignedCheckpoint& checkpoint = *collector_->newest();
  context_.store->SaveCheckpoint(checkpoint);
  const Height height = checkpoint.checkpoint.height;
  // The newest own share stays in the register, so that a node that starts finds a quorum there.
  while (!own_.empty() && own_.begin()->first < height &&
         own_.begin()->first != own_.rbegin()->first) {
    unpublished_.erase(own_.begin()->first);
    own_.erase(own_.begin());
  }
  Measure(height);
  context_.metrics->checkpoints.Increment();
  context_.metrics->checkpoint_height.Set(static_cast<double>(height.value()));
  {
    MutexLock lock(mutex_);
    newest_ = checkpoint;
  }
  for (const auto& callback : on_checkpoint_) callback();
}

void Checkpointer::Measure(Height checkpoint) {
  const auto now = std::chrono::steady_clock::now();
  MutexLock lock(mutex_);
  while (!applied_times_.empty() && applied_times_.front().first <= checkpoint) {
    if (applied_times_.front().first == checkpoint) {
      context_.metrics->checkpoint_seconds.Observe(
          std::chrono::duration<double>(now - applied_times_.front().second).count());
    }
    applied_times_.pop_front();
  }
}

std::chrono::milliseconds Checkpointer::TimeToSign() const {
  // Rounded up, so that what is waited for has come.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      last_signed_at_ + context_.timing.sign_interval - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

void Checkpointer::Sign() {
  Height verified;
  {
    MutexLock lock(mutex_);
    verified = verified_;
  }
  for (Height height : collector_->HeightsToSign(context_.self, verified)) {
    const std::optional<SignMark> point = PointAt(height);
    if (!point.has_value()) continue;
    const ledger::SignGuard::Verdict verdict =
        guard_->Consider(*point, [this](Height at) { return context_.store->IdAt(at); });
    if (const auto* fork = std::get_if<ledger::ForkKind>(&verdict)) {
      view_.TripFork(*fork, absl::StrCat("height ", height.value(), " was to be signed"));
      return;
    }
    const auto& allowed = std::get<ledger::SignGuard::Allowed>(verdict);
    if (allowed.persist.has_value()) {
      context_.store->SaveSignMark(*allowed.persist);
      guard_->Persisted(*allowed.persist);
      context_.metrics->signed_height.Set(static_cast<double>(height.value()));
      MutexLock lock(mutex_);
      signed_ = height;
    }
    const Share share{context_.self, *point,
                      record::SignAsNode(key_, collector_->MessageFor(*point))};
    collector_->Add(share);
    own_[height] = share;
    unpublished_.insert(height);
    last_signed_at_ = std::chrono::steady_clock::now();
    if (own_.size() > kMaxOwnShares) {
      unpublished_.erase(own_.begin()->first);
      own_.erase(own_.begin());
    }
  }
}

bool Checkpointer::Publish() {
  if (unpublished_.empty() || context_.halt->tripped()) return true;
  const storage::LeaseId lease = lease_();
  if (lease == storage::LeaseId()) return true;  // Republish comes with the new lease.
  storage::Transaction transaction;
  for (Height height : unpublished_) {
    transaction.puts.push_back(
        {context_.keys.Signature(height, context_.self), EncodeShare(own_.at(height)), lease});
  }
  std::vector<Height> deleted;
  for (Height height : published_) {
    if (own_.count(height) != 0 || deleted.size() >= kMaxDeletes) continue;
    transaction.deletes.push_back(
        storage::KeyRange::Single(context_.keys.Signature(height, context_.self)));
    deleted.push_back(height);
  }
  const absl::StatusOr<storage::CommitResult> result = context_.reg->Commit(transaction);
  if (!result.ok()) {
    context_.metrics->register_errors.Increment();
    return absl::IsNotFound(result.status());  // The lease is gone: wait for the next one.
  }
  for (Height height : deleted) published_.erase(height);
  published_.insert(unpublished_.begin(), unpublished_.end());
  unpublished_.clear();
  return true;
}

}  // namespace groat::ledger_service
