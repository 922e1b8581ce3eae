#include "services/ledger/ledger_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

using record::Height;

// Signatures of which an idle appender checks so many itself: to wake a thread of the pool, and
// that one the appender, takes as long.
constexpr size_t kMaxRootsOfAppender = 2;

NodeContext WithHalt(NodeContext context, Halt* halt) {
  context.halt = halt;
  return context;
}

// Whether the sequencer's answer says nothing about the append itself, so that this node may try.
bool SequencerFailed(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsDataLoss(status) || absl::IsCancelled(status);
}

}  // namespace

LedgerNode::LedgerNode(NodeContext context, const NodeLimits& limits, bls::SecretKey key,
                       Peers& peers, GrowthSource& growth)
    : context_(WithHalt(std::move(context), &halt_)),
      key_(std::move(key)),
      peers_(peers),
      pool_(limits.pool_threads, limits.pool_tasks),
      follower_(context_, peers, checked_roots_),
      housekeeper_(context_, {.fit_as_sequencer =
                                  [this] { return follower_.caught_up() && !halt_.tripped(); },
                              .signed_height = [this] { return checkpointer_.signed_height(); },
                              .lease_renewed = [this] { checkpointer_.Republish(); }}),
      checkpointer_(context_, key_, [this] { return housekeeper_.lease(); }),
      growth_(context_, growth, limits.growth_workers,
              {.verified = [this](Height height) { checkpointer_.SetVerified(height); },
               .failed =
                   [this](Height height, const std::string& reason) {
                     context_.logger->Error(
                         "a relay's trie did not only grow: nothing from this "
                         "height on will be signed",
                         {{"height", height}, {"reason", reason}});
                     for (const auto& callback : on_unhealthy_) callback(reason);
                   }}),
      appender_(
          context_, limits.queued_appends,
          {.check = [this](std::span<const record::SignedRoot> roots) { return Check(roots); },
           .wait_applied =
               [this](Height height) {
                 if (follower_.applied().height() >= height) return true;
                 follower_.Poke();
                 return follower_.applied().WaitFor(
                     height, std::chrono::steady_clock::now() + context_.timing.apply_timeout);
               },
           .committed =
               [this](std::vector<record::Block> blocks) {
                 follower_.OfferBlocks(std::move(blocks));
               }}),
      fence_(context_, limits.waiting_reads,
             [this](Height height) {
               if (follower_.applied().height() >= height) return true;
               follower_.Poke();
               return follower_.applied().WaitFor(
                   height, std::chrono::steady_clock::now() + context_.timing.apply_timeout);
             }),
      feed_(
          context_,
          {.blocks =
               [this](std::vector<record::Block> blocks) {
                 follower_.OfferBlocks(std::move(blocks));
               },
           .share = [this](ledger::Share share) { checkpointer_.OfferShare(std::move(share)); },
           .sequencer =
               [this](std::optional<record::NodeIndex> node) { housekeeper_.SequencerSeen(node); },
           .wish = [this] { housekeeper_.Poke(); },
           .missed = [this] { follower_.Poke(); }}) {
  halt_.OnTrip([this](const std::string& reason) {
    context_.logger->Error("histories contradict each other: this node has stopped",
                           {{"reason", reason}});
    for (const auto& callback : on_unhealthy_) callback(reason);
    housekeeper_.Poke();  // Gives up the sequencer's place.
    NotifyListeners();
  });
  follower_.OnApplied([this](Height height) {
    growth_.Offer(follower_.confirmed().height());
    checkpointer_.NoteApplied(height);
    Notify(&LedgerNode::block_listeners_);
  });
  checkpointer_.OnCheckpoint([this] { Notify(&LedgerNode::checkpoint_listeners_); });
}

void LedgerNode::OnUnhealthy(std::function<void(const std::string&)> callback) {
  on_unhealthy_.push_back(std::move(callback));
}

void LedgerNode::OnReady(std::function<void()> callback) {
  follower_.OnCaughtUp([this, callback = std::move(callback)] {
    if (health().ok()) callback();
  });
}

absl::Status LedgerNode::Start() {
  started_ = true;
  GROAT_RETURN_IF_ERROR(checkpointer_.Start());
  growth_.Start(checkpointer_.signed_height());
  GROAT_RETURN_IF_ERROR(follower_.Start());
  housekeeper_.Start();
  appender_.Start();
  fence_.Start();
  feed_.Start();
  return absl::OkStatus();
}

void LedgerNode::Stop() {
  if (!started_ || std::exchange(stopped_, true)) return;
  // First what takes work in, then what works, last what the others report to.
  fence_.Stop();
  appender_.Stop();
  peers_.Stop();
  feed_.Stop();
  follower_.Stop();
  growth_.Stop();
  checkpointer_.Stop();
  housekeeper_.Stop();
  pool_.Stop();
}

absl::Status LedgerNode::health() const {
  GROAT_RETURN_IF_ERROR(halt_.status());
  return growth_.alarm();
}

