// What strangers and offenders do to a listener, with honest peers beside them: nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/status_matchers.h"
#include "crypto/certificate_key.h"
#include "p2p/grpc/grpc_transport.h"
#include "p2p/grpc/testing/raw_stream.h"
#include "p2p/live/peer_certificate.h"
#include "p2p/testing/raw_tls_client.h"

namespace groat::p2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::RawStream;
using testing::RawTlsClient;
using testing::RawTlsOptions;

constexpr milliseconds kHandshakeTimeout(500);

int64_t NowSeconds() {
  return std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Ed25519PrivateKey KeyOf(uint8_t number) { return Ed25519PrivateKey(Bytes32{{number}}); }

size_t OpenFiles() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

std::string CertificateOf(const Ed25519PrivateKey& key, CertificateValidity validity = {}) {
  if (validity.not_after_s == 0) validity = {NowSeconds() - 60, NowSeconds() + 600};
  const auto pem = MakePeerCertificate(key, validity);
  GROAT_CHECK_OK(pem.status());
  return *pem;
}

class End final : public ConnectionHandler {
 public:
  explicit End(std::unique_ptr<Connection> taken) : connection(std::move(taken)) {
    connection->Start(*this);
  }
  void OnFrame(ByteView frame) override {
    ++frames;
    longest_frame = std::max(longest_frame, frame.size());
  }
  void OnWritten() override {}
  void OnClosed(const absl::Status& why) override { closed = why; }

  const std::unique_ptr<Connection> connection;
  size_t frames = 0;
  size_t longest_frame = 0;
  std::optional<absl::Status> closed;
};

// Node 0 listens, node 1 is honest and connected to it, and key 2 is a member's too: the
// offender's.
class BadPeersTest : public ::testing::Test {
 protected:
  BadPeersTest() : listener_(NodeOf(0)), honest_(NodeOf(1)) {
    listener_->executor().RunAndWait([this] {
      const absl::StatusOr<std::string> address = listener_->Listen(
          "127.0.0.1:0",
          [](const PeerId& peer) {
            return peer == KeyOf(1).public_key() || peer == KeyOf(2).public_key();
          },
          [this](std::unique_ptr<Connection> taken) {
            accepted_.push_back(std::make_unique<End>(std::move(taken)));
          });
      GROAT_CHECK_OK(address.status());
      address_ = *address;
    });
    dialled_ = Dial();
    GROAT_CHECK(WaitUntil(*listener_, [this] { return accepted_.size() == 1; }));
  }
  ~BadPeersTest() override {
    honest_->executor().RunAndWait([this] {
      dialled_.reset();
      honest_->Shutdown();
    });
    listener_->executor().RunAndWait([this] {
      accepted_.clear();
      listener_->Shutdown();
    });
    for (GrpcTransport* node : {honest_.get(), listener_.get()}) {
      node->StopServer();
      node->executor().Stop();
    }
  }

  static std::unique_ptr<GrpcTransport> NodeOf(uint8_t number) {
    LiveTransportOptions options;
    options.validity = {NowSeconds() - 60, NowSeconds() + 600};
    options.handshake_timeout = kHandshakeTimeout;
    auto node = GrpcTransport::Make(options, KeyOf(number));
    GROAT_CHECK_OK(node.status());
    (*node)->executor().Start();
    return *std::move(node);
  }
  static bool WaitUntil(GrpcTransport& node, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    while (true) {
      bool holds = false;
      node.executor().RunAndWait([&] { holds = condition(); });
      if (holds) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
  }
  std::unique_ptr<End> Dial() {
    std::unique_ptr<End> end;
    honest_->executor().RunAndWait([&] {
      honest_->Dial(address_, KeyOf(0).public_key(), seconds(10),
                    [&](absl::StatusOr<std::unique_ptr<Connection>> connection) {
                      GROAT_CHECK_OK(connection.status());
                      end = std::make_unique<End>(*std::move(connection));
                    });
    });
    GROAT_CHECK(WaitUntil(*honest_, [&] { return end != nullptr; }));
    return end;
  }
  // Whether the honest node's connection carries a frame, and a new one can be made.
  void ExpectHonestPeersAreWell() {
    size_t before = 0;
    size_t connections = 0;
    listener_->executor().RunAndWait([&] {
      before = accepted_[0]->frames;
      connections = accepted_.size();
    });
    honest_->executor().RunAndWait([this] { dialled_->connection->Write(Bytes(500)); });
    EXPECT_TRUE(WaitUntil(*listener_, [&] { return accepted_[0]->frames == before + 1; }));
    std::unique_ptr<End> another = Dial();
    EXPECT_TRUE(WaitUntil(*listener_, [&] { return accepted_.size() == connections + 1; }));
    honest_->executor().RunAndWait([&] { another.reset(); });
    EXPECT_TRUE(WaitUntil(*listener_, [&] { return accepted_.back()->closed.has_value(); }));
    listener_->executor().RunAndWait([this] { accepted_.pop_back(); });
  }
  size_t Accepted() {
    size_t count = 0;
    listener_->executor().RunAndWait([&] { count = accepted_.size(); });
    return count;
  }
  static RawTlsOptions OffenderTls() {
    return {.certificates_pem = CertificateOf(KeyOf(2)), .key_pem = KeyOf(2).ToPem()};
  }

  // By node: accepted_ belongs to the listener, dialled_ to the honest one.
  std::vector<std::unique_ptr<End>> accepted_;
  std::unique_ptr<End> dialled_;
  std::string address_;
  std::unique_ptr<GrpcTransport> listener_;
  std::unique_ptr<GrpcTransport> honest_;
};

TEST_F(BadPeersTest, AMembersHandshakeIsTls13) {
  RawTlsClient member(address_, OffenderTls());
  EXPECT_TRUE(member.Handshake());
  EXPECT_EQ(member.version(), "TLSv1.3");
}

// Under TLS 1.3 a client believes that all is well until the server has looked at it.
TEST_F(BadPeersTest, WhoCannotProveAnAuthorizedKeyIsCutOff) {
  const CertificateKey p256 = CertificateKey::Generate();
  const std::string p256_pem = p256.ToPem();
  const auto p256_authority =
      CertificateAuthority::Create(kPeerCertificateName, *CertificateKey::FromPem(p256_pem),
                                   {NowSeconds() - 60, NowSeconds() + 600});
  GROAT_ASSERT_OK(p256_authority.status());
  const std::string member_pem = KeyOf(2).ToPem();
  const std::string stranger = CertificateOf(KeyOf(9));
  const std::vector<std::pair<std::string, RawTlsOptions>> cases = {
      {"no certificate", {}},
      {"no certificate, TLS 1.2", {.max_version = TLS1_2_VERSION}},
      {"stranger", {.certificates_pem = stranger, .key_pem = KeyOf(9).ToPem()}},
      {"stranger, TLS 1.2",
       {.certificates_pem = stranger, .key_pem = KeyOf(9).ToPem(), .max_version = TLS1_2_VERSION}},
      {"expired",
       {.certificates_pem = CertificateOf(KeyOf(2), {NowSeconds() - 600, NowSeconds() - 300}),
        .key_pem = member_pem}},
      {"not yet valid",
       {.certificates_pem = CertificateOf(KeyOf(2), {NowSeconds() + 300, NowSeconds() + 600}),
        .key_pem = member_pem}},
      {"P-256", {.certificates_pem = p256_authority->certificate_pem(), .key_pem = p256_pem}},
      // A member's certificate behind one's own proves nothing.
      {"stranger before a member",
       {.certificates_pem = stranger + CertificateOf(KeyOf(2)), .key_pem = KeyOf(9).ToPem()}},
      {"TLS 1.1",
       {.certificates_pem = CertificateOf(KeyOf(2)),
        .key_pem = member_pem,
        .max_version = TLS1_1_VERSION}},
      {"no HTTP/2",
       {.certificates_pem = CertificateOf(KeyOf(2)), .key_pem = member_pem, .protocol = ""}},
  };
  ExpectHonestPeersAreWell();  // What gRPC opens once for all is open now.
  const size_t files = OpenFiles();
  const size_t accepted = Accepted();
  for (const auto& [name, options] : cases) {
    RawTlsClient client(address_, options);
    client.Handshake();
    EXPECT_TRUE(client.WaitForEnd()) << name;
  }
  EXPECT_EQ(Accepted(), accepted);
  EXPECT_TRUE(WaitUntil(*listener_, [&] { return OpenFiles() <= files; }));
  ExpectHonestPeersAreWell();
}

TEST_F(BadPeersTest, ACertificateBehindOnesOwnIsIgnored) {
  RawTlsOptions options = OffenderTls();
  options.certificates_pem += CertificateOf(KeyOf(9));
  RawTlsClient member(address_, options);
  EXPECT_TRUE(member.Handshake());
  // It is taken: HTTP/2 begins, with the server's settings.
  EXPECT_TRUE(member.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(3, '\0') + "\4" +
                           std::string(5, '\0')));
  EXPECT_EQ(member.version(), "TLSv1.3");
}

TEST_F(BadPeersTest, WhoStallsInTheHandshakeIsCutOff) {
  const auto stall = [&] {
    std::vector<std::unique_ptr<RawTlsClient>> clients;
    for (int i = 0; i < 60; ++i) {
      clients.push_back(std::make_unique<RawTlsClient>(address_, OffenderTls()));
      // The beginning of a record of 512 bytes, of which the rest never comes.
      const std::string spoken[] = {"", {"\x16\x03\x01\x02\x00\x01", 6}, std::string(1000, 'x')};
      EXPECT_TRUE(clients.back()->WriteToSocket(spoken[i % 3]));
    }
    ExpectHonestPeersAreWell();
    for (const auto& client : clients) EXPECT_TRUE(client->WaitForEnd());
  };
  stall();  // The first time gRPC also opens some files that it keeps.
  const size_t files = OpenFiles();
  stall();
  EXPECT_TRUE(WaitUntil(*listener_, [&] { return OpenFiles() <= files; })) << OpenFiles();
  EXPECT_EQ(Accepted(), 1U);
}

// A member that has shown its key, and then speaks no HTTP/2, or no gRPC, or nothing at all.
TEST_F(BadPeersTest, AMemberThatSpeaksNoGrpcIsCutOff) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string settings = std::string("\0\0\0\4\0\0\0\0\0", 9);
  for (const std::string& spoken :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(5000, '\xff'),
        // A frame of 16 MiB; a settings frame of an odd length.
        preface + settings + std::string("\xff\xff\xff\0\0\0\0\0\1", 9) + std::string(20'000, 'x'),
        preface + std::string("\0\0\5\4\0\0\0\0\0abcde", 14)}) {
    RawTlsClient client(address_, OffenderTls());
    ASSERT_TRUE(client.Handshake());
    EXPECT_TRUE(client.Write(spoken));
    EXPECT_TRUE(client.WaitForEnd()) << spoken.substr(0, 60);
  }
  EXPECT_EQ(Accepted(), 1U);
  ExpectHonestPeersAreWell();
}

