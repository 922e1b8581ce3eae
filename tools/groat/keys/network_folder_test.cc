#include "tools/groat/keys/network_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

#include "base/status_matchers.h"
#include "base/whole_file.h"
#include "bls/key_file.h"
#include "crypto/key_file.h"
#include "crypto/sha256.h"

namespace groat::keys {
namespace {

namespace fs = std::filesystem;
using ::groat::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;

class NetworkFolderTest : public ::testing::Test {
 protected:
  NetworkFolderTest() : now_s_(std::time(nullptr)) {
    std::string pattern = ::testing::TempDir() + "keysXXXXXX";
    root_ = mkdtemp(pattern.data());
    plan_.validity = {now_s_ - 60, now_s_ + 3600};
  }
  ~NetworkFolderTest() override { fs::remove_all(root_); }

  static std::string Content(const fs::path& path) {
    absl::StatusOr<WholeFile> file = ReadWholeFile(path.string(), 1 << 20);
    EXPECT_THAT(file, ::groat::testing::IsOk());
    return file.ok() ? file->content : std::string();
  }

  const int64_t now_s_;
  fs::path root_;
  NetworkPlan plan_;
};

// The genesis names the keys that the replicas sign with, and is sound by its own rules.
TEST_F(NetworkFolderTest, MakesTheGenesisOfConsensus) {
  for (const auto kind :
       {hotstuff::CertificateKind::kEd25519List, hotstuff::CertificateKind::kBls}) {
    plan_.consensus.replicas = 4;
    plan_.consensus.certificates = kind;
    const bool bls = kind == hotstuff::CertificateKind::kBls;
    const NetworkFolder folder(root_ / (bls ? "bls" : "ed25519"));
    GROAT_ASSERT_OK(CreateNetwork(folder.path(), plan_));
    std::string text = Content(folder.Genesis());
    ASSERT_EQ(text.back(), '\n');
    text.pop_back();
    GROAT_ASSERT_OK_AND_ASSIGN(const Bytes bytes, FromHex(text));
    GROAT_ASSERT_OK_AND_ASSIGN(const hotstuff::Genesis genesis, hotstuff::Genesis::Decode(bytes));
    ASSERT_EQ(genesis.validators.size(), 4u);
    EXPECT_EQ(genesis.certificates, kind);
    GROAT_ASSERT_OK_AND_ASSIGN(const Ed25519PrivateKey key,
                               ReadPrivateKeyFile(folder.SigningKey(ConsensusName(3)).string()));
    EXPECT_EQ(genesis.validators[3].key, key.public_key());
    EXPECT_EQ(genesis.validators[3].bls.has_value(), bls);
    EXPECT_EQ(fs::exists(folder.SigningKey(VotesName(ConsensusName(3)))), bls);
    EXPECT_TRUE(fs::exists(folder.Certificate(ConsensusName(3))));
  }
  plan_.consensus.replicas = 65;
  EXPECT_THAT(CreateNetwork(root_ / "many", plan_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("consensus replicas is 65")));
}

TEST_F(NetworkFolderTest, MakesEveryKeyOfTheNetwork) {
  plan_.ledger_nodes = 2;
  plan_.etcd_members = 1;
  plan_.relay_id = 7;
  plan_.period_cycles = 50;
  plan_.hosts = {"relay.example", "10.0.0.4"};
  const NetworkFolder folder(root_ / "net");
  GROAT_ASSERT_OK_AND_ASSIGN(const asset::Trust trust, CreateNetwork(folder.path(), plan_));

  GROAT_ASSERT_OK_AND_ASSIGN(const asset::Trust read, ReadTrust(folder.Trust()));
  EXPECT_EQ(read.ledger_id, trust.ledger_id);
  EXPECT_FALSE(read.ledger_id.IsZero());
  ASSERT_EQ(read.relays.size(), 1u);
  EXPECT_EQ(read.relays[0].relay, record::RelayId(7));
  EXPECT_EQ(read.relays[0].period_cycles, 50u);
  ASSERT_EQ(read.ledger_nodes.size(), 2u);

  const std::string authority = Content(folder.Authority());
  for (const char* name : {"relay", "admin", "client", "ledger-0", "ledger-1", "etcd-0"}) {
    SCOPED_TRACE(name);
    const std::string certificate = Content(folder.Certificate(name));
    GROAT_EXPECT_OK(VerifyCertificate(certificate, authority, now_s_));
    GROAT_ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(certificate));
    EXPECT_EQ(info.common_name, name);
    EXPECT_THAT(info.dns_names, Contains("localhost"));
    EXPECT_THAT(info.dns_names, Contains("relay.example"));
    EXPECT_THAT(info.ip_addresses, Contains("127.0.0.1"));
    EXPECT_THAT(info.ip_addresses, Contains("10.0.0.4"));
    GROAT_ASSERT_OK_AND_ASSIGN(const CertificateKey key,
                               ReadCertificateKeyFile(folder.Key(name).string()));
    EXPECT_EQ(key.public_key_der(), info.public_key_der);
    EXPECT_EQ(key.public_key_der().size(), 91u);  // P-256.
  }
  EXPECT_FALSE(fs::exists(folder.Certificate("ledger-2")));
  EXPECT_FALSE(fs::exists(folder.Certificate("etcd-1")));
}

TEST_F(NetworkFolderTest, SigningKeysAreThoseOfTheTrustFileAndNotThoseOfTls) {
  const NetworkFolder folder(root_ / "net");
  GROAT_ASSERT_OK_AND_ASSIGN(const asset::Trust trust, CreateNetwork(folder.path(), plan_));
  GROAT_ASSERT_OK_AND_ASSIGN(const bls::SecretKey signing,
                             bls::ReadSecretKeyFile(folder.SigningKey("ledger-1").string()));
  EXPECT_EQ(signing.public_key(), trust.ledger_nodes[1].key);
  GROAT_ASSERT_OK_AND_ASSIGN(
      const bls::Registration registration,
      bls::ReadRegistrationFile(folder.SigningPublicKey("ledger-1").string()));
  EXPECT_EQ(registration, trust.ledger_nodes[1]);
  GROAT_ASSERT_OK_AND_ASSIGN(const Ed25519PublicKey published,
                             ReadPublicKeyFile(folder.SigningPublicKey("relay").string()));
  EXPECT_EQ(published, trust.relays[0].public_key);
  EXPECT_THAT(ReadPrivateKeyFile(folder.Key("ledger-1").string()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want Ed25519")));
}

TEST_F(NetworkFolderTest, SecretsAreTheOwnersAlone) {
  GROAT_ASSERT_OK(CreateNetwork(root_ / "net", plan_));
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / "net")) {
    const std::string name = entry.path().filename().string();
    if (name.find("key.pem") == std::string::npos) continue;
    struct stat info {};
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(NetworkFolderTest, NeverOverwrites) {
  GROAT_ASSERT_OK(CreateNetwork(root_ / "net", plan_));
  const std::string before = Content(root_ / "net" / "relay.signing.key.pem");
  EXPECT_THAT(CreateNetwork(root_ / "net", plan_),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("never overwritten")));
  EXPECT_EQ(Content(root_ / "net" / "relay.signing.key.pem"), before);
  EXPECT_THAT(CreateSigningKey(NetworkFolder(root_ / "net"), "relay"),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("relay.signing.key.pem")));
}

TEST_F(NetworkFolderTest, BadPlanLeavesNothingBehind) {
  struct Case {
    const char* message;
    NetworkPlan plan;
  };
  std::vector<Case> cases(5, Case{"", plan_});
  cases[0].message = "ledger nodes is 0, want 1 to 256";
  cases[0].plan.ledger_nodes = 0;
  cases[1].message = "etcd members is 10, want 0 to 9";
  cases[1].plan.etcd_members = 10;
  cases[2].message = "relay id is 0";
  cases[2].plan.relay_id = 0;
  cases[3].message = "shard bits is 17";
  cases[3].plan.shard_bits = 17;
  cases[4].message = "";  // The certificates' own message.
  cases[4].plan.hosts = {"not a host!"};
  for (const Case& bad : cases) {
    SCOPED_TRACE(bad.message);
    EXPECT_THAT(CreateNetwork(root_ / "net", bad.plan),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.message)));
    EXPECT_TRUE(fs::is_empty(root_));
  }
}

