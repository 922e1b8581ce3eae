#include "crypto/certificate.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/status_matchers.h"
#include "base/whole_file.h"
#include "crypto/key_file.h"
#include "crypto/sha256.h"

namespace groat {
namespace {

using ::groat::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kUnauthenticated = absl::StatusCode::kUnauthenticated;
constexpr int64_t kStart = 1700000000;
constexpr int64_t kEnd = 4000000000;  // After 2050, so GeneralizedTime is tried too.

// The same key for the same number: the keys are made once.
CertificateKey Key(uint8_t number) {
  static std::map<uint8_t, std::string> pems;
  std::string& pem = pems[number];
  if (pem.empty()) pem = CertificateKey::Generate().ToPem();
  return *CertificateKey::FromPem(pem);
}

CertificateKey Ed25519Key(uint8_t number) {
  Bytes32 seed;
  seed[0] = number;
  return *CertificateKey::FromPem(Ed25519PrivateKey(seed).ToPem());
}

CertificateAuthority Authority(uint8_t number = 1) {
  return *CertificateAuthority::Create("groat test authority", Key(number), {kStart, kEnd});
}

const CertificateSubject& Relay() {
  static const CertificateSubject subject{
      .common_name = "relay-0",
      .dns_names = {"localhost", "relay-0.groat", "*.relays.groat"},
      .ip_addresses = {"127.0.0.1", "::1"}};
  return subject;
}

std::string Issue(const CertificateValidity& validity = {kStart, kEnd}) {
  const auto pem = Authority().Issue(Relay(), Key(2).public_key_der(), validity);
  EXPECT_TRUE(pem.ok()) << pem.status();
  return *pem;
}

TEST(CertificateTest, SaysWhatWasAskedFor) {
  GROAT_ASSERT_OK_AND_ASSIGN(const CertificateInfo info,
                             ReadCertificate(Issue({kStart + 5, kEnd - 5})));
  EXPECT_EQ(info.common_name, "relay-0");
  EXPECT_EQ(info.public_key_der, Key(2).public_key_der());
  EXPECT_EQ(info.validity.not_before_s, kStart + 5);
  EXPECT_EQ(info.validity.not_after_s, kEnd - 5);
  EXPECT_THAT(info.dns_names, ElementsAre("localhost", "relay-0.groat", "*.relays.groat"));
  EXPECT_THAT(info.ip_addresses, ElementsAre("127.0.0.1", "0:0:0:0:0:0:0:1"));
  EXPECT_FALSE(info.is_authority);
}

TEST(CertificateTest, TheAuthoritySignsItself) {
  const std::string pem = Authority().certificate_pem();
  GROAT_ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
  EXPECT_TRUE(info.is_authority);
  EXPECT_EQ(info.common_name, "groat test authority");
  EXPECT_EQ(info.public_key_der, Key(1).public_key_der());
  GROAT_EXPECT_OK(VerifyCertificate(pem, pem, kStart));
}

TEST(CertificateTest, EachHasItsOwnSerialNumber) { EXPECT_NE(Issue(), Issue()); }

TEST(CertificateTest, VerifiesSignatureAndTime) {
  const std::string authority = Authority().certificate_pem();
  const std::string pem = Issue({kStart + 100, kStart + 200});
  GROAT_EXPECT_OK(VerifyCertificate(pem, authority, kStart + 100));
  GROAT_EXPECT_OK(VerifyCertificate(pem, authority, kStart + 199));
  EXPECT_THAT(VerifyCertificate(pem, authority, kStart + 99),
              StatusIs(kUnauthenticated, HasSubstr("not yet valid")));
  EXPECT_THAT(VerifyCertificate(pem, authority, kStart + 201),
              StatusIs(kUnauthenticated, HasSubstr("expired")));
  // Another authority of the same name.
  EXPECT_FALSE(VerifyCertificate(pem, Authority(9).certificate_pem(), kStart + 150).ok());
  // A certificate of a service is not an authority.
  EXPECT_FALSE(VerifyCertificate(pem, Issue(), kStart + 150).ok());
}

TEST(CertificateTest, LoadsAnAuthorityAgain) {
  const std::string pem = Authority().certificate_pem();
  GROAT_ASSERT_OK_AND_ASSIGN(const CertificateAuthority again,
                             CertificateAuthority::Load(pem, Key(1)));
  EXPECT_EQ(again.certificate_pem(), pem);
  GROAT_ASSERT_OK_AND_ASSIGN(const std::string issued,
                             again.Issue(Relay(), Key(2).public_key_der(), {kStart, kEnd}));
  GROAT_EXPECT_OK(VerifyCertificate(issued, pem, kStart + 1));

  EXPECT_THAT(CertificateAuthority::Load(pem, Key(3)),
              StatusIs(kInvalid, HasSubstr(Sha256(AsBytes(Key(3).public_key_der())).Hex())));
  EXPECT_THAT(CertificateAuthority::Load(Issue(), Key(2)),
              StatusIs(kInvalid, HasSubstr("`relay-0` is not that of an authority")));
  EXPECT_THAT(CertificateAuthority::Load("", Key(1)), StatusIs(kInvalid, HasSubstr("PEM")));
}

TEST(CertificateTest, RefusesBadRequests) {
  struct Case {
    const char* name;
    CertificateSubject subject;
    CertificateValidity validity;
    const char* message;
  };
  const CertificateValidity good{kStart, kEnd};
  const Case cases[] = {
      {"no name", {.common_name = ""}, good, "want 1 to 64"},
      {"long name", {.common_name = std::string(65, 'a')}, good, "of 65 bytes"},
      {"control character", {.common_name = "a\nb"}, good, "printable"},
      {"empty DNS name", {.common_name = "a", .dns_names = {""}}, good, "no DNS name"},
      {"DNS name with a comma", {.common_name = "a", .dns_names = {"a,DNS:b"}}, good, "DNS"},
      {"DNS name with an empty label", {.common_name = "a", .dns_names = {"a..b"}}, good, "DNS"},
      {"only a star", {.common_name = "a", .dns_names = {"*"}}, good, "no DNS name"},
      {"star inside", {.common_name = "a", .dns_names = {"a.*.b"}}, good, "no DNS name"},
      {"hyphen first", {.common_name = "a", .dns_names = {"-a"}}, good, "no DNS name"},
      {"long label", {.common_name = "a", .dns_names = {std::string(64, 'a')}}, good, "DNS"},
      {"long DNS name", {.common_name = "a", .dns_names = {std::string(254, 'a')}}, good, "DNS"},
      {"bad address", {.common_name = "a", .ip_addresses = {"1.2.3"}}, good, "no IP address"},
      {"name as address", {.common_name = "a", .ip_addresses = {"localhost"}}, good, "address"},
      {"empty validity", {.common_name = "a"}, {kStart, kStart}, "is empty"},
      {"reversed validity", {.common_name = "a"}, {kEnd, kStart}, "is empty"},
      {"before 1970", {.common_name = "a"}, {-1, kStart}, "is empty"},
      {"beyond the authority", {.common_name = "a"}, {kStart, kEnd + 1}, "want at most"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Authority().Issue(c.subject, Key(2).public_key_der(), c.validity),
                StatusIs(kInvalid, HasSubstr(c.message)))
        << c.name;
  }
  EXPECT_THAT(CertificateAuthority::Create("", Key(1), good),
              StatusIs(kInvalid, HasSubstr("name")));
  EXPECT_THAT(CertificateAuthority::Create("a", Key(1), {5, 5}),
              StatusIs(kInvalid, HasSubstr("is empty")));
  EXPECT_THAT(CertificateAuthority::Create("a", Key(1), {5, 253402300800}),
              StatusIs(kInvalid, HasSubstr("want at most 253402300799")));
}

TEST(CertificateTest, RefusesABadPublicKey) {
  std::string cut = Key(2).public_key_der();
  cut.pop_back();
  for (const std::string& der : {std::string(), cut, Key(2).public_key_der() + "x"}) {
    EXPECT_THAT(Authority().Issue(Relay(), der, {kStart, kEnd}),
                StatusIs(kInvalid, HasSubstr("no SubjectPublicKeyInfo")));
  }
}

// Each kind of authority signs for each kind of key, also when loaded again.
TEST(CertificateTest, BothKindsOfKeyWorkTogether) {
  for (const bool old_authority : {false, true}) {
    for (const bool old_key : {false, true}) {
      SCOPED_TRACE(old_authority);
      SCOPED_TRACE(old_key);
      GROAT_ASSERT_OK_AND_ASSIGN(
          const CertificateAuthority made,
          CertificateAuthority::Create("mixed", old_authority ? Ed25519Key(7) : Key(7),
                                       {kStart, kEnd}));
      GROAT_ASSERT_OK_AND_ASSIGN(
          const CertificateAuthority authority,
          CertificateAuthority::Load(made.certificate_pem(),
                                     old_authority ? Ed25519Key(7) : Key(7)));
      const CertificateKey key = old_key ? Ed25519Key(2) : Key(2);
      GROAT_ASSERT_OK_AND_ASSIGN(const std::string pem,
                                 authority.Issue(Relay(), key.public_key_der(), {kStart, kEnd}));
      GROAT_EXPECT_OK(VerifyCertificate(pem, authority.certificate_pem(), kStart + 1));
      GROAT_ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
      EXPECT_EQ(info.common_name, "relay-0");
      EXPECT_EQ(info.public_key_der, key.public_key_der());
    }
  }
}

TEST(CertificateTest, ReadsOnlyCertificates) {
  EXPECT_THAT(ReadCertificate(""), StatusIs(kInvalid, HasSubstr("PEM")));
  EXPECT_THAT(ReadCertificate(Key(1).ToPem()), StatusIs(kInvalid, HasSubstr("PEM")));
  std::string damaged = Issue();
  damaged.resize(damaged.size() / 2);
  EXPECT_THAT(ReadCertificate(damaged), StatusIs(kInvalid, HasSubstr("PEM")));
}

// Another implementation of the checks (the command line's, with all its strictness) agrees.
class OpensslCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("openssl version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl command";
    folder_ = ::testing::TempDir() + "groat_certificate_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    GROAT_ASSERT_OK(WriteWholeFile(folder_ + "/ca.pem", AsBytes(Authority().certificate_pem()),
                                   0644, IfExists::kRefuse));
    GROAT_ASSERT_OK(
        WriteWholeFile(folder_ + "/crt.pem", AsBytes(Issue()), 0644, IfExists::kRefuse));
    GROAT_ASSERT_OK(WriteCertificateKeyFile(folder_ + "/key.pem", Key(2), IfExists::kRefuse));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  int Openssl(const std::string& arguments) const {
    return std::system(
        ("cd " + folder_ + " && (openssl " + arguments + ") > /dev/null 2>&1").c_str());
  }
  std::string folder_;
};

