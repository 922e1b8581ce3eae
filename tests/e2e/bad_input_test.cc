// Clients that send what nobody should: garbage, plaintext, certificates of another authority, too
// much, wrong signatures. Each gets the right error, and the services serve on as if nothing was.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/status_matchers.h"
#include "base/whole_file.h"
#include "crypto/key_file.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/run.h"
#include "tools/groat/keys/network_folder.h"
#include "wire/common.h"

namespace groat::e2e {
namespace {

using ::groat::testing::StatusIs;
using ::testing::_;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr milliseconds kCallTimeout{10'000};

// One cluster for all tests of the file: each also shows that those before it did no harm.
class BadInputTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = Cluster::Make({});
    GROAT_ASSERT_OK(cluster);
    cluster_ = cluster->release();
    GROAT_ASSERT_OK(cluster_->StartAll());
  }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }
  void SetUp() override {
    ASSERT_NE(cluster_, nullptr);
    GROAT_ASSERT_OK_AND_ASSIGN(relay_channel_, rpc::MakeChannel(relay(), Tls("client"), {}));
    relay_ = relay::v1::RelayService::NewStub(relay_channel_);
  }
  // Whatever was sent: the platform still does its work, from a submitted update to a checkpoint.
  void TearDown() override {
    static uint64_t number = 0;
    relay::v1::SubmitUpdatesRequest request;
    AddUpdates(1, ++number, request);
    request.set_wait(relay::v1::WAIT_LEVEL_ANCHORED);
    rpc::CallContext context(kPatience);
    relay::v1::SubmitUpdatesResponse response;
    GROAT_ASSERT_OK(rpc::FromGrpc(relay_->SubmitUpdates(&context, request, &response)));
    ASSERT_EQ(response.results_size(), 1);
    EXPECT_EQ(response.results(0).outcome(), relay::v1::UPDATE_OUTCOME_ACCEPTED);
    EXPECT_TRUE(response.has_checkpoint());
    EXPECT_THAT(cluster_->unexpected_ends(), IsEmpty());
  }

  static const std::string& relay() { return cluster_->file().relay.listen; }
  static const std::string& ledger() { return cluster_->file().ledger[0].listen; }
  static rpc::TlsConfig Tls(const std::string& name) { return cluster_->Tls(name); }

  static void AddUpdates(int count, uint64_t number, relay::v1::SubmitUpdatesRequest& request) {
    for (int i = 0; i < count; ++i) {
      Bytes32 unlock;
      StoreBigEndian(number, unlock.data(), 8);
      StoreBigEndian(static_cast<uint64_t>(i) + 1, unlock.data() + 8, 8);
      wire::SetBytes(unlock, request.add_updates()->mutable_unlock());
      wire::SetBytes(unlock, request.mutable_updates()->rbegin()->mutable_value());
    }
  }
  absl::Status Submit(const relay::v1::SubmitUpdatesRequest& request) {
    rpc::CallContext context(kCallTimeout);
    relay::v1::SubmitUpdatesResponse response;
    return rpc::FromGrpc(relay_->SubmitUpdates(&context, request, &response));
  }

  // A call by these credentials, of the simplest kind.
  static absl::Status CallWith(const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    const auto stub = relay::v1::RelayService::NewStub(grpc::CreateChannel(relay(), credentials));
    rpc::CallContext context(kCallTimeout);
    relay::v1::GetStatusResponse response;
    return rpc::FromGrpc(stub->GetStatus(&context, {}, &response));
  }
  static std::string Text(const std::filesystem::path& path) {
    const absl::StatusOr<WholeFile> file = ReadWholeFile(path.string(), 1 << 20);
    GROAT_EXPECT_OK(file);
    return file.ok() ? file->content : "";
  }

  static Cluster* cluster_;
  std::shared_ptr<grpc::Channel> relay_channel_;
  std::unique_ptr<relay::v1::RelayService::Stub> relay_;
};

Cluster* BadInputTest::cluster_ = nullptr;

