// What strangers and offenders do to a listener over TLS, with an honest peer beside them: nothing.
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
#include "p2p/live/peer_certificate.h"
#include "p2p/testing/raw_tls_client.h"
#include "p2p/tls/tls_transport.h"

namespace groat::p2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::RawTlsClient;
using testing::RawTlsOptions;

constexpr milliseconds kHandshakeTimeout(500);
constexpr char kProtocol[] = "groat-mesh/1";

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

// What a member of key 2 shows.
RawTlsOptions MemberTls() {
  return {.certificates_pem = CertificateOf(KeyOf(2)),
          .key_pem = KeyOf(2).ToPem(),
          .protocol = kProtocol};
}

std::string FrameOf(uint32_t length, const std::string& body) {
  uint8_t header[4];
  StoreBigEndian(length, header, sizeof(header));
  return std::string(reinterpret_cast<const char*>(header), sizeof(header)) + body;
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

class Node {
 public:
  explicit Node(uint8_t number,
                const std::function<void(LiveTransportOptions&)>& adjust = nullptr) {
    LiveTransportOptions options;
    options.validity = {NowSeconds() - 60, NowSeconds() + 600};
    options.handshake_timeout = kHandshakeTimeout;
    if (adjust) adjust(options);
    auto made = MakeTlsTransport(options, KeyOf(number));
    GROAT_CHECK_OK(made.status());
    transport = *std::move(made);
    transport->executor().Start();
  }
  ~Node() {
    Run([this] {
      ends.clear();
      transport->Shutdown();
    });
    transport->executor().Stop();
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void Run(const std::function<void()>& task) {
    transport->executor().RunAndWait([&] { task(); });
  }
  bool WaitUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    while (true) {
      bool holds = false;
      Run([&] { holds = condition(); });
      if (holds) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
  }
  // Admits keys 1 and 2.
  void Listen() {
    Run([this] {
      const absl::StatusOr<std::string> at = transport->Listen(
          "127.0.0.1:0",
          [](const PeerId& peer) {
            return peer == KeyOf(1).public_key() || peer == KeyOf(2).public_key();
          },
          [this](std::unique_ptr<Connection> taken) {
            ends.push_back(std::make_unique<End>(std::move(taken)));
          });
      GROAT_CHECK_OK(at.status());
      address = *at;
    });
  }
  absl::Status Dial(const std::string& to) {
    std::optional<absl::Status> result;
    Run([&] {
      transport->Dial(to, KeyOf(0).public_key(), seconds(10),
                      [&](absl::StatusOr<std::unique_ptr<Connection>> connection) {
                        result = connection.status();
                        if (connection.ok()) {
                          ends.push_back(std::make_unique<End>(*std::move(connection)));
                        }
                      });
    });
    GROAT_CHECK(WaitUntil([&] { return result.has_value(); }));
    return *result;
  }
  size_t Ends() {
    size_t count = 0;
    Run([&] { count = ends.size(); });
    return count;
  }

  std::unique_ptr<LiveTransport> transport;
  std::string address;
  std::vector<std::unique_ptr<End>> ends;  // Of the executor.
};

class TlsOffendersTest : public ::testing::Test {
 protected:
  TlsOffendersTest() : listener_(0), honest_(1) {
    listener_.Listen();
    GROAT_CHECK_OK(honest_.Dial(listener_.address));
    GROAT_CHECK(listener_.WaitUntil([this] { return listener_.ends.size() == 1; }));
  }
  // The honest node's connection carries a frame, and a new one can be made.
  void ExpectHonestPeersAreWell() {
    size_t before = 0;
    listener_.Run([&] { before = listener_.ends[0]->frames; });
    honest_.Run([this] { honest_.ends[0]->connection->Write(Bytes(500)); });
    EXPECT_TRUE(listener_.WaitUntil([&] { return listener_.ends[0]->frames == before + 1; }));
    const size_t ends = listener_.Ends();
    GROAT_EXPECT_OK(honest_.Dial(listener_.address));
    EXPECT_TRUE(listener_.WaitUntil([&] { return listener_.ends.size() == ends + 1; }));
    honest_.Run([this] { honest_.ends.pop_back(); });
    EXPECT_TRUE(listener_.WaitUntil([&] { return listener_.ends.back()->closed.has_value(); }));
    listener_.Run([this] { listener_.ends.pop_back(); });
  }

  Node listener_;
  Node honest_;
};

TEST_F(TlsOffendersTest, WhoCannotProveAnAuthorizedKeyIsCutOff) {
  const CertificateKey p256 = CertificateKey::Generate();
  const std::string p256_pem = p256.ToPem();
  const auto p256_authority =
      CertificateAuthority::Create(kPeerCertificateName, *CertificateKey::FromPem(p256_pem),
                                   {NowSeconds() - 60, NowSeconds() + 600});
  GROAT_ASSERT_OK(p256_authority.status());
  const std::string stranger = CertificateOf(KeyOf(9));
  const auto with = [](const std::function<void(RawTlsOptions&)>& change) {
    RawTlsOptions options = MemberTls();
    change(options);
    return options;
  };
  const std::vector<std::pair<std::string, RawTlsOptions>> cases = {
      {"no certificate", {.protocol = kProtocol}},
      {"stranger", with([&](auto& options) {
         options.certificates_pem = stranger;
         options.key_pem = KeyOf(9).ToPem();
       })},
      {"stranger before a member", with([&](auto& options) {
         options.certificates_pem = stranger + CertificateOf(KeyOf(2));
         options.key_pem = KeyOf(9).ToPem();
       })},
      {"expired", with([](auto& options) {
         options.certificates_pem =
             CertificateOf(KeyOf(2), {NowSeconds() - 600, NowSeconds() - 300});
       })},
      {"not yet valid", with([](auto& options) {
         options.certificates_pem =
             CertificateOf(KeyOf(2), {NowSeconds() + 300, NowSeconds() + 600});
       })},
      {"P-256", with([&](auto& options) {
         options.certificates_pem = p256_authority->certificate_pem();
         options.key_pem = p256_pem;
       })},
      {"TLS 1.2", with([](auto& options) { options.max_version = TLS1_2_VERSION; })},
      {"no protocol", with([](auto& options) { options.protocol = ""; })},
      {"another protocol", with([](auto& options) { options.protocol = "h2"; })},
  };
  const size_t files = OpenFiles();
  for (const auto& [name, options] : cases) {
    RawTlsClient client(listener_.address, options);
    client.Handshake();
    EXPECT_TRUE(client.WaitForEnd()) << name;
  }
  EXPECT_EQ(listener_.Ends(), 1U);
  EXPECT_TRUE(listener_.WaitUntil([&] { return OpenFiles() <= files; }));
  ExpectHonestPeersAreWell();
}

TEST_F(TlsOffendersTest, AMemberIsTakenUnderTls13) {
  RawTlsClient member(listener_.address, MemberTls());
  EXPECT_TRUE(member.Handshake());
  EXPECT_EQ(member.version(), "TLSv1.3");
  EXPECT_TRUE(member.Write(FrameOf(3, "abc")));
  EXPECT_TRUE(listener_.WaitUntil(
      [this] { return listener_.ends.size() == 2 && listener_.ends[1]->frames == 1; }));
}

TEST_F(TlsOffendersTest, WhoStallsInTheHandshakeIsCutOff) {
  const size_t files = OpenFiles();
  {
    std::vector<std::unique_ptr<RawTlsClient>> clients;
    for (int i = 0; i < 60; ++i) {
      clients.push_back(std::make_unique<RawTlsClient>(listener_.address, MemberTls()));
      // The beginning of a record of 512 bytes, of which the rest never comes.
      const std::string spoken[] = {"", {"\x16\x03\x01\x02\x00\x01", 6}, std::string(1000, 'x')};
      EXPECT_TRUE(clients.back()->WriteToSocket(spoken[i % 3]));
    }
    ExpectHonestPeersAreWell();
    for (const auto& client : clients) EXPECT_TRUE(client->WaitForEnd());
  }
  EXPECT_TRUE(listener_.WaitUntil([&] { return OpenFiles() <= files; }));
  // Those that spoke no TLS ended at once, and are not counted.
  EXPECT_EQ(listener_.transport->cut_off_connections(), 40U);
}

// Whoever is silent longest goes when there are too many, so an honest peer gets in.
TEST(TlsHandshakesTest, TheOldestMakesRoom) {
  Node listener(0, [](LiveTransportOptions& options) {
    options.max_handshakes_at_once = 4;
    options.handshake_timeout = seconds(600);
  });
  listener.Listen();
  std::vector<std::unique_ptr<RawTlsClient>> silent;
  for (int i = 0; i < 8; ++i) {
    silent.push_back(std::make_unique<RawTlsClient>(listener.address, MemberTls()));
  }
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(silent[static_cast<size_t>(i)]->WaitForEnd());
  Node honest(1);
  GROAT_EXPECT_OK(honest.Dial(listener.address));
  EXPECT_GE(listener.transport->cut_off_connections(), 4U);
}

TEST(TlsHandshakesTest, WhoComesTooOftenIsTurnedAway) {
  Node listener(0, [](LiveTransportOptions& options) {
    options.handshakes = {.per_source = 0.001, .in_all = 1000, .burst_seconds = 3000};
  });
  listener.Listen();
  Node honest(1);
  for (int i = 0; i < 3; ++i) GROAT_EXPECT_OK(honest.Dial(listener.address));
  EXPECT_EQ(honest.Dial(listener.address).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(listener.transport->refused_connections(), 1U);
  EXPECT_EQ(listener.Ends(), 3U);
}

// All together: the listener rests, and goes on.
TEST(TlsHandshakesTest, AListenerThatHasHadEnoughRests) {
  Node listener(0, [](LiveTransportOptions& options) {
    options.handshakes = {.per_source = 1000, .in_all = 20, .burst_seconds = 0.1};
  });
  listener.Listen();
  Node honest(1);
  size_t made = 0;
  for (int i = 0; i < 200 && made < 6; ++i) made += honest.Dial(listener.address).ok() ? 1 : 0;
  EXPECT_EQ(made, 6U);
  EXPECT_GE(listener.transport->refused_connections(), 1U);
}

TEST_F(TlsOffendersTest, FramesOfForbiddenLengthsEndTheirConnectionAlone) {
  for (const size_t length : {size_t{0}, kMaxFrameBytes + 1, size_t{0xffffffff}}) {
    const size_t before = listener_.Ends();
    RawTlsClient offender(listener_.address, MemberTls());
    ASSERT_TRUE(offender.Handshake());
    EXPECT_TRUE(offender.Write(FrameOf(2, "ok")));
    EXPECT_TRUE(offender.Write(FrameOf(static_cast<uint32_t>(length), "body")));
    EXPECT_TRUE(listener_.WaitUntil([&] {
      return listener_.ends.size() == before + 1 && listener_.ends.back()->closed.has_value();
    })) << length;
    listener_.Run([&] {
      EXPECT_EQ(listener_.ends.back()->frames, 1U);
      EXPECT_THAT(std::string(listener_.ends.back()->closed->message()),
                  HasSubstr(std::to_string(length)));
    });
    ExpectHonestPeersAreWell();
  }
  RawTlsClient longest(listener_.address, MemberTls());
  ASSERT_TRUE(longest.Handshake());
  EXPECT_TRUE(longest.Write(
      FrameOf(static_cast<uint32_t>(kMaxFrameBytes), std::string(kMaxFrameBytes, 'a'))));
  EXPECT_TRUE(listener_.WaitUntil([this] { return listener_.ends.back()->frames == 1; }));
  listener_.Run([this] { EXPECT_EQ(listener_.ends.back()->longest_frame, kMaxFrameBytes); });
}

// A byte at a time, in records of one byte.
TEST_F(TlsOffendersTest, FramesInCrumbsArrive) {
  RawTlsClient member(listener_.address, MemberTls());
  ASSERT_TRUE(member.Handshake());
  for (const char byte : FrameOf(5, "crumb") + FrameOf(1, "x")) {
    EXPECT_TRUE(member.Write(std::string_view(&byte, 1)));
  }
  EXPECT_TRUE(listener_.WaitUntil(
      [this] { return listener_.ends.size() == 2 && listener_.ends[1]->frames == 2; }));
}

TEST_F(TlsOffendersTest, BytesPastTlsEndTheConnection) {
  RawTlsClient member(listener_.address, MemberTls());
  ASSERT_TRUE(member.Handshake());
  EXPECT_TRUE(member.Write(FrameOf(2, "ok")));
  EXPECT_TRUE(listener_.WaitUntil(
      [this] { return listener_.ends.size() == 2 && listener_.ends[1]->frames == 1; }));
  EXPECT_TRUE(member.WriteToSocket(std::string(200, 'x')));
  EXPECT_TRUE(listener_.WaitUntil([this] { return listener_.ends[1]->closed.has_value(); }));
  ExpectHonestPeersAreWell();
}

TEST_F(TlsOffendersTest, ConnectionsComeAndGoWithoutALeak) {
  const size_t files = OpenFiles();
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 4; ++i) GROAT_ASSERT_OK(honest_.Dial(listener_.address));
    honest_.Run([this] {
      for (size_t i = 1; i < 5; ++i) honest_.ends[i]->connection->Write(Bytes(1000));
      // While the write is under way, or its end; half by the other side.
      honest_.ends.resize(3);
    });
    listener_.Run([this] { listener_.ends.resize(1); });
    honest_.Run([this] { honest_.ends.resize(1); });
  }
  EXPECT_TRUE(listener_.WaitUntil([&] {
    listener_.ends.resize(1);
    return OpenFiles() <= files;
  }));
  ExpectHonestPeersAreWell();
}

// Names are resolved elsewhere, and one that does not exist is no answer.
TEST_F(TlsOffendersTest, AddressesMayBeNames) {
  const std::string port = listener_.address.substr(listener_.address.rfind(':'));
  GROAT_EXPECT_OK(honest_.Dial("localhost" + port));
  EXPECT_EQ(honest_.Dial("no-such-host.groat.invalid" + port).code(),
            absl::StatusCode::kUnavailable);
}

TEST(TlsTransportTest, HasOneThread) {
  EXPECT_THAT(
      MakeTlsTransport({.threads = 2, .validity = {0, NowSeconds() + 10}}, KeyOf(1)).status(),
      ::groat::testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2")));
}

}  // namespace
}  // namespace groat::p2p
