#include "services/relay/engine.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "relay/log_group.h"

namespace groat::relay_service {
namespace {

using record::Cycle;
using std::chrono::steady_clock;

// Updates decided in one turn, and entries that enter the trie in one turn: 1 to 3 ms each, so that
// neither side waits long for the other, nor proofs for the trie.
constexpr size_t kUpdatesPerTurn = 16'384;
constexpr size_t kEntriesPerSlice = 1'000;
// Bytes of the log that may wait for the disk before submissions are refused.
constexpr size_t kMaxPendingLogBytes = 48 << 20;
// What a trie can hold, less what may be on its way into it.
constexpr uint64_t kMaxTrieLeaves = (uint64_t{1} << 31) - (uint64_t{1} << 24);

uint64_t UnixMilliseconds() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

double SecondsSince(uint64_t unix_ms) {
  const uint64_t now = UnixMilliseconds();
  return now > unix_ms ? static_cast<double>(now - unix_ms) / 1000 : 0;
}

}  // namespace

Engine::Engine(const EngineOptions& options, Ed25519PrivateKey key, CycleStore& cycles,
               EnginePools pools, Metrics& metrics)
    : options_(options),
      key_(std::move(key)),
      cycles_(cycles),
      pools_(pools),
      metrics_(metrics),
      core_(options.identity) {}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options,
                                                     Ed25519PrivateKey key, CycleStore& cycles,
                                                     EnginePools pools, Metrics& metrics,
                                                     size_t old_trie_bytes) {
  auto engine =
      std::unique_ptr<Engine>(new Engine(options, std::move(key), cycles, pools, metrics));
  GROAT_RETURN_IF_ERROR(engine->Recover(old_trie_bytes));
  return engine;
}

absl::Status Engine::Recover(size_t old_trie_bytes) {
  shelf_ = std::make_unique<TrieShelf>(options_.identity.period_cycles, old_trie_bytes,
                                       [this](uint64_t group, const storage::LogVisitor& visit) {
                                         return log_->Replay(group, group, visit);
                                       });
  storage::DurableLogOptions log_options;
  log_options.folder = options_.log_folder;
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<storage::DurableLog> log,
                         storage::DurableLog::Open(storage::RealFileSystem(), log_options,
                                                   [this](const storage::LogRecord& record) {
                                                     return RecoverRecord(record);
                                                   }));
  // What was sealed but not rooted in the log before the stop is rooted now.
  for (const Unpublished& last : unpublished_) {
    log->Append(relay::Encode(relay::RootedRecord{last.cycle.root}));
  }
  log->Sync();
  for (const Unpublished& last : unpublished_) cycles_.Add(last.cycle);
  unpublished_.clear();
  if (cycles_.last() > core_.last_rooted()) {
    return absl::DataLossError(absl::StrCat("the log ends with cycle ", core_.last_rooted().value(),
                                            ", but cycle ", cycles_.last().value(),
                                            " was published"));
  }
  log_ = std::make_unique<storage::GroupCommitLog>(std::move(log), [this](uint64_t sequence) {
    {
      MutexLock lock(mutex_);
      inbox_.durable_sequence = sequence;
    }
    changed_.NotifyAll();
  });
  log_->Roll(relay::LogGroupOf(core_.open_cycle(), options_.identity.period_cycles));
  handled_sequence_ = log_->durable_sequence();
  {
    MutexLock lock(mutex_);
    inbox_.durable_sequence = std::max(inbox_.durable_sequence, handled_sequence_);
  }
  open_cycle_ = core_.open_cycle().value();
  key_count_ = core_.key_count();
  return absl::OkStatus();
}

absl::Status Engine::RecoverRecord(const storage::LogRecord& bytes) {
  GROAT_ASSIGN_OR_RETURN(const relay::JournalRecord record,
                         relay::DecodeJournalRecord(bytes.bytes));
  GROAT_ASSIGN_OR_RETURN(const std::optional<relay::RootedCycle> rooted, core_.Recover(record));
  if (rooted.has_value()) AddRooted(*rooted);
  if (const auto* logged = std::get_if<relay::RootedRecord>(&record)) {
    if (unpublished_.empty() || unpublished_.back().cycle.root != logged->root) {
      return absl::FailedPreconditionError(absl::StrCat(
          logged->root.statement.Name(), ": log has a root signed by another key than ours, ",
          key_.public_key().Hex()));
    }
    cycles_.Add(unpublished_.back().cycle);
    unpublished_.clear();
  }
  return absl::OkStatus();
}

// Recovery: the cycle is sealed in the log, so its root is what a signature would say again.
void Engine::AddRooted(const relay::RootedCycle& rooted) {
  trie_leaves_ = rooted.statement.leaf_count;
  shelf_->SetOpen(rooted.statement.period, rooted.trie);
  unpublished_.push_back(
      {0, {record::SignRoot(rooted.statement, key_), rooted.sealed_at_ms, std::nullopt}});
}

