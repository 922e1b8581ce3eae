#include "crypto/key_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/status_matchers.h"

namespace groat {
namespace {

using ::groat::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class KeyFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "groat_key_file_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    path_ = folder_ + "/node.key.pem";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  mode_t Mode() const {
    struct stat info;
    EXPECT_EQ(stat(path_.c_str(), &info), 0);
    return info.st_mode & 07777;
  }
  std::string folder_, path_;
};

TEST_F(KeyFileTest, ReadsThePrivateKeyThatWasWritten) {
  const Ed25519PrivateKey key = Ed25519PrivateKey::Generate();
  const mode_t old_umask = umask(0);
  GROAT_ASSERT_OK(WritePrivateKeyFile(path_, key, IfExists::kRefuse));
  umask(old_umask);
  EXPECT_EQ(Mode(), 0600u);
  GROAT_ASSERT_OK_AND_ASSIGN(const Ed25519PrivateKey read, ReadPrivateKeyFile(path_));
  EXPECT_EQ(read.public_key(), key.public_key());
}

TEST_F(KeyFileTest, NeverOverwritesUnlessAsked) {
  const Ed25519PrivateKey first = Ed25519PrivateKey::Generate();
  const Ed25519PrivateKey second = Ed25519PrivateKey::Generate();
  GROAT_ASSERT_OK(WritePrivateKeyFile(path_, first, IfExists::kRefuse));
  EXPECT_THAT(WritePrivateKeyFile(path_, second, IfExists::kRefuse),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(path_)));
  EXPECT_EQ(ReadPrivateKeyFile(path_)->public_key(), first.public_key());
  GROAT_ASSERT_OK(WritePrivateKeyFile(path_, second, IfExists::kReplace));
  EXPECT_EQ(ReadPrivateKeyFile(path_)->public_key(), second.public_key());
}

TEST_F(KeyFileTest, RefusesASecretThatOthersCanRead) {
  GROAT_ASSERT_OK(WritePrivateKeyFile(path_, Ed25519PrivateKey::Generate(), IfExists::kRefuse));
  for (const mode_t mode : {0640u, 0604u, 0660u, 0602u, 0601u}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(ReadPrivateKeyFile(path_),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         AllOf(HasSubstr(path_), HasSubstr("mode 06"), HasSubstr("want 0600"))))
        << mode;
  }
  // Narrower is fine: a mounted secret is often read-only.
  ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
  GROAT_EXPECT_OK(ReadPrivateKeyFile(path_));
}

TEST_F(KeyFileTest, NamesTheFileThatHoldsNoKey) {
  EXPECT_THAT(ReadPrivateKeyFile(path_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  for (const char* text : {"", "no key", "-----BEGIN PRIVATE KEY-----\nMC4=\n"}) {
    GROAT_ASSERT_OK(WriteSecretFile(path_, text, IfExists::kReplace));
    EXPECT_THAT(ReadPrivateKeyFile(path_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path_)));
  }
}

// The rules for signing keys hold for the keys of certificates too.
TEST_F(KeyFileTest, KeysOfCertificatesAreSecretsToo) {
  const CertificateKey key = CertificateKey::Generate();
  GROAT_ASSERT_OK(WriteCertificateKeyFile(path_, key, IfExists::kRefuse));
  EXPECT_EQ(Mode(), 0600u);
  EXPECT_EQ(ReadCertificateKeyFile(path_)->public_key_der(), key.public_key_der());
  EXPECT_THAT(WriteCertificateKeyFile(path_, key, IfExists::kRefuse),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(path_)));
  // It signs no records.
  EXPECT_THAT(ReadPrivateKeyFile(path_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want Ed25519")));
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  EXPECT_THAT(ReadCertificateKeyFile(path_),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("want 0600")));
  GROAT_ASSERT_OK(WriteSecretFile(path_, "no key", IfExists::kReplace));
  EXPECT_THAT(ReadCertificateKeyFile(path_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path_)));
}

TEST_F(KeyFileTest, ReadsThePublicKeyThatWasWritten) {
  const Ed25519PublicKey key = Ed25519PrivateKey::Generate().public_key();
  GROAT_ASSERT_OK(WritePublicKeyFile(path_, key, IfExists::kRefuse));
  EXPECT_EQ(Mode(), 0644u);
  EXPECT_EQ(ReadWholeFile(path_, 100)->content, key.Hex() + "\n");
  GROAT_ASSERT_OK_AND_ASSIGN(const Ed25519PublicKey read, ReadPublicKeyFile(path_));
  EXPECT_EQ(read, key);
}

TEST_F(KeyFileTest, NamesTheFileThatHoldsNoPublicKey) {
  EXPECT_THAT(ReadPublicKeyFile(path_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  for (const char* text : {"", "\n", "00", "xx"}) {
    GROAT_ASSERT_OK(WriteWholeFile(path_, AsBytes(text), 0644, IfExists::kReplace));
    EXPECT_THAT(ReadPublicKeyFile(path_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path_)));
  }
}

TEST_F(KeyFileTest, ASecretIsMovedNotCopied) {
  SecretText first(std::string(100, 's'));
  const SecretText second = std::move(first);
  EXPECT_EQ(second.view(), std::string(100, 's'));
  EXPECT_EQ(first.view(), "");  // NOLINT(bugprone-use-after-move): the point of the test.
}

}  // namespace
}  // namespace groat
