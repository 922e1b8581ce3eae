#include "storage/local_register.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "storage/register_transaction.h"

namespace groat::storage {
namespace {

// Bounds what a watch is given in one call.
constexpr size_t kMaxEventsInUpdate = 1000;

}  // namespace

class LocalRegister::LocalWatch : public Watch {
 public:
  LocalWatch(LocalRegister* owner, uint64_t id) : owner_(owner), id_(id) {}
  ~LocalWatch() override { owner_->EndWatch(id_); }

 private:
  LocalRegister* const owner_;
  const uint64_t id_;
};

class LocalRegister::LocalLease : public Lease {
 public:
  LocalLease(LocalRegister* owner, LeaseId id) : owner_(owner), id_(id) {}
  ~LocalLease() override { owner_->ReleaseLease(id_); }

  LeaseId id() const override { return id_; }
  bool lost() const override { return owner_->IsLost(id_); }
  absl::Status Revoke() override { return owner_->EndLease(id_, false); }

 private:
  LocalRegister* const owner_;
  const LeaseId id_;
};

LocalRegister::LocalRegister(RegisterState state, Persist persist, Clock clock)
    : persist_(std::move(persist)), clock_(std::move(clock)), state_(std::move(state)) {
  thread_ = std::thread([this] { Run(); });
}

LocalRegister::~LocalRegister() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

absl::StatusOr<CommitResult> LocalRegister::Commit(const Transaction& transaction) {
  GROAT_RETURN_IF_ERROR(ValidateTransaction(transaction));
  MutexLock commit_lock(commit_mutex_);
  absl::StatusOr<RegisterState::Evaluation> evaluation;
  {
    MutexLock lock(mutex_);
    evaluation = state_.Evaluate(transaction);
  }
  if (!evaluation.ok()) return evaluation.status();
  if (evaluation->delta.has_value()) Execute(*evaluation->delta);
  return std::move(evaluation->result);
}

void LocalRegister::Execute(const StateDelta& delta) {
  if (persist_) persist_(delta);
  MutexLock lock(mutex_);
  state_.Apply(delta);
  for (auto& [id, watch] : watches_) watch.due = true;
  changed_.NotifyAll();
}

absl::StatusOr<ReadResult> LocalRegister::ReadRanges(const std::vector<RangeRead>& ranges,
                                                     Consistency) {
  GROAT_RETURN_IF_ERROR(ValidateRead(ranges));
  MutexLock lock(mutex_);
  return state_.Read(ranges);
}

std::unique_ptr<Watch> LocalRegister::WatchPrefix(std::string_view prefix, int64_t from_revision,
                                                  WatchCallback callback) {
  MutexLock lock(mutex_);
  watches_[++last_watch_] = {std::string(prefix), std::max<int64_t>(from_revision, 1),
                             std::move(callback), true};
  changed_.NotifyAll();
  return std::make_unique<LocalWatch>(this, last_watch_);
}

void LocalRegister::EndWatch(uint64_t id) {
  MutexLock lock(mutex_);
  watches_.erase(id);
  if (std::this_thread::get_id() == thread_.get_id()) return;
  while (running_watch_ == id) changed_.Wait(mutex_);
}

absl::StatusOr<std::unique_ptr<Lease>> LocalRegister::GrantLease(absl::Duration ttl,
                                                                 std::function<void()> on_lost) {
  GROAT_RETURN_IF_ERROR(ValidateTimeToLive(ttl));
  MutexLock commit_lock(commit_mutex_);
  StateDelta delta;
  {
    MutexLock lock(mutex_);
    delta = state_.Grant(ttl);
  }
  Execute(delta);
  const LeaseId id = delta.granted->first;
  MutexLock lock(mutex_);
  held_leases_[id].on_lost = std::move(on_lost);
  return std::make_unique<LocalLease>(this, id);
}

absl::Status LocalRegister::EndLease(LeaseId lease, bool tell_holder) {
  MutexLock commit_lock(commit_mutex_);
  absl::StatusOr<StateDelta> delta;
  {
    MutexLock lock(mutex_);
    delta = state_.End(lease);
  }
  if (!delta.ok()) return delta.status();
  Execute(*delta);
  MutexLock lock(mutex_);
  const auto held = held_leases_.find(lease);
  if (held != held_leases_.end()) {
    held->second.lost = true;
    if (tell_holder && held->second.on_lost) lost_leases_.push_back(lease);
    changed_.NotifyAll();
  }
  return absl::OkStatus();
}

void LocalRegister::ReleaseLease(LeaseId lease) {
  MutexLock lock(mutex_);
  held_leases_.erase(lease);
  state_.Release(lease, clock_());
  leases_changed_ = true;
  changed_.NotifyAll();
  if (std::this_thread::get_id() == thread_.get_id()) return;
  while (running_lease_ == lease) changed_.Wait(mutex_);
}

bool LocalRegister::IsLost(LeaseId lease) const {
  MutexLock lock(mutex_);
  const auto held = held_leases_.find(lease);
  return held == held_leases_.end() || held->second.lost;
}

absl::Status LocalRegister::Compact(int64_t revision) {
  MutexLock commit_lock(commit_mutex_);
  absl::StatusOr<std::optional<StateDelta>> delta;
  {
    MutexLock lock(mutex_);
    delta = state_.Compact(revision);
  }
  if (!delta.ok()) return delta.status();
  if (delta->has_value()) Execute(**delta);
  return absl::OkStatus();
}

void LocalRegister::ExpireLeases() {
  std::vector<LeaseId> expired;
  {
    MutexLock lock(mutex_);
    expired = state_.Expired(clock_());
  }
  // NotFound only if the lease ended meanwhile.
  for (LeaseId lease : expired) EndLease(lease, true).IgnoreError();
}

void LocalRegister::ExpireAllLeases() {
  {
    MutexLock lock(mutex_);
    state_.ReleaseAll(absl::InfinitePast());
  }
  ExpireLeases();
}

RegisterState LocalRegister::CopyState() const {
  MutexLock lock(mutex_);
  RegisterState copy = state_;
  copy.ReleaseAll(clock_());
  return copy;
}

void LocalRegister::ReplaceState(RegisterState state) {
  MutexLock commit_lock(commit_mutex_);
  MutexLock lock(mutex_);
  state_ = std::move(state);
  for (auto& [id, held] : held_leases_) {
    state_.Hold(id);
    if (held.lost || state_.HasLease(id)) continue;
    held.lost = true;
    if (held.on_lost) lost_leases_.push_back(id);
  }
  for (auto& [id, watch] : watches_) watch.due = true;
  changed_.NotifyAll();
}

bool LocalRegister::HasWork() const {
  if (stopping_ || leases_changed_ || !lost_leases_.empty()) return true;
  for (const auto& [id, watch] : watches_) {
    if (watch.due) return true;
  }
  return false;
}

std::chrono::steady_clock::time_point LocalRegister::NextDeadline() const {
  // With a virtual clock this wakes the thread in vain now and then; AdvanceTime ends leases
  // itself.
  const absl::Duration wait = state_.NextExpiry().value_or(absl::InfiniteFuture()) - clock_();
  return std::chrono::steady_clock::now() +
         absl::ToChronoNanoseconds(std::clamp(wait, absl::Milliseconds(10), absl::Hours(1)));
}

void LocalRegister::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!HasWork() && changed_.WaitUntil(mutex_, NextDeadline())) {
      }
      if (stopping_) return;
      leases_changed_ = false;
    }
    ExpireLeases();
    while (DeliverLoss() || DeliverEvents()) {
    }
  }
}

