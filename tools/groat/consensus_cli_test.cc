// `groat consensus` and the keys of independent operators, against real replicas.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_matchers.h"
#include "tools/groat/platform/platform.h"
#include "tools/groat/platform/readiness.h"
#include "tools/groat/testing/run_groat.h"

namespace groat {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::Ran;
using testing::RunGroat;
using testing::TemporaryFolder;

constexpr std::chrono::seconds kPatience{60};

// Four operators who share nothing but their public files.
TEST(ConsensusKeysTest, OperatorsMakeAGenesisTogether) {
  const TemporaryFolder folder;
  std::vector<std::string> files;
  for (const std::string name : {"bank-a", "bank-b", "bank-c", "bank-d"}) {
    const Ran made =
        RunGroat(folder.path(), "keys validator " + name + " --out " + name + " --json");
    ASSERT_EQ(made.exit, 0) << made.err;
    files.push_back(std::string(made.Json()["validator_file"]));
    EXPECT_TRUE(fs::exists(folder.path() / std::string(made.Json()["signing_key_file"])));
    EXPECT_TRUE(fs::exists(folder.path() / std::string(made.Json()["bls_signing_key_file"])));
  }
  EXPECT_EQ(RunGroat(folder.path(), "keys validator bank-a --out bank-a").exit, 2);
  const std::string from = "keys genesis --from " + absl::StrJoin(files, ",");
  const std::string flags =
      " --name settlement --certificates bls --rules three_chain --votes all --block-commands 500"
      " --block-bytes 100000 --timeout-ms 750 --clock-drift-ms 2000 --clients 77 --timestamp-us 5"
      " --snapshot-interval 99";
  const Ran genesis = RunGroat(folder.path(), from + flags + " --out chain.genesis --json");
  ASSERT_EQ(genesis.exit, 0) << genesis.err;
  const Ran shown = RunGroat(folder.path(), "consensus genesis show chain.genesis --json");
  ASSERT_EQ(shown.exit, 0) << shown.err;
  nlohmann::json made = genesis.Json();
  made.erase("file");
  EXPECT_EQ(shown.Json(), made);
  const nlohmann::json json = shown.Json();
  EXPECT_EQ(json["name"], "settlement");
  EXPECT_EQ(json["certificates"], "bls");
  EXPECT_EQ(json["rules"], "three_chain");
  EXPECT_EQ(json["votes"], "all");
  EXPECT_EQ(json["block_commands"], 500);
  EXPECT_EQ(json["block_bytes"], 100000);
  EXPECT_EQ(json["base_timeout_ms"], 750);
  EXPECT_EQ(json["max_clock_drift_ms"], 2000);
  EXPECT_EQ(json["max_clients"], 77);
  EXPECT_EQ(json["snapshot_interval_blocks"], 99);
  EXPECT_EQ(json["timestamp_us"], 5);
  EXPECT_EQ(json["validators"].size(), 4u);
  EXPECT_EQ(json["faults"], 1);

  // Who makes it again gets the same chain; another one is never written over it.
  const Ran again = RunGroat(folder.path(), from + flags + " --out again.genesis --json");
  EXPECT_EQ(again.Json()["chain_id"], json["chain_id"]);
  EXPECT_EQ(RunGroat(folder.path(), from + " --out chain.genesis").exit, 2);
  // Three chains with votes to the next leader could stand still.
  const Ran refused = RunGroat(folder.path(), from + " --rules three_chain --out no.genesis");
  EXPECT_EQ(refused.exit, 64);
  EXPECT_THAT(refused.err, HasSubstr("send votes to all"));
  EXPECT_FALSE(fs::exists(folder.path() / "no.genesis"));
  const Ran few =
      RunGroat(folder.path(), "keys genesis --from " + files[0] + " --out one.genesis --json");
  EXPECT_EQ(few.exit, 0);
  EXPECT_THAT(std::string(few.Json()["warning"]), HasSubstr("tolerates no faulty one"));
  const Ran twice =
      RunGroat(folder.path(), "keys genesis --from " + files[0] + "," + files[0] + " --out x");
  EXPECT_EQ(twice.exit, 2);
  EXPECT_THAT(twice.err, HasSubstr("same public key"));
  EXPECT_EQ(RunGroat(folder.path(), "consensus genesis show bank-a/bank-a.validator.json").exit, 2);
}

TEST(ConsensusUsageTest, ExitCodesOfWhatNeedsNoPlatform) {
  const TemporaryFolder folder;
  const struct {
    const char* arguments;
    int exit;
    const char* message;
  } cases[] = {
      {"consensus", 64, "subcommand"},
      {"consensus --help", 0, "verify"},
      {"consensus status", 2, "no platform in groat-data"},
      {"consensus status --replica 127.0.0.1:1 --insecure --timeout 1", 2, "connect"},
      {"consensus submit --client 1", 64, "--sequence"},
      {"consensus submit --client 1 --sequence 0 x", 64, "--sequence"},
      {"consensus submit --client 1 --sequence 1 --hex 1", 64, "--hex"},
      {"consensus verify --from 0", 64, "--from"},
      {"consensus change", 64, "--validators"},
      {"consensus change --validators a --lead 8", 64, "--lead"},
      {"consensus change --validators a --lead 10001", 64, "--lead"},
      {"consensus genesis show none", 2, "none"},
      {"keys genesis --out x", 64, "--from"},
      {"keys validator a/b", 64, "a/b"},
      {"up --consensus-rules two_chain", 64, "without replicas"},
      {"up --consensus 4 --consensus-rules one_chain", 64, "--consensus-rules"},
      {"up --consensus 4 --consensus-timeout-ms 0", 64, "--consensus-timeout-ms"},
  };
  for (const auto& usage : cases) {
    SCOPED_TRACE(usage.arguments);
    const Ran ran = RunGroat(folder.path(), usage.arguments);
    EXPECT_EQ(ran.exit, usage.exit);
    EXPECT_THAT(ran.out + ran.err, HasSubstr(usage.message));
  }
}

// One platform for the tests below.
class ConsensusCliTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    platform::PlatformOptions options;
    options.folder = folder_->path() / "groat-data";
    options.embedded = true;
    options.consensus = 4;
    options.consensus_timeout_ms = 400;
    auto started = platform::Platform::Start(options, [](const platform::ProcessEvent&) {});
    ASSERT_THAT(started, testing::IsOk());
    platform_ = started->release();
    GROAT_ASSERT_OK(platform_->WaitReady(cancellation_));
  }
  static void TearDownTestSuite() {
    if (platform_ != nullptr) {
      EXPECT_THAT(platform_->Drain(kPatience), ::testing::IsEmpty());
    }
    delete platform_;
    delete folder_;
  }
  static Ran Run(const std::string& arguments) { return RunGroat(folder_->path(), arguments); }
  // The public files of the platform's replicas in this order.
  static std::string Validators(const std::vector<int>& order) {
    std::vector<std::string> files;
    for (const int i : order) {
      files.push_back(absl::StrCat("groat-data/keys/consensus-", i, ".validator.json"));
    }
    return absl::StrJoin(files, ",");
  }

  static TemporaryFolder* folder_;
  static platform::Platform* platform_;
  static rpc::Cancellation cancellation_;
};
TemporaryFolder* ConsensusCliTest::folder_ = nullptr;
platform::Platform* ConsensusCliTest::platform_ = nullptr;
rpc::Cancellation ConsensusCliTest::cancellation_;

