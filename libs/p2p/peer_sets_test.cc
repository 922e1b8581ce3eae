#include "p2p/peer_sets.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "base/status_matchers.h"
#include "p2p/network.h"

namespace groat::p2p {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

PeerId Peer(uint64_t number) {
  PeerId peer;
  StoreBigEndian(number, peer.data(), 8);
  return peer;
}

std::vector<PeerId> Peers(uint64_t count) {
  std::vector<PeerId> peers;
  for (uint64_t i = 0; i < count; ++i) peers.push_back(Peer(i));
  return peers;
}

TEST(PeerSetsTest, KeepsPeersInRisingOrderEachOnce) {
  PeerSets sets;
  GROAT_ASSERT_OK(sets.Set(5, {Peer(3), Peer(1), Peer(3), Peer(2)}));
  const PeerSet& set = sets.sets().at(5);
  EXPECT_THAT(set.peers, ElementsAre(Peer(1), Peer(2), Peer(3)));
  EXPECT_EQ(set.digest, DigestOfSet(set.peers));
}

TEST(PeerSetsTest, AllowsWhoeverSomeSetHolds) {
  PeerSets sets;
  GROAT_ASSERT_OK(sets.Set(1, {Peer(1), Peer(2)}));
  GROAT_ASSERT_OK(sets.Set(2, {Peer(2), Peer(3)}));
  EXPECT_THAT(sets.allowed(), ElementsAre(Peer(1), Peer(2), Peer(3)));
  sets.Drop(1);
  EXPECT_THAT(sets.allowed(), ElementsAre(Peer(2), Peer(3)));
  GROAT_ASSERT_OK(sets.Set(2, {Peer(4)}));  // Replaces.
  EXPECT_THAT(sets.allowed(), ElementsAre(Peer(4)));
  EXPECT_FALSE(sets.Allows(Peer(2)));
  sets.Drop(77);
  EXPECT_TRUE(sets.Allows(Peer(4)));
}

TEST(PeerSetsTest, ABlockedPeerStaysOut) {
  PeerSets sets;
  GROAT_ASSERT_OK(sets.Set(1, {Peer(1), Peer(2)}));
  sets.Block(Peer(1));
  EXPECT_FALSE(sets.Allows(Peer(1)));
  EXPECT_TRUE(sets.Blocks(Peer(1)));
  EXPECT_EQ(sets.blocked_count(), 1U);
  GROAT_ASSERT_OK(sets.Set(2, {Peer(1), Peer(3)}));
  EXPECT_THAT(sets.allowed(), ElementsAre(Peer(2), Peer(3)));
  sets.Block(Peer(9));  // Of no set, yet.
  GROAT_ASSERT_OK(sets.Set(3, {Peer(9)}));
  EXPECT_FALSE(sets.Allows(Peer(9)));
  EXPECT_FALSE(sets.gate()->Admit(Peer(1)));
}

TEST(PeerSetsTest, BoundsSetsAndTheirNumber) {
  PeerSets sets;
  EXPECT_THAT(sets.Set(0, Peers(kMaxPeersInSet + 1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("peer set 0 has 4097 peers, at most 4096")));
  EXPECT_TRUE(sets.sets().empty());
  std::vector<PeerId> twice = Peers(kMaxPeersInSet);
  twice.push_back(twice.front());
  EXPECT_THAT(sets.Set(0, twice), IsOk());
  for (uint64_t index = 1; index < kMaxPeerSets; ++index) {
    EXPECT_THAT(sets.Set(index, {Peer(index)}), IsOk());
  }
  EXPECT_THAT(sets.Set(100, {}), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("peer set 100 would be one more than 16")));
  EXPECT_THAT(sets.Set(3, {Peer(1)}), IsOk());
  sets.Drop(4);
  EXPECT_THAT(sets.Set(100, {}), IsOk());
}

TEST(GateTest, AdmitsAsTheSetsSayAndCountsTheOthers) {
  std::shared_ptr<Gate> gate;
  {
    PeerSets sets;
    gate = sets.gate();
    EXPECT_FALSE(gate->Admit(Peer(1)));
    GROAT_ASSERT_OK(sets.Set(1, {Peer(1)}));
    EXPECT_TRUE(gate->Admit(Peer(1)));
    EXPECT_FALSE(gate->Admit(Peer(2)));
    EXPECT_EQ(gate->refused(), 2U);
  }
  EXPECT_TRUE(gate->Admit(Peer(1)));  // It outlives the sets.
}

// Handshakes ask while the sets change; ThreadSanitizer watches.
TEST(GateTest, AnyThreadMayAsk) {
  PeerSets sets;
  GROAT_ASSERT_OK(sets.Set(0, {Peer(1)}));
  std::atomic<bool> stop = false;
  std::vector<std::thread> handshakes;
  for (int i = 0; i < 2; ++i) {
    handshakes.emplace_back([&stop, gate = sets.gate()] {
      uint64_t refused = 0;
      while (!stop) {
        EXPECT_TRUE(gate->Admit(Peer(1)));  // In every set, at every time.
        EXPECT_FALSE(gate->Admit(Peer(2)));
        EXPECT_GT(gate->refused(), refused++);
      }
    });
  }
  for (uint64_t i = 0; i < 500; ++i) GROAT_EXPECT_OK(sets.Set(0, {Peer(1), Peer(3 + i % 5)}));
  stop = true;
  for (std::thread& handshake : handshakes) handshake.join();
}

}  // namespace
}  // namespace groat::p2p
