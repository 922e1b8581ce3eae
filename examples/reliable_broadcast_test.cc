#include "examples/reliable_broadcast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_matchers.h"
#include "examples/examples.h"
#include "examples/testing/cluster.h"
#include "p2p/protocol/testing/fake_world.h"
#include "sim/mesh_cluster.h"

namespace groat::examples {
namespace {

using groat::testing::StatusIs;
using p2p::PeerId;
using p2p::Recipients;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ClusterForm;
using ::testing::HasSubstr;
using testing::Node;

using Name = std::pair<PeerId, uint32_t>;  // Of a broadcast.
using Delivered = std::map<Name, std::string>;

// A member that lies: to each peer it sends, of two rival payloads, one, the other, both or none,
// about its own broadcasts and about those of others.
class Liar final : public p2p::Protocol {
 public:
  Liar(p2p::Network& network, p2p::Executor& executor, std::vector<PeerId> members)
      : channel_(*p2p::TypedChannel<Statement>::Register(network, executor, p2p::ChannelId(2),
                                                         {.name = "broadcast"})),
        executor_(executor),
        self_(network.self()),
        members_(std::move(members)) {
    channel_.receiver.OnMessage([this](const PeerId&, const Statement& statement) {
      Tell(Statement::Kind::kInitial, statement.origin, statement.sequence);
      Tell(Statement::Kind::kEcho, statement.origin, statement.sequence);
      Tell(Statement::Kind::kReady, statement.origin, statement.sequence);
    });
  }

  absl::Status Request(ByteView) override {
    for (const auto kind :
         {Statement::Kind::kInitial, Statement::Kind::kEcho, Statement::Kind::kReady}) {
      Tell(kind, self_, sequence_);
    }
    ++sequence_;
    return absl::OkStatus();
  }

 private:
  void Tell(Statement::Kind kind, const PeerId& origin, uint32_t sequence) {
    if (told_++ > 200) return;  // Liars answer each other.
    for (const PeerId& peer : members_) {
      const uint64_t choice = executor_.Random();
      for (const int rival : {0, 1}) {
        if ((choice >> rival & 1) == 0) continue;
        const std::string payload = absl::StrCat("lie ", rival);
        channel_.sender.Send(Recipients::One(peer),
                             {kind, origin, sequence, Bytes(payload.begin(), payload.end()), {}});
      }
    }
  }

  p2p::TypedChannel<Statement> channel_;
  p2p::Executor& executor_;
  const PeerId self_;
  const std::vector<PeerId> members_;
  uint32_t sequence_ = 0;
  size_t told_ = 0;
};

std::string PayloadOf(size_t node, size_t sequence) {
  return absl::StrCat("payload ", sequence, " of ", node);
}

// The last `liars` of the members lie. What honest ones deliver is written down.
testing::Setup SetupOf(std::vector<Delivered>& delivered, size_t liars) {
  return [&delivered, liars](const Node& node) -> std::unique_ptr<p2p::Protocol> {
    if (node.index + liars >= node.members.size()) {
      return std::make_unique<Liar>(node.network, node.executor, node.members);
    }
    Delivered& mine = delivered[node.index];
    auto broadcast = ReliableBroadcast::Make(
        node.network, node.executor, node.members,
        [&mine](const PeerId& origin, uint32_t sequence, const Bytes& payload) {
          const bool is_new = mine.emplace(Name{origin, sequence}, ToString(payload)).second;
          EXPECT_TRUE(is_new) << "delivered twice";
        });
    GROAT_CHECK_OK(broadcast.status());
    return *std::move(broadcast);
  };
}

// Whether `node` has delivered what each honest member broadcast; fails where it is another text.
bool HasAllOf(const Delivered& delivered, const std::vector<PeerId>& members, size_t honest,
              size_t broadcasts) {
  for (size_t origin = 0; origin < honest; ++origin) {
    for (uint32_t sequence = 0; sequence < broadcasts; ++sequence) {
      const auto found = delivered.find({members[origin], sequence});
      if (found == delivered.end()) return false;
      EXPECT_EQ(found->second, PayloadOf(origin, sequence));
    }
  }
  return true;
}

class ReliableBroadcastTest : public ::testing::TestWithParam<ClusterForm> {
 protected:
  static constexpr size_t kBroadcasts = 20;

