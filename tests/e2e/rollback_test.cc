// etcd is put back to an older copy of its data behind the ledger nodes' backs, as by a restored
// snapshot. No node may follow it: each stops, shows both histories, and signs nothing, also after
// a restart. With the right data back, the ledger goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/status_matchers.h"
#include "rpc/status.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/program.h"
#include "tests/e2e/run.h"
#include "wire/common.h"

namespace groat::e2e {
namespace {

namespace fs = std::filesystem;
using ::groat::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kNodes = 3;
constexpr milliseconds kCallTimeout{10'000};

// Every checkpoint that any node ever hands out, by height.
class CheckpointWatch {
 public:
  explicit CheckpointWatch(Cluster& cluster) : cluster_(cluster) {
    for (uint32_t node = 0; node < kNodes; ++node) {
      threads_.emplace_back([this, node] { Run(node); });
    }
  }
  ~CheckpointWatch() { Stop(); }
  void Stop() {
    stopping_.Cancel();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  record::Height highest() const {
    MutexLock lock(mutex_);
    return seen_.empty() ? record::Height(0) : record::Height(seen_.rbegin()->first);
  }
  absl::Status WaitForHeight(record::Height height) const {
    const Clock::time_point deadline = Clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (seen_.empty() || seen_.rbegin()->first < height.value()) {
      if (!changed_.WaitUntil(mutex_, deadline)) {
        return absl::DeadlineExceededError(absl::StrCat("no checkpoint of ", height.value()));
      }
    }
    return absl::OkStatus();
  }
  // Different contents by height; one each if all is well.
  std::map<uint64_t, std::set<std::string>> seen() const {
    MutexLock lock(mutex_);
    return seen_;
  }

 private:
  void Run(uint32_t node) {
    while (!stopping_.cancelled()) {
      PatientContext context(kPatience);
      const rpc::Cancellation::Scope scope(stopping_, context);
      const auto reader = cluster_.ledger(node).WatchCheckpoints(&context, {});
      ledger::v1::WatchCheckpointsResponse response;
      while (reader->Read(&response)) {
        const auto checkpoint = wire::FromProto(response.checkpoint());
        GROAT_ASSERT_OK(checkpoint);
        MutexLock lock(mutex_);
        seen_[checkpoint->checkpoint.height.value()].insert(
            ToString(checkpoint->checkpoint.Encode()));
        changed_.NotifyAll();
      }
      reader->Finish();
      stopping_.Sleep(milliseconds(50));
    }
  }

  Cluster& cluster_;
  rpc::Cancellation stopping_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::map<uint64_t, std::set<std::string>> seen_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

class RollbackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GROAT_ASSERT_OK_AND_ASSIGN(cluster_, Cluster::Make({}));
    GROAT_ASSERT_OK(cluster_->StartAll());
    checkpoints_ = std::make_unique<CheckpointWatch>(*cluster_);
  }

  void StopEtcd() {
    for (uint32_t i = 0; i < kNodes; ++i) {
      GROAT_ASSERT_OK(cluster_->Kill(absl::StrCat("etcd-", i)));
    }
  }
  void StartEtcd() {
    // A member alone serves nothing, so all are started before any is waited for.
    for (uint32_t i = 0; i < kNodes; ++i) {
      GROAT_ASSERT_OK(cluster_->Launch(absl::StrCat("etcd-", i)));
    }
    for (uint32_t i = 0; i < kNodes; ++i) {
      GROAT_ASSERT_OK(cluster_->WaitServing(absl::StrCat("etcd-", i)));
    }
  }
  fs::path EtcdData(uint32_t member) const {
    return cluster_->plan().ProcessData(absl::StrCat("etcd-", member));
  }
  // While etcd is stopped.
  void CopyEtcdData(const char* suffix) {
    for (uint32_t i = 0; i < kNodes; ++i) {
      // etcd's log is 64 MB of mostly nothing, which cp leaves out.
      GROAT_ASSERT_OK_AND_ASSIGN(
          const ProgramResult copied,
          RunProgram({"/bin/cp", "-a", "--sparse=always", EtcdData(i).string(),
                      EtcdData(i).string() + suffix},
                     (cluster_->plan().data_folder() / "logs" / "cp.log").string()));
      ASSERT_EQ(copied.exit_status, 0) << copied.output;
    }
  }
  void MoveEtcdData(const char* suffix) {
    for (uint32_t i = 0; i < kNodes; ++i) {
      fs::rename(EtcdData(i), EtcdData(i).string() + suffix);
    }
  }
  void PutEtcdDataBack(const char* suffix) {
    for (uint32_t i = 0; i < kNodes; ++i) {
      fs::remove_all(EtcdData(i));
      fs::rename(EtcdData(i).string() + suffix, EtcdData(i));
    }
  }

  absl::StatusOr<ledger::v1::GetHeadResponse> Head(uint32_t node, ledger::v1::ReadMode mode) {
    PatientContext context(kCallTimeout);
    ledger::v1::GetHeadRequest request;
    request.set_read_mode(mode);
    ledger::v1::GetHeadResponse response;
    GROAT_RETURN_IF_ERROR(
        rpc::FromGrpc(cluster_->ledger(node).GetHead(&context, request, &response)));
    return response;
  }

  // A root that the relay signed: what it appended last.
  absl::Status Append(uint32_t node, const common::v1::SignedRoot& root) {
    PatientContext context(kCallTimeout);
    ledger::v1::AppendRootRequest request;
    *request.add_roots() = root;
    ledger::v1::AppendRootResponse response;
    return rpc::FromGrpc(cluster_->ledger(node).AppendRoot(&context, request, &response));
  }

  // The node has stopped, says why, and still answers what it can answer alone.
  // `register_head`: what the register has at that moment.
  void CheckStopped(uint32_t node, uint64_t register_head) {
    const std::string name = absl::StrCat("ledger-", node);
    SCOPED_TRACE(name);
    GROAT_ASSERT_OK(Eventually([&] {
      const std::string health = cluster_->Health(name);
      return health == "NOT_SERVING" ? absl::OkStatus() : absl::UnavailableError(health);
    }));
    ledger::v1::GetHeadResponse own;
    // Our channel may still pause after the node was down.
    GROAT_ASSERT_OK(Eventually([&]() -> absl::Status {
      GROAT_ASSIGN_OR_RETURN(own, Head(node, ledger::v1::READ_MODE_STALE));
      return absl::OkStatus();
    }));
    EXPECT_GE(own.applied_height(), register_head);
    const auto shows_both =
        AllOf(HasSubstr("the register went back"), HasSubstr("ours ["), HasSubstr("theirs ["),
              HasSubstr(ToHex(AsBytes(own.block().id()))), HasSubstr("its head is "));
    EXPECT_THAT(Head(node, ledger::v1::READ_MODE_LINEARIZABLE),
                StatusIs(absl::StatusCode::kDataLoss, shows_both));
    EXPECT_THAT(Append(node, own.block().root()),
                StatusIs(absl::StatusCode::kDataLoss, shows_both));
    EXPECT_THAT(cluster_->Log(name),
                AllOf(HasSubstr("histories contradict each other"), shows_both));
    GROAT_ASSERT_OK_AND_ASSIGN(const auto status, cluster_->LedgerStatus(node));
    EXPECT_EQ(status.head_height(), register_head);
    EXPECT_EQ(status.nodes(static_cast<int>(node)).applied_height(), own.applied_height());
  }

  absl::StatusOr<uint64_t> RegisterHead() {
    uint64_t height = 0;
    GROAT_RETURN_IF_ERROR(Eventually([&]() -> absl::Status {
      for (uint32_t node = 0; node < kNodes; ++node) {
        const auto status = cluster_->LedgerStatus(node);
        if (!status.ok()) continue;
        height = status->head_height();
        return absl::OkStatus();
      }
      return absl::UnavailableError("no node tells the register's head");
    }));
    return height;
  }

  // Some time later, an older copy of etcd's data. It holds older_head_bound_ blocks at most.
  void TakeOlderCopy() {
    const record::Height later(checkpoints_->highest().value() + Pick(random_, 5, 40));
    GROAT_ASSERT_OK(checkpoints_->WaitForHeight(later));
    StopEtcd();
    CopyEtcdData(".old");
    StartEtcd();
    GROAT_ASSERT_OK_AND_ASSIGN(const uint64_t head, RegisterHead());
    older_head_bound_ = record::Height(head);
  }
  // Until a checkpoint covers more than that, and these nodes have it.
  void WaitBeyondOlderCopy(const std::vector<uint32_t>& nodes) {
    const record::Height height(older_head_bound_.value() + Pick(random_, 1, 40));
    GROAT_ASSERT_OK(checkpoints_->WaitForHeight(height));
    for (const uint32_t node : nodes) {
      GROAT_ASSERT_OK(Eventually([&]() -> absl::Status {
        GROAT_ASSIGN_OR_RETURN(const auto head, Head(node, ledger::v1::READ_MODE_STALE));
        return head.applied_height() >= height.value()
                   ? absl::OkStatus()
                   : absl::UnavailableError(
                         absl::StrCat("node ", node, " has applied ", head.applied_height()));
      }));
    }
  }
  void PutOlderCopyBack() {
    StopEtcd();
    MoveEtcdData(".new");
    PutEtcdDataBack(".old");
    StartEtcd();
  }
  void PutNewerDataBack() {
    StopEtcd();
    PutEtcdDataBack(".new");
    StartEtcd();
  }

  void CheckOtherHistory(uint32_t node, const std::string& own_id) {
    GROAT_ASSERT_OK(Eventually([&]() -> absl::Status {
      const absl::Status status = Head(node, ledger::v1::READ_MODE_LINEARIZABLE).status();
      return absl::IsDataLoss(status) ? absl::OkStatus() : absl::UnavailableError("it goes on");
    }));
    EXPECT_THAT(Head(node, ledger::v1::READ_MODE_LINEARIZABLE),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr("another history"), HasSubstr(ToHex(AsBytes(own_id))))));
    EXPECT_EQ(cluster_->Health(absl::StrCat("ledger-", node)), "NOT_SERVING");
  }

