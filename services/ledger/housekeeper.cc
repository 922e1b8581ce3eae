#include "services/ledger/housekeeper.h"

#include <algorithm>

#include "absl/time/time.h"
#include "base/status_macros.h"
#include "ledger/register_window.h"

namespace groat::ledger_service {
namespace {

using record::Height;
using record::NodeIndex;

// Heights that the window moves by at least, so that trimming costs little.
constexpr uint64_t kTrimBlocks = 256;
// Revisions of history between two compactions, and how many stay for watches that reconnect. Every
// linearizable read of etcd makes a revision, so history grows even while nothing is appended.
constexpr int64_t kCompactRevisions = 5000;
constexpr int64_t kKeptRevisions = 1000;

// All reads here may be stale: what follows from them is a comparison that the register makes, or
// the deletion of blocks that were deletable at some earlier time and so still are.

}  // namespace

void Housekeeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Housekeeper::Stop() {
  wakeup_.Stop();
  if (thread_.joinable()) thread_.join();
  std::shared_ptr<storage::Lease> lease;
  {
    MutexLock lock(mutex_);
    lease.swap(lease_);
  }
  if (lease == nullptr) return;
  const absl::Status status = lease->Revoke();
  if (!status.ok() && !absl::IsNotFound(status)) {
    context_.logger->Warn("the lease could not be ended; it runs out by itself",
                          {{"error", status}});
  }
}

storage::LeaseId Housekeeper::lease() const {
  MutexLock lock(mutex_);
  return lease_ == nullptr || lease_->lost() ? storage::LeaseId() : lease_->id();
}

std::optional<NodeIndex> Housekeeper::sequencer() const {
  MutexLock lock(mutex_);
  return sequencer_;
}

void Housekeeper::SequencerSeen(std::optional<NodeIndex> sequencer) {
  {
    MutexLock lock(mutex_);
    if (sequencer_ != sequencer) {
      context_.metrics->sequencer_held.Set(sequencer == context_.self ? 1 : 0);
    }
    sequencer_ = sequencer;
  }
  if (!sequencer.has_value()) wakeup_.Wake();
}

absl::Status Housekeeper::Wish(NodeIndex node) {
  storage::Transaction transaction;
  transaction.puts = {{context_.keys.SequencerWish(), EncodeNode(node), {}}};
  return context_.reg->Commit(transaction).status();
}

void Housekeeper::Run() {
  bool failing = false;
  while (!wakeup_.stopped()) {
    const absl::Status status = DoRound();
    if (!status.ok()) context_.metrics->register_errors.Increment();
    if (status.ok() == failing) {
      failing = !status.ok();
      if (failing) context_.logger->Warn("the register does not answer", {{"error", status}});
      if (!failing) context_.logger->Info("the register answers again");
    }
    wakeup_.Sleep(context_.timing.housekeeping_interval);
  }
}

absl::Status Housekeeper::DoRound() {
  GROAT_RETURN_IF_ERROR(EnsureLease());
  GROAT_RETURN_IF_ERROR(UpdateStanding());
  GROAT_RETURN_IF_ERROR(ReportProgress());
  if (sequencer() != context_.self) return absl::OkStatus();
  GROAT_RETURN_IF_ERROR(TrimWindow());
  return CompactHistory();
}

absl::Status Housekeeper::EnsureLease() {
  if (lease() != storage::LeaseId()) return absl::OkStatus();
  std::shared_ptr<storage::Lease> old;
  {
    MutexLock lock(mutex_);
    old.swap(lease_);
  }
  old.reset();  // Before the new one, without the lock: it may wait for its callback.
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<storage::Lease> lease,
                         context_.reg->GrantLease(absl::FromChrono(context_.timing.lease_ttl),
                                                  [this] { wakeup_.Wake(); }));
  {
    MutexLock lock(mutex_);
    lease_ = std::move(lease);
  }
  callbacks_.lease_renewed();
  return absl::OkStatus();
}

absl::Status Housekeeper::UpdateStanding() {
  GROAT_ASSIGN_OR_RETURN(
      const storage::ReadResult read,
      context_.reg->ReadRanges({{storage::KeyRange::Single(context_.keys.Sequencer())},
                                {storage::KeyRange::Single(context_.keys.SequencerWish())}},
                               storage::Consistency::kStale));
  Standing standing;
  for (const storage::KeyValue& item : read.ranges[0].items) {
    GROAT_ASSIGN_OR_RETURN(standing.sequencer, DecodeNode(item.value));
    standing.sequencer_revision = item.mod_revision;
  }
  for (const storage::KeyValue& item : read.ranges[1].items) {
    GROAT_ASSIGN_OR_RETURN(standing.wish, DecodeNode(item.value));
    standing.wish_revision = item.mod_revision;
  }
  SequencerSeen(standing.sequencer);

  const bool fit = callbacks_.fit_as_sequencer();
  const bool wanted = !standing.wish.has_value() || *standing.wish == context_.self;
  if (standing.sequencer == context_.self) {
    if (!fit || !wanted) return GiveUp(standing);
    if (standing.wish.has_value()) {
      storage::Transaction transaction;
      transaction.compares = {{context_.keys.SequencerWish(), standing.wish_revision}};
      transaction.deletes = {storage::KeyRange::Single(context_.keys.SequencerWish())};
      return context_.reg->Commit(transaction).status();
    }
    return absl::OkStatus();
  }
  if (standing.sequencer.has_value() || !fit) {
    gave_way_at_.reset();
    return absl::OkStatus();
  }
  if (!wanted) {
    const auto now = std::chrono::steady_clock::now();
    if (!gave_way_at_.has_value()) gave_way_at_ = now;
    if (now - *gave_way_at_ < context_.timing.lease_ttl) return absl::OkStatus();
  }
  return Campaign(standing);
}

