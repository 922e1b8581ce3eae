#include "tests/e2e/consensus_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "tests/e2e/cluster.h"

namespace groat::e2e {
namespace {

constexpr uint64_t kFirstBlocks = 20;
// A client that hears nothing for so long goes to another replica.
constexpr milliseconds kAnswerTimeout{2000};

}  // namespace

absl::StatusOr<std::unique_ptr<ConsensusRun>> ConsensusRun::Make(
    const ConsensusRunOptions& options) {
  std::unique_ptr<ConsensusRun> run(new ConsensusRun(options));
  load::ConsensusClusterOptions cluster;
  cluster.plan.replicas = options.replicas;
  cluster.plan.base_timeout_ms = options.base_timeout_ms;
  GROAT_ASSIGN_OR_RETURN(run->cluster_, load::ConsensusCluster::Make(cluster));
  return run;
}

ConsensusRun::~ConsensusRun() {
  load_.reset();
  followers_.clear();
  if (!::testing::Test::HasFailure()) return;
  cluster_->KeepFolder();
  std::cout << "the cluster's files are kept in " << cluster_->folder().string() << std::endl;
}

absl::Status ConsensusRun::Start() {
  GROAT_RETURN_IF_ERROR(cluster_->StartAll());
  GROAT_ASSIGN_OR_RETURN(followers_, load::FollowAll(*cluster_));
  load::SubmitLoad load;
  load.endpoints = cluster_->endpoints();
  load.tls = cluster_->tls();
  load.batch = 10;
  load.commands_per_second = options_.commands_per_second;
  load.warm_up = milliseconds(0);
  load.duration = std::chrono::hours(24);
  load.answer_timeout = kAnswerTimeout;
  GROAT_ASSIGN_OR_RETURN(load_, load::SubmitRun::Start(load));
  for (uint32_t i = 0; i < options_.replicas; ++i) {
    GROAT_RETURN_IF_ERROR(WaitForMore(i, kFirstBlocks));
  }
  return absl::OkStatus();
}

uint64_t ConsensusRun::Height() const {
  uint64_t height = 0;
  for (const auto& follower : followers_) height = std::max(height, follower->height());
  return height;
}

absl::Status ConsensusRun::WaitForMore(uint32_t witness, uint64_t more) const {
  const load::ChainFollower& follower = *followers_[witness];
  const uint64_t want = follower.height() + more;
  if (follower.WaitForHeight(want, Clock::now() + kPatience)) return absl::OkStatus();
  GROAT_RETURN_IF_ERROR(follower.status());
  return absl::DeadlineExceededError(absl::StrCat("consensus-", witness, " shows ",
                                                  follower.height(), " blocks, want ", want,
                                                  " within ", kPatience.count(), " ms"));
}

absl::StatusOr<milliseconds> ConsensusRun::WaitCaughtUp(uint32_t replica) const {
  const Clock::time_point begin = Clock::now();
  const uint64_t height = Height();
  const uint64_t own = followers_[replica]->height();
  if (own < height) GROAT_RETURN_IF_ERROR(WaitForMore(replica, height - own));
  return Since(begin);
}

void ConsensusRun::ExpectNothingLost() {
  result_ = load_->Stop(kPatience);
  audit_ = load::Audit(load::Pointers(followers_), {&result_.places}, kPatience);
  EXPECT_TRUE(audit_.ok()) << audit_.Text();
  EXPECT_EQ(result_.unanswered, 0u);
  EXPECT_EQ(result_.refused, 0u) << ::testing::PrintToString(result_.errors);
  EXPECT_EQ(result_.acknowledged_twice, 0u);
  EXPECT_EQ(result_.acknowledged, result_.sent);
  // Nobody else submits.
  EXPECT_EQ(audit_.commands, result_.acknowledged);
  EXPECT_THAT(cluster_->unexpected_ends(), ::testing::IsEmpty());
}

std::string MedianAndMaxOfNanoseconds(const telemetry::LatencyHistogram& histogram) {
  return absl::StrFormat("%.0f / %.0f", static_cast<double>(histogram.Quantile(0.5)) / 1e6,
                         static_cast<double>(histogram.max()) / 1e6);
}

}  // namespace groat::e2e