  void Broadcast(testing::Cluster& cluster, size_t node) {
    cluster.Run(node, [&] {
      for (size_t sequence = 0; sequence < kBroadcasts; ++sequence) {
        GROAT_EXPECT_OK(cluster.protocol(node).Request(AsBytes(PayloadOf(node, sequence))));
      }
    });
  }
};

TEST_P(ReliableBroadcastTest, AllDeliverAll) {
  std::vector<Delivered> delivered(4);
  const auto cluster = GetParam().make(4, 1, SetupOf(delivered, 0));
  // Before the nodes know each other: what they say waits for whoever connects.
  for (size_t node = 0; node < 4; ++node) Broadcast(*cluster, node);
  for (size_t node = 0; node < 4; ++node) {
    EXPECT_TRUE(cluster->WaitUntil(
        node, [&] { return HasAllOf(delivered[node], cluster->members(), 4, kBroadcasts); },
        seconds(30)));
  }
}

// Validity and agreement beside a member that tells everybody something else.
TEST_P(ReliableBroadcastTest, HonestMembersAgreeBesideALiar) {
  std::vector<Delivered> delivered(4);
  const auto cluster = GetParam().make(4, 2, SetupOf(delivered, 1));
  ASSERT_TRUE(cluster->WaitUntilConnected(seconds(30)));
  for (size_t node = 0; node < 4; ++node) Broadcast(*cluster, node);
  std::vector<Delivered> seen(3);
  for (size_t node = 0; node < 3; ++node) {
    EXPECT_TRUE(cluster->WaitUntil(
        node, [&] { return HasAllOf(delivered[node], cluster->members(), 3, kBroadcasts); },
        seconds(30)));
    cluster->Run(node, [&] { seen[node] = delivered[node]; });
  }
  for (const Delivered& one : seen) {
    for (const auto& [name, payload] : one) {
      for (const Delivered& other : seen) {
        const auto found = other.find(name);
        EXPECT_TRUE(found == other.end() || found->second == payload) << payload;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(BothForms, ReliableBroadcastTest, ::testing::ValuesIn(testing::AllForms()),
                         [](const auto& form) { return form.param.name; });

// What the properties are judged by after a run in which every member broadcast some payloads.
struct Verdict {
  size_t lies_delivered = 0;
  size_t lies_refused = 0;

  void Judge(const std::vector<Delivered>& delivered, const std::vector<PeerId>& members,
             size_t faulty, size_t broadcasts) {
    const size_t honest = members.size() - faulty;
    for (size_t i = 0; i < honest; ++i) {
      EXPECT_TRUE(HasAllOf(delivered[i], members, honest, broadcasts)) << "validity, node " << i;
      // All that one honest member delivers, of liars too, the others deliver alike.
      EXPECT_EQ(delivered[i], delivered[0]) << "agreement and totality, node " << i;
    }
    lies_delivered += delivered[0].size() - honest * broadcasts;
    lies_refused += members.size() * broadcasts - delivered[0].size();
  }
  // Neither is owed, but runs without both would have tested little.
  void ExpectBothKinds() const {
    EXPECT_GT(lies_delivered, 0u);
    EXPECT_GT(lies_refused, 0u);
  }
};

class ManySeeds : public ::testing::TestWithParam<size_t> {
 protected:
  static constexpr size_t kBroadcasts = 3;
  const size_t faulty_ = GetParam();
  const size_t nodes_ = 3 * faulty_ + 1;
};

// Messages in any order, and links that break.
TEST_P(ManySeeds, ValidityAgreementTotalityInAnyOrder) {
  Verdict verdict;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    p2p::testing::FakeWorld world(nodes_, seed);
    std::vector<PeerId> members;
    for (size_t i = 0; i < nodes_; ++i) members.push_back(world.peer(i));
    std::vector<Delivered> delivered(nodes_);
    std::vector<std::unique_ptr<p2p::Protocol>> protocols;
    const testing::Setup setup = SetupOf(delivered, faulty_);
    for (size_t i = 0; i < nodes_; ++i) {
      protocols.push_back(setup({i, members, world.network(i), world.executor(i)}));
    }
    const p2p::testing::FakeLink slow = {.most_delay = milliseconds(20), .order = false};
    world.SetAllLinks(slow);
    world.Start();
    world.RunFor(milliseconds(1));
    for (size_t sequence = 0; sequence < kBroadcasts; ++sequence) {
      for (size_t i = 0; i < nodes_; ++i) {
        GROAT_ASSERT_OK(protocols[i]->Request(AsBytes(PayloadOf(i, sequence))));
        // One link is down for a while, and what was under way on it is lost.
        const size_t other = (i + 1 + sequence) % nodes_;
        world.SetLink(i, other, {.up = false});
        world.RunFor(milliseconds(static_cast<int64_t>(seed % 7)));
        world.SetLink(i, other, slow);
      }
    }
    world.RunFor(seconds(5));
    verdict.Judge(delivered, members, faulty_, kBroadcasts);
  }
  verdict.ExpectBothKinds();
}

// The mesh itself under the protocol, on simulated links that jitter and are broken off.
TEST_P(ManySeeds, ValidityAgreementTotalityOnTheMesh) {
  Verdict verdict;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::vector<Delivered> delivered(nodes_);
    std::vector<std::unique_ptr<p2p::Protocol>> protocols;
    const testing::Setup setup = SetupOf(delivered, faulty_);
    sim::MeshCluster cluster(
        {.nodes = nodes_,
         .seed = seed,
         .setup = [&](size_t i, p2p::Network& network, p2p::Executor& executor) {
           protocols.push_back(setup({i, cluster.ids(), network, executor}));
         }});
    cluster.wires().SetDefaultLink({.jitter = milliseconds(10)});
    cluster.StartAll();
    ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(10)));
    for (size_t sequence = 0; sequence < kBroadcasts; ++sequence) {
      for (size_t i = 0; i < nodes_; ++i) {
        std::vector<PeerId> others = cluster.ids();
        others.erase(others.begin() + static_cast<ptrdiff_t>((i + 1 + sequence) % nodes_));
        cluster.executor(i).Run([&] {
          GROAT_EXPECT_OK(protocols[i]->Request(AsBytes(PayloadOf(i, sequence))));
          GROAT_EXPECT_OK(cluster.mesh(i).SetPeers(1, others));
        });
        cluster.scheduler().RunFor(milliseconds(static_cast<int64_t>(seed % 7)));
        cluster.executor(i).Run(
            [&] { GROAT_EXPECT_OK(cluster.mesh(i).SetPeers(1, cluster.ids())); });
      }
    }
    ASSERT_TRUE(cluster.RunUntilFullMesh(seconds(20)));
    cluster.scheduler().RunFor(seconds(5));
    verdict.Judge(delivered, cluster.ids(), faulty_, kBroadcasts);
  }
  verdict.ExpectBothKinds();
}

INSTANTIATE_TEST_SUITE_P(Faulty, ManySeeds, ::testing::Values(1, 2));

TEST(ReliableBroadcastLimitsTest, StopsAtTheBoundOfBroadcasts) {
  p2p::testing::FakeWorld world(1, 1);
  size_t delivered = 0;
  const auto broadcast =
      ReliableBroadcast::Make(world.network(0), world.executor(0), {world.peer(0)},
                              [&](const PeerId&, uint32_t, const Bytes&) { ++delivered; });
  GROAT_ASSERT_OK(broadcast);
  for (uint32_t i = 0; i < Statement::kMaxBroadcasts; ++i) {
    GROAT_ASSERT_OK((*broadcast)->Request(AsBytes("x")));
  }
  EXPECT_EQ(delivered, 256u);  // Alone, f = 0: at once.
  EXPECT_THAT((*broadcast)->Request(AsBytes("x")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sequence 256")));
}

TEST(StatementTest, PinsItsBytesAndRefusesOthers) {
  Statement statement{Statement::Kind::kReady, {}, 5, Bytes{'p'}, {}};
  statement.origin.data()[0] = 0xaa;
  const std::string hex = "03aa" + std::string(62, '0') + "0000000570";
  EXPECT_EQ(ToHex(statement.Encode()), hex);
  GROAT_ASSERT_OK_AND_ASSIGN(Statement decoded, Statement::Decode(*FromHex(hex)));
  EXPECT_EQ(decoded.Encode(), statement.Encode());
  EXPECT_TRUE(decoded.digest.IsZero());
  GROAT_EXPECT_OK(decoded.Validate());
  EXPECT_FALSE(decoded.digest.IsZero());

  EXPECT_FALSE(Statement::Decode(Bytes(36, 1)).ok());  // One byte short.
  GROAT_EXPECT_OK(Statement::Decode(Bytes(37, 1)));
  for (const int kind : {0, 4, 255}) {
    Bytes bytes(40, 0);
    bytes[0] = static_cast<uint8_t>(kind);
    EXPECT_THAT(Statement::Decode(bytes),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(absl::StrCat(kind))));
  }
  decoded.payload.resize(1025);
  EXPECT_THAT(decoded.Validate(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1025")));
  decoded.payload.resize(1024);
  GROAT_EXPECT_OK(decoded.Validate());
  decoded.sequence = 256;
  EXPECT_FALSE(decoded.Validate().ok());
}

TEST(ExamplesTest, MakesThemByName) {
  p2p::ProtocolRegistry registry;
  AddExamples(registry);
  p2p::testing::FakeWorld world(1, 1);
  const auto make = [&](const std::string& name, const Bytes& parameters) {
    return registry.Make(name, world.network(0), world.executor(0), parameters).status();
  };
  GROAT_EXPECT_OK(make("echo", {}));
  EXPECT_THAT(make("echo", Bytes{1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("echo")));
  EXPECT_THAT(make("reliable_broadcast", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 members")));
  EXPECT_THAT(make("reliable_broadcast", Bytes(33)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("reliable_broadcast")));
  GROAT_EXPECT_OK(make("reliable_broadcast", Bytes(64)));
  EXPECT_THAT(make("paxos", {}),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("\"paxos\" is not known; known are: echo reliable_broadcast")));
}

}  // namespace
}  // namespace groat::examples
