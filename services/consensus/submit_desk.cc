#include "services/consensus/submit_desk.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace groat::consensus_service {
namespace {

using hotstuff::Command;
using hotstuff::CommandKey;
using hotstuff::CommittedBlock;
using hotstuff::SubmitVerdict;

// Calls that may wait for one and the same command.
constexpr size_t kMaxSinksPerCommand = 8;

size_t BytesOf(const std::vector<Command>& commands) {
  size_t bytes = 0;
  for (const Command& command : commands) bytes += command.EncodedSize();
  return bytes;
}

absl::Status RefusalOf(SubmitVerdict verdict) {
  switch (verdict) {
    case SubmitVerdict::kTooOld:
      return absl::OutOfRangeError(absl::StrCat(
          "sequence is more than ", hotstuff::SequenceWindow::kSize,
          " below the client's highest committed one: committed or lost, nobody knows any more"));
    case SubmitVerdict::kFull:
      return absl::ResourceExhaustedError("the pool of commands is full, try again later");
    case SubmitVerdict::kTooLarge:
      return absl::InvalidArgumentError("command does not fit into a block");
    case SubmitVerdict::kNoRoom:
      return absl::ResourceExhaustedError("the chain remembers no more clients");
    default:
      return absl::OkStatus();
  }
}

}  // namespace

SubmitDesk::SubmitDesk(p2p::Executor& executor, const BlockStore& store, ThreadOffload& answers,
                       Metrics& metrics, const DeskBounds& bounds)
    : executor_(executor), store_(store), answers_(answers), metrics_(metrics), bounds_(bounds) {}

void SubmitDesk::Open(ReplicaDriver& driver) {
  driver_ = &driver;
  MutexLock lock(mutex_);
  open_ = true;
}

void SubmitDesk::Close() {
  MutexLock lock(mutex_);
  open_ = false;
}

bool SubmitDesk::WaitUntilAnswered(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mutex_);
  while (unanswered() > 0) {
    if (!answered_.WaitUntil(mutex_, deadline)) return unanswered() == 0;
  }
  return true;
}

void SubmitDesk::NoteAnswered(size_t count) {
  if (unanswered_.fetch_sub(count, std::memory_order_relaxed) > count) return;
  MutexLock lock(mutex_);
  answered_.NotifyAll();
}

absl::Status SubmitDesk::Offer(std::vector<Command> commands, std::shared_ptr<SubmitSink> sink) {
  const size_t bytes = BytesOf(commands);
  const size_t count = commands.size();
  {
    MutexLock lock(mutex_);
    if (!open_) return absl::UnavailableError("the replica is starting or draining");
    const bool first = queue_.empty();
    if (!first && (queued_commands_ + count > bounds_.max_queued_commands ||
                   queued_bytes_ + bytes > bounds_.max_queued_bytes)) {
      metrics_.refused_commands->Increment(static_cast<double>(count));
      return absl::ResourceExhaustedError(
          absl::StrCat(queued_commands_, " commands are queued already, try again later"));
    }
    queued_commands_ += count;
    queued_bytes_ += bytes;
    unanswered_.fetch_add(count, std::memory_order_relaxed);
    queue_.push_back({std::move(commands), std::move(sink)});
    if (!first) return absl::OkStatus();
  }
  executor_.Post([this] { Drain(); });
  return absl::OkStatus();
}

void SubmitDesk::Drain() {
  std::vector<Submission> submissions;
  {
    MutexLock lock(mutex_);
    submissions.swap(queue_);
    queued_commands_ = queued_bytes_ = 0;
  }
  std::vector<CommandKey> keys;
  std::vector<Command> all;
  for (Submission& submission : submissions) {
    for (Command& command : submission.commands) {
      keys.push_back(command.key);
      all.push_back(std::move(command));
    }
  }
  const std::vector<SubmitVerdict> verdicts = driver_->Submit(std::move(all));
  if (verdicts.empty()) return;  // The process is about to stop.
  std::vector<Owed> owed;
  size_t at = 0;
  for (const Submission& submission : submissions) {
    const std::vector<CommandKey> own(
        keys.begin() + static_cast<ptrdiff_t>(at),
        keys.begin() + static_cast<ptrdiff_t>(at + submission.commands.size()));
    Note(submission, own, &verdicts[at], owed);
    at += own.size();
  }
  Give(std::move(owed));
  if (!driver_->commits_under_way()) LookUpLater();
  metrics_.waiting_commands->Set(static_cast<double>(unanswered()));
}

