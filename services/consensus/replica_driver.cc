#include "services/consensus/replica_driver.h"

#include <algorithm>
#include <set>

#include "base/status_macros.h"

namespace groat::consensus_service {
namespace {

using hotstuff::BlockPtr;
using hotstuff::CommittedBlock;
using hotstuff::Message;
using hotstuff::MessagePtr;
using hotstuff::ReplicaIndex;
using hotstuff::Restored;
using hotstuff::View;

// How much one turn takes before it lets the network's other tasks run.
constexpr size_t kTurnMessages = 256;
constexpr size_t kTurnBytes = 8 << 20;
// A start reads at most so much behind the last client table.
constexpr size_t kTableCommands = 200'000;
constexpr size_t kTableCommandsPerClient = 64;
constexpr size_t kTableBlocks = 10'000;
constexpr size_t kEncodedProposals = 8;
constexpr uint64_t kPeerSet = 1;

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

// What a record of ours need not be durable for.
bool MayLeaveAtOnce(const Message& message) {
  return std::holds_alternative<hotstuff::CommandBatch>(message) ||
         std::holds_alternative<hotstuff::BlockRequest>(message) ||
         std::holds_alternative<hotstuff::BlockResponse>(message);
}

// The stored blocks from `serve.from` on, then what follows without a gap of its tail.
hotstuff::BlockResponse ReadBlocks(const BlockStore& store, Epoch epoch,
                                   const hotstuff::ServeBlocks& serve) {
  std::vector<CommittedBlock> blocks;
  size_t bytes = 0;
  Height next = serve.from;
  const Height last = store.last();
  while (next <= last && blocks.size() < hotstuff::kMaxResponseBlocks &&
         bytes < hotstuff::kMaxResponseBytes) {
    absl::StatusOr<CommittedBlock> block = store.CommittedAt(next);
    if (!block.ok()) break;  // Damage is found, and told, where our own service reads it.
    bytes += hotstuff::EncodedSize(block->block->commands());
    blocks.push_back(*std::move(block));
    next = next.Next();
  }
  if (next > last) {
    for (const CommittedBlock& block : serve.tail) {
      if (block.block->height() != next) continue;
      blocks.push_back(block);
      next = next.Next();
    }
  }
  return hotstuff::MakeResponse(epoch, blocks, Height(0));
}

}  // namespace

ReplicaDriver::ReplicaDriver(const Parts& parts, const hotstuff::CoreOptions& options,
                             DriverEvents events)
    : parts_(parts), options_(options), events_(std::move(events)) {}

absl::StatusOr<std::unique_ptr<ReplicaDriver>> ReplicaDriver::Start(
    const Parts& parts, const hotstuff::CoreOptions& options, DriverEvents events) {
  std::unique_ptr<ReplicaDriver> driver(new ReplicaDriver(parts, options, std::move(events)));
  GROAT_RETURN_IF_ERROR(driver->Begin());
  return driver;
}

absl::Status ReplicaDriver::Begin() {
  GROAT_ASSIGN_OR_RETURN(channels_,
                         ReplicaChannels::Register(parts_.network, parts_.genesis.block));
  GROAT_ASSIGN_OR_RETURN(BlockStore::Loaded loaded, parts_.store.Load());
  Restored& restored = loaded.restored;
  if (restored.memory == Restored::Memory::kFirstStart) {
    // Written before anything else, so that blocks without a record always mean that it is lost.
    StoreTurn first;
    first.safety = FirstSafety(loaded.epoch, parts_.genesis.Block0()->id());
    GROAT_RETURN_IF_ERROR(parts_.store.Write(first));
    restored.memory = Restored::Memory::kKept;
    restored.safety = std::move(first.safety);
  }
  GROAT_ASSIGN_OR_RETURN(run_,
                         MakeRun(loaded.epoch, std::move(loaded.validators), std::move(restored)));
  GROAT_RETURN_IF_ERROR(AuthorizePeers());
  channels_->OnReady([this] { ScheduleTurn(); });
  parts_.executor.Post([this] {
    StepRun(run_, hotstuff::Tick());
    EndTurn();
  });
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<ReplicaDriver::Run>> ReplicaDriver::MakeRun(
    Epoch epoch, std::vector<hotstuff::Validator> validators, Restored restored) const {
  auto run = std::make_shared<Run>();
  run->epoch = epoch;
  run->validators = std::move(validators);
  run->self = ReplicaIndex(static_cast<uint16_t>(run->validators.size()));
  for (size_t i = 0; i < run->validators.size(); ++i) {
    const ReplicaIndex index(static_cast<uint16_t>(i));
    const p2p::PeerId& key = run->validators[i].key;
    run->indexes[key] = index;
    if (key == parts_.self) {
      run->self = index;
    } else {
      run->others.push_back(key);
    }
  }
  run->heard.resize(run->validators.size());
  GROAT_ASSIGN_OR_RETURN(run->scheme,
                         hotstuff::MakeScheme(run->validators, parts_.genesis.certificates));
  const hotstuff::CoreConfig config{parts_.genesis, epoch, run->validators.size(), run->self,
                                    options_};
  GROAT_ASSIGN_OR_RETURN(run->core,
                         hotstuff::Core::Create(config, run->scheme.get(), &parts_.signer,
                                                std::move(restored), Now()));
  return run;
}

hotstuff::SafetyState ReplicaDriver::FirstSafety(Epoch epoch, const hotstuff::BlockId& root) const {
  hotstuff::SafetyState safety;
  safety.chain = parts_.genesis.Chain();
  safety.epoch = epoch;
  safety.high_qc = safety.lock = hotstuff::QuorumCertificate::MakeRoot(epoch, root);
  return safety;
}

absl::Status ReplicaDriver::AuthorizePeers() {
  std::set<p2p::PeerId> peers;
  for (const std::shared_ptr<Run>& run : {run_, previous_}) {
    if (run == nullptr) continue;
    for (const hotstuff::Validator& validator : run->validators) peers.insert(validator.key);
  }
  return parts_.network.SetPeers(kPeerSet, {peers.begin(), peers.end()});
}

hotstuff::Now ReplicaDriver::Now() const {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
      parts_.executor.Now().time_since_epoch());
  return {static_cast<uint64_t>(since.count()),
          static_cast<uint64_t>(std::max<int64_t>(0, parts_.executor.WallClockMs()))};
}

void ReplicaDriver::ScheduleTurn() {
  if (std::exchange(turn_scheduled_, true)) return;
  parts_.executor.Post([this] { Turn(); });
}

void ReplicaDriver::Turn() {
  turn_scheduled_ = false;
  if (failed_) return;
  size_t bytes = 0;
  for (size_t i = 0; i < kTurnMessages && bytes < kTurnBytes; ++i) {
    std::optional<ReplicaChannels::Incoming> incoming = channels_->Poll();
    if (!incoming.has_value()) return EndTurn();
    bytes += incoming->encoded.size();
    Receive(*std::move(incoming));
  }
  ScheduleTurn();  // What is left is not announced again.
  EndTurn();
}

void ReplicaDriver::Receive(ReplicaChannels::Incoming incoming) {
  const Stamp stamp = StampOf(*incoming.message);
  const bool of_previous = previous_ != nullptr && stamp.epoch == previous_->epoch;
  const std::shared_ptr<Run> run = of_previous ? previous_ : run_;
  const auto found = run->indexes.find(incoming.from);
  if (found == run->indexes.end()) return;  // A validator of the other epoch only.
  if (stamp.epoch == run->epoch) {
    View& heard = run->heard[found->second.value()];
    heard = std::max(heard, stamp.view);
  }
  MessagePtr message = incoming.message;
  NoteEncoded(*message, std::move(incoming.encoded));
  StepRun(run, hotstuff::Received{found->second, std::move(message)});
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
  Gather(run_, std::move(effects));
  EndTurn();
  return verdicts;
}

void ReplicaDriver::StepRun(const std::shared_ptr<Run>& run, const hotstuff::Event& event) {
  if (failed_) return;
  Gather(run, run->core->Step(event, Now()));
}

void ReplicaDriver::Gather(const std::shared_ptr<Run>& run, hotstuff::Effects effects) {
  const bool current = run == run_ && !held_.turn.handover.has_value();
  if (current) wake_ms_ = effects.wake_at_ms;
  for (const hotstuff::Send& send : effects.sends) SendOut(*run, send);
  for (hotstuff::Job& job : effects.jobs) StartJob(run, std::move(job));
  for (hotstuff::ServeBlocks& serve : effects.serve) Serve(run, std::move(serve));
  if (effects.needs_snapshot.has_value() && events_.needs_snapshot) {
    events_.needs_snapshot(*effects.needs_snapshot);
  }
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

void ReplicaDriver::GatherCommits(hotstuff::Effects& effects) {
  if (effects.commits.empty()) return;
  const Height last = effects.commits.back().block->height();
  for (CommittedBlock& committed : effects.commits) {
    commands_since_table_ += committed.fresh.size();
    ++blocks_since_table_;
    held_.turn.commits.push_back(std::move(committed));
  }
  if (effects.commit_proof.has_value()) {
    held_.turn.proofs.push_back({last, *std::move(effects.commit_proof)});
  }
  const hotstuff::Core& core = *run_->core;
  held_.turn.schedule = core.committed_schedule();
  held_.turn.change = core.committed_change();
  if (blocks_since_table_ >= kTableBlocks ||
      commands_since_table_ >= kTableCommands + kTableCommandsPerClient * core.clients().size()) {
    held_.turn.clients.emplace(last, core.clients());
    blocks_since_table_ = commands_since_table_ = 0;
  }
}

void ReplicaDriver::GatherEpochEnd(const hotstuff::EpochEnd& end) {
  held_.turn.handover = end.proof;
  held_.turn.clients.emplace(end.last->height(), run_->core->clients());
  held_.turn.safety = FirstSafety(run_->epoch.Next(), end.last->id());
}

void ReplicaDriver::SendOut(const Run& run, const hotstuff::Send& send) {
  Letter letter{LaneOf(*send.message), {}, hotstuff::EncodeMessage(*send.message)};
  if (!send.to.has_value()) {
    letter.to = run.others;
  } else {
    letter.to = {run.validators[send.to->value()].key};
  }
  if (letter.lane == Lane::kProposals) NoteEncoded(*send.message, letter.encoded);
  if (MayLeaveAtOnce(*send.message)) {
    channels_->Send(letter.lane, letter.to, letter.encoded);
  } else {
    held_.letters.push_back(std::move(letter));
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
  parts_.workers.Run(
      [this, to, epoch = run->epoch, serve = std::move(serve)] {
        const Message response = ReadBlocks(parts_.store, epoch, serve);
        channels_->Send(Lane::kBlocks, {&to, 1}, hotstuff::EncodeMessage(response));
      },
      [] {});
}

void ReplicaDriver::EndTurn() {
  if (failed_) return;
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
                    EndTurn();
                  });
}

void ReplicaDriver::Written(const absl::Status& status) {
  if (!status.ok()) return Fail(status);
  const Held written = std::exchange(writing_, Held());
  for (const Letter& letter : written.letters) {
    channels_->Send(letter.lane, letter.to, letter.encoded);
  }
  if (!written.turn.commits.empty() && events_.committed) events_.committed(written.turn.commits);
  if (written.turn.handover.has_value()) StartNextEpoch(written.turn);
}

void ReplicaDriver::StartNextEpoch(const StoreTurn& turn) {
  const hotstuff::ValidatorChange& change = turn.handover->approved.change;
  Restored restored;
  restored.memory = Restored::Memory::kKept;
  restored.safety = turn.safety;
  restored.root = turn.commits.back().block;
  restored.clients = run_->core->clients();
  auto next = MakeRun(change.next, change.validators, std::move(restored));
  if (!next.ok()) return Fail(next.status());
  previous_ = std::exchange(run_, *std::move(next));
  held_ = Held();  // The ended epoch has nothing more to say that must be durable first.
  if (const absl::Status status = AuthorizePeers(); !status.ok()) return Fail(status);
  // Its blocks have no room for what came late; the others' replicas hand on their own.
  StepRun(run_, hotstuff::Submitted{previous_->core->OwnCommands()});
}

void ReplicaDriver::SetTimer() {
  if (wake_ms_ == timer_ms_) return;
  if (timer_ms_ != hotstuff::kNever) parts_.executor.Cancel(timer_);
  timer_ms_ = wake_ms_;
  if (wake_ms_ == hotstuff::kNever) return;
  timer_ = parts_.executor.PostAt(
      p2p::Instant(std::chrono::milliseconds(static_cast<int64_t>(wake_ms_))), [this] {
        timer_ms_ = hotstuff::kNever;
        StepRun(run_, hotstuff::Tick());
        EndTurn();
      });
}

void ReplicaDriver::Fail(const absl::Status& status) {
  failed_ = true;
  if (events_.fatal) events_.fatal(status);
}

}  // namespace groat::consensus_service
