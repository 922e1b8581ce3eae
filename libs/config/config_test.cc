#include "config/config.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "base/status_matchers.h"
#include "base/whole_file.h"
#include "config/config_values.h"

namespace groat::config {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Peer {
  uint32_t id = 0;
  uint32_t shard = 0;
  std::string public_key;
  std::string endpoint;
};

struct ExampleConfig {
  std::string listen = "127.0.0.1:7101";
  std::chrono::milliseconds cycle_time{500};
  uint64_t max_request_bytes = 4 << 20;
  uint32_t period_cycles = 0;
  double load_ratio = 0.5;
  bool insecure = false;
  std::string log_level = "info";
  std::string ca_file;
  std::string key_file;
  std::vector<std::string> seeds;
  std::vector<Peer> relays;
};

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "groat_config_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    path_ = folder_ + "/relay.yaml";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<ConfigLoader> NewLoader() {
    config_ = ExampleConfig();
    auto loader = std::make_unique<ConfigLoader>("groat-relay", "An example.");
    loader->Text("listen", &config_.listen, "Address of the server.");
    loader->Duration("cycle_time", &config_.cycle_time, 10ms, 1h, "How long a cycle is open.");
    loader->Size("max_request", &config_.max_request_bytes, 1 << 10, 1 << 30, "Largest request.");
    loader->Integer("period_cycles", &config_.period_cycles, 0, 1000, "Cycles a period.");
    loader->Number("load_ratio", &config_.load_ratio, 0, 1, "Share.");
    loader->Flag("insecure", &config_.insecure, "No TLS.");
    loader->Choice("log.level", &config_.log_level, {"debug", "info"}, "What is logged.");
    loader->Text("tls.ca_file", &config_.ca_file, "Authority.");
    loader->Text("tls.key_file", &config_.key_file, "Private key.");
    loader->TextList("seeds", &config_.seeds, "First peers.");
    loader->List<Peer>("relays", &config_.relays, "All relays.",
                       [](ConfigFields& item, Peer& peer) {
                         item.Integer("id", &peer.id, 1, 100, "Number.", Presence::kRequired);
                         item.Integer("shard", &peer.shard, 0, 100, "Shard.");
                         item.Text("public_key", &peer.public_key, "Key.");
                         item.Text("net.endpoint", &peer.endpoint, "Address.", Presence::kRequired);
                       });
    return loader;
  }
  ConfigLoader::Outcome Load(const std::vector<std::string>& arguments,
                             const std::vector<std::string>& environment = {}) {
    loader_ = NewLoader();
    return loader_->Load(arguments, environment);
  }
  ConfigLoader::Outcome LoadYaml(std::string_view yaml) {
    EXPECT_THAT(WriteWholeFile(path_, AsBytes(yaml), 0600, IfExists::kReplace), testing::IsOk());
    return Load({"--config", path_});
  }

  std::string folder_, path_;
  ExampleConfig config_;
  std::unique_ptr<ConfigLoader> loader_;
};

TEST_F(ConfigTest, DefaultsAreTheInitialisers) {
  EXPECT_EQ(Load({}).exit_status, std::nullopt);
  EXPECT_EQ(config_.listen, "127.0.0.1:7101");
  EXPECT_EQ(config_.cycle_time, 500ms);
}

TEST_F(ConfigTest, ReadsEveryKindFromYaml) {
  const auto outcome = LoadYaml(R"(
listen: 0.0.0.0:1
cycle_time: 2s
max_request: 64KiB
period_cycles: 7
load_ratio: 0.25
insecure: true
log: {level: debug}
tls:
  ca_file: ca.pem
tls.key_file: "key.pem"
seeds: [a, "b,c"]
relays:
  - {id: 1, shard: 2, public_key: 00ff, net: {endpoint: "a:1"}}
  - id: 2
    net.endpoint: b:2
)");
  ASSERT_EQ(outcome.exit_status, std::nullopt) << outcome.output;
  EXPECT_EQ(config_.listen, "0.0.0.0:1");
  EXPECT_EQ(config_.cycle_time, 2s);
  EXPECT_EQ(config_.max_request_bytes, 64u << 10);
  EXPECT_EQ(config_.period_cycles, 7u);
  EXPECT_EQ(config_.load_ratio, 0.25);
  EXPECT_TRUE(config_.insecure);
  EXPECT_EQ(config_.log_level, "debug");
  EXPECT_EQ(config_.ca_file, "ca.pem");
  EXPECT_EQ(config_.key_file, "key.pem");
  EXPECT_THAT(config_.seeds, ElementsAre("a", "b,c"));
  ASSERT_EQ(config_.relays.size(), 2u);
  EXPECT_EQ(config_.relays[0].shard, 2u);
  EXPECT_EQ(config_.relays[0].public_key, "00ff");
  EXPECT_EQ(config_.relays[1].id, 2u);
  EXPECT_EQ(config_.relays[1].shard, 0u);
  EXPECT_EQ(config_.relays[1].endpoint, "b:2");
}