void Engine::Start() {
  next_seal_ = steady_clock::now() + options_.cycle_time;
  {
    MutexLock lock(mutex_);
    started_ = true;
  }
  thread_ = std::thread([this] { Run(); });
}

void Engine::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    inbox_.draining = true;
    inbox_.stopping = true;
  }
  changed_.NotifyOne();
  thread_.join();
}

Engine::~Engine() {
  Stop();
  log_.reset();  // Before what its callback uses.
}

absl::Status Engine::Submit(Submission submission) {
  const size_t count = submission.entries.size();
  if (waiting_updates_.load() + count > options_.max_waiting_updates) {
    return absl::ResourceExhaustedError(absl::StrCat(
        options_.max_waiting_updates, " updates wait for their cycle or the ledger; try again"));
  }
  if (trie_leaves_.load() > kMaxTrieLeaves) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the period's trie holds ", trie_leaves_.load(), " keys: it takes no more"));
  }
  if (log_->pending_bytes() > kMaxPendingLogBytes) {
    return absl::ResourceExhaustedError("the disk is behind with the log; try again");
  }
  {
    MutexLock lock(mutex_);
    if (!started_) return absl::UnavailableError("the relay is starting");
    if (inbox_.draining) return absl::UnavailableError("the relay is draining");
    if (queued_updates_ + count > options_.max_queued_updates) {
      return absl::ResourceExhaustedError(
          absl::StrCat(queued_updates_, " updates are queued; try again"));
    }
    queued_updates_ += count;
    waiting_updates_ += count;
    inbox_.submissions.push_back(std::move(submission));
  }
  changed_.NotifyAll();
  return absl::OkStatus();
}

void Engine::NoteAnchored(Cycle cycle) {
  {
    MutexLock lock(mutex_);
    inbox_.anchored = std::max(inbox_.anchored, cycle);
  }
  changed_.NotifyAll();
}

void Engine::Drain(std::chrono::milliseconds grace) {
  const auto deadline = steady_clock::now() + grace;
  MutexLock lock(mutex_);
  inbox_.draining = true;
  changed_.NotifyAll();
  while (started_ && !idle_ && steady_clock::now() < deadline) {
    changed_.WaitUntil(mutex_, deadline);
  }
}

Engine::Inbox Engine::Receive() {
  MutexLock lock(mutex_);
  idle_ = Idle();
  if (idle_) changed_.NotifyAll();
  while (inbox_.submissions.empty() && inbox_.durable_sequence <= handled_sequence_ &&
         inbox_.anchored.value() <= last_anchored_.load() && !inbox_.stopping &&
         !core_.has_work() && (drain_sealed_ || !inbox_.draining)) {
    if (!changed_.WaitUntil(mutex_, next_seal_)) break;
  }
  Inbox out;
  out.durable_sequence = inbox_.durable_sequence;
  out.anchored = inbox_.anchored;
  out.draining = inbox_.draining;
  out.stopping = inbox_.stopping;
  size_t taken = 0;
  size_t updates = 0;
  while (taken < inbox_.submissions.size() && updates < kUpdatesPerTurn) {
    updates += inbox_.submissions[taken++].entries.size();
  }
  const auto end = inbox_.submissions.begin() + static_cast<std::ptrdiff_t>(taken);
  out.submissions.assign(std::make_move_iterator(inbox_.submissions.begin()),
                         std::make_move_iterator(end));
  inbox_.submissions.erase(inbox_.submissions.begin(), end);
  queued_updates_ -= updates;
  return out;
}

bool Engine::Idle() const {
  return drain_sealed_ && !core_.has_work() && unsynced_.empty() && unpublished_.empty() &&
         until_included_.empty() && until_anchored_.empty();
}

void Engine::Run() {
  while (true) {
    Inbox inbox = Receive();
    for (Submission& submission : inbox.submissions) Decide(std::move(submission));
    Publish(inbox.durable_sequence);
    AnswerDurable(inbox.durable_sequence);
    handled_sequence_ = inbox.durable_sequence;
    if (inbox.anchored.value() > last_anchored_.load()) {
      last_anchored_ = inbox.anchored.value();
      AnswerUpTo(inbox.anchored, until_anchored_);
    }
    const bool last_seal = inbox.draining && inbox.submissions.empty() && !drain_sealed_;
    if ((last_seal || steady_clock::now() >= next_seal_) && core_.can_seal()) {
      SealCycle();
      drain_sealed_ = last_seal;
    }
    if (drain_sealed_) next_seal_ = steady_clock::now() + std::chrono::hours(1);
    if (core_.has_work()) WorkSlice();
    if (inbox.stopping) break;
  }
  log_->Sync();
  FailAll(absl::UnavailableError(
      "the relay stopped; an update that it took is durable: ask for its proof later"));
}