bool LocalRegister::DeliverLoss() {
  std::function<void()> on_lost;
  {
    MutexLock lock(mutex_);
    if (stopping_ || lost_leases_.empty()) return false;
    const auto held = held_leases_.find(lost_leases_.front());
    lost_leases_.pop_front();
    if (held == held_leases_.end()) return true;
    running_lease_ = held->first;
    on_lost = held->second.on_lost;
  }
  on_lost();
  on_lost = nullptr;  // Its captures go before a destructor that waits for this call returns.
  MutexLock lock(mutex_);
  running_lease_ = LeaseId();
  changed_.NotifyAll();
  return true;
}

bool LocalRegister::DeliverEvents() {
  WatchUpdate update;
  WatchCallback callback;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    const auto watch = NextDueWatch(update);
    if (watch == watches_.end()) return false;
    running_watch_ = last_served_ = watch->first;
    callback = watch->second.callback;
  }
  callback(update);
  callback = nullptr;
  MutexLock lock(mutex_);
  running_watch_ = 0;
  changed_.NotifyAll();
  return true;
}

LocalRegister::WatchMap::iterator LocalRegister::NextDueWatch(WatchUpdate& update) {
  auto it = watches_.upper_bound(last_served_);
  for (size_t i = 0; i < watches_.size(); ++i, ++it) {
    if (it == watches_.end()) it = watches_.begin();
    WatchEntry& watch = it->second;
    if (!watch.due) continue;
    std::optional<WatchUpdate> next =
        state_.NextUpdate(watch.prefix, kMaxEventsInUpdate, watch.next_revision);
    if (next.has_value()) {
      update = *std::move(next);
      return it;
    }
    watch.due = false;
  }
  return watches_.end();
}

}  // namespace groat::storage
