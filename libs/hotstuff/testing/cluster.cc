#include "hotstuff/testing/cluster.h"

#include <algorithm>

#include "base/check.h"
#include "hotstuff/testing/adversary.h"
#include "hotstuff/testing/defect_injector.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"

namespace groat::hotstuff::testing {
namespace {

constexpr uint64_t kGenesisUs = 1'700'000'000'000'000;
constexpr int64_t kHourMs = 3'600'000;

Genesis MakeGenesis(const ClusterConfig& config) {
  Genesis genesis;
  genesis.name = "simulation";
  genesis.timestamp_us = kGenesisUs;
  genesis.rules = config.rules;
  genesis.votes = config.votes;
  genesis.block = config.block;
  genesis.base_timeout_ms = config.base_timeout_ms;
  genesis.max_clock_drift_ms = config.max_clock_drift_ms;
  genesis.max_clients = 1024;
  genesis.validators = MockValidators(config.n);
  return genesis;
}

std::unique_ptr<const CommitRule> MakeRule(RuleSet rules) {
  if (rules == RuleSet::kTwoChain) return std::make_unique<TwoChain>();
  return std::make_unique<ThreeChain>();
}

}  // namespace

Cluster::Cluster(const ClusterConfig& config)
    : config_(config),
      genesis_(MakeGenesis(config)),
      rule_(MakeRule(config.rules)),
      random_(config.seed),
      checker_(genesis_, config.n, config.max_skew_ms * 1000) {
  GROAT_CHECK(config.twins == 0 || config.spares == 0);
  std::vector<std::vector<size_t>> validators(config.n);
  for (size_t i = 0; i < config.n + config.twins; ++i) validators[i % config.n].push_back(i);
  AddEpoch(Epoch(0), std::move(validators));
  for (size_t i = 0; i < config.n + config.twins + config.spares; ++i) {
    auto node = std::make_unique<Node>();
    node->number = i;
    node->index =
        ReplicaIndex(static_cast<uint16_t>(i < config.n + config.spares ? i : i - config.n));
    node->is_twin = config.twins != 0 && (i >= config.n || i < config.twins);
    const auto behaviour = config.behaviours.find(i);
    if (behaviour != config.behaviours.end()) node->behaviour = behaviour->second;
    node->signer = std::make_unique<MockSigner>(node->index);
    if (node->behaviour == Behaviour::kLateLeader) {
      node->late_leader = std::make_unique<LateLeader>(node->index, genesis_, *rule_);
    }
    node->skew_ms = ChooseSkewMs(node->behaviour);
    nodes_.push_back(std::move(node));
  }
  for (const auto& node : nodes_) {
    node->is_spare = node->index.value() >= config.n;
    if (!node->is_spare) Start(*node, Restore(*node));
  }
}

Cluster::~Cluster() = default;

void Cluster::AddEpoch(Epoch epoch, std::vector<std::vector<size_t>> nodes) {
  EpochSet set;
  set.scheme = std::make_unique<MockScheme>(nodes.size());
  set.verifier = {genesis_.Chain(), epoch, nodes.size(), set.scheme.get()};
  set.nodes = std::move(nodes);
  epochs_.push_back(std::move(set));
}

bool Cluster::IsHonest(size_t node) const {
  return nodes_[node]->behaviour == Behaviour::kHonest && !nodes_[node]->is_twin;
}

uint64_t Cluster::HighestView() const {
  uint64_t highest = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (IsUp(i) && IsHonest(i)) highest = std::max(highest, core(i).status().view.value());
  }
  return highest;
}

uint64_t Cluster::unix_us() const { return kGenesisUs + (1 + now_ms_) * 1000; }

int64_t Cluster::ChooseSkewMs(Behaviour behaviour) {
  if (behaviour == Behaviour::kWrongClock) return random_.Percent(50) ? kHourMs : -kHourMs;
  const uint64_t choice = random_.Below(2 * config_.max_skew_ms + 1);
  return static_cast<int64_t>(choice) - static_cast<int64_t>(config_.max_skew_ms);
}

