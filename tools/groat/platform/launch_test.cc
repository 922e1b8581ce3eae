#include "tools/groat/platform/launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "tools/groat/platform/yaml_text.h"

namespace groat::platform {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

PlatformFile Sample() {
  PlatformFile file;
  file.relay_id = 7;
  file.cycle_time = std::chrono::milliseconds(200);
  file.period_cycles = 50;
  file.relay = {"127.0.0.1:11001", "127.0.0.1:11002"};
  file.ledger = {{"127.0.0.1:11003", "127.0.0.1:11004"}, {"127.0.0.1:11005", "127.0.0.1:11006"}};
  file.etcd = {{"127.0.0.1:11007", "127.0.0.1:11008"}, {"127.0.0.1:11009", "127.0.0.1:11010"}};
  return file;
}

LaunchPlan Plan(const PlatformFile& file) {
  return LaunchPlan("/d", file,
                    {"/bin/groat_relay", "/bin/groat_ledger", "/bin/etcd", "/bin/groat_consensus"});
}

TEST(YamlTextTest, QuotesTextAndIndentsMaps) {
  YamlText yaml;
  yaml.Comment("c").Text("a", "x: \"y\"\n#").Number("n", 7).Bool("b", false).Word("d", "5ms");
  yaml.List("l", {"p", "q, r"}).List("e", {}).Map("m").Text("k", "v").EndMap().Number("z", 1);
  EXPECT_EQ(yaml.text(),
            "# c\n"
            "a: \"x: \\\"y\\\"\\n#\"\n"
            "n: 7\n"
            "b: false\n"
            "d: 5ms\n"
            "l: [\"p\", \"q, r\"]\n"
            "e: []\n"
            "m:\n"
            "  k: \"v\"\n"
            "z: 1\n");
}

TEST(LaunchTest, RelayConfiguration) {
  const Launch launch = Plan(Sample()).Relay();
  EXPECT_EQ(launch.endpoint, "127.0.0.1:11001");
  EXPECT_EQ(launch.process.name, "relay");
  EXPECT_EQ(launch.process.log_file, "/d/logs/relay.log");
  EXPECT_THAT(launch.process.argv,
              ElementsAre("/bin/groat_relay", "--config", "/d/config/relay.yaml"));
  EXPECT_EQ(launch.config,
            "# Written by groat up; written again at each start.\n"
            "relay_id: 7\n"
            "shard: 0\n"
            "shard_bits: 0\n"
            "listen: \"127.0.0.1:11001\"\n"
            "metrics_listen: \"127.0.0.1:11002\"\n"
            "data_dir: \"/d/data/relay\"\n"
            "signing_key_file: \"/d/keys/relay.signing.key.pem\"\n"
            "cycle_time: 200ms\n"
            "period_cycles: 50\n"
            "ledger_endpoints: [\"127.0.0.1:11003\", \"127.0.0.1:11005\"]\n"
            "ledger_trust: \"/d/keys/trust.json\"\n"
            "tls:\n"
            "  ca_file: \"/d/keys/ca.pem\"\n"
            "  certificate_file: \"/d/keys/relay.crt.pem\"\n"
            "  key_file: \"/d/keys/relay.key.pem\"\n");
}

TEST(LaunchTest, LedgerConfiguration) {
  const Launch launch = Plan(Sample()).Ledger(1);
  EXPECT_EQ(launch.endpoint, "127.0.0.1:11005");
  EXPECT_EQ(launch.config_path, "/d/config/ledger-1.yaml");
  EXPECT_EQ(launch.config,
            "# Written by groat up; written again at each start.\n"
            "node_index: 1\n"
            "listen: \"127.0.0.1:11005\"\n"
            "metrics_listen: \"127.0.0.1:11006\"\n"
            "data_dir: \"/d/data/ledger-1\"\n"
            "signing_key_file: \"/d/keys/ledger-1.signing.key.pem\"\n"
            "trust_file: \"/d/keys/trust.json\"\n"
            "peer_endpoints: [\"127.0.0.1:11003\", \"127.0.0.1:11005\"]\n"
            "relays: [{relay_id: 7, shard: 0, endpoints: [\"127.0.0.1:11001\"]}]\n"
            "admins: [\"admin\"]\n"
            "lease_ttl: 3s\n"
            "register:\n"
            "  kind: \"etcd\"\n"
            "  endpoints: [\"127.0.0.1:11007\", \"127.0.0.1:11009\"]\n"
            "tls:\n"
            "  ca_file: \"/d/keys/ca.pem\"\n"
            "  certificate_file: \"/d/keys/ledger-1.crt.pem\"\n"
            "  key_file: \"/d/keys/ledger-1.key.pem\"\n");
}

// Only the first start may take an empty folder for the beginning.
TEST(LaunchTest, ConsensusConfiguration) {
  PlatformFile file = Sample();
  file.consensus = {{"127.0.0.1:11011", "127.0.0.1:11012", "127.0.0.1:11013"}};
  const auto first = Plan(file).Consensus(0, ConsensusStart::kFirst);
  GROAT_ASSERT_OK(first);
  EXPECT_EQ(first->endpoint, "127.0.0.1:11011");
  EXPECT_EQ(first->config_path, "/d/config/consensus-0.yaml");
  EXPECT_EQ(first->config,
            "# Written by groat up; written again at each start.\n"
            "genesis_file: \"/d/keys/consensus.genesis\"\n"
            "signing_key_file: \"/d/keys/consensus-0.signing.key.pem\"\n"
            "data_dir: \"/d/data/consensus-0\"\n"
            "first_start: true\n"
            "listen: \"127.0.0.1:11011\"\n"
            "metrics_listen: \"127.0.0.1:11012\"\n"
            "mesh_listen: \"127.0.0.1:11013\"\n"
            "peers: []\n"
            "admins: [\"admin\"]\n"
            "tls:\n"
            "  ca_file: \"/d/keys/ca.pem\"\n"
            "  certificate_file: \"/d/keys/consensus-0.crt.pem\"\n"
            "  key_file: \"/d/keys/consensus-0.key.pem\"\n");
  const auto again = Plan(file).Consensus(0, ConsensusStart::kAgain);
  GROAT_ASSERT_OK(again);
  EXPECT_THAT(again->config, Not(HasSubstr("first_start")));
}

TEST(LaunchTest, EmbeddedLedgerHasNoEtcd) {
  PlatformFile file = Sample();
  file.etcd.clear();
  file.ledger.pop_back();
  EXPECT_THAT(Plan(file).Ledger(0).config, HasSubstr("register:\n  kind: \"embedded\"\ntls:"));
}

TEST(LaunchTest, EtcdMembersKnowEachOtherAndAskForCertificates) {
  const Launch launch = Plan(Sample()).Etcd(1);
  EXPECT_EQ(launch.endpoint, "127.0.0.1:11009");
  EXPECT_TRUE(launch.config_path.empty());
  const std::vector<std::string>& argv = launch.process.argv;
  EXPECT_EQ(argv[0], "/bin/etcd");
  EXPECT_THAT(argv, Contains("--name=etcd-1"));
  EXPECT_THAT(argv, Contains("--listen-client-urls=https://127.0.0.1:11009"));
  EXPECT_THAT(argv, Contains("--initial-cluster=etcd-0=https://127.0.0.1:11008,"
                             "etcd-1=https://127.0.0.1:11010"));
  EXPECT_THAT(argv, Contains("--client-cert-auth=true"));
  EXPECT_THAT(argv, Contains("--peer-client-cert-auth=true"));
  EXPECT_THAT(argv, Contains("--peer-key-file=/d/keys/etcd-1.key.pem"));
}

TEST(LaunchTest, InsecureIsPlaintextEverywhere) {
  PlatformFile file = Sample();
  file.insecure = true;
  const LaunchPlan plan = Plan(file);
  EXPECT_THAT(plan.Relay().config, HasSubstr("insecure: true\n"));
  EXPECT_THAT(plan.Relay().config, Not(HasSubstr("tls:")));
  EXPECT_THAT(plan.Ledger(0).config, HasSubstr("insecure: true\n"));
  EXPECT_THAT(plan.Etcd(0).process.argv, Contains("--listen-client-urls=http://127.0.0.1:11007"));
  EXPECT_THAT(plan.Etcd(0).process.argv, Not(Contains(HasSubstr("cert-file"))));
  EXPECT_TRUE(plan.Tls("client").insecure);
}

}  // namespace
}  // namespace groat::platform
