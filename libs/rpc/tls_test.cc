#include "rpc/tls.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/status_matchers.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "rpc/status.h"
#include "rpc/testing/certificates.h"
#include "rpc/testing/echo_server.h"

namespace groat::rpc {
namespace {

using ::groat::testing::StatusIs;
using std::chrono::seconds;
using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoServer;
using testing::EchoService;
using ::testing::HasSubstr;
using testing::KeyKind;
using testing::TestAuthority;
using testing::WriteTestFile;

std::string ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

class TlsFilesTest : public ::testing::Test {
 protected:
  const TestAuthority authority_{"test authority"};
  TlsConfig config_ = authority_.Issue("node");
};

TEST_F(TlsFilesTest, GoodFilesPass) { GROAT_EXPECT_OK(CheckTlsFiles(config_)); }

TEST_F(TlsFilesTest, EitherKindOfKeyPasses) {
  for (const KeyKind authority_kind : {KeyKind::kP256, KeyKind::kEd25519}) {
    const TestAuthority authority("test authority", authority_kind);
    for (const KeyKind kind : {KeyKind::kP256, KeyKind::kEd25519}) {
      GROAT_EXPECT_OK(
          CheckTlsFiles(authority.Issue("node", {.common_name = "node", .key_kind = kind})));
    }
  }
}

TEST_F(TlsFilesTest, InsecureLooksAtNoFile) { GROAT_EXPECT_OK(CheckTlsFiles({.insecure = true})); }

TEST_F(TlsFilesTest, SettingLeftOutIsNamed) {
  EXPECT_THAT(CheckTlsFiles({}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ca_file is not set")));
  config_.key_file.clear();
  EXPECT_THAT(CheckTlsFiles(config_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key_file is not set")));
}

TEST_F(TlsFilesTest, MissingFileIsNamed) {
  std::string* const files[] = {&config_.ca_file, &config_.certificate_file, &config_.key_file};
  for (std::string* file : files) {
    const std::string good = std::exchange(*file, authority_.folder().Path("absent.pem"));
    EXPECT_THAT(CheckTlsFiles(config_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(*file)));
    *file = good;
  }
}

TEST_F(TlsFilesTest, FolderIsNoFile) {
  config_.ca_file = authority_.folder().Path("");
  EXPECT_THAT(CheckTlsFiles(config_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a regular file")));
}

TEST_F(TlsFilesTest, UnreadableFile) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads every file";
  WriteTestFile(config_.ca_file, ReadText(config_.ca_file), 0000);
  EXPECT_THAT(CheckTlsFiles(config_),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(config_.ca_file)));
}

TEST_F(TlsFilesTest, KeyOpenToOthersIsRefused) {
  const std::string key = ReadText(config_.key_file);
  for (const unsigned mode : {0640u, 0604u, 0660u, 0644u, 0700u}) {
    WriteTestFile(config_.key_file, key, mode);
    EXPECT_THAT(CheckTlsFiles(config_),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("want 0600 or less")))
        << mode;
  }
  WriteTestFile(config_.key_file, key, 0400);
  GROAT_EXPECT_OK(CheckTlsFiles(config_));
}

TEST_F(TlsFilesTest, ContentThatIsNotPem) {
  const struct {
    std::string file;
    unsigned mode;
    std::string text;
    const char* want;
  } kCases[] = {
      {config_.ca_file, 0644, "", "not a list of PEM certificates"},
      {config_.ca_file, 0644, "hello", "not a list of PEM certificates"},
      {config_.ca_file, 0644, ReadText(config_.ca_file) + "-----BEGIN CERTIFICATE-----\nAA\n",
       "not a list of PEM certificates"},
      {config_.certificate_file, 0644, "hello", "not a list of PEM certificates"},
      {config_.key_file, 0600, "hello", "not an unencrypted PEM private key"},
  };
  for (const auto& c : kCases) {
    const std::string good = ReadText(c.file);
    WriteTestFile(c.file, c.text, c.mode);
    EXPECT_THAT(CheckTlsFiles(config_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.want)));
    EXPECT_THAT(CheckTlsFiles(config_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.file)));
    WriteTestFile(c.file, good, c.mode);
    GROAT_EXPECT_OK(CheckTlsFiles(config_));
  }
}

TEST_F(TlsFilesTest, FileTooLargeIsRefused) {
  WriteTestFile(config_.ca_file, std::string(1024 * 1024 + 1, 'x'), 0644);
  EXPECT_THAT(CheckTlsFiles(config_), StatusIs(absl::StatusCode::kInvalidArgument,
                                               HasSubstr("1048577 bytes, at most 1048576")));
}

TEST_F(TlsFilesTest, KeyOfAnotherCertificate) {
  config_.key_file = authority_.Issue("other").key_file;
  EXPECT_THAT(CheckTlsFiles(config_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("does not belong to")));
}

TEST_F(TlsFilesTest, CertificateOutsideItsTimeOrOfAnotherAuthority) {
  const TlsConfig expired =
      authority_.Issue("old", {.common_name = "old", .not_after = seconds(-60)});
  EXPECT_THAT(CheckTlsFiles(expired),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expired")));
  const TlsConfig early =
      authority_.Issue("new", {.common_name = "new", .not_before = seconds(60)});
  EXPECT_THAT(CheckTlsFiles(early),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not yet valid")));
  const TestAuthority foreign("foreign authority");
  config_.ca_file = foreign.Issue("node").ca_file;
  EXPECT_THAT(CheckTlsFiles(config_), StatusIs(absl::StatusCode::kFailedPrecondition,
                                               HasSubstr("does not verify against ca_file")));
}

TEST_F(TlsFilesTest, BothSidesRefuseBadFiles) {
  config_.ca_file.clear();
  EXPECT_FALSE(MakeServerCredentials(config_).ok());
  EXPECT_FALSE(MakeChannelCredentials(config_).ok());
  EXPECT_FALSE(Server::Start({.tls = config_}).ok());
  EXPECT_FALSE(MakeChannel("127.0.0.1:1", config_, {}).ok());
}

// A server under mutual TLS and clients of all kinds.
class MutualTlsTest : public ::testing::Test {
 protected:
  void StartServer(const TlsConfig& tls) {
    auto server = Server::Start({.tls = tls, .services = {&echo_}});
    GROAT_ASSERT_OK(server);
    server_ = *std::move(server);
  }
  std::string Endpoint(const std::string& host) {
    return host + ":" + std::to_string(server_->port());
  }
  absl::Status Call(const std::string& host, const TlsConfig& tls) {
    ChannelOptions options;
    options.own_connection = true;
    auto channel = MakeChannel(Endpoint(host), tls, options);
    if (!channel.ok()) return channel.status();
    return CallOn(*channel);
  }
  absl::Status CallOn(const std::shared_ptr<grpc::Channel>& channel) {
    CallContext context(seconds(20));
    EchoResponse response;
    return FromGrpc(EchoService::NewStub(channel)->Echo(&context, EchoRequest(), &response));
  }

  const TestAuthority authority_{"test authority"};
  const TestAuthority foreign_{"foreign authority"};
  EchoServer echo_;
  std::unique_ptr<Server> server_;
};

TEST_F(MutualTlsTest, ServerKnowsTheClientByItsKey) {
  StartServer(authority_.Issue("server"));
  const TlsConfig client = authority_.Issue("client");
  for (const char* host : {"127.0.0.1", "localhost"}) {
    GROAT_ASSERT_OK(Call(host, client));
    GROAT_ASSERT_OK_AND_ASSIGN(const Peer peer, echo_.peers.Take());
    EXPECT_EQ(peer.common_name, "client");
    EXPECT_EQ(peer.public_key_sha256, TestAuthority::PublicKeySha256(client));
  }
}

// Operators may bring certificates of their own: each kind of server knows each kind of client.
TEST_F(MutualTlsTest, EitherKindOfKeyWorksOnEitherSide) {
  for (const KeyKind authority_kind : {KeyKind::kP256, KeyKind::kEd25519}) {
    const TestAuthority authority("test authority", authority_kind);
    for (const KeyKind server_kind : {KeyKind::kP256, KeyKind::kEd25519}) {
      server_.reset();
      StartServer(authority.Issue("server", {.common_name = "server", .key_kind = server_kind}));
      for (const KeyKind client_kind : {KeyKind::kP256, KeyKind::kEd25519}) {
        const TlsConfig client =
            authority.Issue("client", {.common_name = "client", .key_kind = client_kind});
        GROAT_ASSERT_OK(Call("localhost", client));
        GROAT_ASSERT_OK_AND_ASSIGN(const Peer peer, echo_.peers.Take());
        EXPECT_EQ(peer.common_name, "client");
        EXPECT_EQ(peer.public_key_sha256, TestAuthority::PublicKeySha256(client));
      }
    }
  }
}

TEST_F(MutualTlsTest, IdentityFollowsTheConnectionNotTheThread) {
  StartServer(authority_.Issue("server"));
  const TlsConfig a = authority_.Issue("a");
  const TlsConfig b = authority_.Issue("b");
  for (int i = 0; i < 3; ++i) {
    for (const TlsConfig* client : {&a, &b}) {
      GROAT_ASSERT_OK(Call("127.0.0.1", *client));
      GROAT_ASSERT_OK_AND_ASSIGN(const Peer peer, echo_.peers.Take());
      EXPECT_EQ(peer.public_key_sha256, TestAuthority::PublicKeySha256(*client));
    }
  }
}

TEST_F(MutualTlsTest, ClientWithoutCertificateIsRefused) {
  const TlsConfig tls = authority_.Issue("server");
  StartServer(tls);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadText(tls.ca_file);
  const absl::Status status =
      CallOn(grpc::CreateChannel(Endpoint("127.0.0.1"), grpc::SslCredentials(options)));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(echo_.peers.size(), 0u);
}

TEST_F(MutualTlsTest, ClientOfAnotherAuthorityIsRefused) {
  const TlsConfig tls = authority_.Issue("server");
  StartServer(tls);
  // It trusts the server, but its own certificate is foreign. The check of our own files would
  // refuse this, so the credentials are built by hand.
  const TlsConfig foreign = foreign_.Issue("client");
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadText(tls.ca_file);
  options.pem_private_key = ReadText(foreign.key_file);
  options.pem_cert_chain = ReadText(foreign.certificate_file);
  const absl::Status status =
      CallOn(grpc::CreateChannel(Endpoint("127.0.0.1"), grpc::SslCredentials(options)));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(echo_.peers.size(), 0u);
}

TEST_F(MutualTlsTest, ExpiredClientIsRefused) {
  const TlsConfig tls = authority_.Issue("server");
  StartServer(tls);
  const TlsConfig old = authority_.Issue("old", {.common_name = "old", .not_after = seconds(-60)});
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadText(tls.ca_file);
  options.pem_private_key = ReadText(old.key_file);
  options.pem_cert_chain = ReadText(old.certificate_file);
  const absl::Status status =
      CallOn(grpc::CreateChannel(Endpoint("127.0.0.1"), grpc::SslCredentials(options)));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(echo_.peers.size(), 0u);
}

TEST_F(MutualTlsTest, ServerOfAnotherAuthorityIsRefused) {
  StartServer(foreign_.Issue("server"));
  EXPECT_THAT(Call("127.0.0.1", authority_.Issue("client")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("")));
}

TEST_F(MutualTlsTest, ServerMustBeNamedByItsCertificate) {
  StartServer(authority_.Issue(
      "server", {.common_name = "127.0.0.1", .subject_alt_names = {"DNS:elsewhere.example"}}));
  const TlsConfig client = authority_.Issue("client");
  EXPECT_THAT(Call("127.0.0.1", client), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("")));
  EXPECT_THAT(Call("localhost", client), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("")));
}

TEST_F(MutualTlsTest, PlaintextAndTlsDoNotMix) {
  StartServer(authority_.Issue("server"));
  EXPECT_FALSE(Call("127.0.0.1", {.insecure = true}).ok());
  EXPECT_EQ(echo_.peers.size(), 0u);
  server_.reset();
  StartServer({.insecure = true});
  EXPECT_FALSE(Call("127.0.0.1", authority_.Issue("client")).ok());
  EXPECT_EQ(echo_.peers.size(), 0u);
}

TEST_F(MutualTlsTest, PlaintextPeerHasNoIdentity) {
  StartServer({.insecure = true});
  GROAT_ASSERT_OK(Call("127.0.0.1", {.insecure = true}));
  EXPECT_THAT(echo_.peers.Take(),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("not authenticated")));
}

// Renewal: once the files are replaced, new connections use the new certificates, on both sides
// and without a restart.
TEST_F(MutualTlsTest, RenewedFilesArePickedUp) {
  StartServer(authority_.Issue("server"));
  const TlsConfig client = authority_.Issue("client");
  GROAT_ASSERT_OK(Call("127.0.0.1", client));
  GROAT_ASSERT_OK(echo_.peers.Take());

  // A server whose certificate names another host shows that the new one is in use.
  authority_.Issue("server", {.common_name = "server", .subject_alt_names = {"DNS:localhost"}});
  const auto give_up = std::chrono::steady_clock::now() + seconds(30);
  while (Call("127.0.0.1", client).ok()) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "the old certificate is still in use";
  }
  GROAT_ASSERT_OK(Call("localhost", client));
}

}  // namespace
}  // namespace groat::rpc
