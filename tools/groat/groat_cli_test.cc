// The program against a platform of real processes: what it prints and its exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "tools/groat/platform/platform.h"
#include "tools/groat/testing/run_groat.h"

namespace groat {
namespace {

namespace fs = std::filesystem;
using ::groat::testing::StatusIs;
using testing::Content;
using ::testing::HasSubstr;
using testing::Ran;
using testing::RunGroat;
using testing::TemporaryFolder;

constexpr std::chrono::seconds kPatience{60};
const std::string kUnlock(64, '1');
const std::string kValue(64, '2');
const std::string kOtherValue(64, '3');

TEST(GroatUsageTest, ExitCodesOfWhatNeedsNoPlatform) {
  const TemporaryFolder folder;
  const struct {
    const char* arguments;
    int exit;
    const char* message;
  } cases[] = {
      {"--help", 0, "verify"},
      {"--version", 0, "0."},
      {"up --help", 0, "--ledger-nodes"},
      {"", 64, "subcommand"},
      {"nonsense", 64, "nonsense"},
      {"up --ledger-nodes 0", 64, "--ledger-nodes"},
      {"up --cycle-time 500", 64, "--cycle-time"},
      {"up --embedded --etcd-members 3", 64, "--e"},
      {"submit", 64, "name a file"},
      {"submit --unlock 11 --value 22", 64, "want 32"},
      {"submit /no/such/file", 2, "/no/such/file"},
      {"prove 11", 64, "want 32"},
      {"status", 2, "no platform in groat-data"},
      {"status --relay 127.0.0.1:1 --insecure --timeout 1", 2, "does not answer"},
      {"verify b.json --trust none.json", 2, "none.json"},
      {"ledger promote-member xyz", 64, "xyz"},
      {"demo --payments err", 64, "err:1: header"},
  };
  for (const auto& usage : cases) {
    SCOPED_TRACE(usage.arguments);
    const Ran ran = RunGroat(folder.path(), usage.arguments);
    EXPECT_EQ(ran.exit, usage.exit);
    EXPECT_THAT(ran.out + ran.err, HasSubstr(usage.message));
  }
}

TEST(GroatUsageTest, KeysAreMadeOnceAndShown) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      RunGroat(folder.path(), "keys network --out net --ledger-nodes 1 --hosts a.b,10.1.2.3").exit,
      0);
  const Ran again = RunGroat(folder.path(), "keys network --out net");
  EXPECT_EQ(again.exit, 2);
  EXPECT_THAT(again.err, HasSubstr("never overwritten"));
  EXPECT_EQ(RunGroat(folder.path(), "keys new till-1 --out net").exit, 0);
  EXPECT_EQ(RunGroat(folder.path(), "keys new node-9 --signing --out net").exit, 0);
  const Ran show = RunGroat(folder.path(), "keys show net --json");
  ASSERT_EQ(show.exit, 0);
  // The authority; relay, admin, client, ledger-0, three etcd members, till-1; three signing keys.
  EXPECT_EQ(show.Json()["keys"].size(), 1u + 8u + 3u);
  EXPECT_EQ(RunGroat(folder.path(), "keys network --out bad --relay-id 0").exit, 64);
}

// One platform for the tests below: as it comes, with etcd, three ledger nodes and mutual TLS.
class GroatPlatformTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    platform::PlatformOptions options;
    options.folder = folder_->path() / "groat-data";
    options.cycle_time = std::chrono::milliseconds(100);
    options.period_cycles = 20;
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

  static TemporaryFolder* folder_;
  static platform::Platform* platform_;
  static rpc::Cancellation cancellation_;
};
TemporaryFolder* GroatPlatformTest::folder_ = nullptr;
platform::Platform* GroatPlatformTest::platform_ = nullptr;
rpc::Cancellation GroatPlatformTest::cancellation_;