Now Cluster::NowOf(const Node& node) const {
  const int64_t wall_us = static_cast<int64_t>(unix_us()) + node.skew_ms * 1000;
  return {now_ms_, static_cast<uint64_t>(wall_us)};
}

Restored Cluster::Restore(const Node& node) const {
  Restored restored;
  if (node.disk.safety.has_value() && !config_.forget_on_restart) {
    restored.memory = Restored::Memory::kKept;
    restored.safety = node.disk.safety;
  }
  const EpochSet& set = epochs_[node.epoch.value()];
  ClientTable clients(genesis_.max_clients);
  LeaderSchedule schedule;
  for (const auto& [block, certificate] : node.disk.committed) {
    for (const Command& command : block->commands()) {
      if (command.key.client != kChangeClient) clients.Commit(command.key);
    }
    restored.root = block;
    if (block->header().epoch != node.epoch) continue;
    schedule = schedule.Child(block->header(), *block->justify(), set.nodes.size(), *rule_);
    restored.root_certificate = certificate;
    restored.schedule = schedule;
    if (restored.change == nullptr) {
      restored.change = FindChange(block->commands(), block->height(), genesis_, set.verifier);
    }
  }
  restored.clients = std::move(clients);
  restored.blocks = node.disk.blocks;
  return restored;
}

void Cluster::Start(Node& node, Restored restored) {
  const EpochSet& set = epochs_[node.epoch.value()];
  CoreConfig config;
  config.genesis = genesis_;
  config.epoch = node.epoch;
  config.replicas = set.nodes.size();
  config.self = node.index;
  config.options = config_.options;
  absl::StatusOr<std::unique_ptr<Core>> core =
      Core::Create(config, set.scheme.get(), node.signer.get(), std::move(restored), NowOf(node));
  GROAT_CHECK_OK(core.status());
  node.core = *std::move(core);
  node.wake_ms = kNever;
  if (node.behaviour == Behaviour::kHonest) DefectInjector::Inject(*node.core, config_.defects);
  Step(node, Tick{});
}

void Cluster::Restart(size_t number) {
  Node& node = *nodes_[number];
  if (node.core != nullptr || node.is_spare) return;
  ++node.incarnation;
  Start(node, Restore(node));
}

// What a driver does at the end of an epoch; all of it is durable at once.
void Cluster::EnterNextEpoch(Node& node) {
  const HandoverProof& proof = node.epoch_end->proof;
  const ValidatorChange& change = proof.approved.change;
  GROAT_CHECK_OK(VerifyHandover(proof, genesis_, *rule_, epochs_[node.epoch.value()].verifier));
  for (Stored& committed : node.unsynced) node.disk.committed.push_back(std::move(committed));
  node.unsynced.clear();
  node.disk.blocks.clear();
  Restored restored;
  restored.root = node.epoch_end->last;
  restored.clients = node.core->clients();
  if (change.next.value() == epochs_.size()) {
    std::vector<std::vector<size_t>> validators;
    for (const Validator& validator : change.validators) {
      validators.push_back({MockNumberOf(validator)});
    }
    AddEpoch(change.next, validators);
    checker_.StartEpoch(validators.size());
    for (const std::vector<size_t>& numbers : validators) {
      Node& newcomer = *nodes_[numbers.front()];
      if (!newcomer.is_spare) continue;
      newcomer.is_spare = false;
      newcomer.disk.committed = node.disk.committed;
      Join(newcomer, change.next, restored);
    }
  }
  Join(node, change.next, std::move(restored));
}