TEST_F(NetworkFolderTest, IssuesMoreCertificatesAndListsAll) {
  const NetworkFolder folder(root_ / "net");
  GROAT_ASSERT_OK(CreateNetwork(folder.path(), plan_));
  GROAT_ASSERT_OK(IssueCertificate(folder, SubjectFor("till-9", {}), plan_.validity));
  GROAT_EXPECT_OK(VerifyCertificate(Content(folder.Certificate("till-9")),
                                    Content(folder.Authority()), now_s_));
  EXPECT_THAT(IssueCertificate(folder, SubjectFor("till-9", {}), plan_.validity),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("till-9")));

  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<KeyListing> listings, ListKeys(folder.path()));
  // The authority; relay, admin, client, 3 ledger nodes, 3 etcd members, till-9; 4 signing keys.
  EXPECT_EQ(listings.size(), 1u + 10u + 4u);
  EXPECT_EQ(listings[0].kind, "certificate");
  EXPECT_EQ(listings[0].name, "admin");
  GROAT_ASSERT_OK_AND_ASSIGN(const CertificateInfo admin,
                             ReadCertificate(Content(folder.Certificate("admin"))));
  EXPECT_EQ(listings[0].public_key, "");
  EXPECT_EQ(listings[0].public_key_sha256, Sha256(AsBytes(admin.public_key_der)).Hex());
  const KeyListing& signing = listings[listings.size() - 2];  // Before till-9.
  EXPECT_EQ(signing.file, "relay.signing.pub");
  EXPECT_EQ(signing.kind, "signing key");
  EXPECT_EQ(signing.public_key,
            ReadPublicKeyFile(folder.SigningPublicKey("relay").string())->Hex());
  EXPECT_EQ(signing.public_key_sha256, "");
  EXPECT_THAT(ListKeys(root_ / "none"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

// An authority and certificates that were made elsewhere, with Ed25519 keys, are used as they are.
TEST_F(NetworkFolderTest, TakesOverAnEd25519Authority) {
  const NetworkFolder folder(root_);
  const std::string pem = Ed25519PrivateKey::Generate().ToPem();
  GROAT_ASSERT_OK_AND_ASSIGN(
      const CertificateAuthority authority,
      CertificateAuthority::Create("own", *CertificateKey::FromPem(pem), plan_.validity));
  GROAT_ASSERT_OK(WriteSecretFile(folder.AuthorityKey().string(), pem, IfExists::kRefuse));
  GROAT_ASSERT_OK(WriteWholeFile(folder.Authority().string(), AsBytes(authority.certificate_pem()),
                                 0644, IfExists::kRefuse));
  GROAT_ASSERT_OK(IssueCertificate(folder, SubjectFor("till-9", {}), plan_.validity));
  GROAT_EXPECT_OK(VerifyCertificate(Content(folder.Certificate("till-9")),
                                    authority.certificate_pem(), now_s_));
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<KeyListing> listings, ListKeys(folder.path()));
  ASSERT_EQ(listings.size(), 2u);
  EXPECT_EQ(listings[0].kind, "authority");
  EXPECT_EQ(listings[0].public_key_sha256, Sha256(AsBytes(authority.key().public_key_der())).Hex());
}

// Later certificates, made with the same lifetime as the first, end after those.
TEST_F(NetworkFolderTest, AuthorityOutlivesItsFirstCertificates) {
  const NetworkFolder folder(root_ / "net");
  GROAT_ASSERT_OK(CreateNetwork(folder.path(), plan_));
  const CertificateValidity later{plan_.validity.not_before_s, plan_.validity.not_after_s + 1000};
  GROAT_EXPECT_OK(IssueCertificate(folder, SubjectFor("till-9", {}), later));
}

TEST_F(NetworkFolderTest, ReadTrustNamesTheFile) {
  std::ofstream(root_ / "bad.json") << "{}";
  EXPECT_THAT(ReadTrust(root_ / "bad.json"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bad.json: trust file")));
  EXPECT_THAT(ReadTrust(root_ / "none.json"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.json")));
}

}  // namespace
}  // namespace groat::keys
