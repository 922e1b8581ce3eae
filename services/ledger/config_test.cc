// What a node's configuration must say, and how it must fit the trust file.
#include "services/ledger/config.h"

#include <gmock/gmock.h>

#include <functional>

#include "base/status_matchers.h"
#include "bls/testing/test_keys.h"
#include "services/ledger/testing/trie_relay.h"

namespace groat::ledger_service {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

Config Good() {
  Config config;
  config.trust_file = "trust.json";
  config.peer_endpoints = {"a:1", "b:1", "c:1"};
  config.relays = {{1, 0, {"r:1"}}, {1, 1, {"r:2", "s:2"}}};
  config.data_dir = "data";
  config.signing_key_file = "key.pem";
  config.register_endpoints = {"e:1"};
  return config;
}

asset::Trust NetworkTrust() {
  asset::Trust trust;
  trust.ledger_id = testing::Filled(1);
  trust.ledger_nodes = {bls::testing::TestRegistration(0), bls::testing::TestRegistration(1),
                        bls::testing::TestRegistration(2)};
  trust.relays = {{record::RelayId(1), /*shard_bits=*/1, /*period_cycles=*/9, testing::Filled(5)}};
  return trust;
}

TEST(ConfigTest, AcceptsAGoodOne) {
  GROAT_EXPECT_OK(Good().Validate());
  GROAT_EXPECT_OK(Good().CheckAgainst(NetworkTrust()));
}

TEST(ConfigTest, NamesWhatIsWrong) {
  struct Case {
    std::function<void(Config&)> change;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{
           {[](Config& x) { x.node_index = 3; }, "node_index: 3, want below 3"},
           {[](Config& x) { x.register_endpoints.clear(); }, "register.endpoints: empty"},
           {[](Config& x) { x.register_kind = "embedded"; }, "embedded with 3 nodes, want 1"},
           {[](Config& x) { x.register_prefix = "groat"; }, "register.prefix: \"groat\""},
           {[](Config& x) { x.lease_ttl = std::chrono::milliseconds(2500); },
            "lease_ttl: 2500ms, want whole seconds"},
           {[](Config& x) { x.relays[1].shard = 0; }, "relay 1 shard 0 is there twice"},
           {[](Config& x) { x.relays[1].endpoints.clear(); }, "shard 1 has no endpoints"}}) {
    Config config = Good();
    c.change(config);
    EXPECT_THAT(config.Validate(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST(ConfigTest, MustFitTheTrustFile) {
  constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
  Config nodes = Good();
  nodes.peer_endpoints.pop_back();
  EXPECT_THAT(nodes.CheckAgainst(NetworkTrust()),
              StatusIs(kPrecondition, HasSubstr("2 nodes, but trust.json has 3")));
  Config unknown = Good();
  unknown.relays[0].relay_id = 2;
  EXPECT_THAT(unknown.CheckAgainst(NetworkTrust()),
              StatusIs(kPrecondition, HasSubstr("relay 2 shard 0 is not in trust.json")));
  Config missing = Good();
  missing.relays.pop_back();
  EXPECT_THAT(missing.CheckAgainst(NetworkTrust()),
              StatusIs(kPrecondition, HasSubstr("no endpoints of relay 1 shard 1")));
}

TEST(ConfigTest, EveryShardHasItsRelaysRule) {
  const ledger::RelayRules rules = RulesOf(NetworkTrust());
  ASSERT_EQ(rules.size(), 2u);
  for (const auto& [name, rule] : rules) {
    EXPECT_EQ(name.relay, record::RelayId(1));
    EXPECT_EQ(rule.period_cycles, 9u);
    EXPECT_EQ(rule.public_key, testing::Filled(5));
  }
}

TEST(ConfigTest, TheRegistersTlsIsTheNodesUnlessGiven) {
  Config config = Good();
  config.tls.ca_file = "ca.pem";
  EXPECT_EQ(config.RegisterTls().ca_file, "ca.pem");
  config.register_tls.ca_file = "etcd-ca.pem";
  EXPECT_EQ(config.RegisterTls().ca_file, "etcd-ca.pem");
}

TEST(ConfigTest, LoadsFromFlags) {
  Config config;
  config::ConfigLoader loader("groat_ledger", "test");
  Describe(loader, config);
  const auto outcome = loader.Load(
      {"--node_index=1", "--trust_file=t", "--peer_endpoints=a:1,b:1",
       "--relays=[{relay_id: 7, endpoints: [x:1]}]", "--data_dir=d", "--signing_key_file=k",
       "--register.endpoints=e:1", "--lease_ttl=3s", "--insecure"},
      {});
  ASSERT_FALSE(outcome.exit_status.has_value()) << outcome.output;
  EXPECT_EQ(config.node_index, 1u);
  EXPECT_EQ(config.relays[0].relay_id, 7u);
  EXPECT_EQ(config.relays[0].endpoints, std::vector<std::string>{"x:1"});
  EXPECT_EQ(config.lease_ttl, std::chrono::milliseconds(3000));
  EXPECT_TRUE(config.tls.insecure);
}

}  // namespace
}  // namespace groat::ledger_service