TEST_F(ConsensusCliTest, SubmitsAndVerifies) {
  const Ran first = Run("consensus submit --client 7 --sequence 1 hello --json");
  ASSERT_EQ(first.exit, 0) << first.err;
  EXPECT_GE(first.Json()["height"], 1);
  EXPECT_EQ(first.Json()["index"], 0);
  const Ran again = Run("consensus submit --client 7 --sequence 1 hello --json");
  EXPECT_EQ(again.Json(), first.Json()) << again.err;
  EXPECT_EQ(Run("consensus submit --client 7 --sequence 9000 --hex 00ff").exit, 0);
  EXPECT_EQ(Run("consensus submit --client 7 --sequence 2 late").exit, 1);

  const Ran verified = Run("consensus verify --json");
  ASSERT_EQ(verified.exit, 0) << verified.out << verified.err;
  EXPECT_EQ(verified.Json()["right"], true);
  EXPECT_GE(verified.Json()["effective_commands"], 2);
  const std::string height = absl::StrCat(verified.Json()["last_height"].get<uint64_t>());
  EXPECT_EQ(Run("consensus verify --from " + height + " --to " + height).exit, 0);
  EXPECT_EQ(Run("consensus verify --from 1000000").exit, 2);
  const Ran evidence = Run("consensus evidence --json");
  EXPECT_EQ(evidence.exit, 0) << evidence.err;
  EXPECT_TRUE(evidence.Json()["evidence"].empty());
}

