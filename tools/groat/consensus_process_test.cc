// Real processes, n = 4: commands go on while leaders are killed with SIGKILL, and nobody who
// subscribes misses a committed command or sees one twice. A replica whose folder is gone follows.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
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
constexpr uint64_t kBatch = 20;
constexpr seconds kPatience{60};
constexpr hotstuff::CommandBounds kBounds{10'000, 2 << 20};

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
  void WaitForMore(uint64_t more) { WaitFor(count() + more); }
  void WaitFor(uint64_t want) {
    const Clock::time_point end = Clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (count_ < want) ASSERT_TRUE(changed_.WaitUntil(mutex_, end)) << count_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

class ConsensusProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "groat_consensus_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    StartPlatform();
  }
  void StartPlatform() {
    PlatformOptions options;
    options.folder = folder_;
    options.embedded = true;
    options.consensus = kReplicas;
    auto platform = Platform::Start(options, [this](const ProcessEvent& event) {
      if (event.kind == ProcessEvent::Kind::kStarted && event.name == keys::ConsensusName(3)) {
        starts_of_last_.Add(1);
      }
    });
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

  // Commands first to first + 19 of client 7.
  static v1::SubmitRequest Batch(uint64_t first) {
    v1::SubmitRequest request;
    request.set_client_id(7);
    for (uint64_t i = 0; i < kBatch; ++i) {
      v1::Command* const command = request.add_commands();
      command->set_sequence(first + i);
      command->set_payload(std::string(128, 'x'));
    }
    return request;
  }

  // Of a replica that has committed up to this height, or higher.
  v1::GetStatusResponse StatusAt(uint32_t replica, uint64_t height) {
    const Clock::time_point end = Clock::now() + kPatience;
    v1::GetStatusResponse status;
    do {
      rpc::CallContext context(seconds(5));
      EXPECT_TRUE(Stub(replica)->GetStatus(&context, {}, &status).ok()) << replica;
    } while (status.committed_height() < height && Clock::now() < end);
    EXPECT_GE(status.committed_height(), height) << replica;
    return status;
  }

  std::string folder_;
  rpc::Cancellation cancellation_;
  Progress starts_of_last_;
  std::unique_ptr<Platform> platform_;
};

// What a subscriber has seen, over all its connections.
struct Seen {
  uint64_t next_height = 1;
  hotstuff::BlockId last;
  std::set<hotstuff::CommandKey> commands;
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
  constexpr int kKills = 4;
  Progress acknowledged;
  std::atomic<bool> stop{false};
  auto submitter = std::async(std::launch::async, [&] {
    for (uint64_t first = 1; !stop; first += kBatch) {
      SubmitForSure(Batch(first), static_cast<uint32_t>(first / kBatch));
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

// Somebody removes the folder of a running platform's replica. It must not vote as if it were new,
// neither when it is started again nor when the platform is.
TEST_F(ConsensusProcessTest, AReplicaWhoseFolderIsGoneFollowsAndDoesNotVote) {
  constexpr uint32_t kLost = 3;
  const std::string name = keys::ConsensusName(kLost);
  const std::filesystem::path data = platform_->plan().ProcessData(name);
  SubmitForSure(Batch(1), 0);
  EXPECT_TRUE(StatusAt(kLost, 1).votes());
  // What runs keeps its open files until it is killed.
  std::filesystem::rename(data, data.string() + "-gone");
  const uint64_t starts = starts_of_last_.count();
  GROAT_ASSERT_OK(platform_->Kill(name));
  starts_of_last_.WaitFor(starts + 1);
  GROAT_ASSERT_OK(platform_->WaitProcessReady(name, kPatience, cancellation_));
  for (uint64_t round = 1; round <= 2; ++round) {
    SubmitForSure(Batch(1 + round * kBatch), 0);
    const uint64_t height = StatusAt(0, 1).committed_height();
    EXPECT_FALSE(StatusAt(kLost, height).votes()) << round;
    for (uint32_t other = 0; other < kLost; ++other) {
      EXPECT_TRUE(StatusAt(other, height).votes()) << other;
    }
    if (round == 2) break;
    EXPECT_THAT(platform_->Drain(kPatience), ::testing::IsEmpty());
    platform_.reset();
    StartPlatform();
  }
  std::ifstream log(platform_->plan().LogFile(name));
  const std::string lines{std::istreambuf_iterator<char>(log), std::istreambuf_iterator<char>()};
  EXPECT_THAT(lines, ::testing::HasSubstr("the folder is empty and first_start is not set"));
  EXPECT_THAT(lines, ::testing::HasSubstr("first start: take first_start out"));
}

}  // namespace
}  // namespace groat::platform
