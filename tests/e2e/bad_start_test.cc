// The services' programs with what people get wrong: each must end with the right exit status and
// say what is wrong, without touching any data.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_matchers.h"
#include "base/whole_file.h"
#include "config/exit_status.h"
#include "crypto/ed25519.h"
#include "crypto/key_file.h"
#include "storage/data_folder.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/program.h"
#include "tools/groat/keys/network_folder.h"

namespace groat::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A port of the loopback interface that somebody else listens on.
class TakenPort {
 public:
  TakenPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(fd_, generic, size) == 0 && listen(fd_, 1) == 0 &&
        getsockname(fd_, generic, &size) == 0) {
      port_ = ntohs(address.sin_port);
    }
  }
  ~TakenPort() { close(fd_); }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  std::string endpoint() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  const int fd_;
  int port_ = 0;
};

// By service: "relay", or "ledger-0".
class BadStartTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    GROAT_ASSERT_OK_AND_ASSIGN(cluster_, Cluster::Make({}));
    launch_ = is_relay() ? cluster_->plan().Relay() : cluster_->plan().Ledger(0);
  }
  bool is_relay() const { return std::string(GetParam()) == "relay"; }
  // A duration that the service has.
  std::string duration_key() const { return is_relay() ? "cycle_time" : "lease_ttl"; }
  fs::path data() const { return cluster_->plan().ProcessData(GetParam()); }
  fs::path signing_key() const { return cluster_->plan().keys().SigningKey(GetParam()); }

  // Runs the program with this configuration and these flags.
  ProgramResult Run(const std::string& config, const std::vector<std::string>& flags = {}) {
    GROAT_EXPECT_OK(
        WriteWholeFile(launch_.config_path.string(), AsBytes(config), 0600, IfExists::kReplace));
    std::vector<std::string> argv = launch_.process.argv;
    argv.insert(argv.end(), flags.begin(), flags.end());
    const absl::StatusOr<ProgramResult> result =
        RunProgram(argv, launch_.process.log_file.string());
    GROAT_EXPECT_OK(result);
    return result.ok() ? *result : ProgramResult{-1, ""};
  }
  ProgramResult RunWithFlags(const std::vector<std::string>& flags) {
    return Run(launch_.config, flags);
  }

  std::unique_ptr<Cluster> cluster_;
  platform::Launch launch_;
};

TEST_P(BadStartTest, UnknownKeyNamesTheNearest) {
  const std::string wrong = duration_key().substr(0, duration_key().size() - 1);
  const ProgramResult result = Run(absl::StrCat(launch_.config, wrong, ": 500ms\n"));
  EXPECT_EQ(result.exit_status, config::kExitConfig);
  EXPECT_THAT(result.output, AllOf(HasSubstr(wrong), HasSubstr(duration_key()),
                                   HasSubstr(launch_.config_path.filename().string())));
  EXPECT_FALSE(fs::exists(data()));
}

TEST_P(BadStartTest, UnknownFlagNamesTheNearest) {
  const std::string wrong = duration_key().substr(0, duration_key().size() - 1);
  const ProgramResult result = RunWithFlags({absl::StrCat("--", wrong, "=500ms")});
  EXPECT_EQ(result.exit_status, config::kExitUsage);
  EXPECT_THAT(result.output, AllOf(HasSubstr(wrong), HasSubstr(duration_key())));
}

TEST_P(BadStartTest, DurationWithoutUnit) {
  const ProgramResult result = RunWithFlags({absl::StrCat("--", duration_key(), "=500")});
  EXPECT_EQ(result.exit_status, config::kExitUsage);
  EXPECT_THAT(result.output, AllOf(HasSubstr(duration_key()), HasSubstr("500"), HasSubstr("ms")));
}

TEST_P(BadStartTest, SizeWithoutUnitInTheFile) {
  const ProgramResult result = Run(absl::StrCat(launch_.config, "max_request: 4194304\n"));
  EXPECT_EQ(result.exit_status, config::kExitConfig);
  EXPECT_THAT(result.output, AllOf(HasSubstr("max_request"), HasSubstr("MiB")));
}

TEST_P(BadStartTest, MissingConfigFile) {
  launch_.process.argv.back() = "/nonexistent/groat.yaml";
  const ProgramResult result = RunWithFlags({});
  EXPECT_NE(result.exit_status, 0);
  EXPECT_THAT(result.output, HasSubstr("/nonexistent/groat.yaml"));
}

TEST_P(BadStartTest, MissingRequiredKey) {
  const ProgramResult result = Run("listen: 127.0.0.1:0\n");
  EXPECT_EQ(result.exit_status, config::kExitConfig);
  EXPECT_THAT(result.output, AllOf(HasSubstr("data_dir"), HasSubstr("signing_key_file")));
}

TEST_P(BadStartTest, MissingSigningKey) {
  const ProgramResult result = RunWithFlags({"--signing_key_file=/nonexistent/key.pem"});
  EXPECT_EQ(result.exit_status, config::kExitConfig);
  EXPECT_THAT(result.output, HasSubstr("/nonexistent/key.pem"));
  EXPECT_FALSE(fs::exists(data()));
}

