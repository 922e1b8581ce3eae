// Submissions over a real server, before a desk whose replica is made of lambdas.
#include "services/consensus/submit_calls.h"

#include <gmock/gmock.h>

#include <future>
#include <map>

#include "base/status_matchers.h"
#include "hotstuff/testing/fixture.h"
#include "p2p/tls/event_loop.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "rpc/status.h"
#include "rpc/testing/echo_server.h"
#include "services/consensus/testing/shared_store.h"
#include "services/consensus/thread_offload.h"

namespace groat::consensus_service {
namespace {

using consensus_service::testing::SharedStore;
using ::groat::testing::StatusIs;
using hotstuff::ClientTable;
using hotstuff::Command;
using hotstuff::SubmitVerdict;
using hotstuff::testing::ChainMaker;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace v1 = ::groat::consensus::v1;

constexpr std::chrono::seconds kPatience{30};
// Of clients at or above it the replica takes nothing.
constexpr uint64_t kFullFrom = 1000;

class TestService final : public v1::ConsensusService::CallbackService {
 public:
  explicit TestService(const SubmitPath& path) : path_(path), streams(path) {}

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const v1::SubmitRequest* request,
                                   v1::SubmitResponse* response) override {
    return StartSubmit(path_, context, *request, response);
  }
  grpc::ServerBidiReactor<v1::SubmitStreamRequest, v1::SubmitStreamResponse>* SubmitStream(
      grpc::CallbackServerContext* context) override {
    return rpc::StartStream(streams.Open(context));
  }

 private:
  const SubmitPath path_;

 public:
  SubmitStreams streams;
};

template <class Request>
Request MakeRequest(uint64_t client, uint64_t first, uint64_t count) {
  Request request;
  request.set_client_id(client);
  for (uint64_t i = 0; i < count; ++i) {
    v1::Command* const command = request.add_commands();
    command->set_sequence(first + i);
    command->set_payload("payload");
  }
  return request;
}

class SubmitCallsTest : public ::testing::Test {
 protected:
  SubmitCallsTest() {
    executor_.Start();
    DeskReplica replica;
    replica.submit = [this](std::vector<Command> commands) {
      std::vector<SubmitVerdict> verdicts;
      for (Command& command : commands) {
        const bool full = command.key.client.value() >= kFullFrom;
        verdicts.push_back(full ? SubmitVerdict::kFull : SubmitVerdict::kAccepted);
        arrived_.Put(std::move(command));
      }
      return verdicts;
    };
    replica.look = [](const hotstuff::CommandKey&) { return ClientTable::State::kFresh; };
    replica.committed_height = [this] { return parent_->height(); };
    replica.is_validator = [] { return true; };
    executor_.RunAndWait([&] { desk_.Open(std::move(replica)); });
    auto server = rpc::Server::Start({.tls = {.insecure = true}, .services = {&service_}});
    GROAT_CHECK_OK(server.status());
    server_ = *std::move(server);
    auto channel = rpc::MakeChannel("127.0.0.1:" + std::to_string(server_->port()),
                                    {.insecure = true}, {.own_connection = true});
    GROAT_CHECK_OK(channel.status());
    stub_ = v1::ConsensusService::NewStub(*channel);
  }
  ~SubmitCallsTest() override {
    server_.reset();
    readers_.Stop();
    answers_.Stop();
    executor_.Stop();
  }

  // Takes what the replica was given; the test's own thread.
  std::vector<Command> Arrived(size_t count) {
    std::vector<Command> commands;
    for (size_t i = 0; i < count; ++i) commands.push_back(arrived_.Take());
    return commands;
  }
  void Commit(std::vector<Command> commands,
              std::vector<hotstuff::CommittedBlock::Ineffective> ineffective = {}) {
    executor_.RunAndWait([&] {
      parent_ = maker_.Extend(parent_, parent_->view().Next(), nullptr, std::move(commands));
      hotstuff::CommittedBlock committed{parent_, maker_.Certify(*parent_), {}};
      committed.fresh.assign(parent_->commands().size(), true);
      for (const auto& one : ineffective) committed.fresh[one.index] = false;
      committed.ineffective = std::move(ineffective);
      StoreTurn turn;
      turn.commits.push_back(committed);
      GROAT_CHECK_OK(store_->Write(turn));
      desk_.OnCommitted({committed});
    });
  }
  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request) {
    rpc::CallContext context(kPatience);
    v1::SubmitResponse response;
    const grpc::Status status = stub_->Submit(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }
  double refused() const { return metrics_.refused_commands->Value(); }

  ChainMaker maker_{4};
  hotstuff::BlockPtr parent_ = maker_.genesis.Block0();  // Of the executor.
  storage::MemoryStore disk_;
  std::unique_ptr<BlockStore> store_ =
      *BlockStore::Open(std::make_unique<SharedStore>(disk_), maker_.genesis);
  telemetry::Metrics registry_{"consensus"};
  Metrics metrics_{registry_};
  p2p::EventLoop executor_{"consensus"};
  ThreadOffload answers_{executor_, 1, "answers"};
  ThreadOffload readers_{executor_, 1, "readers"};
  rpc::testing::Inbox<Command> arrived_;
  SubmitDesk desk_{{executor_, *store_, answers_, readers_, metrics_}, {}};
  const SubmitPath path_{desk_, metrics_, maker_.genesis.block};
  TestService service_{path_};
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ConsensusService::Stub> stub_;
};

// Every answer of a stream, taken apart.
struct Outcome {
  std::map<uint64_t, uint64_t> heights;  // By sequence.
  std::map<uint64_t, std::pair<absl::StatusCode, std::string>> refusals;
};
void Add(const v1::SubmitStreamResponse& response, Outcome& out) {
  for (const v1::CommittedCommands& committed : response.committed()) {
    for (const uint64_t sequence : committed.sequences()) {
      EXPECT_TRUE(out.heights.emplace(sequence, committed.height()).second) << sequence;
    }
  }
  for (const v1::RefusedCommands& refused : response.refused()) {
    for (const uint64_t sequence : refused.sequences()) {
      EXPECT_TRUE(out.refusals
                      .emplace(sequence, std::pair(static_cast<absl::StatusCode>(refused.code()),
                                                   refused.message()))
                      .second)
          << sequence;
    }
  }
}

TEST_F(SubmitCallsTest, AnswersWhenAllAreCommittedInTheOrderOfTheRequest) {
  auto call = std::async(std::launch::async,
                         [&] { return Submit(MakeRequest<v1::SubmitRequest>(7, 1, 3)); });
  const std::vector<Command> commands = Arrived(3);
  Commit({commands[2]});
  Commit({commands[1], commands[0]});
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::SubmitResponse response, call.get());
  std::vector<std::pair<uint64_t, uint32_t>> places;
  for (const v1::Position& position : response.positions()) {
    places.emplace_back(position.height(), position.index());
  }
  EXPECT_THAT(places, ElementsAre(std::pair(2u, 1u), std::pair(2u, 0u), std::pair(1u, 0u)));
}

