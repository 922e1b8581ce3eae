#include "p2p/mesh_options.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"

namespace groat::p2p {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

struct Change {
  const char* field;
  std::function<void(MeshOptions&)> apply;
  const char* value = "";  // Both are in the error.
  const char* want = "";
};

TEST(MeshOptionsTest, DefaultsNeedOnlyANamespace) {
  EXPECT_THAT(MeshOptions{.namespace_name = "n"}.Validate(), IsOk());
  EXPECT_THAT(MeshOptions{}.Validate(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("namespace is \"\"")));
}

TEST(MeshOptionsTest, TakesTheEndsOfEveryRange) {
  const Change kChanges[] = {
      {"namespace of 64", [](auto& o) { o.namespace_name = std::string(64, '~'); }},
      {"namespace with a space", [](auto& o) { o.namespace_name = "a b"; }},
      {"listens anywhere", [](auto& o) { o.listen_address = "[::]:0"; }},
      {"advertised", [](auto& o) { o.advertised_address = "host:1"; }},
      {"bootstrapper",
       [](auto& o) {
         o.bootstrappers = {{PeerId(), "host:65535"}};
       }},
      {"fastest pings",
       [](auto& o) {
         o.ping_after = 10ms;
         o.silence_limit = 20ms;
       }},
      {"slowest pings",
       [](auto& o) {
         o.ping_after = 60s;
         o.silence_limit = 600s;
       }},
      {"dial_timeout", [](auto& o) { o.dial_timeout = 60s; }},
      {"hello_timeout", [](auto& o) { o.hello_timeout = 10ms; }},
      {"redials at a steady pace",
       [](auto& o) {
         o.least_redial_wait = 1ms;
         o.most_redial_wait = 1ms;
       }},
      {"most_redial_wait", [](auto& o) { o.most_redial_wait = 600s; }},
      {"no courtesy", [](auto& o) { o.dial_courtesy = 0ms; }},
      {"one dial", [](auto& o) { o.max_dials_at_once = 1; }},
      {"many dials", [](auto& o) { o.max_dials_at_once = 1024; }},
      {"steady gossip", [](auto& o) { o.hungry_gossip_interval = o.gossip_interval; }},
      {"rare gossip", [](auto& o) { o.gossip_interval = 1h; }},
      {"one record", [](auto& o) { o.max_records_per_answer = 1; }},
      {"many records", [](auto& o) { o.max_records_per_answer = 64; }},
      {"least refresh",
       [](auto& o) {
         o.record_refresh = 10s;
         o.record_lifetime = 20s;
       }},
      {"longest life", [](auto& o) { o.record_lifetime = 365 * 24h; }},
      {"exact clocks", [](auto& o) { o.max_clock_skew = 0ms; }},
      {"one stranger", [](auto& o) { o.max_unproven_connections = 1; }},
      {"no penalty", [](auto& o) { o.penalty = 0ms; }},
  };
  for (const Change& change : kChanges) {
    MeshOptions options{.namespace_name = "n"};
    change.apply(options);
    EXPECT_THAT(options.Validate(), IsOk()) << change.field;
  }
}

TEST(MeshOptionsTest, ErrorsNameFieldValueAndRange) {
  const Change kChanges[] = {
      {"namespace", [](auto& o) { o.namespace_name = std::string(65, 'n'); }, "nnn\"", "1 to 64"},
      {"namespace", [](auto& o) { o.namespace_name = "a\n"; }, "", "printable"},
      {"namespace", [](auto& o) { o.namespace_name = "\xc3\xa4"; }, "", "printable"},
      {"listen_address", [](auto& o) { o.listen_address = ""; }, "\"\"", "host:port"},
      {"listen_address", [](auto& o) { o.listen_address = "host"; }, "\"host\"", "host:port"},
      {"advertised_address", [](auto& o) { o.advertised_address = "host:0"; }, "\"host:0\"",
       "host:port"},
      {"bootstrappers",
       [](auto& o) {
         o.bootstrappers = {{PeerId(), "good:1"}, {PeerId(), "bad:0"}};
       },
       "\"bad:0\"", "host:port"},
      {"ping_after", [](auto& o) { o.ping_after = 9ms; }, "9 ms", "10 ms to 60000 ms"},
      {"ping_after", [](auto& o) { o.ping_after = 60'001ms; }, "60001 ms", "10 ms to 60000 ms"},
      {"ping_after", [](auto& o) { o.ping_after = -1ms; }, "-1 ms", "10 ms to 60000 ms"},
      {"silence_limit", [](auto& o) { o.silence_limit = 1999ms; }, "1999 ms",
       "2000 ms to 600000 ms"},
      {"silence_limit", [](auto& o) { o.silence_limit = 601s; }, "601000 ms",
       "2000 ms to 600000 ms"},
      {"dial_timeout", [](auto& o) { o.dial_timeout = 0ms; }, "0 ms", "10 ms to 60000 ms"},
      {"dial_timeout", [](auto& o) { o.dial_timeout = 61s; }, "61000 ms", "10 ms to 60000 ms"},
      {"hello_timeout", [](auto& o) { o.hello_timeout = 9ms; }, "9 ms", "10 ms to 60000 ms"},
      {"hello_timeout", [](auto& o) { o.hello_timeout = 61s; }, "61000 ms", "10 ms to 60000 ms"},
      {"least_redial_wait", [](auto& o) { o.least_redial_wait = 0ms; }, "0 ms", "1 ms to 400 ms"},
      {"least_redial_wait", [](auto& o) { o.least_redial_wait = 401ms; }, "401 ms",
       "1 ms to 400 ms"},
      {"most_redial_wait", [](auto& o) { o.most_redial_wait = 601s; }, "601000 ms", "600000 ms"},
      {"dial_courtesy", [](auto& o) { o.dial_courtesy = -1ms; }, "-1 ms", "0 ms to 10000 ms"},
      {"dial_courtesy", [](auto& o) { o.dial_courtesy = 11s; }, "11000 ms", "0 ms to 10000 ms"},
      {"max_dials_at_once", [](auto& o) { o.max_dials_at_once = 0; }, " is 0,", "1 to 1024"},
      {"max_dials_at_once", [](auto& o) { o.max_dials_at_once = 1025; }, " is 1025,", "1 to 1024"},
      {"hungry_gossip_interval", [](auto& o) { o.hungry_gossip_interval = 9ms; }, "9 ms",
       "10 ms to 5000 ms"},
      {"hungry_gossip_interval", [](auto& o) { o.hungry_gossip_interval = 5001ms; }, "5001 ms",
       "10 ms to 5000 ms"},
      {"gossip_interval", [](auto& o) { o.gossip_interval = 1h + 1ms; }, "3600001 ms",
       "200 ms to 3600000 ms"},
      {"max_records_per_answer", [](auto& o) { o.max_records_per_answer = 0; }, " is 0,",
       "1 to 64"},
      {"max_records_per_answer", [](auto& o) { o.max_records_per_answer = 65; }, " is 65,",
       "1 to 64"},
      {"record_refresh", [](auto& o) { o.record_refresh = 9s; }, "9000 ms", "10000 ms to 43200000"},
      {"record_refresh", [](auto& o) { o.record_refresh = 13h; }, "46800000 ms",
       "10000 ms to 43200000 ms"},
      {"record_lifetime", [](auto& o) { o.record_lifetime = 366 * 24h; }, "31622400000 ms",
       "7200000 ms to 31536000000 ms"},
      {"max_clock_skew", [](auto& o) { o.max_clock_skew = -1ms; }, "-1 ms", "0 ms to 86400000 ms"},
      {"max_clock_skew", [](auto& o) { o.max_clock_skew = 25h; }, "90000000 ms",
       "0 ms to 86400000 ms"},
      {"max_unproven_connections", [](auto& o) { o.max_unproven_connections = 0; }, " is 0,",
       "1 to 65536"},
      {"max_unproven_connections", [](auto& o) { o.max_unproven_connections = 65'537; },
       " is 65537,", "1 to 65536"},
      {"penalty", [](auto& o) { o.penalty = -1ms; }, "-1 ms", "0 ms to 86400000 ms"},
      {"penalty", [](auto& o) { o.penalty = 25h; }, "90000000 ms", "0 ms to 86400000 ms"},
  };
  for (const Change& change : kChanges) {
    MeshOptions options{.namespace_name = "n"};
    change.apply(options);
    EXPECT_THAT(options.Validate(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(std::string("mesh ") + change.field),
                               HasSubstr(change.value), HasSubstr(change.want))));
  }
}

// Extreme durations are compared, never added to.
TEST(MeshOptionsTest, ExtremeDurationsDoNotOverflow) {
  const std::vector<Duration MeshOptions::*> fields = {&MeshOptions::ping_after,
                                                       &MeshOptions::silence_limit,
                                                       &MeshOptions::dial_timeout,
                                                       &MeshOptions::hello_timeout,
                                                       &MeshOptions::least_redial_wait,
                                                       &MeshOptions::most_redial_wait,
                                                       &MeshOptions::dial_courtesy,
                                                       &MeshOptions::hungry_gossip_interval,
                                                       &MeshOptions::gossip_interval,
                                                       &MeshOptions::record_refresh,
                                                       &MeshOptions::record_lifetime,
                                                       &MeshOptions::max_clock_skew,
                                                       &MeshOptions::penalty};
  for (const auto field : fields) {
    for (const Duration value : {Duration::min(), Duration::max()}) {
      MeshOptions options{.namespace_name = "n"};
      options.*field = value;
      EXPECT_THAT(options.Validate(), Not(IsOk()));
    }
  }
}

}  // namespace
}  // namespace groat::p2p
