#include "services/consensus/replica_driver.h"

#include <algorithm>

#include "base/status_macros.h"

namespace groat::consensus_service {
namespace {

using hotstuff::BlockPtr;
using hotstuff::CommittedBlock;
using hotstuff::Message;
using hotstuff::MessagePtr;
using hotstuff::View;

// How much one turn takes before it lets the network's other tasks run.
constexpr size_t kTurnMessages = 256;
constexpr size_t kTurnBytes = 8 << 20;
constexpr size_t kEncodedProposals = 8;
// How long a late timer waits for what the network has not handed over yet.
constexpr std::chrono::milliseconds kStallPause{5};

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

// Of an epoch and view that the sender takes part in; commands belong to any.
struct Stamp {
  std::optional<Epoch> epoch;
  View view;
};
Stamp StampOf(const Message& message) {
  return std::visit(Overloaded{[](const hotstuff::Proposal& body) {
                                 return Stamp{body.block->header().epoch, body.block->view()};
                               },
                               [](const hotstuff::Vote& body) {
                                 return Stamp{body.epoch, body.view};
                               },
                               [](const hotstuff::Timeout& body) {
                                 return Stamp{body.epoch, body.view};
                               },
                               [](const hotstuff::Advance& body) {
                                 return Stamp{body.high_qc->epoch(), body.high_qc->view()};
                               },
                               [](const hotstuff::BlockRequest& body) {
                                 return Stamp{body.epoch, View()};
                               },
                               [](const hotstuff::BlockResponse& body) {
                                 return Stamp{body.epoch, View()};
                               },
                               [](const hotstuff::CommandBatch&) { return Stamp{}; }},
                    message);
}

}  // namespace

ReplicaDriver::ReplicaDriver(const Parts& parts, const DriverOptions& options, DriverEvents events)
    : parts_(parts), options_(options), events_(std::move(events)) {}

absl::StatusOr<std::unique_ptr<ReplicaDriver>> ReplicaDriver::Start(const Parts& parts,
                                                                    const DriverOptions& options,
                                                                    DriverEvents events) {
  std::unique_ptr<ReplicaDriver> driver(new ReplicaDriver(parts, options, std::move(events)));
  GROAT_RETURN_IF_ERROR(driver->Begin());
  return driver;
}

hotstuff::Now ReplicaDriver::Now() const {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
      parts_.executor.Now().time_since_epoch());
  return {static_cast<uint64_t>(since.count()),
          static_cast<uint64_t>(std::max<int64_t>(0, parts_.executor.WallClockUs()))};
}

void ReplicaDriver::ScheduleTurn() {
  if (std::exchange(turn_scheduled_, true)) return;
  parts_.executor.Post([this] { Turn(); });
}

void ReplicaDriver::Turn() {
  turn_scheduled_ = false;
  if (failed_) return;
  ReceiveTransfers();
  if (TakeMessages()) ScheduleTurn();  // What is left is not announced again.
  EndTurn();
}

bool ReplicaDriver::TakeMessages() {
  size_t bytes = 0;
  for (size_t i = 0; i < kTurnMessages && bytes < kTurnBytes; ++i) {
    std::optional<ReplicaChannels::Incoming> incoming = channels_->Poll();
    if (!incoming.has_value()) return false;
    bytes += incoming->encoded.size();
    Receive(*std::move(incoming));
  }
  return true;
}

void ReplicaDriver::Receive(ReplicaChannels::Incoming incoming) {
  const Stamp stamp = StampOf(*incoming.message);
  if (TakeOtherEpoch(incoming, stamp.epoch)) return;
  const auto found = run_->indexes.find(incoming.from);
  if (found == run_->indexes.end()) return;  // A validator of another epoch.
  if (stamp.epoch == run_->epoch) {
    // Not verified: a view that this replica is not in yet counts only for now.
    View& heard = run_->heard[found->second.value()];
    heard = std::max(heard, std::min(stamp.view, run_->core->view().Next()));
  }
  MessagePtr message = incoming.message;
  NoteEncoded(*message, std::move(incoming.encoded));
  StepRun(run_, hotstuff::Received{found->second, std::move(message)});
}

void ReplicaDriver::NoteEncoded(const Message& message, Bytes encoded) {
  const auto* proposal = std::get_if<hotstuff::Proposal>(&message);
  if (proposal == nullptr) return;
  encoded.erase(encoded.begin(), encoded.begin() + hotstuff::kProposalPrefixBytes);
  encoded_.emplace_back(proposal->block->id(), std::make_shared<const Bytes>(std::move(encoded)));
  if (encoded_.size() > kEncodedProposals) encoded_.pop_front();
}

