#include "examples/echo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/check.h"
#include "base/status_matchers.h"
#include "examples/testing/cluster.h"

namespace groat::examples {
namespace {

using groat::testing::StatusIs;
using p2p::Duration;
using p2p::PeerId;
using std::chrono::seconds;
using testing::ClusterForm;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Which peers said a text back, by node and number; each belongs to its node's tasks.
struct Heard {
  std::map<uint32_t, std::vector<PeerId>> peers;
  Duration longest{0};
};

class EchoTest : public ::testing::TestWithParam<ClusterForm> {
 protected:
  void Make(size_t nodes) {
    heard_.resize(nodes);
    cluster_ = GetParam().make(nodes, 1, [this](const testing::Node& node) {
      Heard& heard = heard_[node.index];
      auto echo = Echo::Make(node.network, node.executor,
                             [&heard](const PeerId& peer, uint32_t number, Duration took) {
                               heard.peers[number].push_back(peer);
                               heard.longest = std::max(heard.longest, took);
                             });
      GROAT_CHECK_OK(echo.status());
      return *std::move(echo);
    });
    ASSERT_TRUE(cluster_->WaitUntilConnected(seconds(30)));
  }
  absl::StatusOr<std::vector<PeerId>> Say(size_t node, const std::string& text) {
    absl::StatusOr<std::vector<PeerId>> said;
    cluster_->Run(node,
                  [&] { said = static_cast<Echo&>(cluster_->protocol(node)).Say(AsBytes(text)); });
    return said;
  }

  std::vector<Heard> heard_;  // Outlives the cluster.
  std::unique_ptr<testing::Cluster> cluster_;
};

TEST_P(EchoTest, EverybodySaysItBack) {
  Make(4);
  const std::vector<PeerId>& members = cluster_->members();
  for (size_t node = 0; node < 4; ++node) {
    EXPECT_THAT(Say(node, "hello"),
                ::testing::Property(&absl::StatusOr<std::vector<PeerId>>::value, SizeIs(3)));
    EXPECT_THAT(Say(node, "again"), groat::testing::IsOk());
  }
  for (size_t node = 0; node < 4; ++node) {
    ASSERT_TRUE(cluster_->WaitUntil(
        node,
        [&] { return heard_[node].peers[0].size() == 3 && heard_[node].peers[1].size() == 3; },
        seconds(30)));
  }
  cluster_->Run(0, [&] {
    for (const uint32_t number : {0u, 1u}) {
      EXPECT_THAT(heard_[0].peers[number],
                  UnorderedElementsAre(members[1], members[2], members[3]));
    }
    EXPECT_GT(heard_[0].longest, Duration(0));
    EXPECT_LT(heard_[0].longest, seconds(10));
  });
}

TEST_P(EchoTest, ManyTextsAtOnce) {
  constexpr size_t kTexts = 500;
  Make(3);
  cluster_->Run(1, [&] {
    for (size_t i = 0; i < kTexts; ++i) {
      GROAT_EXPECT_OK(cluster_->protocol(1).Request(AsBytes("text")));
    }
  });
  EXPECT_TRUE(cluster_->WaitUntil(
      1,
      [&] {
        size_t heard = 0;
        for (const auto& [number, peers] : heard_[1].peers) heard += peers.size();
        return heard == 2 * kTexts;
      },
      seconds(30)));
}

TEST_P(EchoTest, RefusesATextThatIsTooLong) {
  Make(2);
  EXPECT_THAT(Say(0, std::string(1025, 'x')), StatusIs(absl::StatusCode::kInvalidArgument,
                                                       HasSubstr("1025 bytes, want 1 to 1024")));
  EXPECT_THAT(Say(0, ""), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 bytes")));
  GROAT_EXPECT_OK(Say(0, std::string(1024, 'x')));
  EXPECT_TRUE(cluster_->WaitUntil(
      0, [&] { return heard_[0].peers[0].size() == 1; }, seconds(30)));
}

INSTANTIATE_TEST_SUITE_P(BothForms, EchoTest, ::testing::ValuesIn(testing::AllForms()),
                         [](const auto& form) { return form.param.name; });

TEST(EchoMessageTest, PinsItsBytesAndRefusesOthers) {
  const EchoMessage message{EchoMessage::Kind::kEcho, 7, Bytes{'h', 'i'}};
  EXPECT_EQ(ToHex(message.Encode()), "02000000076869");
  GROAT_ASSERT_OK_AND_ASSIGN(const EchoMessage decoded,
                             EchoMessage::Decode(*FromHex("02000000076869")));
  EXPECT_EQ(decoded.Encode(), message.Encode());
  for (const char* bad : {"", "02000000", "00000000076869", "03000000076869"}) {
    EXPECT_THAT(EchoMessage::Decode(*FromHex(bad)),
                StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_))
        << bad;
  }
  // Without a text it decodes, and says nothing.
  EXPECT_THAT(EchoMessage::Decode(*FromHex("0200000007"))->Validate(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 bytes")));
}

}  // namespace
}  // namespace groat::examples
