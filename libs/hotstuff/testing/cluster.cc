#include "hotstuff/testing/cluster.h"

#include <algorithm>

#include "base/check.h"
#include "hotstuff/testing/adversary.h"
#include "hotstuff/testing/defect_injector.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"

namespace groat::hotstuff::testing {
namespace {

constexpr uint64_t kGenesisMs = 1'700'000'000'000;

Genesis MakeGenesis(const ClusterConfig& config) {
  Genesis genesis;
  genesis.name = "simulation";
  genesis.timestamp_ms = kGenesisMs;
  genesis.rules = config.rules;
  genesis.votes = config.votes;
  genesis.block = config.block;
  genesis.base_timeout_ms = config.base_timeout_ms;
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
      scheme_(std::make_unique<MockScheme>(config.n)),
      random_(config.seed),
      checker_(genesis_, config.n) {
  for (size_t i = 0; i < config.n + config.twins; ++i) {
    auto node = std::make_unique<Node>();
    node->number = i;
    node->index = ReplicaIndex(static_cast<uint16_t>(i < config.n ? i : i - config.n));
    node->is_twin = i >= config.n || i < config.twins;
    const auto behaviour = config.behaviours.find(i);
    if (behaviour != config.behaviours.end()) node->behaviour = behaviour->second;
    node->signer = std::make_unique<MockSigner>(node->index);
    if (node->behaviour == Behaviour::kLateLeader) {
      node->late_leader = std::make_unique<LateLeader>(node->index, genesis_, *rule_);
    }
    const uint64_t skew = random_.Below(2 * config.max_skew_ms + 1);
    node->skew_ms = static_cast<int64_t>(skew) - static_cast<int64_t>(config.max_skew_ms);
    nodes_.push_back(std::move(node));
  }
  for (const auto& node : nodes_) Start(*node);
}

Cluster::~Cluster() = default;

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

Now Cluster::NowOf(const Node& node) const {
  const auto wall = static_cast<int64_t>(kGenesisMs + 1 + now_ms_) + node.skew_ms;
  return {now_ms_, static_cast<uint64_t>(wall)};
}

Restored Cluster::Restore(const Node& node) const {
  Restored restored;
  if (node.disk.safety.has_value() && !config_.forget_on_restart) {
    restored.memory = Restored::Memory::kKept;
    restored.safety = node.disk.safety;
  }
  ClientTable clients(genesis_.max_clients);
  LeaderSchedule schedule;
  for (const Stored& committed : node.disk.committed) {
    for (const Command& command : committed.block->commands()) clients.Commit(command.key);
    schedule = schedule.Child(committed.block->view(), committed.block->header().proposer,
                              config_.n, *rule_);
    if (restored.change == nullptr) {
      restored.change = FindChange(committed.block->commands(), committed.block->height(), genesis_,
                                   {genesis_.Chain(), Epoch(0), config_.n, scheme_.get()});
    }
  }
  if (!node.disk.committed.empty()) {
    restored.root = node.disk.committed.back().block;
    restored.root_certificate = node.disk.committed.back().certificate;
    restored.schedule = schedule;
  }
  restored.clients = std::move(clients);
  restored.blocks = node.disk.blocks;
  return restored;
}

void Cluster::Start(Node& node) {
  CoreConfig config;
  config.genesis = genesis_;
  config.replicas = config_.n;
  config.self = node.index;
  config.options = config_.options;
  absl::StatusOr<std::unique_ptr<Core>> core =
      Core::Create(config, scheme_.get(), node.signer.get(), Restore(node), NowOf(node));
  GROAT_CHECK_OK(core.status());
  node.core = *std::move(core);
  node.wake_ms = kNever;
  if (node.behaviour == Behaviour::kHonest) DefectInjector::Inject(*node.core, config_.defects);
  Step(node, Tick{});
}

void Cluster::Restart(size_t number) {
  Node& node = *nodes_[number];
  if (node.core != nullptr) return;
  ++node.incarnation;
  Start(node);
}

void Cluster::Crash(size_t number) {
  Node& node = *nodes_[number];
  node.core = nullptr;
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

void Cluster::Apply(Node& node, Effects effects) {
  const std::optional<CrashPoint> crash = node.crash;
  if (crash == CrashPoint::kBeforePersist) return Crash(node.number);
  if (effects.persist.has_value()) Persisted(node, *effects.persist);
  if (crash == CrashPoint::kAfterPersist) return Crash(node.number);
  for (CommittedBlock& committed : effects.commits) Committed(node, std::move(committed));
  for (const hotstuff::Send& send : effects.sends) Dispatch(node, send);
  for (const ServeBlocks& serve : effects.serve) Serve(node, serve);
  if (crash == CrashPoint::kAfterSend) return Crash(node.number);
  if (effects.epoch_end.has_value()) node.epoch_end = std::move(effects.epoch_end);
  if (effects.wake_at_ms < node.wake_ms) {
    node.wake_ms = effects.wake_at_ms;
    SimulatedEvent wake;
    wake.node = static_cast<uint16_t>(node.number);
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
    done.incarnation = node.incarnation;
    done.result = std::make_shared<const JobResult>(std::move(result));
    queue_.Push(now_ms_ + random_.Below(config_.links.max_job_delay_ms + 1), std::move(done));
  }
}

// RunJob, once for all receivers of a message.
JobResult Cluster::Run(const Job& job, const Verifier& verifier) {
  const auto* check = std::get_if<CheckJob>(&job);
  if (check == nullptr || check->block == nullptr) return RunJob(job, verifier);
  if (check->block != checked_.block || check->qcs != checked_.qcs || check->tcs != checked_.tcs) {
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

void Cluster::Serve(Node& node, const ServeBlocks& serve) {
  std::vector<CommittedBlock> blocks;
  const size_t durable = node.disk.committed.size();
  for (size_t height = serve.from.value(); height <= durable + node.unsynced.size(); ++height) {
    if (height == 0) continue;
    if (blocks.size() == kMaxResponseBlocks) break;
    const Stored& stored =
        height <= durable ? node.disk.committed[height - 1] : node.unsynced[height - durable - 1];
    blocks.push_back({stored.block, stored.certificate, {}});
  }
  if (blocks.size() < kMaxResponseBlocks) {
    blocks.insert(blocks.end(), serve.tail.begin(), serve.tail.end());
  }
  Dispatch(node, {serve.to, MakeMessage(MakeResponse(Epoch(0), blocks, Height(0)))});
}

void Cluster::Dispatch(Node& node, const hotstuff::Send& send) {
  if (trace_) trace_(now_ms_, node.number, send);
  if (node.behaviour != Behaviour::kHonest) return Adversary(*this).OnSend(node, send);
  if (const auto* vote = std::get_if<Vote>(send.message.get());
      vote != nullptr && IsHonest(node.number)) {
    checker_.OnVote(node.number, *vote);
  }
  if (send.to.has_value()) return Transmit(node, *send.to, send.message);
  for (size_t i = 0; i < config_.n; ++i) {
    const ReplicaIndex to(static_cast<uint16_t>(i));
    if (to != node.index) Transmit(node, to, send.message);
  }
}

void Cluster::Transmit(Node& from, ReplicaIndex to, const MessagePtr& message) {
  const Links& links = config_.links;
  for (size_t target = to.value(); target < nodes_.size(); target += config_.n) {
    if (!groups_.empty() && groups_[from.number] != groups_[target]) continue;
    if (random_.Percent(links.loss_percent)) continue;
    const int copies = random_.Percent(links.duplicate_percent) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      SimulatedEvent event;
      event.kind = SimulatedEvent::Kind::kDeliver;
      event.node = static_cast<uint16_t>(target);
      event.from = from.index;
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
  switch (event.kind) {
    case SimulatedEvent::Kind::kDeliver:
      if (node.behaviour != Behaviour::kHonest &&
          Adversary(*this).OnReceive(node, event.from, event.message)) {
        return;
      }
      return Step(node, Received{event.from, event.message});
    case SimulatedEvent::Kind::kJob:
      if (event.incarnation != node.incarnation) return;
      return Step(node, JobDone{*event.result});
    case SimulatedEvent::Kind::kWake:
      if (event.incarnation != node.incarnation || node.wake_ms > now_ms_) return;
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