void SubmitDesk::Note(const Submission& submission, const std::vector<CommandKey>& keys,
                      const SubmitVerdict* verdicts, std::vector<Owed>& owed) {
  std::vector<CommandKey> repeated;
  for (size_t i = 0; i < keys.size(); ++i) {
    absl::Status refusal = RefusalOf(verdicts[i]);
    const auto found = waiting_.find(keys[i]);
    if (refusal.ok() && found != waiting_.end() && found->second.size() >= kMaxSinksPerCommand) {
      refusal = absl::ResourceExhaustedError("too many calls wait for this command");
    }
    if (!refusal.ok()) {
      const bool same = !owed.empty() && owed.back().sink == submission.sink &&
                        owed.back().answer.refusal == refusal;
      if (!same) owed.push_back({submission.sink, {refusal, Height(), {}}});
      owed.back().answer.commands.push_back({keys[i]});
    } else if (verdicts[i] == SubmitVerdict::kCommitted && found == waiting_.end()) {
      repeated.push_back(keys[i]);
    } else if (found != waiting_.end()) {
      found->second.push_back(submission.sink);
    } else {
      waiting_[keys[i]].push_back(submission.sink);
    }
  }
  if (!repeated.empty()) repeated_.emplace_back(submission.sink, std::move(repeated));
}

void SubmitDesk::OnCommitted(const std::vector<CommittedBlock>& blocks) {
  std::vector<Owed> owed;
  for (const CommittedBlock& committed : blocks) {
    const std::vector<Command>& commands = committed.block->commands();
    if (!commands.empty()) metrics_.block_commands->Observe(static_cast<double>(commands.size()));
    if (waiting_.empty()) continue;
    absl::flat_hash_map<const SubmitSink*, size_t> places;  // In `owed`, of this block.
    const SubmitSink* last = nullptr;
    size_t place = 0;
    for (uint32_t i = 0; i < commands.size(); ++i) {
      const auto found = waiting_.find(commands[i].key);
      if (found == waiting_.end()) continue;
      for (std::shared_ptr<SubmitSink>& sink : found->second) {
        if (sink.get() != last) {
          last = sink.get();
          const auto [entry, added] = places.emplace(last, owed.size());
          place = entry->second;
          if (added) owed.push_back({sink, {absl::OkStatus(), committed.block->height(), {}}});
        }
        owed[place].answer.commands.push_back({commands[i].key, i, committed.fresh[i]});
      }
      waiting_.erase(found);
    }
  }
  Give(std::move(owed));
  if (!repeated_.empty() && !driver_->commits_under_way()) LookUpLater();
  metrics_.waiting_commands->Set(static_cast<double>(unanswered()));
}

void SubmitDesk::LookUpLater() {
  for (auto& [sink, keys] : std::exchange(repeated_, {})) {
    answers_.Run([this, sink = std::move(sink), keys = std::move(keys)] {
      auto found = store_.Find(keys, bounds_.lookback_blocks);
      if (!found.ok()) found = BlockStore::Positions();
      for (const CommandKey& key : keys) {
        const auto place = found->find(key);
        const Position position = place == found->end() ? Position() : place->second;
        sink->Take({absl::OkStatus(), position.height, {{key, position.index}}});
      }
      NoteAnswered(keys.size());
      metrics_.answered_commands->Increment(static_cast<double>(keys.size()));
    });
  }
}

void SubmitDesk::Give(std::vector<Owed> owed) {
  if (owed.empty()) return;
  answers_.Run([this, owed = std::move(owed)] {
    for (const Owed& one : owed) {
      const size_t count = one.answer.commands.size();
      one.sink->Take(one.answer);
      NoteAnswered(count);
      (one.answer.refusal.ok() ? metrics_.answered_commands : metrics_.refused_commands)
          ->Increment(static_cast<double>(count));
    }
  });
}

}  // namespace groat::consensus_service