// Connects, sends these bytes, and reads until the server closes or says nothing for a while.
void SendRaw(const std::string& endpoint, ByteView bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int port = 0;
  ASSERT_TRUE(absl::SimpleAtoi(endpoint.substr(endpoint.rfind(':') + 1), &port));
  address.sin_port = htons(static_cast<uint16_t>(port));
  ASSERT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const timeval patience{0, 200'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // The server may have closed already: then this fails, which is as good.
  static_cast<void>(!send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  uint8_t answer[4096];
  while (recv(fd, answer, sizeof answer, 0) > 0) {
  }
  close(fd);
}

TEST_F(BadInputTest, GarbageOnTheTlsPort) {
  Random random(Seed());
  for (const std::string& endpoint : {relay(), ledger()}) {
    for (const size_t size : {size_t{1}, size_t{1000}, size_t{100'000}}) {
      Bytes garbage(size);
      for (uint8_t& byte : garbage) byte = static_cast<uint8_t>(random());
      SendRaw(endpoint, garbage);
      // The same behind the first bytes of a TLS handshake: a record of type 22, version 3.1.
      const uint8_t start[] = {22, 3, 1, 0x20, 0};
      garbage.insert(garbage.begin(), std::begin(start), std::end(start));
      SendRaw(endpoint, garbage);
    }
    SendRaw(endpoint, AsBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    SendRaw(endpoint, AsBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  }
}

TEST_F(BadInputTest, Plaintext) {
  EXPECT_THAT(CallWith(grpc::InsecureChannelCredentials()),
              StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST_F(BadInputTest, NoCertificate) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = Text(cluster_->plan().keys().Authority());
  EXPECT_THAT(CallWith(grpc::SslCredentials(options)), StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST_F(BadInputTest, CertificateOfAnotherAuthority) {
  const std::filesystem::path folder = cluster_->plan().data_folder() / "other-keys";
  keys::NetworkPlan network;
  network.validity = {0, INT32_MAX};
  GROAT_ASSERT_OK(keys::CreateNetwork(folder, network));
  const keys::NetworkFolder other(folder);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = Text(cluster_->plan().keys().Authority());
  options.pem_cert_chain = Text(other.Certificate("client"));
  options.pem_private_key = Text(other.Key("client"));
  EXPECT_THAT(CallWith(grpc::SslCredentials(options)), StatusIs(absl::StatusCode::kUnavailable, _));
  // And a client that trusts the other authority does not talk to this server.
  options.pem_root_certs = Text(other.Authority());
  EXPECT_THAT(CallWith(grpc::SslCredentials(options)), StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST_F(BadInputTest, BytesThatAreNoMessage) {
  Random random(Seed());
  const std::shared_ptr<grpc::Channel> channel = relay_channel_;
  for (const char* method :
       {"/groat.relay.v1.RelayService/SubmitUpdates", "/groat.relay.v1.RelayService/GetProof",
        "/groat.relay.v1.RelayService/NoSuchMethod"}) {
    for (int i = 0; i < 20; ++i) {
      Bytes garbage(Pick(random, 1, 500));
      for (uint8_t& byte : garbage) byte = static_cast<uint8_t>(random());
      const grpc::Slice slice(garbage.data(), garbage.size());
      const grpc::ByteBuffer request(&slice, 1);
      grpc::ByteBuffer response;
      rpc::CallContext context(kCallTimeout);
      grpc::CompletionQueue queue;
      grpc::GenericStub stub(channel);
      const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
      call->StartCall();
      grpc::Status status;
      call->Finish(&response, &status, nullptr);
      void* tag = nullptr;
      bool ok = false;
      ASSERT_TRUE(queue.Next(&tag, &ok));
      EXPECT_THAT(status.error_code(),
                  AnyOf(grpc::StatusCode::INTERNAL, grpc::StatusCode::INVALID_ARGUMENT,
                        grpc::StatusCode::UNIMPLEMENTED, grpc::StatusCode::RESOURCE_EXHAUSTED))
          << method << ": " << status.error_message();
    }
  }
}

TEST_F(BadInputTest, TooLargeAndTooMany) {
  relay::v1::SubmitUpdatesRequest request;
  AddUpdates(70'000, 1'000'000, request);
  EXPECT_GT(request.ByteSizeLong(), 4u << 20);
  EXPECT_THAT(Submit(request), StatusIs(absl::StatusCode::kResourceExhausted, _));
  request.mutable_updates()->DeleteSubrange(10'001, request.updates_size() - 10'001);
  EXPECT_THAT(Submit(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("10001")));
  request.clear_updates();
  EXPECT_THAT(Submit(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("updates")));
}

TEST_F(BadInputTest, MalformedUpdates) {
  relay::v1::SubmitUpdatesRequest good;
  AddUpdates(2, 2'000'000, good);
  relay::v1::SubmitUpdatesRequest request = good;
  request.mutable_updates(1)->set_unlock("short");
  EXPECT_THAT(Submit(request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("5 bytes, want 32")));
  request = good;
  request.mutable_updates(1)->set_unlock(std::string(32, '\0'));
  EXPECT_THAT(Submit(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("zero")));
  request = good;
  *request.mutable_updates(1) = request.updates(0);
  EXPECT_THAT(Submit(request), StatusIs(absl::StatusCode::kInvalidArgument, _));
  request = good;
  request.set_wait(static_cast<relay::v1::WaitLevel>(99));
  EXPECT_THAT(Submit(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("99")));
}

// What stands in for a relay: its own key, or another's.
class BadAppendTest : public BadInputTest {
 protected:
  void SetUp() override {
    BadInputTest::SetUp();
    absl::StatusOr<Ed25519PrivateKey> key =
        ReadPrivateKeyFile(cluster_->plan().keys().SigningKey("relay").string());
    GROAT_ASSERT_OK(key);
    relay_key_ = std::make_unique<Ed25519PrivateKey>(*std::move(key));
    const auto client = cluster_->NewLedgerClient();
    GROAT_ASSERT_OK(client->WaitCheckpoint(record::Height(1), kPatience));
    GROAT_ASSERT_OK_AND_ASSIGN(const client::Head head,
                               client->GetHead(ledger::v1::READ_MODE_LINEARIZABLE));
    ASSERT_TRUE(head.block.has_value());
    last_ = head.block->root.statement;
    // The relay goes on, so its next cycle is already another one's: far ahead is a gap for sure.
    far_ = last_;
    far_.cycle = record::Cycle(last_.cycle.value() + 1'000'000);
  }
  absl::Status Append(const record::SignedRoot& root) {
    ledger::v1::AppendRootRequest request;
    wire::ToProto(root, request.add_roots());
    return AppendProto(request);
  }
  absl::Status AppendProto(const ledger::v1::AppendRootRequest& request) {
    rpc::CallContext context(kCallTimeout);
    ledger::v1::AppendRootResponse response;
    return rpc::FromGrpc(cluster_->ledger(0).AppendRoot(&context, request, &response));
  }

  std::unique_ptr<Ed25519PrivateKey> relay_key_;
  record::RootStatement last_;
  record::RootStatement far_;
};

TEST_F(BadAppendTest, UnknownRelay) {
  record::RootStatement statement = last_;
  statement.relay = record::RelayId(77);
  EXPECT_THAT(Append(record::SignRoot(statement, *relay_key_)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("77")));
  statement = last_;
  statement.shard = record::Shard(5);
  EXPECT_THAT(Append(record::SignRoot(statement, *relay_key_)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("5")));
}

TEST_F(BadAppendTest, WrongSignature) {
  EXPECT_THAT(Append(record::SignRoot(far_, Ed25519PrivateKey::Generate())),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("signature")));
  record::SignedRoot root = record::SignRoot(far_, *relay_key_);
  root.statement.root.data()[0] ^= 1;
  EXPECT_THAT(Append(root), StatusIs(absl::StatusCode::kPermissionDenied, _));
}

TEST_F(BadAppendTest, GapAndOtherRoot) {
  EXPECT_THAT(Append(record::SignRoot(far_, *relay_key_)),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
  // Another root of a cycle that has one, properly signed: a relay that forks.
  record::RootStatement other = last_;
  other.leaf_count = 7;
  other.new_leaf_count = 7;
  other.root = Hash{};
  other.root.data()[0] = 1;
  EXPECT_THAT(Append(record::SignRoot(other, *relay_key_)),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

TEST_F(BadAppendTest, MalformedRoots) {
  EXPECT_THAT(AppendProto({}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("roots")));
  ledger::v1::AppendRootRequest request;
  wire::ToProto(record::SignRoot(far_, *relay_key_), request.add_roots());
  request.mutable_roots(0)->set_signature("short");
  EXPECT_THAT(AppendProto(request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("5 bytes, want 64")));
  request.mutable_roots(0)->clear_statement();
  EXPECT_THAT(AppendProto(request), StatusIs(absl::StatusCode::kInvalidArgument, _));
  request.clear_roots();
  for (int i = 0; i < 257; ++i) {
    wire::ToProto(record::SignRoot(far_, *relay_key_), request.add_roots());
  }
  EXPECT_THAT(AppendProto(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("257")));
}

TEST_F(BadAppendTest, OnlyAdminsAdminister) {
  GROAT_ASSERT_OK_AND_ASSIGN(const auto channel, rpc::MakeChannel(ledger(), Tls("client"), {}));
  const auto stub = ledger::v1::LedgerAdminService::NewStub(channel);
  rpc::CallContext context(kCallTimeout);
  ledger::v1::GetClusterStatusResponse status;
  EXPECT_THAT(rpc::FromGrpc(stub->GetClusterStatus(&context, {}, &status)),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("client")));
  rpc::CallContext context2(kCallTimeout);
  ledger::v1::BackupRequest backup;
  backup.set_name("../../etc");
  ledger::v1::BackupResponse made;
  EXPECT_THAT(rpc::FromGrpc(cluster_->admin(0).Backup(&context2, backup, &made)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name")));
}

}  // namespace
}  // namespace groat::e2e
