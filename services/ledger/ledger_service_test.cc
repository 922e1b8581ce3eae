// The services over real connections with mutual TLS: every call, every refusal, both watches.
#include "services/ledger/ledger_service.h"

#include <gmock/gmock.h>

#include <future>

#include "base/status_matchers.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "rpc/status.h"
#include "rpc/testing/certificates.h"
#include "services/ledger/admin_service.h"
#include "services/ledger/grpc_peers.h"
#include "services/ledger/testing/test_ledger.h"
#include "wire/common.h"

namespace groat::ledger_service {
namespace {

using ::groat::testing::StatusIs;
using record::Block;
using record::Height;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::TestLedger;
using testing::TrieRelay;
namespace v1 = ::groat::ledger::v1;

constexpr std::chrono::milliseconds kPatience{20'000};

// One node with its server; the caller is "admin" or "client".
class LedgerServiceTest : public ::testing::Test {
 protected:
  LedgerServiceTest() {
    ledger_.StartAll();
    service_ = std::make_unique<LedgerServiceImpl>(ledger_.node(0));
    admin_ = std::make_unique<AdminServiceImpl>(
        ledger_.node(0), nullptr,
        AdminOptions{.admins = {"admin"}, .backup_dir = ledger_.scratch() + "/backups"});
    rpc::ServerOptions options;
    options.tls = authority_.Issue("ledger");
    options.services = {service_.get(), admin_.get()};
    server_ = *rpc::Server::Start(options);
    endpoint_ = "127.0.0.1:" + std::to_string(server_->port());
    stub_ = v1::LedgerService::NewStub(Channel("client"));
  }
  ~LedgerServiceTest() override {
    service_->EndWatches();
    server_->Drain(std::chrono::milliseconds(0));
    admin_->Stop();
    ledger_.Stop(0);
  }

  std::shared_ptr<grpc::Channel> Channel(const std::string& name) {
    return *rpc::MakeChannel(endpoint_, authority_.Issue(name), {});
  }

  // Makes one call.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::LedgerService::Stub::*method)(
                                    grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    rpc::CallContext context(kPatience);
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }
  template <class Request, class Response>
  absl::StatusOr<Response> Admin(const std::string& caller,
                                 grpc::Status (v1::LedgerAdminService::Stub::*method)(
                                     grpc::ClientContext*, const Request&, Response*),
                                 const Request& request) {
    const auto stub = v1::LedgerAdminService::NewStub(Channel(caller));
    rpc::CallContext context(kPatience);
    Response response;
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }
  std::vector<Block> Append(const std::vector<record::SignedRoot>& roots) {
    v1::AppendRootRequest request;
    for (const record::SignedRoot& root : roots) wire::ToProto(root, request.add_roots());
    const auto response = Call(&v1::LedgerService::Stub::AppendRoot, request);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<Block> blocks;
    if (!response.ok()) return blocks;
    for (const auto& proto : response->blocks()) blocks.push_back(*wire::FromProto(proto));
    return blocks;
  }

  rpc::testing::TestAuthority authority_{"test authority"};
  TrieRelay relay_{1};
  TestLedger ledger_{{.nodes = 1, .relays = {&relay_}}};
  std::unique_ptr<LedgerServiceImpl> service_;
  std::unique_ptr<AdminServiceImpl> admin_;
  std::unique_ptr<rpc::Server> server_;
  std::string endpoint_;
  std::unique_ptr<v1::LedgerService::Stub> stub_;
};

TEST_F(LedgerServiceTest, ReadsShowWhatWasAppended) {
  using Stub = v1::LedgerService::Stub;
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::GetHeadResponse empty,
                             Call(&Stub::GetHead, v1::GetHeadRequest()));
  EXPECT_FALSE(empty.has_block());
  EXPECT_EQ(empty.ledger_id(), ToString(ledger_.ledger_id()));
  const std::vector<Block> blocks = Append(relay_.Next(5, 1));
  ASSERT_EQ(blocks.size(), 5u);

  GROAT_ASSERT_OK_AND_ASSIGN(const v1::GetHeadResponse head,
                             Call(&Stub::GetHead, v1::GetHeadRequest()));
  EXPECT_EQ(*wire::FromProto(head.block()), blocks[4]);
  EXPECT_EQ(head.applied_height(), 5u);