// A chain is another one by a single parameter, and the replicas' is not right by it.
TEST_F(ConsensusCliTest, VerifiesByTheGenesisThatIsGiven) {
  ASSERT_EQ(Run("consensus submit --client 8 --sequence 1 x").exit, 0);
  ASSERT_EQ(Run("keys genesis --from " + Validators({0, 1, 2, 3}) + " --out other.genesis").exit,
            0);
  const Ran wrong = Run("consensus verify --genesis other.genesis --json");
  EXPECT_EQ(wrong.exit, 1) << wrong.err;
  EXPECT_EQ(wrong.Json()["right"], false);
  EXPECT_THAT(std::string(wrong.Json()["error"]), HasSubstr("of chain"));
  EXPECT_EQ(
      Run("consensus change --genesis other.genesis --validators " + Validators({0, 1, 2, 3})).exit,
      2);
}

TEST_F(ConsensusCliTest, ShowsWhereReplicasStand) {
  const Ran status = Run("consensus status --json");
  ASSERT_EQ(status.exit, 0) << status.out << status.err;
  const nlohmann::json replicas = status.Json()["replicas"];
  ASSERT_EQ(replicas.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(replicas[i]["validators"], 4);
    EXPECT_EQ(replicas[i]["votes"], true);
    EXPECT_EQ(replicas[i]["endpoint"], platform_->file().consensus[i].listen);
  }
  const Ran whole = Run("status --json");
  EXPECT_EQ(whole.exit, 0) << whole.out << whole.err;
  EXPECT_EQ(whole.Json()["replicas"].size(), 4u);

  GROAT_ASSERT_OK(platform_->SetRestart("consensus-3", false));
  GROAT_ASSERT_OK(platform_->Kill("consensus-3"));
  const Ran down = Run("consensus status --json");
  EXPECT_EQ(down.exit, 2) << down.out;
  EXPECT_TRUE(down.Json()["replicas"][3].contains("error")) << down.out;
  EXPECT_FALSE(down.Json()["replicas"][0].contains("error")) << down.out;
  // The others go on, and the command line finds them.
  EXPECT_EQ(Run("consensus submit --client 9 --sequence 1 x").exit, 0);
  GROAT_ASSERT_OK(platform_->SetRestart("consensus-3", true));
  GROAT_ASSERT_OK(platform_->WaitProcessReady("consensus-3", kPatience, cancellation_));
}

