#include "tools/groat/platform/platform_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "base/status_matchers.h"
#include "tools/groat/platform/ports.h"

namespace groat::platform {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

PlatformFile Sample() {
  PlatformFile file;
  file.relay_id = 7;
  file.cycle_time = std::chrono::milliseconds(200);
  file.period_cycles = 50;
  file.relay = {"127.0.0.1:11001", "127.0.0.1:11002"};
  file.ledger = {{"127.0.0.1:11003", "127.0.0.1:11004"}, {"127.0.0.1:11005", "127.0.0.1:11006"}};
  file.etcd = {{"127.0.0.1:11007", "127.0.0.1:11008"}};
  file.consensus = {{"127.0.0.1:11009", "127.0.0.1:11010", "127.0.0.1:11011"}};
  return file;
}

TEST(PlatformFileTest, ReadsWhatItWrites) {
  GROAT_ASSERT_OK_AND_ASSIGN(const PlatformFile file,
                             ParsePlatformFile(FormatPlatformFile(Sample())));
  EXPECT_EQ(file, Sample());
  EXPECT_FALSE(file.embedded());
}

// Files of platforms that were made before there was consensus.
TEST(PlatformFileTest, NoConsensusMeansNoReplicas) {
  std::string text = FormatPlatformFile(Sample());
  const size_t at = text.find(",\n  \"consensus\"");
  ASSERT_NE(at, std::string::npos);
  text = text.substr(0, at) + "\n}\n";
  GROAT_ASSERT_OK_AND_ASSIGN(const PlatformFile file, ParsePlatformFile(text));
  EXPECT_TRUE(file.consensus.empty());
}

TEST(PlatformFileTest, NoEtcdMeansEmbedded) {
  PlatformFile embedded = Sample();
  embedded.etcd.clear();
  embedded.ledger.pop_back();
  GROAT_ASSERT_OK_AND_ASSIGN(const PlatformFile file,
                             ParsePlatformFile(FormatPlatformFile(embedded)));
  EXPECT_TRUE(file.embedded());
}

std::string Replaced(const std::string& from, const std::string& to) {
  std::string text = FormatPlatformFile(Sample());
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(PlatformFileTest, NamesWhatIsWrong) {
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"{", "not JSON"},
      {"[]", "platform is not a JSON object"},
      {"{}", "field \"version\" is missing"},
      {Replaced("\"version\": 1", "\"version\": 2"),
       "version is 2, want a whole number from 1 to 1"},
      {Replaced("\"relay_id\": 7", "\"relay_id\": 0"), "relay_id is 0"},
      {Replaced("\"relay_id\": 7", "\"relay_id\": \"7\""), "relay_id is \"7\""},
      {Replaced("\"insecure\": false", "\"insecure\": 0"), "insecure is 0, want true or false"},
      {Replaced("\"insecure\": false", "\"insecure\": false, \"x\": 1"), "unknown field \"x\""},
      {Replaced("\"listen\": \"127.0.0.1:11005\"", "\"listen\": 5"), "ledger[1]: listen is 5"},
      {Replaced("\"peer\"", "\"pear\""), "etcd[0]: field \"peer\" is missing"},
      {Replaced("\"127.0.0.1:11008\"", "\"\""), "etcd[0]: peer is \"\", want a text"},
  };
  for (const auto& bad : cases) {
    EXPECT_THAT(ParsePlatformFile(bad.text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.message)));
  }
  PlatformFile two = Sample();
  two.etcd.clear();
  EXPECT_THAT(
      ParsePlatformFile(FormatPlatformFile(two)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 ledger nodes without etcd")));
}

TEST(PlatformFileTest, ReadNamesTheFile) {
  EXPECT_THAT(ReadPlatformFile("/no/such/folder"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/folder/platform.json")));
}

TEST(PortsTest, AreDistinctAndOutsideTheEphemeralRange) {
  GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<uint16_t> ports, FreePorts(50));
  EXPECT_EQ(std::set<uint16_t>(ports.begin(), ports.end()).size(), 50u);
  for (const uint16_t port : ports) EXPECT_GE(port, 10240);
}

}  // namespace
}  // namespace groat::platform