// An update, its double spend, its proof and the proof's verdict offline.
TEST_F(GroatPlatformTest, SubmitProveVerify) {
  const std::string submit = "submit --unlock " + kUnlock + " --value ";
  const Ran first = Run(submit + kValue + " --wait anchored --json");
  ASSERT_EQ(first.exit, 0) << first.err;
  EXPECT_EQ(first.Json()["outcome"], "accepted");
  const std::string key = first.Json()["key"];
  EXPECT_EQ(Run(submit + kValue + " --json").Json()["outcome"], "repeated");
  const Ran twice = Run(submit + kOtherValue + " --json");
  EXPECT_EQ(twice.exit, 1);
  EXPECT_EQ(twice.Json()["outcome"], "double spend");
  EXPECT_EQ(twice.Json()["standing_value"], kValue);

  ASSERT_EQ(Run("prove " + key + " --out bundle.json").exit, 0);
  const std::string trust = " --trust groat-data/keys/trust.json";
  const Ran valid =
      Run("verify bundle.json --json --unlock " + kUnlock + " --value " + kValue + trust);
  EXPECT_EQ(valid.exit, 0) << valid.out;
  EXPECT_EQ(valid.Json()["valid"], true);
  EXPECT_EQ(Run("verify bundle.json --value " + kOtherValue + trust).exit, 1);
  EXPECT_EQ(Run("verify bundle.json --key " + kOtherValue + trust).exit, 1);
  std::ofstream(folder_->path() / "cut.json")
      << Content(folder_->path() / "bundle.json").substr(0, 500);
  EXPECT_EQ(Run("verify cut.json" + trust).exit, 1);
  // A bundle that leaves cycles out is valid for an asset born after them, and for no other.
  const std::string cycle = absl::StrCat(valid.Json()["bundle"]["cycle"].get<uint64_t>());
  ASSERT_EQ(Run("prove " + key + " --out late.json --since-cycle " + cycle).exit, 0);
  EXPECT_EQ(Run("verify late.json" + trust).exit, cycle == "1" ? 0 : 1);
  EXPECT_EQ(Run("verify late.json --since-cycle " + cycle + trust).exit, 0);
  EXPECT_EQ(Run("prove " + kOtherValue).exit, 1);
  EXPECT_EQ(Run("prove --unlock " + kUnlock).exit, 0);
}

TEST_F(GroatPlatformTest, SubmitsFilesAndManyDoubleSpendsAtOnce) {
  std::ofstream first(folder_->path() / "first.csv");
  std::ofstream second(folder_->path() / "second.jsonl");
  for (int i = 0; i < 150; ++i) {
    const std::string unlock = std::to_string(100 + i) + std::string(61, 'a');
    first << unlock << "," << kValue << "\n";
    second << R"({"unlock": ")" << unlock << R"(", "value": ")" << kOtherValue << "\"}\n";
  }
  first.close();
  second.close();
  const Ran taken = Run("submit first.csv --batch 40 --wait included");
  EXPECT_EQ(taken.exit, 0) << taken.err;
  EXPECT_THAT(taken.out, HasSubstr("150 accepted, 0 repeated, 0 double spends"));
  // More than the error details of one call have room for.
  const Ran refused = Run("submit second.jsonl");
  EXPECT_EQ(refused.exit, 1) << refused.err;
  EXPECT_THAT(refused.out, HasSubstr("0 accepted, 0 repeated, 150 double spends"));
}

TEST_F(GroatPlatformTest, ShowsHistoryAndStatus) {
  GROAT_ASSERT_OK(platform_->WaitProcessReady("relay", kPatience, cancellation_));
  ASSERT_EQ(Run("submit --random 1 --wait anchored").exit, 0);
  const Ran cycles = Run("cycles --from 1 --limit 2 --json");
  ASSERT_EQ(cycles.exit, 0) << cycles.err;
  EXPECT_EQ(cycles.Json()[0]["cycle"], 1);
  const Ran blocks = Run("blocks --from 1 --limit 2 --json");
  ASSERT_EQ(blocks.exit, 0) << blocks.err;
  EXPECT_EQ(blocks.Json()[0]["height"], 1);
  const Ran status = Run("status --json");
  ASSERT_EQ(status.exit, 0) << status.out << status.err;
  EXPECT_EQ(status.Json()["nodes"].size(), 3u);
  EXPECT_EQ(status.Json()["ledger"]["members"].size(), 3u);
}

TEST_F(GroatPlatformTest, OperatesTheLedger) {
  const Ran moved = Run("ledger move-sequencer 2 --json");
  ASSERT_EQ(moved.exit, 0) << moved.err;
  EXPECT_EQ(moved.Json()["sequencer"], 2);
  const Ran backup = Run("ledger backup monday --node 1 --json");
  ASSERT_EQ(backup.exit, 0) << backup.err;
  EXPECT_TRUE(fs::exists(fs::path(std::string(backup.Json()["path"]))));
  EXPECT_EQ(Run("ledger backup monday --node 1").exit, 1);
  EXPECT_EQ(Run("ledger backup tuesday --node 3").exit, 64);
  // A member that nobody starts can be added as a learner, not promoted, and removed.
  const Ran added = Run("ledger add-member https://127.0.0.1:1 --json");
  ASSERT_EQ(added.exit, 0) << added.err;
  const std::string id = added.Json()["id"];
  EXPECT_EQ(Run("ledger promote-member " + id).exit, 1);
  EXPECT_EQ(Run("ledger remove-member " + id).exit, 0);
}