// First by one operator who may administer all of them, then by files.
TEST_F(ConsensusCliTest, ChangesValidators) {
  const uint64_t before = Run("consensus status --json").Json()["replicas"][0]["epoch"];
  const Ran changed = Run("consensus change --validators " + Validators({3, 2, 1, 0}) + " --json");
  ASSERT_EQ(changed.exit, 0) << changed.out << changed.err;
  EXPECT_EQ(changed.Json()["epoch"], before + 1);
  EXPECT_GE(changed.Json()["approvals"], 3);
  EXPECT_TRUE(changed.Json()["added"].empty());
  EXPECT_TRUE(changed.Json()["removed"].empty());

  ASSERT_EQ(
      Run("consensus change --lead 300 --out next.change --validators " + Validators({0, 1, 2, 3}))
          .exit,
      0);
  const Ran looked_at = Run("consensus approve next.change --json");
  EXPECT_EQ(looked_at.exit, 0) << looked_at.err;
  EXPECT_FALSE(looked_at.Json().contains("signers"));
  std::vector<std::string> approvals;
  for (size_t i = 0; i < 3; ++i) {
    const std::string file = absl::StrCat("approval-", i, ".json");
    const Ran approved =
        Run(absl::StrCat("consensus approve next.change --out ", file, " --replica ",
                         platform_->file().consensus[i].listen, " --json"));
    ASSERT_EQ(approved.exit, 0) << approved.err;
    EXPECT_EQ(approved.Json()["signers"].size(), 1u);
    approvals.push_back(file);
  }
  const Ran ordered =
      Run("consensus change next.change --approvals " + absl::StrJoin(approvals, ",") + " --json");
  ASSERT_EQ(ordered.exit, 0) << ordered.out << ordered.err;
  EXPECT_EQ(ordered.Json()["epoch"], before + 2);
  EXPECT_EQ(ordered.Json()["approvals"], 3);
  // Again, later: it is done.
  const Ran again =
      Run("consensus change next.change --approvals " + absl::StrJoin(approvals, ",") + " --json");
  EXPECT_EQ(again.exit, 0) << again.err;
  EXPECT_EQ(again.Json()["ordered_height"], ordered.Json()["ordered_height"]);

  ASSERT_EQ(Run("consensus submit --client 10 --sequence 1 x").exit, 0);
  const Ran verified = Run("consensus verify --json");
  EXPECT_EQ(verified.exit, 0) << verified.out << verified.err;
  EXPECT_EQ(verified.Json()["epoch"], before + 2);
}

// Who is removed serves no commands; the command line goes on to one that does.
TEST_F(ConsensusCliTest, RemovesAValidatorAndTakesItBack) {
  const Ran removed = Run("consensus change --validators " + Validators({1, 2, 3}) + " --json");
  ASSERT_EQ(removed.exit, 0) << removed.out << removed.err;
  ASSERT_EQ(removed.Json()["removed"].size(), 1u);
  EXPECT_THAT(std::string(removed.Json()["warning"]), HasSubstr("tolerate no faulty one"));
  const nlohmann::json status = Run("consensus status --json").Json()["replicas"][0];
  EXPECT_FALSE(status.contains("replica")) << status;
  EXPECT_EQ(status["votes"], false);
  EXPECT_EQ(Run("consensus submit --client 11 --sequence 1 x").exit, 0);
  const Ran refused = Run("consensus submit --client 11 --sequence 2 x --replica " +
                          platform_->file().consensus[0].listen);
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("no validator"));
  EXPECT_EQ(Run("consensus verify").exit, 0);
  const Ran back = Run("consensus change --validators " + Validators({0, 1, 2, 3}) + " --json");
  ASSERT_EQ(back.exit, 0) << back.out << back.err;
  EXPECT_EQ(back.Json()["added"].size(), 1u);
  EXPECT_FALSE(back.Json().contains("warning"));
}