std::vector<hotstuff::SubmitVerdict> ReplicaDriver::Submit(
    std::vector<hotstuff::Command> commands) {
  if (failed_) return {};
  hotstuff::Effects effects = run_->core->Step(hotstuff::Submitted{std::move(commands)}, Now());
  std::vector<hotstuff::SubmitVerdict> verdicts = std::move(effects.verdicts);
  // While a snapshot is installed the core only keeps commands for the next one.
  if (installing_ == nullptr) Gather(run_, std::move(effects));
  EndTurn();
  return verdicts;
}

// Commands that came late; other replicas hand on what is theirs.
void ReplicaDriver::HandOverCommands(const Run& ended) {
  hotstuff::Submitted submitted;
  if (is_validator()) submitted.commands = ended.core->OwnCommands();
  std::vector<hotstuff::CommandKey> keys;
  for (const hotstuff::Command& command : submitted.commands) keys.push_back(command.key);
  hotstuff::Effects effects = run_->core->Step(submitted, Now());
  const std::vector<hotstuff::SubmitVerdict> verdicts = std::move(effects.verdicts);
  Gather(run_, std::move(effects));
  past_.Add(ended.core->counters());
  if (events_.handed_over) events_.handed_over(keys, verdicts);
}

hotstuff::Counters ReplicaDriver::counters() const {
  hotstuff::Counters total = past_;
  total.Add(run_->core->counters());
  return total;
}

void ReplicaDriver::StepRun(const std::shared_ptr<Run>& run, const hotstuff::Event& event) {
  // What another core had checked, or what this one would say beside an installation, is void.
  if (failed_ || installing_ != nullptr || run != run_) return;
  Gather(run, run->core->Step(event, Now()));
}

void ReplicaDriver::Gather(const std::shared_ptr<Run>& run, hotstuff::Effects effects) {
  const bool current = !held_.turn.handover.has_value();
  if (current) wake_ms_ = effects.wake_at_ms;
  for (const hotstuff::Send& send : effects.sends) SendOut(*run, send);
  for (hotstuff::Job& job : effects.jobs) StartJob(run, std::move(job));
  for (hotstuff::ServeBlocks& serve : effects.serve) Serve(run, std::move(serve));
  if (effects.fetch.has_value()) catch_up_->Fetch(*effects.fetch);
  if (effects.needs_snapshot.has_value()) {
    if (events_.blocks_missing) events_.blocks_missing(*effects.needs_snapshot);
    catch_up_->Step(hotstuff::BlocksMissing());
  }
  GatherEvidence(run->core->evidence());
  if (!current) return;
  if (effects.persist.has_value()) {
    held_.turn.safety = std::move(effects.persist->state);
    for (BlockPtr& block : effects.persist->blocks) {
      const auto known = std::find_if(encoded_.begin(), encoded_.end(), [&](const auto& entry) {
        return entry.first == block->id();
      });
      held_.turn.blocks.push_back(
          {std::move(block), known == encoded_.end() ? nullptr : known->second});
    }
  }
  GatherCommits(effects);
  if (effects.epoch_end.has_value()) GatherEpochEnd(*effects.epoch_end);
}

void ReplicaDriver::GatherEvidence(const hotstuff::EvidenceLog& log) {
  const uint64_t found = std::min<uint64_t>(log.total() - noted_evidence_, log.list().size());
  noted_evidence_ = log.total();
  for (size_t i = log.list().size() - found; i < log.list().size(); ++i) {
    held_.turn.evidence.push_back(log.list()[i]);
    if (events_.found_evidence) events_.found_evidence(log.list()[i]);
  }
}

void ReplicaDriver::GatherCommits(hotstuff::Effects& effects) {
  if (effects.commits.empty()) return;
  const CommittedBlock last = effects.commits.back();
  for (CommittedBlock& committed : effects.commits) {
    commands_since_snapshot_ += committed.fresh.size();
    held_.turn.commits.push_back(std::move(committed));
  }
  for (hotstuff::Snapshot& snapshot : effects.snapshots) {
    held_.snapshots.push_back(std::move(snapshot));
    commands_since_snapshot_ = 0;
  }
  const hotstuff::Core& core = *run_->core;
  held_.turn.schedule = core.committed_schedule();
  held_.turn.change = core.committed_change();
  if (effects.commit_proof.has_value()) {
    KeepSnapshot(last, *effects.commit_proof);
    held_.turn.proofs.push_back({last.block->height(), *std::move(effects.commit_proof)});
  }
}

void ReplicaDriver::GatherEpochEnd(const hotstuff::EpochEnd& end) {
  held_.turn.handover = end.proof;
  // What was signed before the memory was lost may belong to the next epoch too.
  if (parts_.store.RemembersEpochAfter(end.last->header())) {
    held_.turn.safety = FirstSafety(run_->epoch.Next(), end.last->id());
  } else {
    held_.turn.safety.reset();
  }
  epoch_last_ = end.last;
}