  v1::GetBlockRequest by;
  by.set_height(2);
  GROAT_ASSERT_OK_AND_ASSIGN(v1::GetBlockResponse block, Call(&Stub::GetBlock, by));
  EXPECT_EQ(*wire::FromProto(block.block()), blocks[1]);
  by.set_id(ToString(blocks[2].Id()));
  by.set_read_mode(v1::READ_MODE_STALE);
  GROAT_ASSERT_OK_AND_ASSIGN(block, Call(&Stub::GetBlock, by));
  EXPECT_EQ(*wire::FromProto(block.block()), blocks[2]);
  by.mutable_relay_cycle()->set_relay_id(1);
  by.mutable_relay_cycle()->set_cycle(4);
  GROAT_ASSERT_OK_AND_ASSIGN(block, Call(&Stub::GetBlock, by));
  EXPECT_EQ(*wire::FromProto(block.block()), blocks[3]);
  by.set_root(ToString(blocks[0].root.statement.root));
  GROAT_ASSERT_OK_AND_ASSIGN(block, Call(&Stub::GetBlock, by));
  EXPECT_EQ(*wire::FromProto(block.block()), blocks[0]);

  v1::ListBlocksRequest page;
  page.set_from_height(2);
  page.set_limit(3);
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::ListBlocksResponse list, Call(&Stub::ListBlocks, page));
  ASSERT_EQ(list.blocks_size(), 3);
  EXPECT_EQ(list.blocks(2).height(), 4u);
}

TEST_F(LedgerServiceTest, ProofsLeadToTheCheckpoint) {
  using Stub = v1::LedgerService::Stub;
  EXPECT_THAT(Call(&Stub::GetCheckpoint, v1::GetCheckpointRequest()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no checkpoint yet")));
  EXPECT_THAT(Call(&Stub::GetConsistencyProof, v1::GetConsistencyProofRequest()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no checkpoint yet")));
  const std::vector<Block> blocks = Append(relay_.Next(7, 1));
  ASSERT_TRUE(ledger_.WaitForCheckpoint(0, 7));
  v1::GetCheckpointRequest want;
  want.set_min_height(7);
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::GetCheckpointResponse got, Call(&Stub::GetCheckpoint, want));
  GROAT_ASSERT_OK_AND_ASSIGN(const record::SignedCheckpoint checkpoint,
                             wire::FromProto(got.checkpoint()));
  GROAT_EXPECT_OK(
      ledger_.node_keys().VerifyQuorum(checkpoint.checkpoint.Encode(), checkpoint.quorum));
  want.set_min_height(8);
  EXPECT_THAT(Call(&Stub::GetCheckpoint, want),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("height 7, want 8")));

  v1::GetInclusionProofRequest inclusion;
  inclusion.add_heights(1);
  inclusion.add_heights(6);
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::GetInclusionProofResponse paths,
                             Call(&Stub::GetInclusionProof, inclusion));
  EXPECT_EQ(paths.log_height(), 7u);
  EXPECT_EQ(paths.log_root(), ToString(checkpoint.checkpoint.log_root));
  ASSERT_EQ(paths.paths_size(), 2);
  for (const v1::LogPath& path : paths.paths()) {
    merkle::LogInclusionProof proof{.index = path.height() - 1, .size = 7, .path = {}};
    for (const std::string& hash : path.path()) {
      proof.path.push_back(*wire::Fixed<32>(hash, "hash"));
    }
    GROAT_EXPECT_OK(
        merkle::Verify(proof, blocks[path.height() - 1].Id(), checkpoint.checkpoint.log_root));
  }

  v1::GetConsistencyProofRequest consistency;
  consistency.set_from_height(3);
  consistency.set_to_height(7);
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::GetConsistencyProofResponse grown,
                             Call(&Stub::GetConsistencyProof, consistency));
  merkle::LogConsistencyProof proof{.old_size = 3, .new_size = 7, .path = {}};
  for (const std::string& hash : grown.path()) {
    proof.path.push_back(*wire::Fixed<32>(hash, "hash"));
  }
  GROAT_EXPECT_OK(merkle::Verify(proof, *wire::Fixed<32>(grown.from_log_root(), "root"),
                                 *wire::Fixed<32>(grown.to_log_root(), "root")));
}

