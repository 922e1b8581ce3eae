// What clients of whole replicas ask and are answered: every call, every refusal, restarts.
#include "services/consensus/consensus_service.h"

#include <gmock/gmock.h>

#include <future>
#include <map>
#include <set>

#include "base/status_matchers.h"
#include "hotstuff/ed25519_scheme.h"
#include "hotstuff/two_chain.h"
#include "services/consensus/testing/service_test.h"
#include "wire/common.h"
#include "wire/consensus.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using ::testing::_;
using testing::Commands;
using ::testing::HasSubstr;
using testing::kPatience;
namespace v1 = ::groat::consensus::v1;

class ConsensusServiceTest : public testing::ServiceTest {
 protected:
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
  // A leader that the commands reach after the block that holds them orders them once more, without
  // effect.
  EXPECT_GE(value("block_commands_sum"), 100);
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

}  // namespace
}  // namespace groat::consensus_service