void Engine::Decide(Submission submission) {
  const relay::SubmitEffects effects = core_.Submit(submission.entries);
  if (!effects.persist.empty()) log_->Append(effects.persist);
  key_count_ = core_.key_count();
  Cycle greatest;
  for (const relay::Verdict& verdict : effects.verdicts) {
    greatest = std::max(greatest, verdict.cycle);
    metrics_.CountUpdate(verdict.outcome);
  }
  // Also for repeated updates: the first one may not be durable yet.
  unsynced_.push_back({log_->next_sequence() - 1,
                       {effects.verdicts, submission.wait, std::move(submission.done), greatest}});
}

void Engine::SealCycle() {
  metrics_.cycle_updates->Observe(static_cast<double>(core_.open_count()));
  log_->Append(core_.Seal(UnixMilliseconds()));
  log_->Roll(relay::LogGroupOf(core_.open_cycle(), options_.identity.period_cycles));
  open_cycle_ = core_.open_cycle().value();
  const auto now = steady_clock::now();
  next_seal_ = std::max(next_seal_ + options_.cycle_time, now);
}

void Engine::WorkSlice() {
  std::optional<relay::RootedCycle> rooted;
  core_.Reserve(kEntriesPerSlice);
  {
    WriterMutexLock lock(shelf_->open_mutex());
    rooted = core_.Work(kEntriesPerSlice);
  }
  if (!rooted.has_value()) return;
  shelf_->SetOpen(rooted->statement.period, rooted->trie);
  trie_leaves_ = rooted->statement.leaf_count;
  ClosedCycle closed{record::SignRoot(rooted->statement, key_), rooted->sealed_at_ms, std::nullopt};
  const uint64_t sequence = log_->Append(relay::Encode(relay::RootedRecord{closed.root}));
  unpublished_.push_back({sequence, std::move(closed)});
}

void Engine::Publish(uint64_t durable_sequence) {
  while (!unpublished_.empty() && unpublished_.front().sequence <= durable_sequence) {
    const ClosedCycle closed = std::move(unpublished_.front().cycle);
    unpublished_.pop_front();
    cycles_.Add(closed);
    metrics_.cycles_closed->Increment();
    metrics_.cycle_close_seconds->Observe(SecondsSince(closed.sealed_at_ms));
    AnswerUpTo(closed.cycle(), until_included_);
  }
}

void Engine::AnswerDurable(uint64_t durable_sequence) {
  while (!unsynced_.empty() && unsynced_.front().sequence <= durable_sequence) {
    Waiting waiting = std::move(unsynced_.front().waiting);
    unsynced_.pop_front();
    const bool included = waiting.wait == WaitLevel::kAccepted || waiting.cycle <= cycles_.last();
    const bool anchored =
        waiting.wait != WaitLevel::kAnchored || waiting.cycle.value() <= last_anchored_.load();
    if (included && anchored) {
      Answer(std::move(waiting));
    } else if (waiting.wait == WaitLevel::kIncluded) {
      const Cycle cycle = waiting.cycle;
      until_included_.emplace(cycle, std::move(waiting));
    } else {
      const Cycle cycle = waiting.cycle;
      until_anchored_.emplace(cycle, std::move(waiting));
    }
  }
}

void Engine::AnswerUpTo(Cycle cycle, std::multimap<Cycle, Waiting>& waiting) {
  const auto end = waiting.upper_bound(cycle);
  for (auto it = waiting.begin(); it != end; ++it) Answer(std::move(it->second));
  waiting.erase(waiting.begin(), end);
}

void Engine::Answer(Waiting waiting) {
  waiting_updates_ -= waiting.verdicts.size();
  const bool plain =
      waiting.wait == WaitLevel::kAccepted &&
      std::none_of(waiting.verdicts.begin(), waiting.verdicts.end(),
                   [](const auto& v) { return v.outcome == relay::Outcome::kDoubleSpend; });
  WorkerPool& pool = plain ? pools_.acknowledgements : pools_.proofs;
  pool.Post([done = std::move(waiting.done), verdicts = std::move(waiting.verdicts)]() mutable {
    done(std::move(verdicts));
  });
}

void Engine::FailAll(const absl::Status& status) {
  std::vector<Submission::Done> owed;
  for (Unsynced& item : unsynced_) owed.push_back(std::move(item.waiting.done));
  for (auto& [cycle, waiting] : until_included_) owed.push_back(std::move(waiting.done));
  for (auto& [cycle, waiting] : until_anchored_) owed.push_back(std::move(waiting.done));
  {
    MutexLock lock(mutex_);
    for (Submission& submission : inbox_.submissions) owed.push_back(std::move(submission.done));
    inbox_.submissions.clear();
  }
  for (Submission::Done& done : owed) {
    pools_.acknowledgements.Post([done = std::move(done), status] { done(status); });
  }
}

}  // namespace groat::relay_service