TEST_P(BadStartTest, KeyThatOthersCanRead) {
  fs::permissions(signing_key(), fs::perms(0644));
  const ProgramResult result = RunWithFlags({});
  EXPECT_EQ(result.exit_status, config::kExitPermission);
  EXPECT_THAT(result.output, AllOf(HasSubstr(signing_key().string()), HasSubstr("644")));
  EXPECT_FALSE(fs::exists(data()));
}

// Of the other kind: not even the text is right.
TEST_P(BadStartTest, KeyOfAnotherService) {
  const std::string other =
      cluster_->plan().keys().SigningKey(is_relay() ? "ledger-0" : "relay").string();
  const ProgramResult result = RunWithFlags({"--signing_key_file=" + other});
  EXPECT_EQ(result.exit_status, config::kExitConfig);
  EXPECT_THAT(result.output, HasSubstr(other));
  EXPECT_FALSE(fs::exists(data()));
}

// Of the right kind, but not the one that the trust file has for this process.
TEST_P(BadStartTest, KeyOfAnotherProcess) {
  std::string other = cluster_->plan().keys().SigningKey("ledger-1").string();
  if (is_relay()) {
    other = signing_key().string() + ".other";
    GROAT_ASSERT_OK(WritePrivateKeyFile(other, Ed25519PrivateKey::Generate(), IfExists::kRefuse));
  }
  const ProgramResult result = RunWithFlags({"--signing_key_file=" + other});
  EXPECT_EQ(result.exit_status, config::kExitData);
  EXPECT_THAT(result.output, HasSubstr("public key"));
  EXPECT_FALSE(fs::exists(data()));
}

TEST_P(BadStartTest, DataOfAnotherNetwork) {
  {
    storage::FolderIdentity identity;
    identity.kind = is_relay() ? "relay" : "ledger";
    identity.fields["ledger_id"] = std::string(64, '7');
    GROAT_ASSERT_OK(storage::DataFolder::Open(data().string(), identity));
  }
  const ProgramResult result = RunWithFlags({});
  EXPECT_EQ(result.exit_status, config::kExitData);
  EXPECT_THAT(result.output, AllOf(HasSubstr(data().string()), HasSubstr("ledger_id"),
                                   HasSubstr(std::string(64, '7'))));
}

TEST_P(BadStartTest, DataOfANewerVersion) {
  // Started once, it has an identity of its own; only the version is then another.
  const TakenPort taken;
  RunWithFlags({"--listen=" + taken.endpoint()});
  const fs::path identity = data() / "identity";
  GROAT_ASSERT_OK_AND_ASSIGN(const WholeFile file, ReadWholeFile(identity.string(), 1 << 16));
  ASSERT_THAT(file.content, HasSubstr("format_version=1\n"));
  const std::string newer =
      absl::StrReplaceAll(file.content, {{"format_version=1\n", "format_version=2\n"}});
  GROAT_ASSERT_OK(WriteWholeFile(identity.string(), AsBytes(newer), 0644, IfExists::kReplace));
  const ProgramResult result = RunWithFlags({});
  EXPECT_EQ(result.exit_status, config::kExitData);
  EXPECT_THAT(result.output, AllOf(HasSubstr(data().string()), HasSubstr("version"), HasSubstr("2"),
                                   HasSubstr("1")));
}

TEST_P(BadStartTest, DataThatIsNotOurs) {
  fs::create_directories(data());
  GROAT_ASSERT_OK(
      WriteWholeFile((data() / "diary.txt").string(), AsBytes("dear"), 0644, IfExists::kRefuse));
  const ProgramResult result = RunWithFlags({});
  EXPECT_EQ(result.exit_status, config::kExitData);
  EXPECT_THAT(result.output, HasSubstr("diary.txt"));
}

TEST_P(BadStartTest, AddressInUse) {
  const TakenPort taken;
  const ProgramResult listen = RunWithFlags({"--listen=" + taken.endpoint()});
  EXPECT_EQ(listen.exit_status, config::kExitUnavailable);
  EXPECT_THAT(listen.output, HasSubstr(taken.endpoint()));
  const ProgramResult metrics = RunWithFlags({"--metrics_listen=" + taken.endpoint()});
  EXPECT_EQ(metrics.exit_status, config::kExitUnavailable);
  EXPECT_THAT(metrics.output, HasSubstr(taken.endpoint()));
}

TEST_P(BadStartTest, CertificateOfAnotherAuthority) {
  const fs::path other = data().parent_path().parent_path() / "other-keys";
  keys::NetworkPlan network;
  network.validity = {0, INT32_MAX};
  GROAT_ASSERT_OK(keys::CreateNetwork(other, network));
  const ProgramResult result =
      RunWithFlags({"--tls.ca_file=" + keys::NetworkFolder(other).Authority().string()});
  EXPECT_NE(result.exit_status, 0);
  EXPECT_THAT(result.output, HasSubstr(cluster_->plan().keys().Certificate(GetParam()).string()));
}

INSTANTIATE_TEST_SUITE_P(Services, BadStartTest, ::testing::Values("relay", "ledger-0"),
                         [](const auto& service) {
                           return std::string(service.param) == "relay" ? "Relay" : "Ledger";
                         });

}  // namespace
}  // namespace groat::e2e