void LedgerNode::Append(std::vector<record::SignedRoot> roots, bool sent_on,
                        std::chrono::steady_clock::time_point deadline, AppendDone done) {
  context_.metrics->append_requests.Increment();
  const auto begin = std::chrono::steady_clock::now();
  auto timed = std::make_shared<AppendDone>(
      [this, begin, done = std::move(done)](absl::StatusOr<std::vector<record::Block>> blocks) {
        context_.metrics->append_seconds.Observe(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        done(std::move(blocks));
      });
  if (roots.size() <= kMaxRootsOfAppender && (sent_on || !OtherSequencer().has_value())) {
    AppendRequest request{std::move(roots), deadline, *timed, ledger::RootSignature::kUnchecked};
    if (appender_.TryEnqueueIfIdle(request)) return;
    roots = std::move(request.roots);
  }
  const bool posted = pool_.TryPost([this, roots = std::move(roots), sent_on, deadline, timed] {
    const std::optional<ledger::Refusal> refusal = Check(roots);
    if (refusal.has_value()) {
      context_.metrics->append_refusals.Increment();
      (*timed)(RefusalStatus(*refusal));
      return;
    }
    AppendChecked(roots, sent_on, deadline, *timed);
  });
  if (!posted) (*timed)(absl::ResourceExhaustedError("too many calls wait for signature checks"));
}

std::optional<ledger::Refusal> LedgerNode::Check(std::span<const record::SignedRoot> roots) {
  std::optional<ledger::Refusal> refusal = ledger::CheckRoots(roots, context_.rules);
  if (!refusal.has_value()) checked_roots_.Add(roots);
  return refusal;
}

std::optional<record::NodeIndex> LedgerNode::OtherSequencer() const {
  const std::optional<record::NodeIndex> sequencer = housekeeper_.sequencer();
  if (!sequencer.has_value() || *sequencer == context_.self ||
      sequencer->value() >= context_.node_keys.size()) {
    return std::nullopt;
  }
  return sequencer;
}

void LedgerNode::AppendChecked(std::vector<record::SignedRoot> roots, bool sent_on,
                               std::chrono::steady_clock::time_point deadline, AppendDone done) {
  if (halt_.tripped()) {
    done(halt_.status());
    return;
  }
  const std::optional<record::NodeIndex> sequencer = OtherSequencer();
  if (sent_on || !sequencer.has_value()) {
    AppendHere(std::move(roots), deadline, std::move(done));
    return;
  }
  context_.metrics->forwarded_appends.Increment();
  const auto forward_deadline =
      std::min(deadline, std::chrono::steady_clock::now() + context_.timing.forward_timeout);
  auto shared_roots = std::make_shared<std::vector<record::SignedRoot>>(std::move(roots));
  peers_.ForwardAppend(*sequencer, *shared_roots, forward_deadline,
                       [this, shared_roots, deadline,
                        done = std::move(done)](absl::StatusOr<std::vector<record::Block>> blocks) {
                         if (blocks.ok() || !SequencerFailed(blocks.status())) {
                           done(std::move(blocks));
                           return;
                         }
                         // It may have appended them nevertheless; then they are answered with
                         // their blocks.
                         context_.metrics->fallback_appends.Increment();
                         AppendHere(std::move(*shared_roots), deadline, done);
                       });
}

void LedgerNode::AppendHere(std::vector<record::SignedRoot> roots,
                            std::chrono::steady_clock::time_point deadline, AppendDone done) {
  AppendRequest request{std::move(roots), deadline, std::move(done)};
  if (appender_.TryEnqueue(request)) return;
  request.done(absl::ResourceExhaustedError("too many appends wait, or the node is stopping"));
}

void LedgerNode::ReadLinearizable(ReadFence::Passed read) {
  auto shared = std::make_shared<ReadFence::Passed>(std::move(read));
  const bool waiting = fence_.TryPass([this, shared](const absl::Status& status) {
    if (!pool_.TryPost([shared, status] { (*shared)(status); })) {
      (*shared)(absl::ResourceExhaustedError("too many reads wait"));
    }
  });
  if (!waiting) (*shared)(absl::ResourceExhaustedError("too many reads wait"));
}

void LedgerNode::ReadStale(ReadFence::Passed read) {
  auto shared = std::make_shared<ReadFence::Passed>(std::move(read));
  if (!pool_.TryPost([shared] { (*shared)(absl::OkStatus()); })) {
    (*shared)(absl::ResourceExhaustedError("too many reads wait"));
  }
}

uint64_t LedgerNode::AddBlockListener(std::function<void()> listener) {
  MutexLock lock(listeners_mutex_);
  block_listeners_[++last_listener_] = std::move(listener);
  return last_listener_;
}

uint64_t LedgerNode::AddCheckpointListener(std::function<void()> listener) {
  MutexLock lock(listeners_mutex_);
  checkpoint_listeners_[++last_listener_] = std::move(listener);
  return last_listener_;
}

void LedgerNode::RemoveListener(uint64_t number) {
  MutexLock lock(listeners_mutex_);
  block_listeners_.erase(number);
  checkpoint_listeners_.erase(number);
}

void LedgerNode::NotifyListeners() {
  Notify(&LedgerNode::block_listeners_);
  Notify(&LedgerNode::checkpoint_listeners_);
}

void LedgerNode::Notify(Listeners LedgerNode::*listeners) {
  Listeners copy;
  {
    MutexLock lock(listeners_mutex_);
    copy = this->*listeners;
  }
  for (const auto& [number, listener] : copy) listener();
}

}  // namespace groat::ledger_service