TEST_F(ConfigTest, LaterSourcesWin) {
  GROAT_ASSERT_OK(WriteWholeFile(path_,
                                 AsBytes("cycle_time: 1s\nlisten: file\nseeds: [f]\n"
                                         "tls: {ca_file: file}\n"),
                                 0600, IfExists::kReplace));
  const std::vector<std::string> environment = {"PATH=/bin",
                                                "GROAT_CONFIG=" + path_,
                                                "GROAT_LISTEN=variable",
                                                "GROAT_TLS_CA_FILE=variable",
                                                "GROAT_SEEDS=v,w",
                                                "GROAT_RELAY_SERVICE_HOST=10.0.0.1",
                                                "broken"};
  const auto outcome = Load({"--tls.ca_file=flag", "--seeds", "[x]"}, environment);
  ASSERT_EQ(outcome.exit_status, std::nullopt) << outcome.output;
  EXPECT_EQ(config_.cycle_time, 1s);
  EXPECT_EQ(config_.listen, "variable");
  EXPECT_EQ(config_.ca_file, "flag");
  EXPECT_THAT(config_.seeds, ElementsAre("x"));
}

TEST_F(ConfigTest, FlagsForms) {
  const auto outcome = Load({"--insecure", "--listen=a=b", "--seeds", "a,b", "--relays",
                             "[{id: 3, net: {endpoint: c}}]", "--log.level", "debug"});
  ASSERT_EQ(outcome.exit_status, std::nullopt) << outcome.output;
  EXPECT_TRUE(config_.insecure);
  EXPECT_EQ(config_.listen, "a=b");
  EXPECT_THAT(config_.seeds, ElementsAre("a", "b"));
  ASSERT_EQ(config_.relays.size(), 1u);
  EXPECT_EQ(config_.relays[0].endpoint, "c");
  EXPECT_EQ(Load({"--insecure=false"}, {"GROAT_INSECURE=true"}).exit_status, std::nullopt);
  EXPECT_FALSE(config_.insecure);
  EXPECT_EQ(Load({"--seeds="}).exit_status, std::nullopt);
  EXPECT_THAT(config_.seeds, IsEmpty());
  EXPECT_EQ(Load({"--listen", "-x"}).exit_status, std::nullopt);
  EXPECT_EQ(config_.listen, "-x");
}

TEST_F(ConfigTest, EmptyFilesAreFine) {
  for (const char* yaml : {"", "# nothing\n", "---\n", "{}", "tls:\n"}) {
    EXPECT_EQ(LoadYaml(yaml).exit_status, std::nullopt) << yaml;
  }
}