absl::Status Housekeeper::Campaign(const Standing& standing) {
  storage::Transaction transaction;
  transaction.compares = {{context_.keys.Sequencer(), 0}};
  transaction.puts = {{context_.keys.Sequencer(), EncodeNode(context_.self), lease()}};
  if (standing.wish.has_value()) {
    transaction.compares.push_back({context_.keys.SequencerWish(), standing.wish_revision});
    transaction.deletes = {storage::KeyRange::Single(context_.keys.SequencerWish())};
  }
  GROAT_ASSIGN_OR_RETURN(const storage::CommitResult result, context_.reg->Commit(transaction));
  gave_way_at_.reset();
  if (!result.committed) return absl::OkStatus();
  context_.logger->Info("this node is the sequencer now");
  SequencerSeen(context_.self);
  return absl::OkStatus();
}

absl::Status Housekeeper::GiveUp(const Standing& standing) {
  storage::Transaction transaction;
  transaction.compares = {{context_.keys.Sequencer(), standing.sequencer_revision}};
  transaction.deletes = {storage::KeyRange::Single(context_.keys.Sequencer())};
  GROAT_RETURN_IF_ERROR(context_.reg->Commit(transaction).status());
  context_.logger->Info("this node gave up the sequencer's place");
  SequencerSeen(std::nullopt);
  gave_way_at_ = std::chrono::steady_clock::now();
  return absl::OkStatus();
}

absl::Status Housekeeper::ReportProgress() {
  if (context_.halt->tripped()) return absl::OkStatus();
  const Height signed_height = callbacks_.signed_height();
  if (context_.store->applied() == reported_.applied && signed_height == reported_.signed_height &&
      reported_.reported_at_ms != 0) {
    return absl::OkStatus();
  }
  // Only what is durable: the register may delete a block once all nodes say that they have it.
  const NodeProgress progress{context_.store->Sync(), signed_height, context_.now_ms()};
  storage::Transaction transaction;
  transaction.puts = {{context_.keys.Progress(context_.self), EncodeProgress(progress), {}}};
  GROAT_RETURN_IF_ERROR(context_.reg->Commit(transaction).status());
  reported_ = progress;
  return absl::OkStatus();
}

absl::Status Housekeeper::TrimWindow() {
  GROAT_ASSIGN_OR_RETURN(
      const storage::ReadResult read,
      context_.reg->ReadRanges({{storage::KeyRange::Single(context_.keys.Head())},
                                {context_.keys.AllProgress()},
                                {context_.keys.BlockRunsFrom(Height(0)), 1}},
                               storage::Consistency::kStale));
  if (read.ranges[0].items.empty() || read.ranges[2].items.empty()) return absl::OkStatus();
  GROAT_ASSIGN_OR_RETURN(const ledger::ChainHead head,
                         DecodeHead(context_.ledger_id, read.ranges[0].items[0].value));
  std::vector<Height> applied(context_.node_keys.size());
  for (const storage::KeyValue& item : read.ranges[1].items) {
    const std::optional<RegisterKeys::Name> name = context_.keys.Parse(item.key);
    const absl::StatusOr<NodeProgress> progress = DecodeProgress(item.value);
    if (!name.has_value() || !progress.ok() || name->node.value() >= applied.size()) continue;
    applied[name->node.value()] = progress->applied;
  }
  const std::optional<RegisterKeys::Name> lowest = context_.keys.Parse(read.ranges[2].items[0].key);
  if (!lowest.has_value()) return absl::OkStatus();
  context_.metrics->window_blocks.Set(
      static_cast<double>(head.height.value() - lowest->height.value() + 1));
  const Height up_to = ledger::HighestDeletable(head.height, applied, context_.window_blocks);
  // What this node does not have itself it does not delete, whatever the window says.
  if (up_to > context_.store->applied() || up_to.value() < lowest->height.value() + kTrimBlocks) {
    return absl::OkStatus();
  }
  storage::Transaction transaction;
  transaction.deletes = {context_.keys.BlockRunsUpTo(up_to)};
  return context_.reg->Commit(transaction).status();
}

absl::Status Housekeeper::CompactHistory() {
  GROAT_ASSIGN_OR_RETURN(
      const storage::ReadResult read,
      context_.reg->ReadRanges({{storage::KeyRange::Single(context_.keys.Head())}},
                               storage::Consistency::kStale));
  const int64_t revision = read.revision - kKeptRevisions;
  if (revision < compacted_ + kCompactRevisions) return absl::OkStatus();
  // History is only a watch's hint; readers go by keys.
  GROAT_RETURN_IF_ERROR(context_.reg->Compact(revision));
  compacted_ = revision;
  return absl::OkStatus();
}

}  // namespace groat::ledger_service
