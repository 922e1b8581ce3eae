// Real processes, n = 4: commands go on while leaders are killed with SIGKILL, and nobody who
// subscribes misses a committed command or sees one twice.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <set>

#include "base/mutex.h"
#include "base/status_matchers.h"
#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "tools/groat/platform/platform.h"
#include "wire/common.h"
#include "wire/consensus.h"

namespace groat::platform {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;
namespace v1 = ::groat::consensus::v1;

constexpr uint32_t kReplicas = 4;
constexpr seconds kPatience{60};
constexpr hotstuff::CommandBounds kBounds{10'000, 2 << 20};

class ConsensusProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "groat_consensus_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    PlatformOptions options;
    options.folder = folder_;
    options.embedded = true;
    options.consensus = kReplicas;
    auto platform = Platform::Start(options, [](const ProcessEvent&) {});
    GROAT_ASSERT_OK(platform);
    platform_ = *std::move(platform);
    GROAT_ASSERT_OK(platform_->WaitReady(cancellation_));
  }
  void TearDown() override {
    platform_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<v1::ConsensusService::Stub> Stub(uint32_t replica) {
    rpc::ChannelOptions options;
    options.max_receive_bytes = 16 << 20;
    options.own_connection = true;
    return v1::ConsensusService::NewStub(*rpc::MakeChannel(
        platform_->file().consensus[replica].listen, platform_->Tls(keys::kClientName), options));
  }

  // Submits until it succeeds, at one replica after another.
  void SubmitForSure(const v1::SubmitRequest& request, uint32_t first) {
    const Clock::time_point end = Clock::now() + kPatience;
    for (uint32_t at = first; Clock::now() < end; ++at) {
      rpc::CallContext context(seconds(5));
      v1::SubmitResponse response;
      if (Stub(at % kReplicas)->Submit(&context, request, &response).ok()) return;
    }
    ADD_FAILURE() << "commands from " << request.commands(0).sequence() << " on are not taken";
  }

  std::string folder_;
  rpc::Cancellation cancellation_;
  std::unique_ptr<Platform> platform_;
};

// What a subscriber has seen, over all its connections.
struct Seen {
  uint64_t next_height = 1;
  hotstuff::BlockId last;
  std::set<hotstuff::CommandKey> commands;
};

// Counts up, and can be waited for.
class Progress {
 public:
  void Add(uint64_t count) {
    MutexLock lock(mutex_);
    count_ += count;
    changed_.NotifyAll();
  }
  uint64_t count() {
    MutexLock lock(mutex_);
    return count_;
  }
  // Until there are so many more.
  void WaitForMore(uint64_t more) {
    const Clock::time_point end = Clock::now() + kPatience;
    MutexLock lock(mutex_);
    const uint64_t want = count_ + more;
    while (count_ < want) ASSERT_TRUE(changed_.WaitUntil(mutex_, end)) << count_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Takes one response; whatever is missing, repeated or not linked is a failure.
void Take(const v1::SubscribeResponse& response, Seen& seen) {
  for (const v1::Block& block : response.blocks()) {
    const auto received = wire::FromProto(block, kBounds);
    GROAT_ASSERT_OK(received);
    ASSERT_EQ(received->header.height.value(), seen.next_height);
    if (seen.next_height > 1) {
      ASSERT_EQ(received->header.parent, seen.last);
    }
    ++seen.next_height;
    seen.last = received->header.Id();
    for (size_t i = 0; i < received->commands.size(); ++i) {
      if (!received->fresh[i]) continue;
      ASSERT_TRUE(seen.commands.insert(received->commands[i].key).second)
          << received->commands[i].key.sequence.value();
    }
  }
}

TEST_F(ConsensusProcessTest, LosesAndRepeatsNothingWhenLeadersAreKilled) {
  constexpr uint64_t kBatch = 20;
  constexpr int kKills = 4;
  Progress acknowledged;
  std::atomic<bool> stop{false};
  auto submitter = std::async(std::launch::async, [&] {
    for (uint64_t first = 1; !stop; first += kBatch) {
      v1::SubmitRequest request;
      request.set_client_id(7);
      for (uint64_t i = 0; i < kBatch; ++i) {
        v1::Command* const command = request.add_commands();
        command->set_sequence(first + i);
        command->set_payload(std::string(128, 'x'));
      }
      SubmitForSure(request, static_cast<uint32_t>(first / kBatch));
      acknowledged.Add(kBatch);
    }
  });
  std::atomic<uint64_t> wanted{UINT64_MAX};
  Seen seen;
  auto subscriber = std::async(std::launch::async, [&] {
    const Clock::time_point end = Clock::now() + 3 * kPatience;
    for (uint32_t at = 1; seen.commands.size() < wanted && Clock::now() < end; ++at) {
      const auto stub = Stub(at % kReplicas);
      rpc::CallContext context(seconds(5));
      v1::SubscribeRequest request;
      request.set_from_height(seen.next_height);
      const auto stream = stub->Subscribe(&context, request);
      v1::SubscribeResponse response;
      while (seen.commands.size() < wanted && stream->Read(&response)) {
        Take(response, seen);
        if (::testing::Test::HasFatalFailure()) return;
      }
      context.TryCancel();
    }
  });

  milliseconds worst{0};
  for (int kill = 0; kill < kKills; ++kill) {
    acknowledged.WaitForMore(10 * kBatch);
    uint32_t leader = kReplicas;
    for (uint32_t at = 0; at < kReplicas && leader == kReplicas; ++at) {
      rpc::CallContext context(seconds(5));
      v1::GetStatusResponse status;
      if (Stub(at)->GetStatus(&context, {}, &status).ok()) leader = status.leader();
    }
    ASSERT_LT(leader, kReplicas);
    const Clock::time_point killed = Clock::now();
    GROAT_ASSERT_OK(platform_->Kill(keys::ConsensusName(leader)));
    acknowledged.WaitForMore(2 * kBatch);
    worst = std::max(worst, std::chrono::duration_cast<milliseconds>(Clock::now() - killed));
    GROAT_ASSERT_OK(
        platform_->WaitProcessReady(keys::ConsensusName(leader), kPatience, cancellation_));
  }
  stop = true;
  submitter.get();
  wanted = acknowledged.count();
  subscriber.get();
  EXPECT_EQ(seen.commands.size(), acknowledged.count());
  RecordProperty("worst_recovery_ms", static_cast<int>(worst.count()));
  printf("%d leaders killed, %llu commands in %llu blocks, worst recovery %lld ms\n", kKills,
         static_cast<unsigned long long>(acknowledged.count()),
         static_cast<unsigned long long>(seen.next_height - 1),
         static_cast<long long>(worst.count()));
}

}  // namespace
}  // namespace groat::platform