TEST_F(ConfigTest, FileErrorsNameLineKeyValueAndWhatWasWanted) {
  struct Case {
    const char* yaml;
    const char* message;
  };
  const Case cases[] = {
      {"listen: a\ncycle_time: 500\n",
       "relay.yaml:2: cycle_time: `500`, want a duration with its unit (ms, s, m, h) from 10ms to "
       "1h"},
      {"cycle_time: 5ms", "cycle_time: `5ms`, want a duration"},
      {"cycle_time: 2h", "want a duration with its unit (ms, s, m, h) from 10ms to 1h"},
      {"cycle_time: 500 ms", "`500 ms`, want"},
      {"cycle_time: -1s", "`-1s`, want"},
      {"cycle_time: 99999999999999999h", "want a duration"},
      {"max_request: 4096",
       "relay.yaml:1: max_request: `4096`, want a size with its unit (B, KiB, "
       "MiB, GiB) from 1KiB to 1GiB"},
      {"max_request: 4MB", "`4MB`, want a size"},
      {"period_cycles: 1001", "`1001`, want a whole number from 0 to 1000"},
      {"period_cycles: 1.5", "`1.5`, want a whole number"},
      {"period_cycles: -1", "`-1`, want a whole number"},
      {"period_cycles: 0x10", "`0x10`, want a whole number"},
      {"load_ratio: 1.5", "`1.5`, want a number from 0 to 1"},
      {"load_ratio: .nan", "`.nan`, want a number"},
      {"load_ratio: nan", "`nan`, want a number"},
      {"insecure: yes", "`yes`, want true or false"},
      {"log: {level: loud}", "log.level: `loud`, want one of debug, info"},
      {"log: loud", "log: `loud`, want a map"},
      {"listen:", "listen: nothing, want a text"},
      {"listen: [a]", "listen: a list, want a text"},
      {"cycle_time: {a: b}", "cycle_time: a map, want a duration"},
      {"seeds: {a: b}", "seeds: a map, want a list of texts"},
      {"seeds: [a, [b]]", "seeds[1]: a list, want a text"},
      {"relays: a", "relays: `a`, want a list of maps"},
      {"relays: {id: 1}", "relays: a map, want a list of maps"},
      {"relays:\n- id: 1\n  net.endpoint: a\n- id: 0\n  net.endpoint: b",
       "relay.yaml:4: relays[1].id: `0`, want a whole number from 1 to 100"},
      {"relays:\n- id: 1", "relay.yaml:2: relays[0].net.endpoint: missing, want text"},
      {"relays: [7]", "relays[0]: `7`, want a map"},
      {"relays: [{id: 1, net: {endpoint: a}, sharp: 2}]",
       "relays[0].sharp: unknown key, the nearest is `shard`"},
      {"a: b\ncycletime: 1s\n",
       "relay.yaml:2: cycletime: unknown key, the nearest is `cycle_time`"},
      {"tls:\n  ca_fil: x", "relay.yaml:2: tls.ca_fil: unknown key, the nearest is `tls.ca_file`"},
      {"listen: a\nlisten: b", "relay.yaml:2: listen: given twice"},
      {"tls: {ca_file: a}\ntls.ca_file: b", "relay.yaml:2: tls.ca_file: given twice"},
      {"tls: {ca_file: a}\ntls: {key_file: b}", "relay.yaml:2: tls: given twice"},
      {"? [a]\n: b", "a list as a key, want a text"},
      {"- a", "relay.yaml:1: a list, want a map of keys"},
      {"a: 1\n---\nb: 1\n", "2 documents, want one"},
      {"listen: a\ntls: {", "relay.yaml:2: "},
      {"\tlisten: a", "relay.yaml:1: "},
  };
  for (const Case& c : cases) {
    const auto outcome = LoadYaml(c.yaml);
    EXPECT_THAT(outcome.exit_status, Eq(kExitConfig)) << c.yaml;
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("groat-relay: " + folder_), HasSubstr(c.message)))
        << c.yaml;
  }
}

TEST_F(ConfigTest, AllErrorsAreReportedTogether) {
  const auto outcome = LoadYaml("cycle_time: 1\nlisten: ok\nunknown_key: 2\n");
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("yaml:1: "), HasSubstr("yaml:3: ")));
}

TEST_F(ConfigTest, AFileThatCannotBeRead) {
  const auto outcome = Load({"--config", folder_ + "/none.yaml"});
  EXPECT_EQ(outcome.exit_status, kExitConfig);
  EXPECT_THAT(outcome.output, HasSubstr(folder_ + "/none.yaml"));
}

