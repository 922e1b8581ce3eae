// How a driver starts a core: at the start, in the next epoch, from a snapshot of others.
#include <algorithm>
#include <set>

#include "base/status_macros.h"
#include "services/consensus/replica_driver.h"

namespace groat::consensus_service {
namespace {

using hotstuff::ReplicaIndex;
using hotstuff::Restored;

constexpr uint64_t kPeerSet = 1;
// Messages about transfers that one turn takes; an answer may have a mebibyte.
constexpr size_t kTurnTransfers = 16;
// A start reads at most so many commands behind the newest snapshot, even if the interval of
// snapshots is long: what a table of clients costs to write is what reading those commands costs.
constexpr size_t kUnkeptCommands = 200'000;
constexpr size_t kUnkeptCommandsPerClient = 64;

}  // namespace

absl::Status ReplicaDriver::Begin() {
  GROAT_ASSIGN_OR_RETURN(channels_,
                         ReplicaChannels::Register(parts_.network, parts_.genesis.block));
  GROAT_ASSIGN_OR_RETURN(BlockStore::Loaded loaded, LoadStore());
  GROAT_ASSIGN_OR_RETURN(
      run_, MakeRun(loaded.epoch, std::move(loaded.validators), std::move(loaded.restored)));
  noted_evidence_ = run_->core->evidence().total();
  server_.emplace(TransferServer::Parts{parts_.store, *channels_, parts_.executor, parts_.archive});
  CatchUp::Events events;
  events.epoch_over = [this](const hotstuff::HandoverProof& proof) {
    StepRun(run_, hotstuff::EpochOver{proof});
    EndTurn();
  };
  events.install = [this](hotstuff::Installation install) { Install(std::move(install)); };
  events.peers_changed = [this] {
    if (const absl::Status status = AuthorizePeers(); !status.ok()) Fail(status);
  };
  catch_up_.emplace(
      CatchUp::Parts{parts_.genesis, *channels_, parts_.executor, parts_.workers},
      hotstuff::StateTransfer(parts_.genesis, parts_.self, options_.named_peers, options_.transfer),
      std::move(events));
  GROAT_RETURN_IF_ERROR(AuthorizePeers());
  channels_->OnReady([this] { ScheduleTurn(); });
  parts_.executor.Post([this] {
    EnteredEpoch();
    StepRun(run_, hotstuff::Tick());
    EndTurn();
  });
  return absl::OkStatus();
}

absl::StatusOr<BlockStore::Loaded> ReplicaDriver::LoadStore() {
  if (options_.memory_lost) GROAT_RETURN_IF_ERROR(parts_.store.MarkMemoryLost(Now().wall_us));
  GROAT_ASSIGN_OR_RETURN(BlockStore::Loaded loaded, parts_.store.Load());
  Restored& restored = loaded.restored;
  began_empty_ = restored.memory == Restored::Memory::kFirstStart;
  if (began_empty_ && !options_.first_start) restored.memory = Restored::Memory::kLost;
  if (restored.memory == Restored::Memory::kLost &&
      parts_.store.RemembersEpochAfter(parts_.genesis.Block0()->header())) {
    // Found out here: the record is missing, or the whole folder.
    GROAT_RETURN_IF_ERROR(parts_.store.MarkMemoryLost(Now().wall_us));
  }
  if (restored.memory == Restored::Memory::kFirstStart) {
    // Written before anything else, so that blocks without a record always mean that it is lost.
    StoreTurn first;
    first.safety = FirstSafety(loaded.epoch, parts_.genesis.Block0()->id());
    GROAT_RETURN_IF_ERROR(parts_.store.Write(first));
    restored.memory = Restored::Memory::kKept;
    restored.safety = std::move(first.safety);
  }
  return loaded;
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
                                    options_.core};
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

// Those of the epoch before may be behind, those of the next one begin to catch up, and whoever
// this replica learned of may serve it.
absl::Status ReplicaDriver::AuthorizePeers() {
  std::set<p2p::PeerId> peers;
  if (run_->epoch != Epoch(0)) {
    GROAT_ASSIGN_OR_RETURN(const std::vector<hotstuff::Validator> before,
                           parts_.store.ValidatorsOf(run_->epoch.Previous()));
    for (const hotstuff::Validator& validator : before) peers.insert(validator.key);
  }
  for (const hotstuff::Validator& validator : run_->validators) peers.insert(validator.key);
  ordered_change_ = run_->core->committed_change();
  if (ordered_change_ != nullptr) {
    for (const hotstuff::Validator& validator : ordered_change_->change.validators) {
      peers.insert(validator.key);
    }
  }
  for (const p2p::PeerId& peer : transfer().peers()) peers.insert(peer);
  server_->KeepPeers(peers);
  return parts_.network.SetPeers(kPeerSet, {peers.begin(), peers.end()});
}

void ReplicaDriver::ReceiveTransfers() {
  for (size_t i = 0; i < kTurnTransfers; ++i) {
    std::optional<ReplicaChannels::IncomingTransfer> incoming = channels_->PollTransfer();
    if (!incoming.has_value()) return;
    if (server_->Answer(incoming->from, incoming->message, run_->epoch)) continue;
    catch_up_->Step(hotstuff::Answer{incoming->from, std::move(incoming->message)});
  }
  ScheduleTurn();  // What is left is not announced again.
}

bool ReplicaDriver::TakeOtherEpoch(const ReplicaChannels::Incoming& incoming,
                                   std::optional<Epoch> epoch) {
  if (const auto* response = std::get_if<hotstuff::BlockResponse>(incoming.message.get());
      response != nullptr && epoch == run_->epoch && catch_up_->TakeFetched(incoming.from)) {
    StepRun(run_, hotstuff::Fetched{*response});
    return true;
  }
  const auto* request = std::get_if<hotstuff::BlockRequest>(incoming.message.get());
  if (request != nullptr && !run_->indexes.contains(incoming.from)) {
    server_->Answer(incoming.from, *request);  // Of who was a validator, or will be one.
    return true;
  }
  if (!epoch.has_value() || epoch == run_->epoch) return false;
  if (epoch > run_->epoch) {
    catch_up_->Step(hotstuff::HeardOf{incoming.from, *epoch});
  } else if (request != nullptr) {
    server_->Answer(incoming.from, *request);
  } else {
    server_->TellStale(incoming.from, run_->epoch);
  }
  return true;
}

void ReplicaDriver::StartNextEpoch(const StoreTurn& turn) {
  const hotstuff::ValidatorChange& change = turn.handover->approved.change;
  Restored restored;
  restored.memory = turn.safety.has_value() ? Restored::Memory::kKept : Restored::Memory::kLost;
  restored.safety = turn.safety;
  restored.root = std::exchange(epoch_last_, nullptr);
  restored.clients = run_->core->clients();
  restored.evidence = run_->core->evidence();
  auto next = MakeRun(change.next, change.validators, std::move(restored));
  if (!next.ok()) return Fail(next.status());
  Replace(*std::move(next));
}

void ReplicaDriver::Replace(std::shared_ptr<Run> run) {
  const std::shared_ptr<Run> ended = std::exchange(run_, std::move(run));
  DropHeld();
  if (const absl::Status status = AuthorizePeers(); !status.ok()) return Fail(status);
  if (events_.entered_epoch && ended->epoch != run_->epoch) events_.entered_epoch(run_->epoch);
  EnteredEpoch();
  HandOverCommands(*ended);
}

// The core before has nothing more to say that must be durable first, but for what it found.
void ReplicaDriver::DropHeld() {
  std::vector<hotstuff::Evidence> evidence = std::move(held_.turn.evidence);
  held_ = Held();
  held_.turn.evidence = std::move(evidence);
}

void ReplicaDriver::EnteredEpoch() {
  catch_up_->Step(
      hotstuff::EnteredEpoch{run_->epoch, run_->core->status().committed_height, run_->validators});
}

// Between the heights that all agree on a replica keeps snapshots for itself, so that a restart
// does not read too much.
void ReplicaDriver::KeepSnapshot(const hotstuff::CommittedBlock& last,
                                 const hotstuff::CommitProof& proof) {
  const hotstuff::Core& core = *run_->core;
  if (core.committed_change() != ordered_change_) {
    if (const absl::Status status = AuthorizePeers(); !status.ok()) return Fail(status);
  }
  const size_t most = kUnkeptCommands + kUnkeptCommandsPerClient * core.clients().size();
  if (commands_since_snapshot_ < most || archiving_ > 0) return;
  commands_since_snapshot_ = 0;
  held_.snapshots.push_back({last.block, last.certificate, last.fresh, core.committed_schedule(),
                             core.committed_change(), core.clients(), proof});
}

void ReplicaDriver::Archive(std::vector<hotstuff::Snapshot> snapshots) {
  for (hotstuff::Snapshot& one : snapshots) {
    ++archiving_;
    const auto snapshot = std::make_shared<const hotstuff::Snapshot>(std::move(one));
    const auto status = std::make_shared<absl::Status>();
    parts_.archive.Run(
        [this, snapshot, status] {
          *status = parts_.store.snapshots().Save(*snapshot);
          if (status->ok()) *status = parts_.store.Prune(options_.keep_blocks);
        },
        [this, status] {
          --archiving_;
          if (!status->ok()) Fail(*status);
        });
  }
}

void ReplicaDriver::Install(hotstuff::Installation install) {
  if (failed_ || installing_ != nullptr) return;
  installing_ = std::make_shared<const hotstuff::Installation>(std::move(install));
  DropHeld();
  wake_ms_ = hotstuff::kNever;
  SetTimer();
  if (!is_writing_) WriteInstallation();
}

void ReplicaDriver::WriteInstallation() {
  if (failed_) return;
  const hotstuff::Installation& install = *installing_;
  if (install.head.manifest.height <= parts_.store.last()) {
    // The blocks came first.
    installing_ = nullptr;
    EnteredEpoch();
    StepRun(run_, hotstuff::Tick());
    return EndTurn();
  }
  std::optional<hotstuff::SafetyState> safety;
  if (!install.handovers.empty()) {
    const hotstuff::BlockHeader& root = install.handovers.back().commit.headers.front();
    const Epoch epoch = install.head.block->header().epoch;
    if (parts_.store.RemembersEpochAfter(root)) safety = FirstSafety(epoch, root.Id());
  }
  const auto loaded =
      std::make_shared<absl::StatusOr<BlockStore::Loaded>>(absl::UnknownError("not installed"));
  parts_.archive.Run(
      [this, loaded, installing = installing_, safety = std::move(safety)] {
        const absl::Status status = parts_.store.Install(*installing, safety);
        if (status.ok()) {
          *loaded = parts_.store.Load();
        } else {
          *loaded = status;
        }
      },
      [this, loaded] { Installed(std::move(*loaded)); });
}

void ReplicaDriver::Installed(absl::StatusOr<BlockStore::Loaded> loaded) {
  const Height height = installing_->head.manifest.height;
  installing_ = nullptr;
  if (!loaded.ok()) return Fail(loaded.status());
  loaded->restored.evidence = run_->core->evidence();  // Some of it may not be written yet.
  auto run = MakeRun(loaded->epoch, std::move(loaded->validators), std::move(loaded->restored));
  if (!run.ok()) return Fail(run.status());
  ++installed_snapshots_;
  commands_since_snapshot_ = 0;
  Replace(*std::move(run));
  if (failed_) return;
  if (events_.installed) events_.installed(height);
  StepRun(run_, hotstuff::Tick());
  EndTurn();
}

}  // namespace groat::consensus_service