TEST_F(LedgerServiceTest, RefusesMalformedRequests) {
  using Stub = v1::LedgerService::Stub;
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  Append(relay_.Next(3, 1));
  EXPECT_THAT(Call(&Stub::AppendRoot, v1::AppendRootRequest()),
              StatusIs(kInvalid, HasSubstr("roots: 0, want 1 to 256")));
  v1::AppendRootRequest append;
  append.add_roots();
  EXPECT_THAT(Call(&Stub::AppendRoot, append), StatusIs(kInvalid, HasSubstr("statement")));
  EXPECT_THAT(Call(&Stub::GetBlock, v1::GetBlockRequest()),
              StatusIs(kInvalid, HasSubstr("want height, id, relay_cycle or root")));
  v1::GetBlockRequest block;
  block.set_id("short");
  EXPECT_THAT(Call(&Stub::GetBlock, block), StatusIs(kInvalid, HasSubstr("5 bytes, want 32")));
  block.set_root("short");
  EXPECT_THAT(Call(&Stub::GetBlock, block), StatusIs(kInvalid, HasSubstr("5 bytes, want 32")));
  block.set_height(4);
  EXPECT_THAT(Call(&Stub::GetBlock, block),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("height 4")));
  block.set_read_mode(static_cast<v1::ReadMode>(9));
  EXPECT_THAT(Call(&Stub::GetBlock, block), StatusIs(kInvalid, HasSubstr("read_mode 9")));
  v1::ListBlocksRequest list;
  list.set_limit(1001);
  EXPECT_THAT(Call(&Stub::ListBlocks, list), StatusIs(kInvalid, HasSubstr("1001, want 0 to 1000")));
  list.set_limit(1);
  list.set_read_mode(static_cast<v1::ReadMode>(9));
  EXPECT_THAT(Call(&Stub::ListBlocks, list), StatusIs(kInvalid, HasSubstr("read_mode 9")));
  v1::GetHeadRequest head;
  head.set_read_mode(static_cast<v1::ReadMode>(9));
  EXPECT_THAT(Call(&Stub::GetHead, head), StatusIs(kInvalid, HasSubstr("read_mode 9")));
  v1::GetInclusionProofRequest inclusion;
  inclusion.set_log_height(3);
  EXPECT_THAT(Call(&Stub::GetInclusionProof, inclusion),
              StatusIs(kInvalid, HasSubstr("heights: 0, want 1 to 1000")));
  inclusion.add_heights(4);
  EXPECT_THAT(Call(&Stub::GetInclusionProof, inclusion),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("height 4, want 1 to 3")));
  inclusion.set_log_height(4);
  EXPECT_THAT(Call(&Stub::GetInclusionProof, inclusion),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("height 4, want 1 to 3")));
  v1::GetConsistencyProofRequest consistency;
  consistency.set_from_height(3);
  consistency.set_to_height(2);
  EXPECT_THAT(Call(&Stub::GetConsistencyProof, consistency),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("from_height 3, want 1 to 2")));
  consistency.set_to_height(9);
  EXPECT_THAT(Call(&Stub::GetConsistencyProof, consistency),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("height 9")));
}

TEST_F(LedgerServiceTest, WatchesStreamWithoutAGap) {
  Append(relay_.Next(256, 0));
  Append(relay_.Next(44, 0));
  rpc::CallContext context(kPatience);
  v1::WatchBlocksRequest request;
  request.set_from_height(1);
  const auto reader = stub_->WatchBlocks(&context, request);
  v1::WatchBlocksResponse response;
  for (uint64_t height = 1; height <= 300; ++height) {
    ASSERT_TRUE(reader->Read(&response)) << height;
    ASSERT_EQ(response.block().height(), height);
  }
  Append(relay_.Next(2, 1));
  for (uint64_t height = 301; height <= 302; ++height) {
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.block().height(), height);
  }
  service_->EndWatches();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(LedgerServiceTest, CheckpointsGrow) {
  rpc::CallContext context(kPatience);
  const auto reader = stub_->WatchCheckpoints(&context, v1::WatchCheckpointsRequest());
  v1::WatchCheckpointsResponse response;
  uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    const uint64_t height = Append({relay_.Next()})[0].height.value();
    while (last < height) {
      ASSERT_TRUE(reader->Read(&response));
      EXPECT_GT(response.checkpoint().height(), last);
      last = response.checkpoint().height();
    }
  }
}