  void CheckNoContradiction() {
    checkpoints_->Stop();
    for (const auto& [height, contents] : checkpoints_->seen()) {
      EXPECT_EQ(contents.size(), 1u) << "two checkpoints of height " << height;
    }
  }

  Random random_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<CheckpointWatch> checkpoints_;
  record::Height older_head_bound_;
};

TEST_F(RollbackTest, NoNodeFollowsARegisterThatWentBack) {
  const int rounds = Rounds(1);
  random_.seed(Seed());
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    TakeOlderCopy();
    WaitBeyondOlderCopy({0, 1, 2});
    if (HasFatalFailure()) return;
    // One node is down while it happens and finds out when it starts.
    const std::string away = absl::StrCat("ledger-", Pick(random_, 0, kNodes - 1));
    GROAT_ASSERT_OK(cluster_->Kill(away));
    PutOlderCopyBack();
    GROAT_ASSERT_OK(cluster_->Launch(away));
    if (HasFatalFailure()) return;
    GROAT_ASSERT_OK_AND_ASSIGN(const uint64_t old_head, RegisterHead());
    ASSERT_LE(old_head, older_head_bound_.value());
    for (uint32_t node = 0; node < kNodes; ++node) CheckStopped(node, old_head);
    // A restart does not make them forget.
    for (uint32_t node = 0; node < kNodes; ++node) {
      GROAT_ASSERT_OK(cluster_->Kill(absl::StrCat("ledger-", node)));
      GROAT_ASSERT_OK(cluster_->Launch(absl::StrCat("ledger-", node)));
    }
    for (uint32_t node = 0; node < kNodes; ++node) CheckStopped(node, old_head);
    // The sequencer's old lease runs out, and nobody wants it.
    GROAT_ASSERT_OK(Eventually([&]() -> absl::Status {
      GROAT_ASSIGN_OR_RETURN(const auto status, cluster_->LedgerStatus(0));
      return status.has_sequencer() ? absl::UnavailableError(status.ShortDebugString())
                                    : absl::OkStatus();
    }));
    GROAT_ASSERT_OK_AND_ASSIGN(const uint64_t head, RegisterHead());
    EXPECT_EQ(head, old_head) << "somebody appended to the older history";

    PutNewerDataBack();
    // With the cause removed, an operator restarts them.
    for (uint32_t node = 0; node < kNodes; ++node) {
      GROAT_ASSERT_OK(cluster_->Kill(absl::StrCat("ledger-", node)));
      GROAT_ASSERT_OK(cluster_->Revive(absl::StrCat("ledger-", node)));
    }
    if (HasFatalFailure()) return;
    GROAT_ASSERT_OK(checkpoints_->WaitForHeight(checkpoints_->highest().Next()));
  }
  CheckNoContradiction();
  EXPECT_THAT(cluster_->unexpected_ends(), IsEmpty());
  Report("etcd put back to older data")
      .Add("rounds", static_cast<uint64_t>(rounds))
      .Add("checkpoints seen", checkpoints_->seen().size())
      .Add("contradicting checkpoints", HasFailure() ? "see above" : "0")
      .Print();
}

