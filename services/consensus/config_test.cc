#include "services/consensus/config.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"

namespace groat::consensus_service {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ConfigTest, ChecksThePeers) {
  const std::string key(64, 'a');
  Config config;
  config.peers = {{key, "127.0.0.1:1"}, {std::string(64, 'b'), "127.0.0.1:2"}};
  GROAT_EXPECT_OK(config.Validate());
  config.peers[1].public_key = key;
  EXPECT_THAT(config.Validate(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("twice")));
  config.peers[1].public_key = "abc";
  EXPECT_THAT(config.Validate(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("peers[1].public_key")));
}

TEST(ConfigTest, AMeshOverTlsHasOneThread) {
  Config config;
  config.mesh_threads = 2;
  EXPECT_THAT(config.Validate(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("mesh_threads is 2")));
  config.mesh_carrier = "grpc";
  GROAT_EXPECT_OK(config.Validate());
}

TEST(ConfigTest, AFirstStartHasNoMemoryToLose) {
  Config config;
  config.first_start = true;
  GROAT_EXPECT_OK(config.Validate());
  config.memory_lost = true;
  EXPECT_THAT(config.Validate(), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("first_start and memory_lost are both true")));
}

TEST(ConfigTest, DescribesEveryKeyWithADefaultInItsRange) {
  Config config;
  config::ConfigLoader loader("groat_consensus", "");
  Describe(loader, config);  // Stops the process on a key that is registered twice.
}

}  // namespace
}  // namespace groat::consensus_service