TEST_F(LedgerServiceTest, AStoppedNodeSaysWhyAndEndsItsWatches) {
  using Stub = v1::LedgerService::Stub;
  Append(relay_.Next(3, 1));
  // An acknowledged block may be applied later, and then the watch would begin with it.
  ASSERT_TRUE(ledger_.WaitForApplied(0, 3));
  rpc::CallContext context(kPatience);
  const auto reader = stub_->WatchBlocks(&context, v1::WatchBlocksRequest());
  ledger_.reg().Restore(storage::RegisterState());
  v1::WatchBlocksResponse response;
  EXPECT_FALSE(reader->Read(&response));
  const grpc::Status end = reader->Finish();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_THAT(end.error_message(), HasSubstr("theirs [empty]"));
  EXPECT_THAT(Call(&Stub::GetHead, v1::GetHeadRequest()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the register went back")));
  v1::GetHeadRequest stale;
  stale.set_read_mode(v1::READ_MODE_STALE);
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::GetHeadResponse head, Call(&Stub::GetHead, stale));
  EXPECT_EQ(head.block().height(), 3u);
}

// Safety: a node that stops ends a watch whose client is behind, too.
// Method: the client reads nothing until the node has stopped, with more to send than a stream
// queues, then all that comes.
TEST_F(LedgerServiceTest, AStoppedNodeEndsAWatchWithBlocksUnderWay) {
  for (int i = 0; i < 4; ++i) Append(relay_.Next(256, 0));
  ASSERT_TRUE(ledger_.WaitForApplied(0, 1024));
  rpc::CallContext context(kPatience);
  v1::WatchBlocksRequest request;
  request.set_from_height(1);
  const auto reader = stub_->WatchBlocks(&context, request);
  v1::WatchBlocksResponse response;
  ASSERT_TRUE(reader->Read(&response));
  ledger_.reg().Restore(storage::RegisterState());
  ASSERT_TRUE(Eventually([&] { return !ledger_.node(0).halted().ok(); }));
  uint64_t height = 1;
  while (reader->Read(&response)) ASSERT_EQ(response.block().height(), ++height);
  EXPECT_LE(height, 1024u);
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::DATA_LOSS);
}

TEST_F(LedgerServiceTest, OnlyAdminsAdminister) {
  using Stub = v1::LedgerAdminService::Stub;
  Append(relay_.Next(3, 1));
  EXPECT_THAT(Admin("client", &Stub::GetClusterStatus, v1::GetClusterStatusRequest()),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("\"client\" is not among")));
  EXPECT_THAT(Admin("client", &Stub::Backup, v1::BackupRequest()),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("admins")));
  ASSERT_TRUE(ledger_.WaitForCheckpoint(0, 3));
  GROAT_ASSERT_OK_AND_ASSIGN(
      const v1::GetClusterStatusResponse status,
      Admin("admin", &Stub::GetClusterStatus, v1::GetClusterStatusRequest()));
  EXPECT_EQ(status.register_kind(), "embedded");
  EXPECT_EQ(status.head_height(), 3u);
  EXPECT_EQ(status.checkpoint_height(), 3u);
  ASSERT_EQ(status.nodes_size(), 1);
  EXPECT_EQ(status.nodes(0).applied_height(), 3u);
  EXPECT_EQ(status.nodes(0).signed_height(), 3u);
  EXPECT_EQ(status.nodes(0).lag_blocks(), 0u);
}