TEST_F(SubmitCallsTest, FailsWithTheFirstRefusalAndNamesTheCommand) {
  EXPECT_THAT(Submit(MakeRequest<v1::SubmitRequest>(kFullFrom, 5, 2)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("client 1000, sequence 5: the pool")));
  Arrived(2);
  auto call = std::async(std::launch::async,
                         [&] { return Submit(MakeRequest<v1::SubmitRequest>(7, 1, 3)); });
  const std::vector<Command> commands = Arrived(3);
  Commit(commands, {{1, ClientTable::State::kTooOld}});
  EXPECT_THAT(call.get(),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("client 7, sequence 2: ")));
  EXPECT_EQ(refused(), 3);
}

TEST_F(SubmitCallsTest, CountsMalformedRequests) {
  v1::SubmitRequest request = MakeRequest<v1::SubmitRequest>(7, 1, 2);
  request.mutable_commands(1)->set_sequence(1);
  EXPECT_THAT(Submit(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("above 1")));
  EXPECT_EQ(refused(), 2);
}

TEST_F(SubmitCallsTest, AStreamHasCommittedAndRefusedCommands) {
  rpc::CallContext context(kPatience);
  const auto stream = stub_->SubmitStream(&context);
  ASSERT_TRUE(stream->Write(MakeRequest<v1::SubmitStreamRequest>(7, 1, 3)));
  ASSERT_TRUE(stream->Write(MakeRequest<v1::SubmitStreamRequest>(kFullFrom, 11, 2)));
  v1::SubmitStreamRequest malformed = MakeRequest<v1::SubmitStreamRequest>(7, 20, 1);
  malformed.mutable_commands(0)->set_payload(std::string(2000, 'x'));
  ASSERT_TRUE(stream->Write(malformed));
  ASSERT_TRUE(stream->WritesDone());
  std::vector<Command> own;
  for (const Command& command : Arrived(5)) {
    if (command.key.client.value() == 7) own.push_back(command);
  }
  Commit({own[0]});
  Commit({own[1], own[2]}, {{1, ClientTable::State::kNoRoom}});
  Outcome outcome;
  v1::SubmitStreamResponse response;
  while (stream->Read(&response)) Add(response, outcome);
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(outcome.heights, (std::map<uint64_t, uint64_t>{{1, 1}, {2, 2}}));
  EXPECT_EQ(outcome.refusals.size(), 4u);
  EXPECT_EQ(outcome.refusals[3].first, absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(outcome.refusals[11].first, absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(outcome.refusals[12].first, absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(outcome.refusals[20].first, absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(outcome.refusals[20].second, HasSubstr("2000 bytes"));
  EXPECT_EQ(refused(), 4);
}

// What waits is answered first, then the stream ends; one that comes later ends at once.
TEST_F(SubmitCallsTest, EndedStreamsAnswerWhatWaitsAndAreUnavailable) {
  rpc::CallContext context(kPatience);
  const auto stream = stub_->SubmitStream(&context);
  ASSERT_TRUE(stream->Write(MakeRequest<v1::SubmitStreamRequest>(7, 1, 3)));
  const std::vector<Command> commands = Arrived(3);
  Commit({commands[0]});
  desk_.Close();
  service_.streams.End();
  Commit({commands[1]});
  desk_.FailWaiting(absl::UnavailableError("draining"));
  Outcome outcome;
  v1::SubmitStreamResponse response;
  while (stream->Read(&response)) Add(response, outcome);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(outcome.heights, (std::map<uint64_t, uint64_t>{{1, 1}, {2, 2}}));
  ASSERT_EQ(outcome.refusals.size(), 1u);
  EXPECT_EQ(outcome.refusals[3].first, absl::StatusCode::kUnavailable);

  rpc::CallContext late_context(kPatience);
  const auto late = stub_->SubmitStream(&late_context);
  EXPECT_FALSE(late->Read(&response));
  EXPECT_EQ(late->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace groat::consensus_service