// A node that was away since before the older copy cannot know better: to it the older register is
// right. It may take appends, but alone it makes no checkpoint, so nobody has proof of the fork.
TEST_F(RollbackTest, ANodeThatKnowsNoBetterMakesNoCheckpointAlone) {
  random_.seed(Seed());
  GROAT_ASSERT_OK(checkpoints_->WaitForHeight(record::Height(1)));
  GROAT_ASSERT_OK(cluster_->Kill("ledger-2"));
  TakeOlderCopy();
  WaitBeyondOlderCopy({0, 1});
  if (HasFatalFailure()) return;
  // It would stop at the first answer of the older register; that is its own test's matter.
  GROAT_ASSERT_OK(cluster_->Kill("relay"));
  PutOlderCopyBack();
  GROAT_ASSERT_OK(cluster_->Revive("ledger-2"));
  if (HasFatalFailure()) return;
  GROAT_ASSERT_OK_AND_ASSIGN(const uint64_t old_head, RegisterHead());
  for (uint32_t node = 0; node < 2; ++node) CheckStopped(node, old_head);

  // What the others have as the next block comes once more, at another time: another block.
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<record::Block> chain,
                             cluster_->Chain(0, ledger::v1::READ_MODE_STALE));
  ASSERT_GT(chain.size(), old_head);
  common::v1::SignedRoot next;
  wire::ToProto(chain[old_head].root, &next);
  GROAT_ASSERT_OK(Eventually([&] { return Append(2, next); }));
  GROAT_ASSERT_OK_AND_ASSIGN(const auto fork, Head(2, ledger::v1::READ_MODE_LINEARIZABLE));
  ASSERT_EQ(fork.applied_height(), old_head + 1);
  EXPECT_NE(fork.block().id(), ToString(chain[old_head].Id()));
  for (uint32_t node = 0; node < 2; ++node) CheckStopped(node, old_head + 1);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto status, cluster_->LedgerStatus(2));
  EXPECT_LE(status.checkpoint_height(), old_head);

  PutNewerDataBack();
  // Now it is the one with another history, and its data is of no use any more.
  CheckOtherHistory(2, fork.block().id());
  GROAT_ASSERT_OK(cluster_->Kill("ledger-2"));
  fs::remove_all(cluster_->plan().ProcessData("ledger-2"));
  for (uint32_t node = 0; node < 2; ++node) {
    GROAT_ASSERT_OK(cluster_->Kill(absl::StrCat("ledger-", node)));
  }
  for (uint32_t node = 0; node < kNodes; ++node) {
    GROAT_ASSERT_OK(cluster_->Launch(absl::StrCat("ledger-", node)));
  }
  GROAT_ASSERT_OK(cluster_->Revive("relay"));
  GROAT_ASSERT_OK(checkpoints_->WaitForHeight(record::Height(chain.size() + 1)));
  GROAT_ASSERT_OK(Eventually([&]() -> absl::Status {
    GROAT_ASSIGN_OR_RETURN(const auto again, cluster_->Chain(2, ledger::v1::READ_MODE_STALE));
    if (again.size() < chain.size()) return absl::UnavailableError("it still catches up");
    return std::equal(chain.begin(), chain.end(), again.begin())
               ? absl::OkStatus()
               : absl::UnavailableError("it has another history");
  }));
  CheckNoContradiction();
  EXPECT_THAT(cluster_->unexpected_ends(), IsEmpty());
}

}  // namespace
}  // namespace groat::e2e
