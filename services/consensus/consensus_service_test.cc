// Whole replicas over real connections with mutual TLS: every call, every refusal, restarts.
#include "services/consensus/consensus_service.h"

#include <gmock/gmock.h>

#include <future>
#include <map>
#include <set>

#include "base/status_matchers.h"
#include "hotstuff/ed25519_scheme.h"
#include "hotstuff/two_chain.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "services/consensus/testing/test_replicas.h"
#include "wire/common.h"
#include "wire/consensus.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::HasSubstr;
using testing::TestReplicas;
namespace v1 = ::groat::consensus::v1;

constexpr std::chrono::seconds kPatience{30};

template <class Request>
Request Commands(uint64_t client, uint64_t first, uint64_t count, size_t payload_bytes = 128) {
  Request request;
  request.set_client_id(client);
  for (uint64_t i = 0; i < count; ++i) {
    v1::Command* const command = request.add_commands();
    command->set_sequence(first + i);
    command->set_payload(std::string(payload_bytes, static_cast<char>('a' + i % 26)));
  }
  return request;
}

class ConsensusServiceTest : public ::testing::Test {
 protected:
  void StartAll() {
    replicas_.StartAll();
    for (size_t i = 0; i < 4; ++i) ASSERT_TRUE(replicas_.WaitServing(i));
  }
  std::unique_ptr<v1::ConsensusService::Stub> Stub(size_t i) {
    return v1::ConsensusService::NewStub(replicas_.Channel(i));
  }
  absl::StatusOr<v1::SubmitResponse> Submit(size_t i, const v1::SubmitRequest& request) {
    rpc::CallContext context(kPatience);
    v1::SubmitResponse response;
    const grpc::Status status = Stub(i)->Submit(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }
  absl::Status Approve(size_t i, const std::string& name, const hotstuff::ValidatorChange& change,
                       v1::ApproveChangeResponse& response) {
    const auto admin = v1::ConsensusAdminService::NewStub(replicas_.Channel(i, name));
    rpc::CallContext context(kPatience);
    v1::ApproveChangeRequest request;
    request.set_change(ToString(change.Encode()));
    return rpc::FromGrpc(admin->ApproveChange(&context, request, &response));
  }
  // With three validators' consent.
  v1::ChangeValidatorsRequest Approved(const hotstuff::ValidatorChange& change) {
    v1::ChangeValidatorsRequest request;
    request.set_change(ToString(change.Encode()));
    for (size_t i = 0; i < 3; ++i) {
      v1::ApproveChangeResponse response;
      GROAT_EXPECT_OK(Approve(i, "admin", change, response));
      v1::ChangeShare* const share = request.add_shares();
      share->set_signer(response.signer());
      share->set_share(response.share());
    }
    return request;
  }
  absl::Status Order(size_t i, const v1::ChangeValidatorsRequest& request) {
    const auto admin = v1::ConsensusAdminService::NewStub(replicas_.Channel(i, "admin"));
    rpc::CallContext context(kPatience);
    v1::ChangeValidatorsResponse response;
    return rpc::FromGrpc(admin->ChangeValidators(&context, request, &response));
  }
  // Reads blocks from height 1 on until so many commands took effect, checking everything that a
  // client can check without trust.
  std::map<hotstuff::CommandKey, Position> ReadAll(size_t i, size_t commands) {
    std::map<hotstuff::CommandKey, Position> out;
    const auto stub = Stub(i);
    rpc::CallContext context(kPatience);
    v1::SubscribeRequest request;
    request.set_from_height(1);
    const auto stream = stub->Subscribe(&context, request);
    const auto scheme =
        *hotstuff::MakeScheme(replicas_.genesis().validators, replicas_.genesis().certificates);
    const hotstuff::Verifier verifier{replicas_.genesis().Chain(), Epoch(0), 4, scheme.get()};
    hotstuff::BlockId parent = replicas_.genesis().Block0()->id();
    v1::SubscribeResponse response;
    while (out.size() < commands && stream->Read(&response)) {
      for (const v1::Block& block : response.blocks()) {
        const auto received = wire::FromProto(block, replicas_.genesis().block);
        GROAT_EXPECT_OK(received.status());
        if (!received.ok()) return out;
        EXPECT_EQ(received->header.parent, parent);
        parent = received->header.Id();
        for (uint32_t k = 0; k < received->commands.size(); ++k) {
          if (!received->fresh[k]) continue;
          EXPECT_TRUE(
              out.emplace(received->commands[k].key, Position{received->header.height, k}).second);
        }
      }
      if (response.commit_proof().empty()) continue;
      const auto proof = hotstuff::CommitProof::Decode(wire::View(response.commit_proof()));
      GROAT_EXPECT_OK(proof.status());
      GROAT_EXPECT_OK(VerifyCommit(*proof, parent, hotstuff::TwoChain(), verifier));
    }
    EXPECT_EQ(out.size(), commands);
    return out;
  }

  TestReplicas replicas_{4};
};

TEST_F(ConsensusServiceTest, CommitsAnswersAndShows) {
  StartAll();
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::SubmitResponse first,
                             Submit(0, Commands<v1::SubmitRequest>(7, 1, 50)));
  ASSERT_EQ(first.positions_size(), 50);
  // Again, at another replica: the same places, and no second effect.
  GROAT_ASSERT_OK(Submit(2, Commands<v1::SubmitRequest>(8, 1, 1)));
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::SubmitResponse again,
                             Submit(2, Commands<v1::SubmitRequest>(7, 1, 51)));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(again.positions(i).height(), first.positions(i).height());
    EXPECT_EQ(again.positions(i).index(), first.positions(i).index());
  }
  const auto seen = ReadAll(3, 52);
  const auto place = seen.at({hotstuff::ClientId(7), hotstuff::Sequence(50)});
  EXPECT_EQ(place.height.value(), first.positions(49).height());
  EXPECT_EQ(place.index, first.positions(49).index());

  const auto stub = Stub(1);
  {
    rpc::CallContext context(kPatience);
    v1::GetBlockRequest request;
    request.set_height(first.positions(0).height());
    v1::GetBlockResponse response;
    ASSERT_TRUE(stub->GetBlock(&context, request, &response).ok());
    GROAT_ASSERT_OK_AND_ASSIGN(const auto block,
                               wire::FromProto(response.block(), replicas_.genesis().block));
    EXPECT_EQ(block.header.height.value(), first.positions(0).height());
    GROAT_ASSERT_OK_AND_ASSIGN(const auto proof,
                               hotstuff::CommitProof::Decode(wire::View(response.commit_proof())));
    EXPECT_EQ(proof.headers.front().height.value(),
              block.header.height.value() + static_cast<uint64_t>(response.headers_between_size()));
  }
  {
    rpc::CallContext context(kPatience);
    v1::GetStatusResponse status;
    ASSERT_TRUE(stub->GetStatus(&context, {}, &status).ok());
    EXPECT_EQ(status.chain_id(), ToString(replicas_.genesis().Chain()));
    EXPECT_EQ(status.replica(), 1u);
    EXPECT_EQ(status.replicas_size(), 4);
    EXPECT_TRUE(status.votes());
  }
  {
    rpc::CallContext context(kPatience);
    v1::GetEvidenceResponse evidence;
    ASSERT_TRUE(stub->GetEvidence(&context, {}, &evidence).ok());
    EXPECT_EQ(evidence.total(), 0u);
  }
}