TEST_F(ConfigTest, FlagErrorsAreUsageErrors) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  const Case cases[] = {
      {{"--cycle_time", "500"}, "--cycle_time: cycle_time: `500`, want a duration"},
      {{"--cycle-time", "1s"}, "--cycle-time: unknown key, the nearest is `cycle_time`"},
      {{"--cycle_tim=1s"}, "--cycle_tim: unknown key, the nearest is `cycle_time`"},
      {{"--listen"}, "--listen: no value, want text"},
      {{"--config"}, "--config: no value, want a path"},
      {{"--listen", "a", "--listen", "b"}, "--listen: given twice"},
      {{"file.yaml"}, "file.yaml: unexpected argument"},
      {{"--"}, "--: unexpected argument"},
      {{"-v"}, "-v: unexpected argument"},
      {{"--insecure", "true"}, "true: unexpected argument"},
      {{"--insecure=1"}, "`1`, want true or false"},
      {{"--help=x"}, "--help: takes no value"},
      {{"--relays", "[{id: 1"}, "--relays: relays: `[{id: 1`"},
      {{"--relays", "7"}, "relays: `7`, want a list of maps"},
      {{"--relays", "[{id: 1}]"}, "--relays: relays[0].net.endpoint: missing"},
  };
  for (const Case& c : cases) {
    const auto outcome = Load(c.arguments);
    if (c.arguments[0] == "--help=x") continue;  // Help is given all the same.
    EXPECT_THAT(outcome.exit_status, Eq(kExitUsage)) << c.message;
    EXPECT_THAT(outcome.output, HasSubstr(c.message));
    EXPECT_THAT(outcome.output, HasSubstr("--help"));
  }
}

TEST_F(ConfigTest, VariableErrorsNameTheVariable) {
  const auto outcome = Load({}, {"GROAT_TLS_CA_FILE=a", "GROAT_CYCLE_TIME=1"});
  EXPECT_EQ(outcome.exit_status, kExitConfig);
  EXPECT_THAT(outcome.output, HasSubstr("GROAT_CYCLE_TIME: cycle_time: `1`, want a duration"));
}

TEST_F(ConfigTest, RequiredKeys) {
  std::string id, data;
  ConfigLoader loader("groat-relay", "");
  loader.Text("id", &id, "", Presence::kRequired);
  loader.Text("data.folder", &data, "", Presence::kRequired);
  const auto outcome = loader.Load({"--id", "a"}, {});
  EXPECT_EQ(outcome.exit_status, kExitConfig);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("data.folder: missing, want text; give it in the file, as "
                              "--data.folder or as GROAT_DATA_FOLDER"),
                    Not(HasSubstr(" id: missing"))));
}

TEST_F(ConfigTest, TheWholeIsValidated) {
  loader_ = NewLoader();
  loader_->Validate([&] {
    return config_.ca_file.empty() && !config_.insecure
               ? absl::InvalidArgumentError("tls.ca_file: missing, or set insecure")
               : absl::OkStatus();
  });
  const auto outcome = loader_->Load({"--check-config"}, {});
  EXPECT_EQ(outcome.exit_status, kExitConfig);
  EXPECT_THAT(outcome.output, HasSubstr("groat-relay: configuration: tls.ca_file: missing"));
}

TEST_F(ConfigTest, CheckOnly) {
  const auto outcome = Load({"--check-config"});
  EXPECT_EQ(outcome.exit_status, kExitOk);
  EXPECT_THAT(outcome.output, HasSubstr("valid"));
}

TEST_F(ConfigTest, HelpNamesEverything) {
  const auto outcome = Load({"--unknown", "--help"});
  EXPECT_EQ(outcome.exit_status, kExitOk);
  EXPECT_THAT(outcome.output, HasSubstr("--cycle_time  <duration from 10ms to 1h>\n"
                                        "      How long a cycle is open. Default: 500ms\n"));
  EXPECT_THAT(outcome.output, HasSubstr("--max_request  <size from 1KiB to 1GiB>\n"
                                        "      Largest request. Default: 4MiB\n"));
  EXPECT_THAT(outcome.output, HasSubstr("--tls.ca_file  <text>"));
  EXPECT_THAT(outcome.output, HasSubstr("      id  <a whole number from 1 to 100>\n"
                                        "          Number. Required.\n"));
  EXPECT_EQ(Load({"-h"}).exit_status, kExitOk);
}

