#include "services/consensus/submit_desk.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "hotstuff/look_ahead.h"
#include "services/consensus/command_search.h"

namespace groat::consensus_service {
namespace {

using hotstuff::ClientTable;
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

absl::Status TooOld() {
  return absl::OutOfRangeError(absl::StrCat(
      "sequence is at least ", hotstuff::SequenceWindow::kSize,
      " below the client's highest committed one: committed or lost, nobody knows any more"));
}

absl::Status NoRoom() {
  return absl::ResourceExhaustedError("the chain remembers no more clients");
}

absl::Status NoValidator() {
  return absl::FailedPreconditionError(
      "this replica is no validator of the current epoch: submit at one that is");
}

absl::Status OtherCommand(Height height) {
  return absl::AlreadyExistsError(absl::StrCat(
      "another command of this client and sequence is committed at height ", height.value()));
}

absl::Status RefusalOf(SubmitVerdict verdict) {
  switch (verdict) {
    case SubmitVerdict::kTooOld:
      return TooOld();
    case SubmitVerdict::kFull:
      return absl::ResourceExhaustedError("the pool of commands is full, try again later");
    case SubmitVerdict::kTooLarge:
      return absl::InvalidArgumentError("command does not fit into a block");
    case SubmitVerdict::kNoRoom:
      return NoRoom();
    case SubmitVerdict::kAccepted:
    case SubmitVerdict::kPending:
    case SubmitVerdict::kCommitted:
      break;
  }
  return absl::OkStatus();
}

}  // namespace

SubmitDesk::SubmitDesk(const Parts& parts, const DeskBounds& bounds)
    : parts_(parts), bounds_(bounds) {}

void SubmitDesk::Open(DeskReplica replica) {
  replica_ = std::move(replica);
  MutexLock lock(mutex_);
  open_ = true;
}

void SubmitDesk::Open(ReplicaDriver& driver) {
  DeskReplica replica;
  replica.submit = [&driver](std::vector<Command> commands) {
    return driver.Submit(std::move(commands));
  };
  replica.look = [&driver](const CommandKey& key) { return driver.core().clients().Look(key); };
  replica.committed_height = [&driver] { return driver.core().status().committed_height; };
  replica.is_validator = [&driver] { return driver.is_validator(); };
  Open(std::move(replica));
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
  std::vector<Named> names;
  names.reserve(count);
  for (const Command& command : commands) {
    names.push_back({command.key, HashOfPayload(command.payload)});
  }
  const auto refuse = [&](absl::Status status) {
    parts_.metrics.refused_commands->Increment(static_cast<double>(count));
    return status;
  };
  {
    MutexLock lock(mutex_);
    if (!open_) return refuse(absl::UnavailableError("the replica is starting or draining"));
    const bool first = queue_.empty();
    if (!first && (queued_commands_ + count > bounds_.max_queued_commands ||
                   queued_bytes_ + bytes > bounds_.max_queued_bytes)) {
      return refuse(absl::ResourceExhaustedError(
          absl::StrCat(queued_commands_, " commands are queued already, try again later")));
    }
    queued_commands_ += count;
    queued_bytes_ += bytes;
    unanswered_.fetch_add(count, std::memory_order_relaxed);
    parts_.metrics.waiting_commands->Increment(static_cast<double>(count));
    queue_.push_back({std::move(commands), std::move(names), std::move(sink)});
    if (!first) return absl::OkStatus();
  }
  parts_.executor.Post([this] { Drain(); });
  return absl::OkStatus();
}

void SubmitDesk::Drain() {
  std::vector<Submission> submissions;
  {
    MutexLock lock(mutex_);
    submissions.swap(queue_);
    queued_commands_ = queued_bytes_ = 0;
  }
  if (!replica_.is_validator()) return RefuseAll(submissions, NoValidator());
  std::vector<Command> all;
  for (Submission& submission : submissions) {
    for (Command& command : submission.commands) all.push_back(std::move(command));
  }
  const std::vector<SubmitVerdict> verdicts = replica_.submit(std::move(all));
  if (verdicts.empty()) {
    return RefuseAll(submissions, absl::UnavailableError("the replica has failed"));
  }
  AnswerBatch answers;
  size_t at = 0;
  for (const Submission& submission : submissions) {
    Note(submission, &verdicts[at], answers);
    at += submission.names.size();
  }
  Give(std::move(answers));
  SearchIfDue();
}

void SubmitDesk::RefuseAll(const std::vector<Submission>& submissions, const absl::Status& status) {
  AnswerBatch answers;
  for (const Submission& submission : submissions) {
    for (const Named& name : submission.names) answers.Refuse(submission.sink, status, name.key);
  }
  Give(std::move(answers));
}

void SubmitDesk::Note(const Submission& submission, const SubmitVerdict* verdicts,
                      AnswerBatch& answers) {
  for (size_t i = 0; i < submission.names.size(); ++i) {
    const absl::Status status = Admit(submission.names[i], submission.sink, verdicts[i]);
    if (!status.ok()) answers.Refuse(submission.sink, status, submission.names[i].key);
  }
}

// Lets the sink wait for the command, or says why not.
absl::Status SubmitDesk::Admit(const Named& name, const std::shared_ptr<SubmitSink>& sink,
                               SubmitVerdict verdict) {
  if (absl::Status refusal = RefusalOf(verdict); !refusal.ok()) return refusal;
  const auto found = waiting_.find(name.key);
  if (found != waiting_.end()) {
    if (found->second.payload != name.payload) {
      return absl::AlreadyExistsError(
          "another command of this client and sequence waits to be committed");
    }
    if (found->second.sinks.size() >= kMaxSinksPerCommand) {
      return absl::ResourceExhaustedError(
          absl::StrCat(kMaxSinksPerCommand, " calls wait for this command already"));
    }
    found->second.sinks.push_back(sink);
    return absl::OkStatus();
  }
  if (verdict != SubmitVerdict::kCommitted) {
    waiting_[name.key] = {name.payload, {sink}};
    return absl::OkStatus();
  }
  if (sought_.size() + being_sought_ >= bounds_.max_sought_commands) {
    return absl::ResourceExhaustedError(
        absl::StrCat("committed before; the places of ", bounds_.max_sought_commands,
                     " other commands are looked for already, try again later"));
  }
  sought_.push_back({name, sink, replica_.committed_height()});
  return absl::OkStatus();
}

void SubmitDesk::OnCommitted(const std::vector<CommittedBlock>& blocks) {
  std::vector<Landed> landed;
  AnswerBatch refused;
  for (const CommittedBlock& committed : blocks) {
    const size_t count = committed.block->commands().size();
    if (count > 0) parts_.metrics.block_commands->Observe(static_cast<double>(count));
    if (waiting_.empty()) continue;
    landed.push_back(Land(committed, refused));
    if (landed.back().commands.empty()) landed.pop_back();
  }
  Give(std::move(refused));
  SearchIfDue();
  if (landed.empty()) return;
  // Hashing takes time, so it is done over there.
  parts_.answers.Run(
      [this, landed = std::move(landed)] {
        AnswerBatch answers;
        for (const Landed& block : landed) {
          const Height height = block.block->height();
          for (const Landed::One& one : block.commands) {
            const Command& command = block.block->commands()[one.index];
            const bool own = HashOfPayload(command.payload) == one.waiting.payload;
            for (const std::shared_ptr<SubmitSink>& sink : one.waiting.sinks) {
              if (own) {
                answers.Commit(sink, height, {command.key, one.index, one.fresh});
              } else {
                answers.Refuse(sink, OtherCommand(height), command.key);
              }
            }
          }
        }
        GiveNow(answers);
      },
      nullptr);
}

// Takes those of the block's commands that somebody waits for.
SubmitDesk::Landed SubmitDesk::Land(const CommittedBlock& committed, AnswerBatch& refused) {
  Landed landed{committed.block, {}};
  const std::vector<Command>& commands = committed.block->commands();
  auto ineffective = committed.ineffective.begin();
  for (uint32_t i = 0; i < commands.size(); ++i) {
    std::optional<ClientTable::State> why;
    if (ineffective != committed.ineffective.end() && ineffective->index == i) {
      why = (ineffective++)->why;
    }
    hotstuff::LookAhead(waiting_, commands, i);
    const auto found = waiting_.find(commands[i].key);
    if (found == waiting_.end()) continue;
    Waiting waiting = std::move(found->second);
    waiting_.erase(found);
    if (!why.has_value()) {
      landed.commands.push_back({i, committed.fresh[i], std::move(waiting)});
      continue;
    }
    for (std::shared_ptr<SubmitSink>& sink : waiting.sinks) {
      if (*why == ClientTable::State::kSeen) {
        sought_.push_back(
            {{commands[i].key, waiting.payload}, std::move(sink), committed.block->height()});
      } else {
        refused.Refuse(sink, *why == ClientTable::State::kNoRoom ? NoRoom() : TooOld(),
                       commands[i].key);
      }
    }
  }
  return landed;
}

void SubmitDesk::OnHandedOver(const std::vector<CommandKey>& keys,
                              const std::vector<SubmitVerdict>& verdicts) {
  absl::flat_hash_map<CommandKey, SubmitVerdict> handed_over;
  for (size_t i = 0; i < keys.size(); ++i) handed_over.emplace(keys[i], verdicts[i]);
  const absl::Status lost =
      replica_.is_validator()
          ? absl::UnavailableError(
                "the command has left this replica's pool; whether it will be committed is open: "
                "submit it again")
          : NoValidator();
  AnswerBatch answers;
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const auto one = next++;
    const auto& [key, waiting] = *one;
    // Committed by blocks that this replica never had, if a snapshot took their place.
    const bool committed = replica_.look(key) == ClientTable::State::kSeen;
    const auto found = handed_over.find(key);
    const absl::Status status = found == handed_over.end() ? lost : RefusalOf(found->second);
    if (!committed && status.ok()) continue;
    for (const std::shared_ptr<SubmitSink>& sink : waiting.sinks) {
      if (committed) {
        sought_.push_back({{key, waiting.payload}, sink, replica_.committed_height()});
      } else {
        answers.Refuse(sink, status, key);
      }
    }
    waiting_.erase(one);
  }
  Give(std::move(answers));
  SearchIfDue();
}