void ReplicaDriver::SendOut(const Run& run, const hotstuff::Send& send) {
  Letter letter{LaneOf(*send.message), {}, hotstuff::EncodeMessage(*send.message)};
  if (!send.to.has_value()) {
    letter.to = run.others;
  } else {
    letter.to = {run.validators[send.to->value()].key};
  }
  if (letter.lane == Lane::kProposals) NoteEncoded(*send.message, letter.encoded);
  if (hotstuff::NeedsRecord(*send.message, run.proposal_limit)) {
    held_.letters.push_back(std::move(letter));
  } else {
    channels_->Send(letter.lane, letter.to, letter.encoded);
  }
}

void ReplicaDriver::StartJob(const std::shared_ptr<Run>& run, hotstuff::Job job) {
  struct Work {
    hotstuff::Job job;
    hotstuff::JobResult result;
  };
  const auto work = std::make_shared<Work>(Work{std::move(job), {}});
  const p2p::Instant began = parts_.executor.Now();
  parts_.workers.Run(
      [run, work] { work->result = hotstuff::RunJob(work->job, run->core->verifier()); },
      [this, run, work, began] {
        if (events_.assembled && std::holds_alternative<hotstuff::AssembleJob>(work->job)) {
          events_.assembled(parts_.executor.Now() - began);
        }
        StepRun(run, hotstuff::JobDone{std::move(work->result)});
        EndTurn();
      });
}

void ReplicaDriver::Serve(const std::shared_ptr<Run>& run, hotstuff::ServeBlocks serve) {
  const p2p::PeerId to = run->validators[serve.to.value()].key;
  parts_.archive.Run(
      [this, to, epoch = run->epoch, serve = std::move(serve)] {
        const Message response = ReadBlocks(parts_.store, epoch, serve.from, serve.tail);
        channels_->Send(Lane::kBlocks, {&to, 1}, hotstuff::EncodeMessage(response));
      },
      [] {});
}

void ReplicaDriver::EndTurn() {
  if (failed_ || installing_ != nullptr) return;
  if (!is_writing_) WriteOut();
  SetTimer();
}

void ReplicaDriver::WriteOut() {
  if (held_.empty()) return;
  writing_ = std::exchange(held_, Held());
  if (writing_.turn.empty()) return Written(absl::OkStatus());
  is_writing_ = true;
  ++writes_;
  parts_.disk.Run([this] { written_ = parts_.store.Write(writing_.turn); },
                  [this] {
                    is_writing_ = false;
                    Written(written_);
                    if (installing_ != nullptr) return WriteInstallation();
                    EndTurn();
                  });
}

void ReplicaDriver::Written(const absl::Status& status) {
  if (!status.ok()) return Fail(status);
  Held written = std::exchange(writing_, Held());
  if (written.turn.safety.has_value()) {
    run_->proposal_limit = hotstuff::ProposalLimit(*written.turn.safety);
  }
  for (const Letter& letter : written.letters) {
    channels_->Send(letter.lane, letter.to, letter.encoded);
  }
  if (!written.turn.commits.empty()) {
    if (events_.committed) events_.committed(written.turn.commits);
    catch_up_->Step(hotstuff::Committed{written.turn.commits.back().block->height()});
  }
  Archive(std::move(written.snapshots));
  if (written.turn.handover.has_value()) StartNextEpoch(written.turn);
}

void ReplicaDriver::SetTimer() {
  if (wake_ms_ == timer_ms_) return;
  if (timer_ms_ != hotstuff::kNever) parts_.executor.Cancel(timer_);
  timer_ms_ = wake_ms_;
  if (wake_ms_ == hotstuff::kNever) return;
  timer_ = parts_.executor.PostAt(
      p2p::Instant(std::chrono::milliseconds(static_cast<int64_t>(wake_ms_))),
      [this] { OnTimer(); });
}

void ReplicaDriver::OnTimer() {
  if (failed_) return;
  const uint64_t late_ms = Now().monotonic_ms - std::min(Now().monotonic_ms, timer_ms_);
  // This process had no time, or the machine slept: what the others sent meanwhile is taken before
  // a view is given up.
  if (late_ms > parts_.genesis.base_timeout_ms / 4 && !std::exchange(was_late_, true)) {
    timer_ = parts_.executor.PostAfter(kStallPause, [this] { OnTimer(); });
    return;
  }
  was_late_ = false;
  timer_ms_ = hotstuff::kNever;
  if (TakeMessages()) ScheduleTurn();
  StepRun(run_, hotstuff::Tick());
  EndTurn();
}

void ReplicaDriver::Stop() {
  failed_ = true;
  parts_.executor.Cancel(timer_);
  catch_up_->Stop();
}

void ReplicaDriver::Fail(const absl::Status& status) {
  failed_ = true;
  if (events_.fatal) events_.fatal(status);
}

}  // namespace groat::consensus_service