TEST_F(OpensslCommandTest, Agrees) {
  const std::string at = " -attime " + std::to_string(kStart + 1) + " -x509_strict -CAfile ca.pem ";
  for (const char* purpose : {"sslserver", "sslclient"}) {
    EXPECT_EQ(Openssl("verify -purpose " + (purpose + at) + "crt.pem"), 0) << purpose;
  }
  EXPECT_EQ(Openssl("verify -verify_hostname relay-0.groat" + at + "crt.pem"), 0);
  EXPECT_EQ(Openssl("verify -verify_hostname x.relays.groat" + at + "crt.pem"), 0);
  EXPECT_EQ(Openssl("verify -verify_ip ::1" + at + "crt.pem"), 0);
  EXPECT_NE(Openssl("verify -verify_hostname other.groat" + at + "crt.pem"), 0);
  EXPECT_NE(Openssl("verify -purpose crlsign" + at + "crt.pem"), 0);
  EXPECT_EQ(Openssl("pkey -in key.pem -noout -check"), 0);
  EXPECT_EQ(Openssl("x509 -in crt.pem -noout -pubkey -out a && openssl pkey -in key.pem -pubout "
                    "-out b && cmp a b"),
            0);
  for (const char* file : {"ca.pem", "crt.pem"}) {
    EXPECT_EQ(Openssl("x509 -text -noout -in " + std::string(file) +
                      " > text && grep 'Signature Algorithm: ecdsa-with-SHA256' text"
                      " && grep 'NIST CURVE: P-256' text"),
              0)
        << file;
  }
}

// What operators bring along: certificates of kinds that the authority does not make.
TEST_F(OpensslCommandTest, ReadsCertificatesOfOtherMakers) {
  for (const char* kind : {"rsa:2048", "ed25519", "ec -pkeyopt ec_paramgen_curve:P-384"}) {
    SCOPED_TRACE(kind);
    ASSERT_EQ(Openssl("req -x509 -nodes -subj /CN=other -keyout o.key -out o.pem -newkey " +
                      std::string(kind)),
              0);
    ASSERT_EQ(Openssl("x509 -in o.pem -noout -pubkey -out pub.pem && openssl pkey -pubin -in "
                      "pub.pem -outform DER -out pub.der"),
              0);
    const std::string pem = ReadWholeFile(folder_ + "/o.pem", 10000)->content;
    GROAT_ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
    EXPECT_EQ(info.common_name, "other");
    EXPECT_EQ(info.public_key_der, ReadWholeFile(folder_ + "/pub.der", 10000)->content);
  }
}

}  // namespace
}  // namespace groat