TEST_F(ConsensusServiceTest, RefusesWithATypeAndAReason) {
  StartAll();
  EXPECT_THAT(Submit(0, Commands<v1::SubmitRequest>(UINT64_MAX, 1, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("reserved")));
  EXPECT_THAT(Submit(0, Commands<v1::SubmitRequest>(1, 0, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sequence")));
  EXPECT_THAT(Submit(0, Commands<v1::SubmitRequest>(1, 1, 1, 2 << 20)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("payload")));
  GROAT_ASSERT_OK(Submit(0, Commands<v1::SubmitRequest>(1, 10'000, 1)));
  EXPECT_THAT(Submit(0, Commands<v1::SubmitRequest>(1, 1, 1)),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("below")));
  const auto stub = Stub(0);
  rpc::CallContext context(kPatience);
  v1::GetBlockRequest request;
  request.set_height(1'000'000);
  v1::GetBlockResponse response;
  EXPECT_EQ(stub->GetBlock(&context, request, &response).error_code(),
            grpc::StatusCode::OUT_OF_RANGE);
  rpc::CallContext handover_context(kPatience);
  v1::GetHandoverResponse handover;
  EXPECT_EQ(stub->GetHandover(&handover_context, {}, &handover).error_code(),
            grpc::StatusCode::OUT_OF_RANGE);
}

// Many commands in flight on one stream, all answered once.
TEST_F(ConsensusServiceTest, StreamsManyCommands) {
  StartAll();
  const auto stub = Stub(1);
  rpc::CallContext context(kPatience);
  const auto stream = stub->SubmitStream(&context);
  constexpr uint64_t kClients = 20;
  constexpr uint64_t kPerClient = 500;
  auto writer = std::async(std::launch::async, [&] {
    for (uint64_t first = 1; first <= kPerClient; first += 100) {
      for (uint64_t client = 1; client <= kClients; ++client) {
        if (!stream->Write(Commands<v1::SubmitStreamRequest>(client, first, 100))) return;
      }
    }
    stream->WritesDone();
  });
  std::set<std::pair<uint64_t, uint64_t>> answered;
  v1::SubmitStreamResponse response;
  while (stream->Read(&response)) {
    EXPECT_EQ(response.refused_size(), 0);
    for (const v1::CommittedCommands& committed : response.committed()) {
      EXPECT_GT(committed.height(), 0u);
      EXPECT_EQ(committed.sequences_size(), committed.indexes_size());
      for (const uint64_t sequence : committed.sequences()) {
        EXPECT_TRUE(answered.emplace(committed.client_id(), sequence).second);
      }
    }
  }
  writer.get();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answered.size(), kClients * kPerClient);
  ReadAll(0, kClients * kPerClient);
}

TEST_F(ConsensusServiceTest, ARestartedReplicaHasEverythingAndGoesOn) {
  StartAll();
  GROAT_ASSERT_OK(Submit(3, Commands<v1::SubmitRequest>(1, 1, 100)));
  replicas_.Stop(3);
  GROAT_ASSERT_OK(Submit(0, Commands<v1::SubmitRequest>(2, 1, 100)));
  replicas_.Start(3);
  ASSERT_TRUE(replicas_.WaitServing(3));
  GROAT_ASSERT_OK(Submit(3, Commands<v1::SubmitRequest>(3, 1, 100)));
  ReadAll(3, 300);
}

// Evidence that a replica found is shown after its restart, with the epoch that it is of, and
// counted.
TEST_F(ConsensusServiceTest, ShowsTheEvidenceItKept) {
  StartAll();
  replicas_.Stop(2);
  const auto vote = [](uint8_t block) {
    hotstuff::BlockId id;
    id[0] = block;
    return hotstuff::Vote{Epoch(5), hotstuff::View(77), id, hotstuff::ReplicaIndex(1),
                          Bytes(64, block)};
  };
  const hotstuff::Evidence evidence = hotstuff::ConflictingVotes{vote(1), vote(2)};
  {
    const auto store = replicas_.OpenStore(2);
    GROAT_ASSERT_OK(store->Load());
    StoreTurn turn;
    turn.evidence.push_back(evidence);
    GROAT_ASSERT_OK(store->Write(turn));
  }
  replicas_.Start(2);
  rpc::CallContext context(kPatience);
  v1::GetEvidenceResponse response;
  ASSERT_TRUE(Stub(2)->GetEvidence(&context, {}, &response).ok());
  EXPECT_EQ(response.total(), 1u);
  ASSERT_EQ(response.evidence_size(), 1);
  EXPECT_EQ(response.evidence(0).epoch(), 5u);
  EXPECT_EQ(response.evidence(0).culprit(), 1u);
  EXPECT_EQ(response.evidence(0).view(), 77u);
  EXPECT_EQ(response.evidence(0).evidence(), ToString(hotstuff::EncodeEvidence(evidence)));
  EXPECT_TRUE(replicas_.WaitForMetric(2, "groat_consensus_found_evidence_total", 1));
}

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

// Every metric that a busy cluster must move, as its page shows it.
TEST_F(ConsensusServiceTest, MetricsMove) {
  StartAll();
  GROAT_ASSERT_OK(Submit(0, Commands<v1::SubmitRequest>(1, 1, 100)));
  GROAT_ASSERT_OK(Submit(0, Commands<v1::SubmitRequest>(1, 1, 100)));  // Again.
  EXPECT_THAT(Submit(0, Commands<v1::SubmitRequest>(1, 0, 3)),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  const auto stub = Stub(0);
  rpc::CallContext context(kPatience);
  v1::SubscribeRequest request;
  request.set_from_height(1);
  const auto subscription = stub->Subscribe(&context, request);
  v1::SubscribeResponse blocks;
  ASSERT_TRUE(subscription->Read(&blocks));
  ASSERT_TRUE(replicas_.WaitForMetric(0, "groat_consensus_committed_commands_total", 100));
  ASSERT_TRUE(replicas_.WaitForMetric(0, "groat_consensus_pool_commands", 0));

  std::map<std::string, double> metrics = replicas_.Metrics(0);
  const auto value = [&](const std::string& name) {
    const auto found = metrics.find("groat_consensus_" + name);
    EXPECT_NE(found, metrics.end()) << name;
    return found == metrics.end() ? -1 : found->second;
  };
  EXPECT_EQ(value("answered_commands_total"), 200);
  EXPECT_EQ(value("refused_commands_total"), 3);
  EXPECT_EQ(value("waiting_commands"), 0);
  EXPECT_EQ(value("open_subscribers"), 1);
  EXPECT_EQ(value("block_commands_sum"), 100);
  EXPECT_EQ(value("voting_replica"), 1);
  EXPECT_EQ(value("current_epoch"), 0);
  for (const char* name : {"committed_height", "current_view", "tree_blocks", "entered_views_total",
                           "sent_votes_total", "committed_blocks_total", "disk_writes_total"}) {
    EXPECT_GT(value(name), 0) << name;
  }
  for (const char* name : {"found_evidence_total", "pool_bytes"}) EXPECT_EQ(value(name), 0) << name;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_LT(value("replica_lag_views{replica=\"" + std::to_string(i) + "\"}"), 1000);
  }
  EXPECT_EQ(metrics.count("groat_consensus_replica_lag_views{replica=\"4\"}"), 0u);
  // Somebody proposed, and made certificates. Each page shows it a moment later.
  double proposals = 0;
  double certificates = 0;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while ((proposals == 0 || certificates == 0) && std::chrono::steady_clock::now() < deadline) {
    proposals = certificates = 0;
    for (size_t i = 0; i < 4; ++i) {
      std::map<std::string, double> of = replicas_.Metrics(i);
      proposals += of["groat_consensus_made_proposals_total"];
      certificates += of["groat_consensus_certificate_seconds_count"];
    }
  }
  EXPECT_GT(proposals, 0);
  EXPECT_GT(certificates, 0);

  // A dead leader's views are given up, and it lags.
  replicas_.Stop(2);
  for (uint64_t sequence = 201; sequence <= 220; ++sequence) {
    GROAT_EXPECT_OK(Submit(0, Commands<v1::SubmitRequest>(1, sequence, 1)));
  }
  EXPECT_TRUE(replicas_.WaitForMetric(0, "groat_consensus_given_up_views_total", 1));
  EXPECT_TRUE(replicas_.WaitForMetric(0, "groat_consensus_replica_lag_views{replica=\"2\"}", 1));
}

TEST_F(ConsensusServiceTest, OnlyOperatorsChangeValidators) {
  StartAll();
  hotstuff::ValidatorChange change;
  change.next = Epoch(1);
  change.last_height = Height(30);
  change.validators = replicas_.genesis().validators;
  std::reverse(change.validators.begin(), change.validators.end());
  v1::ApproveChangeResponse response;
  EXPECT_THAT(Approve(0, "client", change, response),
              StatusIs(absl::StatusCode::kPermissionDenied, _));
  v1::ChangeValidatorsRequest request;
  request.set_change(ToString(change.Encode()));
  EXPECT_THAT(Order(1, request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want 3")));
  GROAT_ASSERT_OK(Order(1, Approved(change)));
  // Commands carry the chain to the epoch's last block and over it.
  const auto stub = Stub(0);
  uint64_t epoch = 0;
  for (uint64_t sequence = 1; sequence < 200 && epoch == 0; ++sequence) {
    GROAT_ASSERT_OK(Submit(0, Commands<v1::SubmitRequest>(1, sequence, 1)));
    rpc::CallContext context(kPatience);
    v1::GetStatusResponse status;
    ASSERT_TRUE(stub->GetStatus(&context, {}, &status).ok());
    epoch = status.epoch();
  }
  EXPECT_EQ(epoch, 1u);
  rpc::CallContext context(kPatience);
  v1::GetHandoverResponse handover;
  ASSERT_TRUE(stub->GetHandover(&context, {}, &handover).ok());
  GROAT_EXPECT_OK(hotstuff::ApprovedChange::Decode(wire::View(handover.approved_change()),
                                                   replicas_.genesis().Chain()));
  // And the new validators go on.
  GROAT_EXPECT_OK(Submit(2, Commands<v1::SubmitRequest>(2, 1, 10)));
  // Nothing that was counted is lost with the old core.
  ASSERT_TRUE(replicas_.WaitForMetric(0, "groat_consensus_current_epoch", 1));
  EXPECT_TRUE(replicas_.WaitForMetrics(0, [](const std::map<std::string, double>& metrics) {
    return metrics.at("groat_consensus_committed_blocks_total") ==
           metrics.at("groat_consensus_committed_height");
  }));
}

TEST_F(ConsensusServiceTest, ARemovedValidatorTakesNoCommands) {
  StartAll();
  hotstuff::ValidatorChange change;
  change.next = Epoch(1);
  change.last_height = Height(30);
  change.validators = replicas_.genesis().validators;
  change.validators.pop_back();
  GROAT_ASSERT_OK(Order(1, Approved(change)));
  // Clients of all replicas carry the chain over the epoch's end. Those of the removed one are
  // told.
  absl::Status removed;
  for (uint64_t sequence = 1; sequence < 200 && removed.ok(); ++sequence) {
    GROAT_ASSERT_OK(Submit(0, Commands<v1::SubmitRequest>(1, sequence, 1)));
    removed = Submit(3, Commands<v1::SubmitRequest>(2, sequence, 1)).status();
  }
  EXPECT_THAT(removed, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no validator")));
  EXPECT_TRUE(replicas_.WaitNotServing(3));
  // What its clients had not heard of can be submitted elsewhere, and others go on.
  GROAT_EXPECT_OK(Submit(1, Commands<v1::SubmitRequest>(3, 1, 10)));
  EXPECT_TRUE(replicas_.WaitForMetrics(0, [](const std::map<std::string, double>& metrics) {
    return metrics.count("groat_consensus_replica_lag_views{replica=\"2\"}") == 1 &&
           metrics.count("groat_consensus_replica_lag_views{replica=\"3\"}") == 0;
  }));
  EXPECT_EQ(replicas_.Metrics(3)["groat_consensus_waiting_commands"], 0);
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
