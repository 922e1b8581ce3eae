// Servers with a configuration of their own: drains, bounds, wrong files, pruned blocks.
#include "services/consensus/consensus_server.h"

#include <gmock/gmock.h>

#include <future>

#include "base/status_matchers.h"
#include "services/consensus/testing/service_test.h"
#include "wire/consensus.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using testing::Commands;
using ::testing::HasSubstr;
using testing::kPatience;
using testing::TestReplicas;
namespace v1 = ::groat::consensus::v1;

// While replica 0 drains, two others are gone, so nothing is committed: what waits is told so at
// the end of the drain's time, and what comes meanwhile at once.
TEST(ConsensusServerTest, DrainsAnswersAndRefusesNewOnes) {
  TestReplicas replicas(4, [](hotstuff::Genesis&, Config& config) {
    config.drain_time = std::chrono::milliseconds(2000);
  });
  replicas.StartAll();
  for (size_t i = 0; i < 4; ++i) ASSERT_TRUE(replicas.WaitServing(i));
  const auto stub = v1::ConsensusService::NewStub(replicas.Channel(0));
  const auto submit = [&](uint64_t client, std::chrono::milliseconds patience) {
    rpc::CallContext context(patience);
    v1::SubmitResponse response;
    return rpc::FromGrpc(
        stub->Submit(&context, Commands<v1::SubmitRequest>(client, 1, 1), &response));
  };
  GROAT_ASSERT_OK(submit(1, kPatience));
  rpc::CallContext subscription_context(kPatience);
  v1::SubscribeRequest request;
  request.set_from_height(1);
  const auto subscription = stub->Subscribe(&subscription_context, request);
  rpc::CallContext stream_context(kPatience);
  const auto stream = stub->SubmitStream(&stream_context);
  replicas.Stop(2);
  replicas.Stop(3);
  auto waiting = std::async(std::launch::async, [&] { return submit(2, kPatience); });
  ASSERT_TRUE(stream->Write(Commands<v1::SubmitStreamRequest>(3, 1, 5)));
  ASSERT_TRUE(replicas.WaitForMetric(0, "groat_consensus_waiting_commands", 6));

  auto drained = std::async(std::launch::async, [&] { replicas.server(0).Drain(); });
  absl::Status meanwhile = absl::DeadlineExceededError("");
  for (uint64_t client = 10; absl::IsDeadlineExceeded(meanwhile); ++client) {
    meanwhile = submit(client, std::chrono::milliseconds(50));
  }
  EXPECT_THAT(meanwhile, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
  EXPECT_THAT(waiting.get(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("drains")));
  size_t refused = 0;
  v1::SubmitStreamResponse response;
  while (stream->Read(&response)) {
    for (const v1::RefusedCommands& commands : response.refused()) {
      EXPECT_EQ(commands.code(), static_cast<uint32_t>(absl::StatusCode::kUnavailable));
      refused += static_cast<size_t>(commands.sequences_size());
    }
  }
  EXPECT_EQ(refused, 5u);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  v1::SubscribeResponse blocks;
  while (subscription->Read(&blocks)) {
  }
  EXPECT_EQ(subscription->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  drained.get();
  EXPECT_EQ(replicas.Metrics(0)["groat_consensus_waiting_commands"], 0);
}

// A flood is refused by its type, and what was taken is committed all the same.
TEST(ConsensusServerTest, RefusesWhatItHasNoRoomFor) {
  TestReplicas replicas(1, [](hotstuff::Genesis&, Config& config) {
    config.pool_commands = 10;
    config.max_subscribers = 1;
  });
  replicas.StartAll();
  ASSERT_TRUE(replicas.WaitServing(0));
  const auto stub = v1::ConsensusService::NewStub(replicas.Channel(0));
  {
    rpc::CallContext context(kPatience);
    v1::SubmitResponse response;
    EXPECT_THAT(
        rpc::FromGrpc(stub->Submit(&context, Commands<v1::SubmitRequest>(1, 1, 1000), &response)),
        StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("pool")));
  }
  rpc::CallContext first_context(kPatience);
  v1::SubscribeRequest request;
  request.set_from_height(1);
  const auto first = stub->Subscribe(&first_context, request);
  v1::SubscribeResponse response;
  ASSERT_TRUE(first->Read(&response));
  EXPECT_FALSE(response.commit_proof().empty());
  rpc::CallContext second_context(kPatience);
  const auto second = stub->Subscribe(&second_context, request);
  EXPECT_FALSE(second->Read(&response));
  EXPECT_EQ(second->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST(ConsensusServerTest, NamesWhatIsWrongWithItsFiles) {
  TestReplicas replicas(1);
  telemetry::Logger logger({.service = "consensus", .level = telemetry::LogLevel::kError});
  const auto start = [&](const Config& config) {
    return ConsensusServer::Start(config, logger, [](const absl::Status&) {}).status();
  };
  Config config = replicas.config(0);
  config.genesis_file += ".missing";
  EXPECT_THAT(start(config), StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing")));
  config = replicas.config(0);
  config.genesis_file = config.signing_key_file;
  EXPECT_THAT(start(config), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key.pem")));
  replicas.Start(0);
  config = replicas.config(0);
  config.listen = "127.0.0.1:" + std::to_string(replicas.server(0).port());
  EXPECT_THAT(start(config),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("replica-0")));
}

// All but the newest blocks are pruned while a replica is away: it takes a snapshot over, and its
// clients learn what became of their commands, and what is not there.
TEST(PrunedReplicasTest, AReplicaThatWasAwayTakesASnapshotOver) {
  TestReplicas replicas(4, [](hotstuff::Genesis& genesis, Config& config) {
    genesis.snapshot_interval_blocks = 8;
    config.keep_blocks = 4;
  });
  replicas.StartAll();
  for (size_t i = 0; i < 4; ++i) ASSERT_TRUE(replicas.WaitServing(i));
  const auto submit = [&](size_t i, uint64_t client, uint64_t sequence) {
    rpc::CallContext context(kPatience);
    v1::SubmitResponse response;
    const auto stub = v1::ConsensusService::NewStub(replicas.Channel(i));
    const grpc::Status status =
        stub->Submit(&context, Commands<v1::SubmitRequest>(client, sequence, 1), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.positions_size() == 1 ? response.positions(0).height() : UINT64_MAX;
  };
  const auto status_of = [&](size_t i) {
    rpc::CallContext context(kPatience);
    v1::GetStatusResponse status;
    const auto stub = v1::ConsensusService::NewStub(replicas.Channel(i));
    EXPECT_TRUE(stub->GetStatus(&context, {}, &status).ok());
    return status;
  };
  submit(3, 1, 1);
  replicas.Stop(3);
  // A command, and so a block or more, each.
  uint64_t sequence = 0;
  while (status_of(0).first_height() < 30 && sequence < 500) submit(0, 2, ++sequence);
  const v1::GetStatusResponse pruned = status_of(0);
  ASSERT_GE(pruned.first_height(), 30u);
  EXPECT_EQ(pruned.snapshot_height() % 8, 0u);
  EXPECT_GT(pruned.snapshot_height(), pruned.first_height());

  replicas.Start(3);
  // It does not know yet that this is committed; nobody will commit it again.
  EXPECT_EQ(submit(3, 2, 1), 0u);
  EXPECT_GT(submit(3, 3, 1), pruned.snapshot_height());
  // What GetStatus says is published now and then.
  v1::GetStatusResponse after = status_of(3);
  while (after.first_height() == 1) after = status_of(3);
  EXPECT_GE(after.first_height(), pruned.first_height());
  EXPECT_TRUE(after.votes());
  EXPECT_FALSE(after.fetching_snapshot());

  const auto stub = v1::ConsensusService::NewStub(replicas.Channel(3));
  const std::string want = "want " + std::to_string(after.first_height()) + " to";
  {
    rpc::CallContext context(kPatience);
    v1::SubscribeRequest request;
    request.set_from_height(1);
    const auto stream = stub->Subscribe(&context, request);
    v1::SubscribeResponse response;
    EXPECT_FALSE(stream->Read(&response));
    const grpc::Status end = stream->Finish();
    EXPECT_EQ(end.error_code(), grpc::StatusCode::OUT_OF_RANGE);
    EXPECT_THAT(end.error_message(), HasSubstr(want));
  }
  {
    rpc::CallContext context(kPatience);
    v1::SubscribeRequest request;
    request.set_from_height(after.first_height());
    const auto stream = stub->Subscribe(&context, request);
    v1::SubscribeResponse response;
    ASSERT_TRUE(stream->Read(&response));
    GROAT_ASSERT_OK_AND_ASSIGN(const auto block,
                               wire::FromProto(response.blocks(0), replicas.genesis().block));
    EXPECT_EQ(block.header.height.value(), after.first_height());
  }
  rpc::CallContext context(kPatience);
  v1::GetBlockRequest request;
  request.set_height(1);
  v1::GetBlockResponse response;
  const grpc::Status refused = stub->GetBlock(&context, request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_THAT(refused.error_message(), HasSubstr(want));
}

}  // namespace
}  // namespace groat::consensus_service
