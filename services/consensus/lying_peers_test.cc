// Peers that lie about snapshots, epochs and blocks to a replica that is far behind.
#include <gmock/gmock.h>

#include "services/consensus/replica_channels.h"
#include "services/consensus/testing/catch_up_test.h"

namespace groat::consensus_service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::CatchUpTest;
using ::testing::SizeIs;

// What a liar says on the channel of transfers; else it is silent.
struct Liar {
  std::optional<ReplicaChannels> channels;
  std::function<std::optional<hotstuff::TransferMessage>(const hotstuff::TransferMessage&)> answer;
  size_t answered = 0;
};

class LiarTest : public CatchUpTest {
 protected:
  std::shared_ptr<void> Make(const sim::MeshCluster::Process& on) override {
    if (on.node != liar_) return CatchUpTest::Make(on);
    auto liar = std::make_shared<Liar>();
    liar->channels.emplace(*ReplicaChannels::Register(on.network, genesis_.block));
    liar->answer = answer_;
    liar->channels->OnReady([raw = liar.get()] {
      while (raw->channels->Poll().has_value()) {
      }
      while (auto incoming = raw->channels->PollTransfer()) {
        const auto answer = raw->answer(incoming->message);
        if (!answer.has_value()) continue;
        ++raw->answered;
        raw->channels->SendTransfer(incoming->from, *answer);
      }
    });
    return liar;
  }
  // Node 3 was away for long, and node 2 lies from now on.
  void Prepare(uint64_t seed) {
    KeepBlocks(4, 8);
    Build(seed);
    StartAll({0, 1, 2, 3});
    CommitBlocks(0, 1, 1, 10);
    cluster_->Kill(3);
    CommitBlocks(0, 1, 11, 70);
    ASSERT_TRUE(RunUntilLevel({0, 1, 2}, seconds(5)));
    newest_ = At(0).store->snapshots().Offered();
    ASSERT_THAT(newest_, SizeIs(2));
    cluster_->Kill(2);
    liar_ = 2;
    cluster_->Start(2);
  }
  // Node 3 comes back, and has the state of the honest ones in the end.
  void ExpectCatchesUp() {
    cluster_->Start(3);
    CommitBlocks(0, 2, 1, 20);
    ASSERT_TRUE(RunUntilLevel({0, 1, 3}, seconds(120)));
    EXPECT_THAT(installed_[3], SizeIs(1));
    cluster_->RunFor(seconds(1));
    ExpectSameState({0, 1, 3});
    EXPECT_TRUE(Votes(3));
  }

  size_t liar_ = SIZE_MAX;
  std::function<std::optional<hotstuff::TransferMessage>(const hotstuff::TransferMessage&)>
      answer_ = [](const auto&) { return std::nullopt; };
  std::vector<hotstuff::SnapshotName> newest_;
  int heads_ = 0;
};

TEST_F(LiarTest, ASilentPeerDoesNotStopIt) {
  Prepare(20);
  ExpectCatchesUp();
}

TEST_F(LiarTest, OffersOfWhatNobodyElseHasAreNotBelieved) {
  answer_ =
      [](const hotstuff::TransferMessage& message) -> std::optional<hotstuff::TransferMessage> {
    if (!std::holds_alternative<hotstuff::OfferRequest>(message)) return std::nullopt;
    const Hash digest = Hash::FromHexText(std::string(64, 'e'), "digest").value();
    return hotstuff::Offer{Epoch(0),
                           Height(1'000'000),
                           Height(999'000),
                           {{Height(999'984), digest}, {Height(1'000'000), digest}}};
  };
  Prepare(21);
  ExpectCatchesUp();
  EXPECT_GT(cluster_->program<Liar>(2).answered, 0u);
}

TEST_F(LiarTest, ClaimsOfLaterEpochsAndOfBlocksThatDoNotComeCostTimeAlone) {
  answer_ =
      [](const hotstuff::TransferMessage& message) -> std::optional<hotstuff::TransferMessage> {
    if (const auto* request = std::get_if<hotstuff::HandoverRequest>(&message)) {
      return hotstuff::HandoverResponse{request->first, {}};
    }
    return hotstuff::Offer{Epoch(1'000'000), Height(1'000'000), Height(1), {}};
  };
  Prepare(22);
  ExpectCatchesUp();
}

TEST_F(LiarTest, WrongHeadsAndPiecesAreNotedAtOnce) {
  answer_ =
      [this](const hotstuff::TransferMessage& message) -> std::optional<hotstuff::TransferMessage> {
    if (std::holds_alternative<hotstuff::OfferRequest>(message)) {
      return hotstuff::Offer{Epoch(0), Height(90), Height(60), newest_};
    }
    if (const auto* request = std::get_if<hotstuff::HeadRequest>(&message)) {
      // Now and then the right one, so that it is asked for pieces.
      if (++heads_ % 2 == 0) return hotstuff::HeadResponse{request->snapshot, Bytes(100, 7)};
      const auto head = At(0).store->snapshots().Head(request->snapshot);
      return hotstuff::HeadResponse{request->snapshot, head.value_or(Bytes())};
    }
    if (const auto* request = std::get_if<hotstuff::PieceRequest>(&message)) {
      return hotstuff::PieceResponse{request->snapshot, request->index, Bytes(1 << 20, 0xff)};
    }
    return std::nullopt;
  };
  for (uint64_t seed = 23; seed < 29; ++seed) {
    liar_ = SIZE_MAX;
    Prepare(seed);
    ExpectCatchesUp();
  }
}

// Who asks more than it may gets no more than it may, and holds up nobody.
TEST_F(LiarTest, AnswersToOnePeerAreBounded) {
  size_t offers = 0;
  answer_ =
      [&offers](
          const hotstuff::TransferMessage& message) -> std::optional<hotstuff::TransferMessage> {
    offers += std::holds_alternative<hotstuff::Offer>(message);
    return std::nullopt;
  };
  Prepare(30);
  cluster_->RunFor(seconds(2));
  offers = 0;
  cluster_->Run(2, [&] {
    for (int i = 0; i < 1000; ++i) {
      cluster_->program<Liar>(2).channels->SendTransfer(cluster_->id(0), hotstuff::OfferRequest());
    }
  });
  cluster_->RunFor(milliseconds(500));
  EXPECT_GE(offers, 32u);
  EXPECT_LE(offers, 32u + 50u + 2u);
  ExpectCatchesUp();
}

}  // namespace
}  // namespace groat::consensus_service