TEST_F(BadPeersTest, FramesOfForbiddenLengthsEndTheirConnectionAlone) {
  for (const size_t size : {size_t{0}, kMaxFrameBytes + 1, size_t{16} << 20}) {
    const size_t before = Accepted();
    RawStream offender(address_, KeyOf(2), {});
    EXPECT_TRUE(offender.Write(Bytes(100, 1)));
    EXPECT_TRUE(WaitUntil(*listener_, [&] {
      return accepted_.size() == before + 1 && accepted_.back()->frames == 1;
    })) << size;
    offender.Write(Bytes(size, 2));
    EXPECT_FALSE(offender.WaitForEnd().ok()) << size;
    EXPECT_TRUE(WaitUntil(*listener_, [&] { return accepted_.back()->closed.has_value(); }))
        << size;
    listener_->executor().RunAndWait([&] { EXPECT_EQ(accepted_.back()->frames, 1U); });
    ExpectHonestPeersAreWell();
  }
  RawStream longest(address_, KeyOf(2), {});
  EXPECT_TRUE(longest.Write(Bytes(kMaxFrameBytes, 3)));
  EXPECT_TRUE(WaitUntil(*listener_, [&] { return accepted_.back()->frames == 1; }));
  listener_->executor().RunAndWait(
      [&] { EXPECT_EQ(accepted_.back()->longest_frame, kMaxFrameBytes); });
}

