#include "hotstuff/core.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "hotstuff/digest.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"

namespace groat::hotstuff {
namespace {

constexpr uint64_t kFirstMuteMs = 10;
constexpr uint64_t kLongestMuteMs = 10'000;

// Of what an adversary can make large.
size_t BytesOf(const Message& message) {
  if (const auto* proposal = std::get_if<Proposal>(&message)) {
    return EncodedSize(proposal->block->commands());
  }
  if (const auto* batch = std::get_if<CommandBatch>(&message)) return EncodedSize(batch->commands);
  const auto* response = std::get_if<BlockResponse>(&message);
  size_t bytes = 0;
  if (response == nullptr) return bytes;
  for (const BlockPtr& block : response->blocks) bytes += EncodedSize(block->commands());
  return bytes;
}

std::unique_ptr<const CommitRule> MakeRule(RuleSet rules) {
  if (rules == RuleSet::kTwoChain) return std::make_unique<TwoChain>();
  return std::make_unique<ThreeChain>();
}

SubmitVerdict VerdictOf(Mempool::Verdict verdict) {
  switch (verdict) {
    case Mempool::Verdict::kAdded:
      return SubmitVerdict::kAccepted;
    case Mempool::Verdict::kPending:
      return SubmitVerdict::kPending;
    case Mempool::Verdict::kFull:
      return SubmitVerdict::kFull;
    case Mempool::Verdict::kTooLarge:
      break;
  }
  return SubmitVerdict::kTooLarge;
}

std::optional<SubmitVerdict> VerdictOf(ClientTable::State state) {
  switch (state) {
    case ClientTable::State::kFresh:
      return std::nullopt;
    case ClientTable::State::kSeen:
      return SubmitVerdict::kCommitted;
    case ClientTable::State::kTooOld:
      return SubmitVerdict::kTooOld;
    case ClientTable::State::kNoRoom:
      break;
  }
  return SubmitVerdict::kNoRoom;
}

BlockPtr RootOf(const CoreConfig& config, const Restored& restored) {
  return restored.root != nullptr ? restored.root : config.genesis.Block0();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Core>> Core::Create(const CoreConfig& config,
                                                   const CertificateScheme* scheme,
                                                   const Signer* signer, Restored restored,
                                                   const Now& now) {
  if (config.replicas == 0 || config.replicas > kMaxReplicas) {
    return absl::InvalidArgumentError(
        absl::StrCat(config.replicas, " replicas, want 1 to ", kMaxReplicas));
  }
  if (config.options.sync_retry_ms < 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("sync retry ", config.options.sync_retry_ms, " ms, want 4 or more"));
  }
  GROAT_RETURN_IF_ERROR(
      CheckCanProgress(config.replicas, config.genesis.rules, config.genesis.votes));
  std::unique_ptr<Core> core(new Core(config, scheme, signer, restored, now));
  GROAT_RETURN_IF_ERROR(core->Restore(restored));
  return core;
}

Core::Core(const CoreConfig& config, const CertificateScheme* scheme, const Signer* signer,
           const Restored& restored, const Now& now)
    : config_(config),
      n_(config.replicas),
      self_(config.self),
      signer_(signer),
      rule_(MakeRule(config.genesis.rules)),
      block0_(config.genesis.Block0()),
      max_job_bytes_(4 * size_t{config.genesis.block.max_bytes}),
      verifier_{config.genesis.Chain(), config.epoch, config.replicas, scheme},
      tree_(RootOf(config, restored), restored.schedule.value_or(LeaderSchedule()), restored.change,
            config.epoch),
      clients_(restored.clients.value_or(ClientTable(config.genesis.max_clients))),
      pacemaker_(config.genesis.base_timeout_ms, rule_->chain_length()),
      votes_(n_, QuorumOf(n_)),
      timeouts_(n_, QuorumOf(n_)),
      mempool_(config.options.mempool, config.genesis.block, n_, config.self),
      batch_limit_(config.genesis.block),
      sync_(config.self, config.options.sync_retry_ms),
      verified_(std::max<size_t>(256, 8 * n_)),
      evidence_(restored.evidence),
      peers_(n_ + 1),
      now_(now) {}

absl::Status Core::Restore(const Restored& restored) {
  const BlockNode& root = tree_.root();
  const BlockHeader& header = root.block->header();
  const bool epoch_root = header.epoch != config_.epoch || root.block->height() == Height(0);
  if (header.chain != verifier_.chain) {
    return absl::InvalidArgumentError(absl::StrCat("committed block of chain ", header.chain.Hex(),
                                                   ", want ", verifier_.chain.Hex()));
  }
  if (!epoch_root && (restored.root_certificate == nullptr || !restored.schedule.has_value() ||
                      restored.root_certificate->block() != root.block->id() ||
                      restored.schedule->hash() != header.schedule)) {
    return absl::InvalidArgumentError(absl::StrCat("committed block of height ",
                                                   header.height.value(),
                                                   " without its own certificate and schedule"));
  }
  root_qc_ = QuorumCertificate::MakeRoot(config_.epoch, root.block->id());
  high_qc_ = lock_ = epoch_root ? root_qc_ : restored.root_certificate;
  may_vote_ = restored.memory != Restored::Memory::kLost;
  if ((restored.memory == Restored::Memory::kKept) != restored.safety.has_value()) {
    return absl::InvalidArgumentError("safety state given and memory not kept, or the other way");
  }
  if (restored.safety.has_value()) {
    const SafetyState& safety = *restored.safety;
    if (safety.chain != verifier_.chain || safety.epoch != config_.epoch) {
      return absl::InvalidArgumentError(absl::StrCat(
          "safety state of chain ", safety.chain.Hex(), " epoch ", safety.epoch.value(), ", want ",
          verifier_.chain.Hex(), " epoch ", config_.epoch.value()));
    }
    if (safety.high_qc->view() > high_qc_->view()) high_qc_ = safety.high_qc;
    if (safety.lock->view() > lock_->view()) lock_ = safety.lock;
    high_tc_ = safety.high_tc;
    guard_ = VoteGuard(safety.last_vote, safety.timeout_view);
    // Proposals leave on the record before their own; a replica alone sends none.
    last_proposed_view_ = n_ == 1 ? safety.last_proposed_view : ProposalLimit(safety);
  }
  verified_.Insert(root_qc_->hash());
  verified_.Insert(high_qc_->hash());
  View view = high_qc_->view().Next();
  if (high_tc_ != nullptr && high_tc_->view() >= view) view = high_tc_->view().Next();
  EnterView(view);
  if (guard_.timeout_view() >= view) pacemaker_.GaveUp(now_.monotonic_ms);

  std::vector<BlockPtr> blocks = restored.blocks;
  std::sort(blocks.begin(), blocks.end(), [](const BlockPtr& a, const BlockPtr& b) {
    return std::tuple(a->height(), a->id()) < std::tuple(b->height(), b->id());
  });
  for (const BlockPtr& block : blocks) {
    BlockNode* parent = tree_.Find(block->parent());
    if (parent == nullptr || tree_.Find(block->id()) != nullptr) continue;
    InsertBlock(block, parent);
  }
  unpersisted_.clear();
  if (high_qc_->view() > tree_.root().view()) ApplyQc(high_qc_);
  if (self_.value() >= n_) sync_.WantFromAnyone(Anyone(), now_.monotonic_ms);
  return absl::OkStatus();
}

Effects Core::Step(const Event& event, const Now& now) {
  now_ = now;
  std::visit([this](const auto& body) { On(body); }, event);
  FinishTurn();
  Effects effects = std::move(out_);
  out_ = Effects();
  return effects;
}

void Core::On(const Received& received) {
  if (received.from.value() >= n_) return Refuse(Refusal::kUnknownValidator);
  Admit(received.from, received.message);
}

void Core::On(const Fetched& fetched) { Admit(Anyone(), MakeMessage(fetched.response)); }

void Core::Admit(ReplicaIndex from, const MessagePtr& message) {
  if (const std::optional<Refusal> refusal = CheckShape(from, *message)) return Refuse(*refusal);
  Waiting waiting;
  waiting.from = from;
  CheckJob job = ChecksOf(*message, waiting);
  if (job.empty()) return Process(from, *message);
  Peer& peer = peers_[from.value()];
  waiting.bytes = BytesOf(*message);
  // One message is taken whatever its size.
  if (peer.jobs >= config_.options.max_jobs_per_peer || now_.monotonic_ms < peer.muted_until_ms ||
      (peer.jobs > 0 && peer.job_bytes + waiting.bytes > max_job_bytes_)) {
    return Refuse(Refusal::kBusy);
  }
  ++peer.jobs;
  peer.job_bytes += waiting.bytes;
  waiting.message = message;
  job.id = ++last_job_;
  waiting_.emplace(job.id, std::move(waiting));
  out_.jobs.emplace_back(std::move(job));
}

void Core::On(const JobDone& done) {
  const auto found = waiting_.find(done.result.id);
  if (found == waiting_.end()) return;
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  if (waiting.assembly.has_value()) return FinishAssembly(*waiting.assembly, done.result);
  Peer& peer = peers_[waiting.from.value()];
  --peer.jobs;
  peer.job_bytes -= waiting.bytes;
  if (!done.result.status.ok() && !defects_.no_certificate_check) {
    if (waiting.from != Anyone()) Mute(peer);
    return Refuse(Refusal::kBadSignature);
  }
  if (waiting.evidence.has_value()) {
    evidence_.Add(*std::move(waiting.evidence));
    return;
  }
  for (const Hash& hash : waiting.certificates) verified_.Insert(hash);
  Process(waiting.from, *waiting.message);
}

// Honest replicas verify what they hand on: who sends wrong signatures is heard ever more rarely
// where that takes checks, so that it cannot keep the workers busy.
void Core::Mute(Peer& peer) {
  peer.muted_until_ms =
      now_.monotonic_ms + std::min(kLongestMuteMs, kFirstMuteMs << std::min(peer.offences, 16u));
  ++peer.offences;
}

void Core::On(const Submitted& submitted) {
  CommandBatch batch;
  size_t bytes = 0;
  const auto flush = [&] {
    if (!batch.commands.empty()) Send(std::nullopt, MakeMessage(std::move(batch)));
    batch = CommandBatch();
    bytes = 0;
  };
  for (size_t i = 0; i < submitted.commands.size(); ++i) {
    const Command& command = submitted.commands[i];
    mempool_.LookAhead(submitted.commands, i);
    std::optional<SubmitVerdict> verdict = VerdictOf(LookUp(command.key));
    if (!verdict.has_value()) verdict = VerdictOf(mempool_.Add(command, self_, now_.monotonic_ms));
    out_.verdicts.push_back(*verdict);
    if (*verdict != SubmitVerdict::kAccepted) continue;
    if (batch.commands.size() == config_.genesis.block.max_count ||
        bytes + command.EncodedSize() > config_.genesis.block.max_bytes) {
      flush();
    }
    bytes += command.EncodedSize();
    batch.commands.push_back(command);
  }
  flush();
}

void Core::On(const Tick&) {
  switch (pacemaker_.OnTick(now_.monotonic_ms)) {
    case Pacemaker::Alarm::kNone:
      break;
    case Pacemaker::Alarm::kGiveUp:
      GiveUp();
      break;
    case Pacemaker::Alarm::kRetransmit:
      if (!defects_.complaint_to_one_leader) SendTimeout();
      break;
  }
  if (now_.monotonic_ms >= status_ms_) SendStatus();
}

void Core::Process(ReplicaIndex from, const Message& message) {
  if (const auto* proposal = std::get_if<Proposal>(&message)) {
    OnProposal(from, proposal->block);
  } else if (const auto* vote = std::get_if<Vote>(&message)) {
    OnVote(*vote);
  } else if (const auto* timeout = std::get_if<Timeout>(&message)) {
    OnTimeout(from, *timeout);
  } else if (const auto* advance = std::get_if<Advance>(&message)) {
    OnAdvance(from, *advance);
  } else if (const auto* request = std::get_if<BlockRequest>(&message)) {
    OnBlockRequest(from, *request);
  } else if (const auto* response = std::get_if<BlockResponse>(&message)) {
    OnBlockResponse(from, *response);
  } else if (const auto* batch = std::get_if<CommandBatch>(&message)) {
    for (size_t i = 0; i < batch->commands.size(); ++i) {
      const Command& command = batch->commands[i];
      mempool_.LookAhead(batch->commands, i);
      if (LookUp(command.key) != ClientTable::State::kFresh) continue;
      if (command.key.client == kChangeClient &&
          !verified_.Contains(PayloadDigest(EncodeCommands({command})))) {
        Refuse(Refusal::kStale);  // Of another epoch, or under another name than its own.
        continue;
      }
      const Mempool::Verdict verdict = mempool_.Add(command, from, now_.monotonic_ms);
      if (verdict == Mempool::Verdict::kFull) Refuse(Refusal::kFlood);
    }
  }
}

// Changes of validators are told apart by their content: anyone may use the id of their client, and
// must not be able to use up its sequences.
ClientTable::State Core::LookUp(const CommandKey& key) const {
  return key.client == kChangeClient ? ClientTable::State::kFresh : clients_.Look(key);
}

bool Core::HasWork() const {
  if (ended_ || over_.has_value()) return false;
  if (!mempool_.empty() || sync_.target() != nullptr || peer_waits_) return true;
  const BlockNode& root = tree_.root();
  const BlockNode* newest = tree_.newest();
  if (newest->payload_height > root.height() || newest->change != nullptr) return true;
  const BlockNode* high = tree_.Find(high_qc_->block());
  return high != nullptr && (high->payload_height > root.height() || high->change != nullptr ||
                             !IsRestingPlace(*high));
}

bool Core::IsRestingPlace(const BlockNode& block) const {
  return &block == &tree_.root() || rule_->CommittedBy(block.views).has_value();
}

void Core::FinishTurn() {
  ConsiderPending();
  ConsiderProposing();
  Announce();
  PollSync();
  ForwardOwn();
  pacemaker_.SetWork(HasWork(), now_.monotonic_ms);
  if (persist_) {
    persist_ = false;
    out_.persist = Persist{MakeSafetyState(), std::move(unpersisted_)};
    unpersisted_.clear();
  }
  out_.wake_at_ms = NextWake();
}

void Core::Announce() {
  if (announce_ == nullptr) return;
  const bool others_wait = announce_ == high_qc_ && n_ > 1 &&
                           last_proposed_view_ < pacemaker_.view() &&
                           (!HasWork() || Leader() != self_);
  announce_ = nullptr;
  if (others_wait) Send(std::nullopt, MakeAdvance());
}

uint64_t Core::NextWake() {
  uint64_t wake = std::min(batch_ms_, forward_ms_);
  wake = std::min(wake, pacemaker_.deadline_ms().value_or(kNever));
  wake = std::min(wake, sync_.deadline_ms().value_or(kNever));
  return std::min(wake, status_ms_);
}

void Core::Send(std::optional<ReplicaIndex> to, MessagePtr message) {
  if (!to.has_value() && n_ == 1) return;
  out_.sends.push_back({to, std::move(message)});
}

// What this replica signed last and may meet in a certificate.
std::vector<SignedShare> Core::OwnShares() const {
  if (!guard_.last_vote().has_value()) return {};
  const Vote& vote = *guard_.last_vote();
  return {{self_, VoteDigest(verifier_.chain, vote.epoch, vote.view, vote.block), vote.share}};
}

void Core::StartAssembly(AssembleJob job) {
  job.id = ++last_job_;
  job.known = OwnShares();
  Waiting waiting;
  AssembleJob outline = job;
  outline.shares.clear();
  waiting.assembly = std::move(outline);
  waiting_.emplace(job.id, std::move(waiting));
  out_.jobs.emplace_back(std::move(job));
}

void Core::FinishAssembly(const AssembleJob& job, const JobResult& result) {
  for (const ReplicaIndex wrong : result.wrong) {
    Mute(peers_[wrong.value()]);
    Refuse(Refusal::kBadSignature);
  }
  if (job.timeouts) {
    if (result.tc != nullptr) {
      verified_.Insert(result.tc->hash());
      if (result.tc->view() < pacemaker_.view()) return;
      ++counters_.timeout_certificates;
      ApplyTc(result.tc);
      Send(std::nullopt, MakeAdvance());
    } else if (job.view == pacemaker_.view() && timeouts_.Drop(result.wrong)) {
      StartAssembly(timeouts_.Take(verifier_.chain, config_.epoch, job.view));
    }
    return;
  }
  if (result.qc != nullptr) {
    verified_.Insert(result.qc->hash());
    const bool news = result.qc->view() > high_qc_->view();
    ApplyQc(result.qc);
    if (news && config_.genesis.votes == VoteSpread::kNextLeader) announce_ = result.qc;
  } else if (votes_.Drop(job.view, job.block, result.wrong)) {
    StartAssembly(votes_.Take(job.view, job.block, verifier_.chain));
  }
}

CoreStatus Core::status() const {
  CoreStatus status;
  status.epoch = config_.epoch;
  status.view = pacemaker_.view();
  status.high_qc_view = high_qc_->view();
  status.committed_view = tree_.root().view();
  status.committed_height = tree_.root().height();
  status.committed_block = tree_.root().block->id();
  status.leader = Leader();
  status.mempool_count = mempool_.size();
  status.mempool_bytes = mempool_.bytes();
  status.batch_limit = batch_limit_.bounds().max_count;
  status.tree_blocks = tree_.size();
  status.may_vote = takes_part();
  status.syncing = sync_.target() != nullptr || over_.has_value();
  status.ended = ended_;
  return status;
}

}  // namespace groat::hotstuff