TEST_F(ConsensusCliTest, AChangeNeedsAQuorumOfConsents) {
  ASSERT_EQ(Run("consensus change --out lone.change --validators " + Validators({1, 0, 2, 3})).exit,
            0);
  const std::string one = " --replica " + platform_->file().consensus[2].listen;
  const Ran refused = Run("consensus change lone.change" + one);
  EXPECT_EQ(refused.exit, 1) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("1 of 4 validators approve, want 3"));
  std::ofstream(folder_->path() / "bad.json") << R"({"change": "00", "approvals": []})";
  const Ran bad = Run("consensus change lone.change --approvals bad.json");
  EXPECT_EQ(bad.exit, 64);
  EXPECT_THAT(bad.err, HasSubstr("bad.json: approves the change \"00\""));
  // A client is no operator.
  const Ran client = Run(
      "consensus approve lone.change --out none.json --certificate groat-data/keys/client.crt.pem "
      "--key groat-data/keys/client.key.pem");
  EXPECT_EQ(client.exit, 1);
  EXPECT_THAT(client.err, HasSubstr("not among this replica's admins"));
}

TEST(ConsensusPlatformTest, ResumesWithItsGenesisAndWarnsOfTooFewReplicas) {
  const TemporaryFolder folder;
  rpc::Cancellation cancellation;
  platform::PlatformOptions options;
  options.folder = folder.path() / "groat-data";
  options.embedded = true;
  options.insecure = true;
  options.consensus = 1;
  options.consensus_certificates = hotstuff::CertificateKind::kBls;
  options.consensus_rules = hotstuff::RuleSet::kThreeChain;
  options.consensus_timeout_ms = 900;
  const auto ignore = [](const platform::ProcessEvent&) {};
  {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto platform, platform::Platform::Start(options, ignore));
    GROAT_ASSERT_OK(platform->WaitReady(cancellation));
    EXPECT_EQ(RunGroat(folder.path(), "consensus submit --client 1 --sequence 1 x").exit, 0);
    EXPECT_THAT(platform->Drain(kPatience), ::testing::IsEmpty());
  }
  const Ran shown =
      RunGroat(folder.path(), "consensus genesis show groat-data/keys/consensus.genesis --json");
  EXPECT_EQ(shown.Json()["certificates"], "bls");
  EXPECT_EQ(shown.Json()["rules"], "three_chain");
  EXPECT_EQ(shown.Json()["base_timeout_ms"], 900);
  const Ran other = RunGroat(folder.path(), "up --consensus-rules two_chain");
  EXPECT_EQ(other.exit, 2);
  EXPECT_THAT(other.err, HasSubstr("has consensus rules three_chain, asked for two_chain"));
  const Ran timeout = RunGroat(folder.path(), "up --consensus-timeout-ms 500");
  EXPECT_EQ(timeout.exit, 2);
  EXPECT_THAT(timeout.err, HasSubstr("consensus timeout in ms 900, asked for 500"));
  // Resumed without being asked for replicas: it warns, and says that it stops them.
  GROAT_ASSERT_OK_AND_ASSIGN(const platform::PlatformFile file,
                             platform::ReadPlatformFile(options.folder));
  const fs::path log = folder.path() / "up.log";
  GROAT_ASSERT_OK_AND_ASSIGN(
      const auto up, platform::Process::Start({"up",
                                               {(platform::ExecutableFolder() / "groat").string(),
                                                "up", "--data", options.folder.string()},
                                               {},
                                               log}));
  rpc::TlsConfig plaintext;
  plaintext.insecure = true;
  GROAT_ASSERT_OK(
      platform::WaitServing(file.consensus[0].listen, plaintext, kPatience, cancellation));
  up->Signal(SIGINT);
  pollfd ended{up->poll_fd(), POLLIN, 0};
  ASSERT_EQ(poll(&ended, 1, std::chrono::milliseconds(kPatience).count()), 1);
  EXPECT_THAT(testing::Content(log), HasSubstr("1 replica of consensus tolerates no faulty one"));
  EXPECT_THAT(testing::Content(log), HasSubstr("stopping: relay and consensus"));
}

}  // namespace
}  // namespace groat