void SubmitDesk::FailWaiting(const absl::Status& status) {
  parts_.executor.Post([this, status] {
    AnswerBatch answers;
    for (const auto& [key, waiting] : std::exchange(waiting_, {})) {
      for (const std::shared_ptr<SubmitSink>& sink : waiting.sinks) {
        answers.Refuse(sink, status, key);
      }
    }
    for (const Sought& sought : std::exchange(sought_, {})) {
      answers.Refuse(sought.sink, status, sought.name.key);
    }
    Give(std::move(answers));
  });
}

// One search at a time, for all that came during the one before: however often clients repeat
// themselves, it is one reader's thread that they keep busy.
void SubmitDesk::SearchIfDue() {
  if (being_sought_ > 0) return;
  std::vector<Sought> due;
  while (!sought_.empty() && sought_.front().since <= parts_.store.last()) {
    due.push_back(std::move(sought_.front()));
    sought_.pop_front();
  }
  if (due.empty()) return;
  being_sought_ = due.size();
  parts_.readers.Run(
      [this, due = std::move(due)] {
        parts_.answers.Run([this, answers = Search(due)] { GiveNow(answers); }, nullptr);
      },
      [this] {
        being_sought_ = 0;
        SearchIfDue();
      });
}

AnswerBatch SubmitDesk::Search(const std::vector<Sought>& sought) const {
  std::vector<CommandKey> keys;
  keys.reserve(sought.size());
  for (const Sought& one : sought) keys.push_back(one.name.key);
  const absl::StatusOr<FoundCommands> found =
      FindCommands(parts_.store, keys, bounds_.lookback_blocks);
  AnswerBatch answers;
  for (const Sought& one : sought) {
    const CommandKey& key = one.name.key;
    if (!found.ok()) {
      answers.Refuse(one.sink, found.status(), key);
      continue;
    }
    const auto place = found->find(key);
    if (place == found->end()) {
      answers.Commit(one.sink, Height(), {key});
    } else if (place->second.payload == one.name.payload) {
      const Position& position = place->second.position;
      answers.Commit(one.sink, position.height, {key, position.index});
    } else {
      answers.Refuse(one.sink, OtherCommand(place->second.position.height), key);
    }
  }
  return answers;
}

void SubmitDesk::Give(AnswerBatch answers) {
  if (answers.empty()) return;
  parts_.answers.Run([this, answers = std::move(answers)] { GiveNow(answers); }, nullptr);
}

void SubmitDesk::GiveNow(const AnswerBatch& answers) {
  for (const AnswerBatch::Due& due : answers.due()) {
    const size_t count = due.answer.commands.size();
    // Counted first, so that whoever has its answer finds it counted.
    (due.answer.refusal.ok() ? parts_.metrics.answered_commands : parts_.metrics.refused_commands)
        ->Increment(static_cast<double>(count));
    parts_.metrics.waiting_commands->Decrement(static_cast<double>(count));
    due.sink->Take(due.answer);
    NoteAnswered(count);
  }
}

}  // namespace groat::consensus_service