// Who is no validator any more keeps its core and serves those who are behind.
void Cluster::Join(Node& node, Epoch epoch, Restored restored) {
  const std::vector<std::vector<size_t>>& nodes = epochs_[epoch.value()].nodes;
  const auto place = std::find(nodes.begin(), nodes.end(), std::vector<size_t>{node.number});
  if (place == nodes.end()) return;
  if (node.core != nullptr) {
    node.ended = Ended{node.epoch, node.index, std::move(node.signer), std::move(node.core)};
  }
  node.epoch = epoch;
  node.index = ReplicaIndex(static_cast<uint16_t>(place - nodes.begin()));
  node.signer = std::make_unique<MockSigner>(node.index);
  node.disk.safety.reset();
  Start(node, std::move(restored));
}

void Cluster::Crash(size_t number) {
  Node& node = *nodes_[number];
  node.core = nullptr;
  node.ended.reset();
  node.epoch_ended = false;
  node.unsynced.clear();
  node.crash.reset();
  node.wake_ms = kNever;
}

void Cluster::CrashAt(size_t number, CrashPoint point) { nodes_[number]->crash = point; }

void Cluster::CancelCrashes() {
  for (const auto& node : nodes_) node->crash.reset();
}

bool Cluster::SubmitCommand(size_t number, Command command) {
  Node& node = *nodes_[number];
  if (node.core == nullptr) return false;
  const uint64_t incarnation = node.incarnation;
  const size_t before = node.core->status().mempool_count;
  Step(node, Submitted{{std::move(command)}});
  return node.core != nullptr && node.incarnation == incarnation &&
         node.core->status().mempool_count > before;
}

bool Cluster::Submit(size_t number, uint64_t client, uint64_t sequence, size_t payload_bytes) {
  return SubmitCommand(number,
                       Command{{ClientId(client), Sequence(sequence)}, Bytes(payload_bytes, 0x5a)});
}

bool Cluster::HasCommitted(size_t node, const CommandKey& key) const {
  const std::optional<size_t> height = checker_.HeightOf(key);
  return height.has_value() && *height <= nodes_[node]->committed_height();
}

void Cluster::Step(Node& node, const Event& event) {
  ++steps_;
  Apply(node, node.core->Step(event, NowOf(node)));
}

// The core of an epoch that ended only helps those who are behind.
void Cluster::StepEnded(Node& node, const Event& event) {
  ++steps_;
  const Epoch epoch = node.ended->epoch;
  const Effects effects = node.ended->core->Step(event, NowOf(node));
  for (const hotstuff::Send& send : effects.sends) Dispatch(node, send, epoch);
  for (const ServeBlocks& serve : effects.serve) Serve(node, serve, epoch);
  for (const Job& job : effects.jobs) {
    StepEnded(node, JobDone{RunJob(job, node.ended->core->verifier())});
  }
}

void Cluster::Apply(Node& node, Effects effects) {
  const std::optional<CrashPoint> crash = node.crash;
  View limit = node.disk.safety.has_value() ? ProposalLimit(*node.disk.safety) : View(0);
  if (config_.proposals_wait_for_nothing) limit = View(UINT64_MAX);
  // Proposals that leave before their record.
  std::vector<hotstuff::Send> later;
  for (hotstuff::Send& send : effects.sends) {
    const bool early = effects.persist.has_value() &&
                       std::holds_alternative<Proposal>(*send.message) &&
                       !NeedsRecord(*send.message, limit);
    if (early) {
      Dispatch(node, send, node.epoch);
    } else {
      later.push_back(std::move(send));
    }
  }
  if (crash == CrashPoint::kBeforePersist) return Crash(node.number);
  if (effects.persist.has_value()) Persisted(node, *effects.persist);
  if (crash == CrashPoint::kAfterPersist) return Crash(node.number);
  for (CommittedBlock& committed : effects.commits) Committed(node, std::move(committed));
  for (const hotstuff::Send& send : later) Dispatch(node, send, node.epoch);
  for (const ServeBlocks& serve : effects.serve) Serve(node, serve, node.epoch);
  if (crash == CrashPoint::kAfterSend) return Crash(node.number);
  if (effects.epoch_end.has_value()) {
    node.epoch_end = std::move(effects.epoch_end);
    node.epoch_ended = true;
  }
  if (effects.wake_at_ms < node.wake_ms) {
    node.wake_ms = effects.wake_at_ms;
    SimulatedEvent wake;
    wake.node = static_cast<uint16_t>(node.number);
    wake.epoch = node.epoch;
    wake.incarnation = node.incarnation;
    queue_.Push(std::max(node.wake_ms, now_ms_), std::move(wake));
  }
  for (const Job& job : effects.jobs) {
    JobResult result = Run(job, node.core->verifier());
    if (config_.links.max_job_delay_ms == 0) {
      Step(node, JobDone{std::move(result)});
      if (node.core == nullptr) return;
      continue;
    }
    SimulatedEvent done;
    done.kind = SimulatedEvent::Kind::kJob;
    done.node = static_cast<uint16_t>(node.number);
    done.epoch = node.epoch;
    done.incarnation = node.incarnation;
    done.result = std::make_shared<const JobResult>(std::move(result));
    queue_.Push(now_ms_ + random_.Below(config_.links.max_job_delay_ms + 1), std::move(done));
  }
}

