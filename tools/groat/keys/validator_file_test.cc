#include "tools/groat/keys/validator_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "base/status_matchers.h"
#include "bls/key_file.h"
#include "crypto/key_file.h"
#include "tools/groat/keys/genesis_file.h"

namespace groat::keys {
namespace {

namespace fs = std::filesystem;
using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

class ValidatorFileTest : public ::testing::Test {
 protected:
  ValidatorFileTest() {
    std::string pattern = ::testing::TempDir() + "validatorXXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~ValidatorFileTest() override { fs::remove_all(root_); }

  NamedValidator Create(const std::string& name) {
    const NetworkFolder folder(root_);
    auto created = CreateValidator(folder, name);
    EXPECT_THAT(created, ::groat::testing::IsOk());
    return created.value_or(NamedValidator());
  }
  std::string Path(const std::string& name) { return NetworkFolder(root_).ValidatorFile(name); }

  fs::path root_;
};

// Operators make their keys apart from each other; their public files make a sound genesis.
TEST_F(ValidatorFileTest, PublicFilesMakeAGenesis) {
  std::vector<std::string> paths;
  for (const char* name : {"bank-a", "bank-b", "bank-c", "bank-d"}) {
    const NamedValidator made = Create(name);
    paths.push_back(Path(name));
    const NetworkFolder folder(root_);
    GROAT_ASSERT_OK_AND_ASSIGN(const Ed25519PrivateKey key,
                               ReadPrivateKeyFile(folder.SigningKey(name).string()));
    EXPECT_EQ(key.public_key(), made.keys.key);
    GROAT_ASSERT_OK_AND_ASSIGN(const bls::SecretKey votes,
                               bls::ReadSecretKeyFile(folder.SigningKey(VotesName(name)).string()));
    EXPECT_EQ(votes.public_key(), made.keys.bls->key);
  }
  for (const auto kind :
       {hotstuff::CertificateKind::kEd25519List, hotstuff::CertificateKind::kBls}) {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto validators, ReadValidators(paths, kind));
    ConsensusPlan plan;
    plan.certificates = kind;
    hotstuff::Genesis genesis = GenesisOf(plan, 1000);
    for (const NamedValidator& validator : validators) {
      EXPECT_EQ(validator.keys.bls.has_value(), kind == hotstuff::CertificateKind::kBls);
      genesis.validators.push_back(validator.keys);
    }
    const fs::path file = root_ / (plan.name + std::to_string(static_cast<int>(kind)));
    GROAT_ASSERT_OK(WriteGenesis(file, genesis));
    GROAT_ASSERT_OK_AND_ASSIGN(const hotstuff::Genesis read, ReadGenesis(file));
    EXPECT_EQ(read, genesis);
    EXPECT_THAT(WriteGenesis(file, genesis),
                StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("groat")));
  }
}

TEST_F(ValidatorFileTest, NeverOverwritesAKey) {
  const NamedValidator made = Create("bank-a");
  EXPECT_THAT(CreateValidator(NetworkFolder(root_), "bank-a"),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("bank-a")));
  GROAT_ASSERT_OK_AND_ASSIGN(const NamedValidator read, ReadValidator(Path("bank-a")));
  EXPECT_EQ(read.keys, made.keys);
  EXPECT_THAT(CreateValidator(NetworkFolder(root_), "a/b"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a/b")));
}

TEST_F(ValidatorFileTest, NamesWhatIsWrong) {
  const NamedValidator a = Create("a");
  const NamedValidator b = Create("b");
  const std::string good = FormatValidator(a);
  const auto replaced = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  NamedValidator stolen = a;
  stolen.keys.bls->proof = b.keys.bls->proof;
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {good.substr(0, good.size() / 2), "not a JSON object"},
      {replaced("\"name\"", "\"nam\""), "unknown field \"nam\""},
      {replaced("\"a\"", "7"), "name is \"\""},
      {replaced("\"a\"", "\"a b\""), "name is \"a b\""},
      {replaced(a.keys.key.Hex(), a.keys.key.Hex().substr(2)), "public_key"},
      {replaced("\"" + a.keys.key.Hex() + "\"", "12"), "want 64 hexadecimal digits"},
      {replaced(",\n  \"bls_proof_of_possession\": \"" + a.keys.bls->proof.Encode().Hex() + "\"",
                ""),
       "\"bls_proof_of_possession\" is missing"},
      {FormatValidator(stolen), "possession"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.message);
    EXPECT_THAT(ParseValidator(wrong.text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.message)));
  }
}

TEST_F(ValidatorFileTest, NamesTheFileThatDoesNotFitTheOthers) {
  const NamedValidator a = Create("a");
  NamedValidator without = Create("b");
  without.keys.bls.reset();
  GROAT_ASSERT_OK(WriteValidator(root_ / "without.json", without));
  GROAT_ASSERT_OK(WriteValidator(root_ / "again.json", a));
  const auto read = [&](const std::string& other, hotstuff::CertificateKind kind) {
    return ReadValidators({Path("a"), (root_ / other).string()}, kind);
  };
  EXPECT_THAT(read("without.json", hotstuff::CertificateKind::kBls),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("without.json has no BLS")));
  GROAT_EXPECT_OK(read("without.json", hotstuff::CertificateKind::kEd25519List));
  EXPECT_THAT(read("again.json", hotstuff::CertificateKind::kBls),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("again.json has the same")));
  EXPECT_THAT(read("none.json", hotstuff::CertificateKind::kBls),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.json")));
}

}  // namespace
}  // namespace groat::keys