// A frame of gRPC's own compression would be inflated beyond all bounds before we see it.
TEST_F(BadPeersTest, FramesCompressedByGrpcAreNotInflated) {
  RawStream bomber(address_, KeyOf(2), {.compresses = true});
  bomber.Write(Bytes(size_t{64} << 20));
  EXPECT_FALSE(bomber.WaitForEnd().ok());
  listener_->executor().RunAndWait([&] {
    for (const auto& end : accepted_) EXPECT_EQ(end->frames, 0U);
  });
  ExpectHonestPeersAreWell();
}

TEST_F(BadPeersTest, AnotherMethodIsRefused) {
  RawStream other(address_, KeyOf(2), {.method = "/groat.p2p.v1.Mesh/Other"});
  EXPECT_FALSE(other.WaitForEnd().ok());
  EXPECT_EQ(Accepted(), 1U);
  ExpectHonestPeersAreWell();
}

TEST_F(BadPeersTest, ConnectionsComeAndGoWithoutALeak) {
  const size_t files = OpenFiles();
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<End>> ends;
    for (int i = 0; i < 4; ++i) ends.push_back(Dial());
    honest_->executor().RunAndWait([&] {
      for (const auto& end : ends) end->connection->Write(Bytes(1000));
      // While the write is under way, or its end; half by the other side.
      ends.resize(2);
    });
    listener_->executor().RunAndWait([&] { accepted_.resize(1); });
    honest_->executor().RunAndWait([&] { ends.clear(); });
  }
  EXPECT_TRUE(WaitUntil(*listener_, [&] {
    accepted_.resize(1);
    return OpenFiles() <= files;
  }));
  ExpectHonestPeersAreWell();
}

}  // namespace
}  // namespace groat::p2p