// RunJob, once for all receivers of a message.
JobResult Cluster::Run(const Job& job, const Verifier& verifier) {
  const auto* check = std::get_if<CheckJob>(&job);
  if (check == nullptr || check->blocks.empty()) return RunJob(job, verifier);
  if (check->blocks != checked_.blocks || check->qcs != checked_.qcs ||
      check->tcs != checked_.tcs) {
    checked_ = *check;
    checked_status_ = RunJob(job, verifier).status;
  }
  JobResult result;
  result.id = check->id;
  result.status = checked_status_;
  return result;
}

void Cluster::Persisted(Node& node, Persist& persist) {
  node.disk.safety = std::move(persist.state);
  if (const std::optional<Vote>& vote = node.disk.safety->last_vote;
      vote.has_value() && IsHonest(node.number)) {
    checker_.OnRecordedVote(*vote, unix_us());
  }
  for (BlockPtr& block : persist.blocks) node.disk.blocks.push_back(std::move(block));
  if (node.unsynced.empty()) return;
  for (Stored& committed : node.unsynced) {
    node.disk.committed.push_back(std::move(committed));
  }
  node.unsynced.clear();
  const Height height = node.disk.committed.back().block->height();
  std::erase_if(node.disk.blocks,
                [height](const BlockPtr& block) { return block->height() <= height; });
}

void Cluster::Committed(Node& node, CommittedBlock committed) {
  if (IsHonest(node.number)) {
    checker_.OnCommit(node.number, committed);
    if (commit_trace_) commit_trace_(now_ms_, node.number, committed);
  }
  node.unsynced.push_back({std::move(committed.block), std::move(committed.certificate)});
}

void Cluster::Serve(Node& node, const ServeBlocks& serve, Epoch epoch) {
  std::vector<CommittedBlock> blocks;
  const size_t durable = node.disk.committed.size();
  for (size_t height = serve.from.value(); height <= durable + node.unsynced.size(); ++height) {
    if (height == 0) continue;
    if (blocks.size() == kMaxResponseBlocks) break;
    const Stored& stored =
        height <= durable ? node.disk.committed[height - 1] : node.unsynced[height - durable - 1];
    if (stored.block->header().epoch != epoch) continue;
    blocks.push_back({stored.block, stored.certificate, {}});
  }
  if (blocks.size() < kMaxResponseBlocks) {
    blocks.insert(blocks.end(), serve.tail.begin(), serve.tail.end());
  }
  Dispatch(node, {serve.to, MakeMessage(MakeResponse(epoch, blocks, Height(0)))}, epoch);
}