TEST_F(GroatPlatformTest, StatusNamesADeadNodeAndSeesItComeBack) {
  GROAT_ASSERT_OK(platform_->SetRestart("ledger-1", false));
  GROAT_ASSERT_OK(platform_->Kill("ledger-1"));
  const Ran down = Run("status --json");
  EXPECT_EQ(down.exit, 2) << down.out;
  EXPECT_TRUE(down.Json()["nodes"][1].contains("error")) << down.out;
  EXPECT_FALSE(down.Json()["nodes"][0].contains("error")) << down.out;
  EXPECT_EQ(Run("submit --random 3 --wait anchored").exit, 0);
  GROAT_ASSERT_OK(platform_->SetRestart("ledger-1", true));
  GROAT_ASSERT_OK(platform_->WaitProcessReady("ledger-1", kPatience, cancellation_));
}

TEST_F(GroatPlatformTest, AFolderHasOneSupervisor) {
  const Ran second = Run("up");
  EXPECT_EQ(second.exit, 2);
  EXPECT_THAT(second.err, HasSubstr("in use"));
}

TEST(PlatformTest, ResumesItsFolderWithTheSamePortsAndData) {
  const TemporaryFolder folder;
  rpc::Cancellation cancellation;
  platform::PlatformOptions options;
  options.folder = folder.path() / "groat-data";
  options.embedded = true;
  options.insecure = true;
  options.cycle_time = std::chrono::milliseconds(50);
  const auto ignore = [](const platform::ProcessEvent&) {};
  platform::PlatformFile file;
  {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto platform, platform::Platform::Start(options, ignore));
    GROAT_ASSERT_OK(platform->WaitReady(cancellation));
    file = platform->file();
    ASSERT_EQ(RunGroat(folder.path(), "submit --unlock " + kUnlock + " --value " + kValue).exit, 0);
    EXPECT_THAT(platform->Drain(kPatience), ::testing::IsEmpty());
  }
  platform::PlatformOptions same;
  same.folder = options.folder;
  {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto platform, platform::Platform::Start(same, ignore));
    GROAT_ASSERT_OK(platform->WaitReady(cancellation));
    EXPECT_EQ(platform->file(), file);
    const Ran again =
        RunGroat(folder.path(), "submit --unlock " + kUnlock + " --value " + kValue + " --json");
    EXPECT_EQ(again.Json()["outcome"], "repeated") << again.err;
  }
  same.relay_id = 9;
  EXPECT_THAT(
      platform::Platform::Start(same, ignore),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("relay id 1, asked for 9")));
  fs::create_directory(folder.path() / "other");
  std::ofstream(folder.path() / "other" / "letter.txt") << "dear";
  same.folder = folder.path() / "other";
  EXPECT_THAT(platform::Platform::Start(same, ignore),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("other")));
}

// A thousand payments, one node killed, everything checked at the end.
TEST(GroatDemoTest, PlaysAnotherFile) {
  const TemporaryFolder folder;
  std::ofstream csv(folder.path() / "day.csv");
  csv << "time_of_day_ms,payment_id,payer_asset,amount_cents,merchant_category\n";
  for (int i = 0; i < 1000; ++i) {
    const int asset = i % 100 == 99 ? i - 50 : i;
    csv << i * 86'400 << "," << i << ",asset-" << asset << ",100,cafe\n";
  }
  csv.close();
  const Ran ran = RunGroat(folder.path(),
                           "demo --payments day.csv --seconds 4 --bundles 20 --json --data data");
  ASSERT_EQ(ran.exit, 0) << ran.out << ran.err;
  const nlohmann::json report = ran.Json();
  EXPECT_EQ(report["ok"], true);
  EXPECT_EQ(report["payments"], 1000);
  EXPECT_EQ(report["double_spends_caught"], 10);
  EXPECT_EQ(report["payments_found"], 990);
  EXPECT_EQ(report["bundles_verified"], 20);
  EXPECT_EQ(report["kill"]["caught_up"], true);
}

}  // namespace
}  // namespace groat
