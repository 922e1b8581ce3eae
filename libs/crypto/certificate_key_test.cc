#include "crypto/certificate_key.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/status_matchers.h"
#include "base/whole_file.h"
#include "crypto/ed25519.h"

namespace groat {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(CertificateKeyTest, EachNewKeyIsAnotherP256Key) {
  const CertificateKey key = CertificateKey::Generate();
  EXPECT_EQ(key.public_key_der().size(), 91u);  // RFC 5480.
  EXPECT_NE(key.public_key_der(), CertificateKey::Generate().public_key_der());
  GROAT_EXPECT_OK(CheckCertificatePublicKey(key.public_key_der()));
}

TEST(CertificateKeyTest, ReadsItsOwnText) {
  const CertificateKey key = CertificateKey::Generate();
  EXPECT_THAT(key.ToPem(), StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  GROAT_ASSERT_OK_AND_ASSIGN(const CertificateKey again, CertificateKey::FromPem(key.ToPem()));
  EXPECT_EQ(again.public_key_der(), key.public_key_der());
  EXPECT_EQ(again.ToPem(), key.ToPem());
}

TEST(CertificateKeyTest, ReadsEd25519) {
  const Ed25519PrivateKey old{Bytes32()};
  GROAT_ASSERT_OK_AND_ASSIGN(const CertificateKey key, CertificateKey::FromPem(old.ToPem()));
  // RFC 8410: 12 bytes that name the algorithm, then the key.
  ASSERT_EQ(key.public_key_der().size(), 44u);
  EXPECT_EQ(ToHex(AsBytes(key.public_key_der()).subspan(12)), old.public_key().Hex());
  EXPECT_EQ(key.ToPem(), old.ToPem());
  GROAT_EXPECT_OK(CheckCertificatePublicKey(key.public_key_der()));
}

TEST(CertificateKeyTest, RefusesWhatIsNoKey) {
  std::string cut = CertificateKey::Generate().ToPem();
  cut.resize(cut.size() / 2);
  for (const std::string& text : {std::string(), std::string("no key"), cut}) {
    EXPECT_THAT(CertificateKey::FromPem(text), StatusIs(kInvalid, HasSubstr("PKCS #8")));
  }
}

TEST(CertificateKeyTest, RefusesAPointThatIsNotOnTheCurve) {
  std::string der = CertificateKey::Generate().public_key_der();
  der.back() = static_cast<char>(der.back() ^ 1);
  EXPECT_THAT(CheckCertificatePublicKey(der), StatusIs(kInvalid, HasSubstr("of 91 bytes")));
}

// Keys of another maker.
class OpensslKeyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("openssl version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl command";
    folder_ = ::testing::TempDir() + "groat_certificate_key_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Make(const std::string& arguments) const {
    const std::string command =
        "cd " + folder_ + " && openssl " + arguments + " -out key.pem > /dev/null 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << arguments;
    return ReadWholeFile(folder_ + "/key.pem", 10000)->content;
  }
  std::string folder_;
};

TEST_F(OpensslKeyTest, ReadsBothKindsAndRefusesOthers) {
  const std::string p256 = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
  const struct {
    std::string command;
    const char* error;  // Null: it is read.
  } kCases[] = {
      {p256, nullptr},
      {"ecparam -name prime256v1 -genkey -noout", nullptr},  // "EC PRIVATE KEY", RFC 5915.
      {"genpkey -algorithm ED25519", nullptr},
      {p256 + " -pkeyopt ec_param_enc:explicit", "the curve by its name"},
      {"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "curve secp384r1, want P-256"},
      {"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "kind RSA, want P-256"},
      {"genpkey -algorithm X25519", "kind X25519, want P-256"},
      {p256 + " -aes256 -pass pass:secret", "not an unencrypted"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.command);
    const absl::StatusOr<CertificateKey> key = CertificateKey::FromPem(Make(c.command));
    if (c.error == nullptr) {
      GROAT_EXPECT_OK(key);
    } else {
      EXPECT_THAT(key, StatusIs(kInvalid, HasSubstr(c.error)));
    }
  }
}

}  // namespace
}  // namespace groat
