#include "loadtest/consensus/chain_follower.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "loadtest/consensus/connection.h"

namespace groat::load {
namespace {

namespace v1 = ::groat::consensus::v1;
using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{2000};
constexpr milliseconds kPause{20};
constexpr std::chrono::hours kLongestStream{24};

// A response is about 1 MiB or one block, and a proof.
int MaxReceiveBytes(const hotstuff::Genesis& genesis) {
  return static_cast<int>(2 * genesis.block.max_bytes + (8u << 20));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChainFollower>> ChainFollower::Start(
    std::string endpoint, rpc::TlsConfig tls, const hotstuff::Genesis& genesis) {
  GROAT_ASSIGN_OR_RETURN(auto scheme,
                         hotstuff::MakeScheme(genesis.validators, genesis.certificates));
  std::unique_ptr<ChainFollower> follower(
      new ChainFollower(std::move(endpoint), std::move(tls), genesis, std::move(scheme)));
  follower->thread_ = std::thread([follower = follower.get()] { follower->Run(); });
  return follower;
}

ChainFollower::ChainFollower(std::string endpoint, rpc::TlsConfig tls,
                             const hotstuff::Genesis& genesis,
                             std::unique_ptr<hotstuff::CertificateScheme> scheme)
    : endpoint_(std::move(endpoint)),
      tls_(std::move(tls)),
      max_receive_bytes_(MaxReceiveBytes(genesis)),
      checker_(genesis, std::move(scheme)) {}

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
  const auto channel = ConnectTo(endpoint_, tls_, max_receive_bytes_, kConnectTimeout);
  if (!channel.ok()) return;
  checker_.Forget();
  rpc::CallContext context(kLongestStream);
  const rpc::Cancellation::Scope scope(cancellation_, context);
  v1::SubscribeRequest request;
  request.set_from_height(checker_.next_height());
  const auto stub = v1::ConsensusService::NewStub(*channel);
  const auto stream = stub->Subscribe(&context, request);
  v1::SubscribeResponse response;
  absl::Status wrong;
  while (wrong.ok() && stream->Read(&response)) {
    const auto commits = checker_.Take(response, Clock::now());
    wrong = commits.status();
    if (!wrong.ok() || commits->empty()) continue;
    MutexLock lock(mutex_);
    commits_.insert(commits_.end(), commits->begin(), commits->end());
    changed_.NotifyAll();
  }
  context.TryCancel();
  stream->Finish();
  if (wrong.ok()) return;
  MutexLock lock(mutex_);
  status_ = absl::DataLossError(absl::StrCat(endpoint_, ": ", wrong.message()));
  changed_.NotifyAll();
}

}  // namespace groat::load
