// The program bls_vectors from outside: what it prints and its exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace groat::bls {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

struct Outcome {
  std::string output;
  int status = -1;
};

Outcome RunProgram(const std::string& arguments) {
  const std::string command = std::string(GROAT_BLS_VECTORS) + " " + arguments + " 2>&1";
  Outcome outcome;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  char buffer[4096];
  while (const size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
    outcome.output.append(buffer, count);
  }
  const int ended = pclose(pipe);
  if (WIFEXITED(ended)) outcome.status = WEXITSTATUS(ended);
  return outcome;
}

std::string WriteFile(const std::string& name, const std::string& content) {
  const std::string path = ::testing::TempDir() + "/bls_vectors_" + name;
  std::ofstream(path) << content;
  return path;
}

std::string OfficialVectors() {
  return std::string(std::getenv("GROAT_SOURCE_DIR")) +
         "/tests/vectors/bls/eth_bls12_381_tests.json";
}

// Two right keys, and the first one's negative.
constexpr char kKey[] =
    "0xa491d1b0ecd9bb917989f0e74f0dea0422eac4a873e5e2644f368dffb9a6e20fd6e10c1b77654d067c0618f6e5a7"
    "f"
    "79a";
constexpr char kMinusKey[] =
    "0x8491d1b0ecd9bb917989f0e74f0dea0422eac4a873e5e2644f368dffb9a6e20fd6e10c1b77654d067c0618f6e5a7"
    "f"
    "79a";
constexpr char kInfinity[] =
    "0xc0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0000";

TEST(BlsVectorsTest, OfficialVectorsPass) {
  const Outcome outcome = RunProgram(OfficialVectors());
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "104 passed, 0 failed\n");
}

TEST(BlsVectorsTest, SeveralFilesAddUp) {
  const Outcome outcome = RunProgram(OfficialVectors() + " " + OfficialVectors());
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "208 passed, 0 failed\n");
}

TEST(BlsVectorsTest, AWrongVectorFails) {
  const std::string path = WriteFile("wrong.json", std::string(R"({"deserialization_G1": {
        "right": {"input": {"pubkey": ")") + kKey + R"("}, "output": true},
        "wrong": {"input": {"pubkey": ")" + kKey + R"("}, "output": false}}})");
  const Outcome outcome = RunProgram(path);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output,
              HasSubstr("FAIL " + path + " deserialization_G1 wrong: got true, want false"));
  EXPECT_THAT(outcome.output, EndsWith("1 passed, 1 failed\n"));
}

TEST(BlsVectorsTest, AggregatePublicKeysIsTheBareSum) {
  const std::string path = WriteFile(
      "sum.json", std::string(R"({"aggregate_pubkeys": {
        "cancel": {"input": {"pubkeys": [")") +
                      kKey + R"(", ")" + kMinusKey + R"("]}, "output": ")" + kInfinity + R"("},
        "infinity": {"input": {"pubkeys": [")" +
                      kKey + R"(", ")" + kInfinity + R"("]}, "output": ")" + kKey + R"("},
        "none": {"input": {"pubkeys": []}, "output": null},
        "undecodable": {"input": {"pubkeys": ["0x00"]}, "output": null}}})");
  const Outcome outcome = RunProgram(path);
  EXPECT_EQ(outcome.output, "4 passed, 0 failed\n");
  EXPECT_EQ(outcome.status, 0);
}

TEST(BlsVectorsTest, RefusesWhatIsNoVectorFile) {
  const struct {
    const char* name;
    const char* content;
    const char* message;
  } cases[] = {
      {"text.json", "no JSON", "not a JSON object of handlers"},
      {"cut.json", "{\"sign\": {", "not a JSON object of handlers"},
      {"list.json", "[]", "not a JSON object of handlers"},
      {"handler.json", R"({"sign": []})", "not a JSON object of cases"},
      {"case.json", R"({"sign": {"a": 7}})", "has not the fields input and output"},
      {"unknown.json", R"({"swim": {"a": {"input": {}, "output": 1}}})", "unknown handler swim"},
      {"field.json", R"({"sign": {"a": {"input": {}, "output": "0x"}}})", "no field privkey"},
      {"no_text.json", R"({"sign": {"a": {"input": {"privkey": 7}, "output": "0x"}}})",
       "privkey is no string"},
      {"hex.json", R"({"sign": {"a": {"input": {"privkey": "0xzz"}, "output": "0x"}}})",
       "privkey: "},
      {"no_list.json",
       R"({"aggregate_verify": {"a": {"input": {"pubkeys": 1, "messages": [], "signature": "0x"},
           "output": false}}})",
       "pubkeys is no list"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Outcome outcome = RunProgram(WriteFile(c.name, c.content));
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.output, HasSubstr(c.message));
    EXPECT_THAT(outcome.output, EndsWith("0 passed, 1 failed\n"));
  }
}

TEST(BlsVectorsTest, NothingRunIsAFailure) {
  EXPECT_EQ(RunProgram("").status, 2);
  const Outcome empty = RunProgram(WriteFile("empty.json", "{}"));
  EXPECT_EQ(empty.status, 1);
  EXPECT_EQ(empty.output, "0 passed, 0 failed\n");
  const Outcome missing = RunProgram("/nonexistent/vectors.json");
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.output, HasSubstr("/nonexistent/vectors.json"));
}

}  // namespace
}  // namespace groat::bls
