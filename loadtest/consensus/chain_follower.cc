#include "loadtest/consensus/chain_follower.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "hotstuff/three_chain.h"
#include "hotstuff/two_chain.h"
#include "loadtest/consensus/connection.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "wire/common.h"
#include "wire/consensus.h"

namespace groat::load {
namespace {

namespace v1 = ::groat::consensus::v1;
using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{2000};
constexpr milliseconds kPause{20};
constexpr std::chrono::hours kLongestStream{24};

std::unique_ptr<hotstuff::CommitRule> MakeRule(hotstuff::RuleSet rules) {
  if (rules == hotstuff::RuleSet::kTwoChain) return std::make_unique<hotstuff::TwoChain>();
  return std::make_unique<hotstuff::ThreeChain>();
}

// A response is about 1 MiB or one block, and a proof.
int MaxReceiveBytes(const hotstuff::Genesis& genesis) {
  return static_cast<int>(2 * genesis.block.max_bytes + (8u << 20));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChainFollower>> ChainFollower::Start(
    std::string endpoint, rpc::TlsConfig tls, const hotstuff::Genesis& genesis) {
  std::unique_ptr<ChainFollower> follower(
      new ChainFollower(std::move(endpoint), std::move(tls), genesis));
  GROAT_ASSIGN_OR_RETURN(follower->scheme_,
                         hotstuff::MakeScheme(genesis.validators, genesis.certificates));
  follower->verifier_ = {genesis.Chain(), hotstuff::Epoch(0), genesis.validators.size(),
                         follower->scheme_.get()};
  follower->thread_ = std::thread([follower = follower.get()] { follower->Run(); });
  return follower;
}

ChainFollower::ChainFollower(std::string endpoint, rpc::TlsConfig tls,
                             const hotstuff::Genesis& genesis)
    : endpoint_(std::move(endpoint)),
      tls_(std::move(tls)),
      genesis_(genesis),
      rule_(MakeRule(genesis.rules)) {}

ChainFollower::~ChainFollower() { Stop(); }

void ChainFollower::Stop() {
  cancellation_.Cancel();
  if (thread_.joinable()) thread_.join();
}

uint64_t ChainFollower::height() const {
  MutexLock lock(mutex_);
  return commits_.empty() ? 0 : commits_.back().height;
}

bool ChainFollower::WaitForHeight(uint64_t height, Clock::time_point deadline) const {
  MutexLock lock(mutex_);
  while (status_.ok() && (commits_.empty() ? 0 : commits_.back().height) < height) {
    if (!changed_.WaitUntil(mutex_, deadline)) return false;
  }
  return status_.ok();
}

absl::Status ChainFollower::status() const {
  MutexLock lock(mutex_);
  return status_;
}

uint64_t ChainFollower::connections() const {
  MutexLock lock(mutex_);
  return connections_;
}

std::vector<SeenCommit> ChainFollower::CommitsSince(Clock::time_point since) const {
  MutexLock lock(mutex_);
  const auto first = std::partition_point(commits_.begin(), commits_.end(),
                                          [&](const SeenCommit& seen) { return seen.at < since; });
  return {first, commits_.end()};
}

void ChainFollower::Run() {
  while (!cancellation_.cancelled() && status().ok()) {
    FollowOnce();
    cancellation_.Sleep(kPause);
  }
}

void ChainFollower::FollowOnce() {
  const auto channel = ConnectTo(endpoint_, tls_, MaxReceiveBytes(genesis_), kConnectTimeout);
  if (!channel.ok()) return;
  unproven_.clear();
  rpc::CallContext context(kLongestStream);
  const rpc::Cancellation::Scope scope(cancellation_, context);
  v1::SubscribeRequest request;
  request.set_from_height(ids_.size() + 1);
  const auto stub = v1::ConsensusService::NewStub(*channel);
  const auto stream = stub->Subscribe(&context, request);
  {
    MutexLock lock(mutex_);
    ++connections_;
  }
  v1::SubscribeResponse response;
  absl::Status wrong;
  while (wrong.ok() && stream->Read(&response)) wrong = Take(response, Clock::now());
  context.TryCancel();
  stream->Finish();
  if (wrong.ok()) return;
  MutexLock lock(mutex_);
  status_ = absl::DataLossError(absl::StrCat(endpoint_, ": ", wrong.message()));
  changed_.NotifyAll();
}

absl::Status ChainFollower::Take(const v1::SubscribeResponse& response, Clock::time_point now) {
  for (const v1::Block& block : response.blocks()) GROAT_RETURN_IF_ERROR(TakeBlock(block, now));
  if (response.commit_proof().empty()) return absl::OkStatus();
  return TakeProof(response.commit_proof());
}

absl::Status ChainFollower::TakeBlock(const v1::Block& block, Clock::time_point now) {
  GROAT_ASSIGN_OR_RETURN(const wire::ReceivedBlock received,
                         wire::FromProto(block, genesis_.block));
  const hotstuff::BlockHeader& header = received.header;
  const uint64_t want = ids_.size() + unproven_.size() + 1;
  hotstuff::BlockId parent = ids_.empty() ? genesis_.Block0()->id() : ids_.back();
  if (!unproven_.empty()) parent = unproven_.back().id;
  if (header.height.value() != want) {
    return absl::DataLossError(
        absl::StrCat("block of height ", header.height.value(), ", want ", want));
  }
  if (header.parent != parent) {
    return absl::DataLossError(
        absl::StrCat("block ", want, " is on ", header.parent.Hex(), ", want on ", parent.Hex()));
  }
  Unproven& added = unproven_.emplace_back();
  added.id = header.Id();
  added.commit = {now, want, header.timestamp_ms, 0};
  for (uint32_t i = 0; i < received.commands.size(); ++i) {
    const hotstuff::CommandKey& key = received.commands[i].key;
    if (key.sequence.value() == 0 || key.sequence.value() > Places::kMaxSequence) {
      return absl::DataLossError(absl::StrCat("block ", want, " has a command with sequence ",
                                              key.sequence.value(), ", which nobody sent"));
    }
    if (received.fresh[i]) {
      added.effects.push_back({key, {want, i}});
    } else {
      added.repeated.push_back(key);
    }
  }
  return absl::OkStatus();
}

absl::Status ChainFollower::TakeProof(const std::string& encoded) {
  GROAT_ASSIGN_OR_RETURN(const hotstuff::CommitProof proof,
                         hotstuff::CommitProof::Decode(wire::View(encoded)));
  if (unproven_.empty()) return absl::DataLossError("a proof without a block");
  GROAT_RETURN_IF_ERROR(hotstuff::VerifyCommit(proof, unproven_.back().id, *rule_, verifier_));
  std::vector<SeenCommit> commits;
  for (const Unproven& block : unproven_) {
    ids_.push_back(block.id);
    GROAT_RETURN_IF_ERROR(TakeEffects(block));
    commands_ += block.effects.size();
    commits.push_back(block.commit);
    commits.back().commands = commands_;
  }
  unproven_.clear();
  MutexLock lock(mutex_);
  commits_.insert(commits_.end(), commits.begin(), commits.end());
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status ChainFollower::TakeEffects(const Unproven& block) {
  const auto named = [&](const hotstuff::CommandKey& key) {
    return absl::StrCat("command ", key.sequence.value(), " of client ", key.client.value());
  };
  for (const auto& [key, place] : block.effects) {
    const uint64_t client = key.client.value();
    const uint64_t sequence = key.sequence.value();
    if (places_.Set(client, sequence, place)) continue;
    return absl::DataLossError(absl::StrCat(named(key), " took effect in block ", place.height,
                                            " and before, in block ",
                                            places_.Find(client, sequence)->height));
  }
  for (const hotstuff::CommandKey& key : block.repeated) {
    if (places_.Find(key.client.value(), key.sequence.value()) != nullptr) continue;
    return absl::DataLossError(absl::StrCat(named(key), " in block ", block.commit.height,
                                            " is said to be committed before, and is not"));
  }
  return absl::OkStatus();
}

}  // namespace groat::load