TEST_F(LedgerServiceTest, AdministersSequencerAndBackups) {
  using Stub = v1::LedgerAdminService::Stub;
  Append(relay_.Next(3, 1));
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::MoveSequencerResponse moved,
                             Admin("admin", &Stub::MoveSequencer, v1::MoveSequencerRequest()));
  EXPECT_EQ(moved.sequencer(), 0u);
  v1::MoveSequencerRequest unknown;
  unknown.set_node(1);
  EXPECT_THAT(Admin("admin", &Stub::MoveSequencer, unknown),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node 1, want below 1")));
  for (const auto& status :
       {Admin("admin", &Stub::AddMember, v1::AddMemberRequest()).status(),
        Admin("admin", &Stub::PromoteMember, v1::PromoteMemberRequest()).status(),
        Admin("admin", &Stub::RemoveMember, v1::RemoveMemberRequest()).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("embedded")));
  }
  ASSERT_TRUE(ledger_.WaitForApplied(0, 3));
  v1::BackupRequest backup;
  backup.set_name("monday");
  GROAT_ASSERT_OK_AND_ASSIGN(const v1::BackupResponse made, Admin("admin", &Stub::Backup, backup));
  EXPECT_EQ(made.height(), 3u);
  EXPECT_GT(made.size_bytes(), 0u);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto copy, BlockStore::Open(made.path(), ledger_.ledger_id()));
  EXPECT_EQ(copy->applied(), Height(3));
  EXPECT_THAT(Admin("admin", &Stub::Backup, backup),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("monday")));
  for (const char* name : {"", "../x", ".hidden", "a/b", "spa ce"}) {
    backup.set_name(name);
    EXPECT_THAT(Admin("admin", &Stub::Backup, backup),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want 1 to 64")))
        << name;
  }
}

TEST_F(LedgerServiceTest, PeersForwardAndFetchOverTheWire) {
  GROAT_ASSERT_OK_AND_ASSIGN(const auto peers,
                             GrpcPeers::Make({endpoint_}, authority_.Issue("peer"), {}));
  const std::vector<record::SignedRoot> roots = relay_.Next(3, 1);
  const auto forward = [&](const std::vector<record::SignedRoot>& what) {
    std::promise<absl::StatusOr<std::vector<Block>>> promise;
    peers->ForwardAppend(record::NodeIndex(0), what, std::chrono::steady_clock::now() + kPatience,
                         [&promise](absl::StatusOr<std::vector<Block>> blocks) {
                           promise.set_value(std::move(blocks));
                         });
    return promise.get_future().get();
  };
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> blocks, forward(roots));
  ASSERT_EQ(blocks.size(), 3u);
  relay_.Next();
  EXPECT_THAT(forward({relay_.Next()}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("want cycle 4")));
  ASSERT_TRUE(ledger_.WaitForApplied(0, 3));
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> fetched,
                             peers->FetchBlocks(record::NodeIndex(0), Height(2), 10));
  EXPECT_EQ(fetched, std::vector<Block>(blocks.begin() + 1, blocks.end()));
  peers->Stop();
  EXPECT_THAT(forward(roots), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stopping")));
  EXPECT_THAT(peers->FetchBlocks(record::NodeIndex(0), Height(1), 1),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stopping")));
}

// An append that another node batches says which one, so that the caller may go there.
TEST(LedgerServiceHintTest, AnswersToAppendsNameTheSequencer) {
  TrieRelay relay(1);
  TestLedger ledger({.relays = {&relay}});
  ledger.StartAll();
  const std::vector<std::string> endpoints = {"a:1", "b:2", "c:3"};
  const auto sequencer_is_known = [&] {
    for (size_t i = 0; i < ledger.size(); ++i) {
      const auto sequencer = ledger.node(i).sequencer();
      if (!sequencer.has_value() || sequencer != ledger.node(0).sequencer()) return false;
    }
    return true;
  };
  ASSERT_TRUE(Eventually(sequencer_is_known));
  const uint32_t sequencer = ledger.node(0).sequencer()->value();
  for (uint32_t i = 0; i < ledger.size(); ++i) {
    LedgerServiceImpl service(ledger.node(i), endpoints);
    rpc::ServerOptions options;
    options.tls.insecure = true;
    options.services = {&service};
    GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<rpc::Server> server,
                               rpc::Server::Start(options));
    GROAT_ASSERT_OK_AND_ASSIGN(
        const auto channel,
        rpc::MakeChannel("127.0.0.1:" + std::to_string(server->port()), {.insecure = true}, {}));
    v1::AppendRootRequest request;
    wire::ToProto(relay.Next(), request.add_roots());
    v1::AppendRootResponse response;
    rpc::CallContext context(kPatience);
    const grpc::Status status =
        v1::LedgerService::NewStub(channel)->AppendRoot(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.sequencer(), i == sequencer ? "" : endpoints[sequencer]) << i;
  }
}

}  // namespace
}  // namespace groat::ledger_service
