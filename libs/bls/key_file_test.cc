#include "bls/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/status_matchers.h"
#include "bls/testing/test_keys.h"

namespace groat::bls {
namespace {

using groat::testing::StatusIs;
using ::testing::HasSubstr;
using testing::TestKey;
using testing::TestRegistration;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string Path(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/bls_key_file_" + name;
  std::remove(path.c_str());
  return path;
}

TEST(KeyTextTest, GoldenSecretKey) {
  Bytes scalar(32);
  for (uint8_t i = 0; i < 32; ++i) scalar[i] = static_cast<uint8_t>(7 * i + 9);
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey key, SecretKey::Decode(scalar));
  const SecretText text = SecretKeyToText(key);
  EXPECT_EQ(text.view(),
            "-----BEGIN GROAT BLS SECRET KEY-----\n"
            "0910171e252c333a41484f565d646b727980878e959ca3aab1b8bfc6cdd4dbe2\n"
            "70637a49995496f1\n"
            "-----END GROAT BLS SECRET KEY-----\n");
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey again, SecretKeyFromText(text.view()));
  EXPECT_EQ(again.public_key(), key.public_key());
}

TEST(KeyTextTest, EveryDamageOfASecretKeyIsFound) {
  const SecretText secret = SecretKeyToText(TestKey(1));
  const std::string text(secret.view());
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'0', 'f', 'F', ' ', '\n', '-', '\x80'}) {
      std::string damaged = text;
      if (damaged[i] == c) continue;
      damaged[i] = c;
      EXPECT_THAT(SecretKeyFromText(damaged), StatusIs(kInvalid, HasSubstr("BLS secret key")))
          << i << " " << c;
    }
    EXPECT_FALSE(SecretKeyFromText(text.substr(0, i)).ok()) << i;
  }
  EXPECT_FALSE(SecretKeyFromText(text + "\n").ok());
  EXPECT_FALSE(SecretKeyFromText("").ok());
}

TEST(KeyTextTest, ZeroIsNoSecretKey) {
  // A right checksum over a number that is none.
  const std::string text = "-----BEGIN GROAT BLS SECRET KEY-----\n" + std::string(64, '0') +
                           "\n5fc7090d4b80b296\n-----END GROAT BLS SECRET KEY-----\n";
  EXPECT_THAT(SecretKeyFromText(text), StatusIs(kInvalid, HasSubstr("order minus 1")));
}

TEST(KeyTextTest, EveryDamageOfAPublicKeyIsFound) {
  const Registration registration = TestRegistration(1);
  const std::string text = RegistrationToText(registration);
  GROAT_ASSERT_OK_AND_ASSIGN(const Registration again, RegistrationFromText(text));
  EXPECT_EQ(again, registration);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = damaged[i] == '0' ? '1' : '0';
    EXPECT_THAT(RegistrationFromText(damaged), StatusIs(kInvalid, HasSubstr("BLS public key")))
        << i;
    EXPECT_FALSE(RegistrationFromText(text.substr(0, i)).ok()) << i;
  }
}

TEST(KeyFileTest, SecretKeysAreForTheirOwnerAlone) {
  const std::string path = Path("secret");
  const SecretKey key = TestKey(1);
  GROAT_ASSERT_OK(WriteSecretKeyFile(path, key, IfExists::kRefuse));
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  GROAT_ASSERT_OK_AND_ASSIGN(const SecretKey again, ReadSecretKeyFile(path));
  EXPECT_EQ(again.public_key(), key.public_key());
  EXPECT_THAT(WriteSecretKeyFile(path, TestKey(2), IfExists::kRefuse),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(path)));
  for (const mode_t mode : {0640u, 0604u, 0644u, 0610u, 0602u}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_THAT(ReadSecretKeyFile(path),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("want 0600")))
        << mode;
  }
  ASSERT_EQ(chmod(path.c_str(), 0400), 0);
  GROAT_EXPECT_OK(ReadSecretKeyFile(path));
}

TEST(KeyFileTest, ErrorsNameThePath) {
  const std::string path = Path("wrong");
  EXPECT_THAT(ReadSecretKeyFile(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  std::ofstream(path) << "nothing";
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_THAT(ReadSecretKeyFile(path), StatusIs(kInvalid, HasSubstr(path)));
  EXPECT_THAT(ReadRegistrationFile(path), StatusIs(kInvalid, HasSubstr(path)));
}

TEST(KeyFileTest, PublicKeysComeWithTheirProof) {
  const std::string path = Path("public");
  const Registration registration = TestRegistration(1);
  GROAT_ASSERT_OK(WriteRegistrationFile(path, registration, IfExists::kRefuse));
  GROAT_ASSERT_OK_AND_ASSIGN(const Registration again, ReadRegistrationFile(path));
  EXPECT_EQ(again, registration);
  EXPECT_TRUE(PopVerify(again.key, again.proof));
}

}  // namespace
}  // namespace groat::bls