TEST_F(ConfigTest, WhatIsPrintedReadsBack) {
  const auto printed = Load({"--print-config", "--cycle_time", "90s", "--listen", "true", "--seeds",
                             "a,null", "--tls.ca_file", "x: #y", "--load_ratio", "0.1", "--relays",
                             "[{id: 3, net: {endpoint: 'c: d'}}]"});
  ASSERT_EQ(printed.exit_status, kExitOk) << printed.output;
  EXPECT_THAT(printed.output, HasSubstr("tls:\n  ca_file: "));
  EXPECT_THAT(printed.output, HasSubstr("cycle_time: 90s\n"));
  const auto outcome = LoadYaml(printed.output);
  ASSERT_EQ(outcome.exit_status, std::nullopt) << outcome.output << printed.output;
  EXPECT_EQ(config_.cycle_time, 90s);
  EXPECT_EQ(config_.listen, "true");
  EXPECT_THAT(config_.seeds, ElementsAre("a", "null"));
  EXPECT_EQ(config_.ca_file, "x: #y");
  EXPECT_EQ(config_.key_file, "");
  EXPECT_EQ(config_.load_ratio, 0.1);
  ASSERT_EQ(config_.relays.size(), 1u);
  EXPECT_EQ(config_.relays[0].endpoint, "c: d");
  EXPECT_EQ(loader_->Print(), printed.output);
}

TEST_F(ConfigTest, MainGivesTheStatus) {
  const char* const argv[] = {"groat-relay", "--nonsense", nullptr};
  loader_ = NewLoader();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(loader_->LoadInMain(2, argv), kExitUsage);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("--nonsense: unknown key"));
  loader_ = NewLoader();
  EXPECT_EQ(loader_->LoadInMain(1, argv), std::nullopt);
}

TEST_F(ConfigTest, FaultsOfTheProgramStopIt) {
  std::string text;
  uint8_t small = 0;
  ConfigFields fields;
  fields.Text("tls.file", &text, "");
  EXPECT_DEATH(fields.Text("tls.file", &text, ""), "tls.file");
  EXPECT_DEATH(fields.Text("tls_file", &text, ""), "tls_file");
  EXPECT_DEATH(fields.Text("tls", &text, ""), "tls");
  EXPECT_DEATH(fields.Text("TLS", &text, ""), "TLS");
  EXPECT_DEATH(fields.Integer("small", &small, 0, 256, ""), "256");
}

TEST(ConfigValuesTest, UnitsReadBack) {
  for (const int64_t ms : {0, 1, 999, 1000, 1500, 60000, 90000, 3600000, 5400000}) {
    const std::chrono::milliseconds duration(ms);
    EXPECT_EQ(ParseDuration(FormatDuration(duration)), duration) << FormatDuration(duration);
  }
  for (const uint64_t size : {0ull, 1ull, 1023ull, 1024ull, 1536ull, 1048576ull, 3ull << 30}) {
    EXPECT_EQ(ParseSizeBytes(FormatSizeBytes(size)), size) << FormatSizeBytes(size);
  }
  EXPECT_EQ(FormatDuration(90s), "90s");
  EXPECT_EQ(FormatDuration(120s), "2m");
  EXPECT_EQ(FormatSizeBytes(64 << 20), "64MiB");
}

TEST(ConfigValuesTest, RefusesEverythingElse) {
  for (const char* text : {"", "5", "s", "5 s", "5S", "5sec", "1.5s", "-5s", "5s5ms", "5d",
                           "9223372036854775807s", "99999999999999999999ms"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
  for (const char* text :
       {"", "5", "KiB", "5kib", "5KB", "5K", "1.5MiB", "-1B", "9007199254740993GiB"}) {
    EXPECT_EQ(ParseSizeBytes(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseDuration("9223372036854775807ms")->count(), INT64_MAX);
}

TEST(ConfigValuesTest, NearestKey) {
  const std::vector<std::string> known = {"cycle_time", "listen", "tls.ca_file"};
  EXPECT_EQ(NearestKey("cycle-time", known), "cycle_time");
  EXPECT_EQ(NearestKey("lisen", known), "listen");
  EXPECT_EQ(NearestKey("tls.cafile", known), "tls.ca_file");
  EXPECT_EQ(NearestKey("x", {}), "");
}

}  // namespace
}  // namespace groat::config