void Cluster::Dispatch(Node& node, const hotstuff::Send& send, Epoch epoch) {
  if (trace_) trace_(now_ms_, node.number, send);
  if (node.behaviour != Behaviour::kHonest) return Adversary(*this).OnSend(node, send);
  if (const auto* vote = std::get_if<Vote>(send.message.get());
      vote != nullptr && IsHonest(node.number)) {
    checker_.OnVote(node.number, *vote);
  }
  if (const auto* proposal = std::get_if<Proposal>(send.message.get());
      proposal != nullptr && IsHonest(node.number)) {
    checker_.OnProposal(node.number, *proposal->block);
  }
  if (send.to.has_value()) return Transmit(node, *send.to, send.message, epoch);
  const ReplicaIndex self = epoch == node.epoch ? node.index : node.ended->index;
  for (size_t i = 0; i < epochs_[epoch.value()].nodes.size(); ++i) {
    const ReplicaIndex to(static_cast<uint16_t>(i));
    if (to != self) Transmit(node, to, send.message, epoch);
  }
}

void Cluster::Transmit(Node& from, ReplicaIndex to, const MessagePtr& message, Epoch epoch) {
  const Links& links = config_.links;
  for (const size_t target : epochs_[epoch.value()].nodes[to.value()]) {
    if (!groups_.empty() && groups_[from.number] != groups_[target]) continue;
    if (random_.Percent(links.loss_percent)) continue;
    const int copies = random_.Percent(links.duplicate_percent) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      SimulatedEvent event;
      event.kind = SimulatedEvent::Kind::kDeliver;
      event.node = static_cast<uint16_t>(target);
      event.epoch = epoch;
      event.from = epoch == from.epoch ? from.index : from.ended->index;
      event.message = message;
      uint64_t delay = links.min_delay_ms == links.max_delay_ms
                           ? links.min_delay_ms
                           : random_.Between(links.min_delay_ms, links.max_delay_ms);
      // A late leader chooses the time itself.
      if (links.late_proposal_ms != 0 && std::holds_alternative<Proposal>(*message) &&
          from.behaviour != Behaviour::kLateLeader) {
        delay += random_.Below(links.late_proposal_ms + 1);
      }
      queue_.Push(now_ms_ + delay, std::move(event));
    }
  }
}

void Cluster::RunNext() {
  now_ms_ = std::max(now_ms_, queue_.next_ms());
  const SimulatedEvent event = queue_.Pop();
  Node& node = *nodes_[event.node];
  if (node.core == nullptr) return;
  Handle(node, event);
  if (!node.epoch_ended) return;
  node.epoch_ended = false;
  if (config_.next_epochs) EnterNextEpoch(node);
}

void Cluster::Handle(Node& node, const SimulatedEvent& event) {
  const bool now = event.epoch == node.epoch;
  switch (event.kind) {
    case SimulatedEvent::Kind::kDeliver:
      if (node.behaviour != Behaviour::kHonest &&
          Adversary(*this).OnReceive(node, event.from, event.message)) {
        return;
      }
      if (now) return Step(node, Received{event.from, event.message});
      if (node.ended.has_value() && event.epoch == node.ended->epoch) {
        StepEnded(node, Received{event.from, event.message});
      }
      return;
    case SimulatedEvent::Kind::kJob:
      if (event.incarnation != node.incarnation || !now) return;
      return Step(node, JobDone{*event.result});
    case SimulatedEvent::Kind::kWake:
      if (event.incarnation != node.incarnation || !now || node.wake_ms > now_ms_) return;
      node.wake_ms = kNever;
      return Step(node, Tick{});
  }
}

void Cluster::RunUntil(uint64_t time_ms) {
  while (problem().empty() && !queue_.empty() && queue_.next_ms() <= time_ms) RunNext();
  now_ms_ = std::max(now_ms_, time_ms);
}

bool Cluster::RunUntil(const std::function<bool()>& condition, uint64_t time_ms) {
  while (problem().empty() && !queue_.empty() && queue_.next_ms() <= time_ms) {
    if (condition()) return true;
    RunNext();
  }
  return problem().empty() && condition();
}

}  // namespace groat::hotstuff::testing
