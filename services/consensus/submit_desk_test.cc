// The desk alone: a replica made of lambdas, a store in memory, virtual time.
#include "services/consensus/submit_desk.h"

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <thread>

#include "base/status_matchers.h"
#include "hotstuff/testing/fixture.h"
#include "p2p/tls/event_loop.h"
#include "services/consensus/testing/inline_offload.h"
#include "services/consensus/testing/shared_store.h"
#include "services/consensus/thread_offload.h"
#include "sim/node_executor.h"

namespace groat::consensus_service {
namespace {

using consensus_service::testing::InlineOffload;
using consensus_service::testing::SharedStore;
using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using hotstuff::ClientTable;
using hotstuff::Command;
using hotstuff::CommandKey;
using hotstuff::SubmitVerdict;
using hotstuff::testing::ChainMaker;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::_;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// What a sink was told about one command.
struct Told {
  absl::Status refusal;
  Height height;
  uint32_t index = 0;
  bool fresh = true;
};

class Recorder final : public SubmitSink {
 public:
  void Take(const SubmitAnswer& answer) override {
    for (const SubmitAnswer::Placed& placed : answer.commands) {
      EXPECT_TRUE(
          told.emplace(placed.key, Told{answer.refusal, answer.height, placed.index, placed.fresh})
              .second)
          << "two answers for sequence " << placed.key.sequence.value();
    }
    ++answers;
  }
  const Told& of(const CommandKey& key) const {
    const auto found = told.find(key);
    GROAT_CHECK(found != told.end()) << "no answer for sequence " << key.sequence.value();
    return found->second;
  }

  std::map<CommandKey, Told> told;
  size_t answers = 0;
};

Command Make(uint64_t client, uint64_t sequence, const std::string& payload = "payload") {
  const ByteView bytes = AsBytes(payload);
  return {{hotstuff::ClientId(client), hotstuff::Sequence(sequence)}, {bytes.begin(), bytes.end()}};
}

class SubmitDeskTest : public ::testing::Test {
 protected:
  SubmitDeskTest() { Open({}); }

  void Open(const DeskBounds& bounds) {
    desk_ = std::make_unique<SubmitDesk>(
        SubmitDesk::Parts{executor_, *store_, answers_, readers_, metrics_}, bounds);
    DeskReplica replica;
    replica.submit = [this](std::vector<Command> commands) {
      for (const Command& command : commands) submitted_.push_back(command);
      return std::vector<SubmitVerdict>(commands.size(), verdict_);
    };
    replica.look = [this](const CommandKey& key) {
      return seen_.count(key) > 0 ? ClientTable::State::kSeen : ClientTable::State::kFresh;
    };
    replica.committed_height = [this] { return parent_->height(); };
    replica.is_validator = [this] { return is_validator_; };
    executor_.Run([&] { desk_->Open(std::move(replica)); });
  }
  // Lets everything run that is due.
  void Settle() { scheduler_.RunFor(seconds(10)); }

  std::shared_ptr<Recorder> Offer(std::vector<Command> commands,
                                  SubmitVerdict verdict = SubmitVerdict::kAccepted) {
    verdict_ = verdict;
    auto sink = std::make_shared<Recorder>();
    GROAT_EXPECT_OK(desk_->Offer(std::move(commands), sink));
    Settle();
    return sink;
  }
  // Commits a block of these commands; of `ineffective`, those have no effect.
  Height Commit(std::vector<Command> commands,
                std::vector<hotstuff::CommittedBlock::Ineffective> ineffective = {}) {
    const hotstuff::CommittedBlock committed = Store(std::move(commands), std::move(ineffective));
    executor_.Run([&] { desk_->OnCommitted({committed}); });
    Settle();
    return committed.block->height();
  }
  hotstuff::CommittedBlock Store(
      std::vector<Command> commands,
      std::vector<hotstuff::CommittedBlock::Ineffective> ineffective = {}) {
    parent_ = maker_.Extend(parent_, parent_->view().Next(), nullptr, std::move(commands));
    hotstuff::CommittedBlock committed{parent_, maker_.Certify(*parent_), {}};
    committed.fresh.assign(parent_->commands().size(), true);
    for (const auto& one : ineffective) committed.fresh[one.index] = false;
    committed.ineffective = std::move(ineffective);
    StoreTurn turn;
    turn.commits.push_back(committed);
    GROAT_EXPECT_OK(store_->Write(turn));
    return committed;
  }
  double waiting() const { return metrics_.waiting_commands->Value(); }
  double refused() const { return metrics_.refused_commands->Value(); }

  ChainMaker maker_{4};
  hotstuff::BlockPtr parent_ = maker_.genesis.Block0();
  sim::Scheduler scheduler_;
  sim::NodeExecutor executor_{scheduler_, 1};
  storage::MemoryStore disk_;
  std::unique_ptr<BlockStore> store_ =
      *BlockStore::Open(std::make_unique<SharedStore>(disk_), maker_.genesis);
  InlineOffload answers_{executor_, milliseconds(1)};
  InlineOffload readers_{executor_, milliseconds(10)};
  telemetry::Metrics registry_{"consensus"};
  Metrics metrics_{registry_};
  bool is_validator_ = true;
  std::set<CommandKey> seen_;  // By the core, whatever the desk was told.
  SubmitVerdict verdict_ = SubmitVerdict::kAccepted;
  std::vector<Command> submitted_;
  std::unique_ptr<SubmitDesk> desk_;
};

TEST_F(SubmitDeskTest, AnswersWithPlacesOneAnswerABlock) {
  const auto sink = Offer({Make(1, 1), Make(1, 2), Make(1, 3)});
  EXPECT_THAT(submitted_, SizeIs(3));
  EXPECT_EQ(waiting(), 3);
  const Height first = Commit({Make(9, 9), Make(1, 2), Make(1, 1)});
  EXPECT_EQ(sink->answers, 1u);
  EXPECT_EQ(sink->of(Make(1, 2).key).height, first);
  EXPECT_EQ(sink->of(Make(1, 2).key).index, 1u);
  EXPECT_EQ(sink->of(Make(1, 1).key).index, 2u);
  const Height second = Commit({Make(1, 3)});
  EXPECT_EQ(sink->of(Make(1, 3).key).height, second);
  EXPECT_EQ(desk_->unanswered(), 0u);
  EXPECT_EQ(waiting(), 0);
  EXPECT_EQ(metrics_.answered_commands->Value(), 3);
  EXPECT_EQ(refused(), 0);
}

// A command that is in a block and has no effect is not told to be committed.
TEST_F(SubmitDeskTest, ACommandThatLandsWithoutEffectIsRefused) {
  using S = ClientTable::State;
  const auto sink = Offer({Make(1, 1), Make(1, 2), Make(2, 1), Make(3, 1)});
  const Height earlier = Store({Make(3, 1)}).block->height();
  Commit({Make(1, 1), Make(1, 2), Make(2, 1), Make(3, 1)},
         {{0, S::kTooOld}, {2, S::kNoRoom}, {3, S::kSeen}});
  EXPECT_THAT(sink->of(Make(1, 1).key).refusal,
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("4096")));
  EXPECT_THAT(sink->of(Make(1, 2).key).refusal, IsOk());
  EXPECT_THAT(sink->of(Make(2, 1).key).refusal,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("clients")));
  // Where it took effect.
  EXPECT_THAT(sink->of(Make(3, 1).key).refusal, IsOk());
  EXPECT_EQ(sink->of(Make(3, 1).key).height, earlier);
  EXPECT_EQ(refused(), 2);
  EXPECT_EQ(waiting(), 0);
}

TEST_F(SubmitDeskTest, AChangeOfValidatorsWithoutEffectSaysSo) {
  Command change = Make(0, 1);
  change.key.client = hotstuff::kChangeClient;
  const auto sink = Offer({change});
  hotstuff::CommittedBlock committed = Store({change});
  committed.fresh[0] = false;
  executor_.Run([&] { desk_->OnCommitted({committed}); });
  Settle();
  EXPECT_THAT(sink->of(change.key).refusal, IsOk());
  EXPECT_FALSE(sink->of(change.key).fresh);
}

// Somebody else's payload under the same name is not the client's commit.
TEST_F(SubmitDeskTest, AnotherPayloadOfTheSameNameIsTold) {
  const auto sink = Offer({Make(1, 1, "mine"), Make(1, 2, "mine")});
  const Height height = Commit({Make(1, 1, "theirs"), Make(1, 2, "mine")});
  EXPECT_THAT(sink->of(Make(1, 1).key).refusal,
              StatusIs(absl::StatusCode::kAlreadyExists,
                       HasSubstr("height " + std::to_string(height.value()))));
  EXPECT_THAT(sink->of(Make(1, 2).key).refusal, IsOk());

  // Later, when its commit is long past.
  const auto late = Offer({Make(1, 1, "mine"), Make(1, 2, "mine")}, SubmitVerdict::kCommitted);
  EXPECT_THAT(late->of(Make(1, 1).key).refusal,
              StatusIs(absl::StatusCode::kAlreadyExists,
                       HasSubstr("height " + std::to_string(height.value()))));
  EXPECT_EQ(late->of(Make(1, 2).key).height, height);
}

TEST_F(SubmitDeskTest, AnotherPayloadIsRefusedWhileTheFirstWaits) {
  const auto first = Offer({Make(1, 1, "first")});
  const auto second = Offer({Make(1, 1, "second")}, SubmitVerdict::kPending);
  EXPECT_THAT(second->of(Make(1, 1).key).refusal,
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("waits")));
  Commit({Make(1, 1, "first")});
  EXPECT_THAT(first->of(Make(1, 1).key).refusal, IsOk());
}

TEST_F(SubmitDeskTest, EightCallsMayWaitForOneCommand) {
  std::vector<std::shared_ptr<Recorder>> sinks;
  for (int i = 0; i < 8; ++i) {
    sinks.push_back(
        Offer({Make(1, 1)}, i == 0 ? SubmitVerdict::kAccepted : SubmitVerdict::kPending));
  }
  const auto ninth = Offer({Make(1, 1)}, SubmitVerdict::kPending);
  EXPECT_THAT(ninth->of(Make(1, 1).key).refusal,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("8 calls")));
  const Height height = Commit({Make(1, 1)});
  for (const auto& sink : sinks) EXPECT_EQ(sink->of(Make(1, 1).key).height, height);
  EXPECT_EQ(waiting(), 0);
}

TEST_F(SubmitDeskTest, RefusesByVerdict) {
  struct Case {
    SubmitVerdict verdict;
    absl::StatusCode code;
  };
  const Case cases[] = {{SubmitVerdict::kTooOld, absl::StatusCode::kOutOfRange},
                        {SubmitVerdict::kFull, absl::StatusCode::kResourceExhausted},
                        {SubmitVerdict::kTooLarge, absl::StatusCode::kInvalidArgument},
                        {SubmitVerdict::kNoRoom, absl::StatusCode::kResourceExhausted}};
  for (const Case& c : cases) {
    const auto sink = Offer({Make(1, 1), Make(1, 2)}, c.verdict);
    EXPECT_THAT(sink->of(Make(1, 2).key).refusal, StatusIs(c.code, _));
    EXPECT_EQ(sink->answers, 1u);
  }
  EXPECT_EQ(refused(), 8);
  EXPECT_EQ(desk_->unanswered(), 0u);
  const auto sink = Offer({Make(1, 1)}, SubmitVerdict::kAccepted);
  Commit({Make(1, 1)});
  EXPECT_THAT(sink->of(Make(1, 1).key).refusal, IsOk());
}

TEST_F(SubmitDeskTest, AFullQueueRefusesAndForgets) {
  Open({.max_queued_commands = 3, .max_queued_bytes = 200});
  const auto sink = std::make_shared<Recorder>();
  // The first one always has room.
  GROAT_EXPECT_OK(desk_->Offer({Make(1, 1), Make(1, 2)}, sink));
  EXPECT_THAT(desk_->Offer({Make(1, 3), Make(1, 4)}, sink),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2 commands")));
  EXPECT_THAT(desk_->Offer({Make(1, 3, std::string(200, 'x'))}, sink),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  GROAT_EXPECT_OK(desk_->Offer({Make(1, 5)}, sink));
  Settle();
  EXPECT_THAT(submitted_, SizeIs(3));
  EXPECT_EQ(refused(), 3);
  EXPECT_EQ(desk_->unanswered(), 3u);
  Commit({Make(1, 1), Make(1, 2), Make(1, 5)});
  EXPECT_THAT(sink->told, SizeIs(3));
}

TEST_F(SubmitDeskTest, LooksBackForWhatWasCommittedBefore) {
  Open({.lookback_blocks = 3});
  const Height first = Commit({Make(1, 1)});
  const Height second = Commit({Make(1, 2)});
  Commit({Make(1, 3)});
  const auto near = Offer({Make(1, 1), Make(1, 2), Make(1, 3)}, SubmitVerdict::kCommitted);
  EXPECT_EQ(near->of(Make(1, 1).key).height, first);
  EXPECT_EQ(near->of(Make(1, 2).key).height, second);
  Commit({Make(1, 4)});
  // Too far back: committed, its place is not known any more.
  const auto far = Offer({Make(1, 1), Make(1, 2)}, SubmitVerdict::kCommitted);
  EXPECT_THAT(far->of(Make(1, 1).key).refusal, IsOk());
  EXPECT_EQ(far->of(Make(1, 1).key).height, Height(0));
  EXPECT_EQ(far->of(Make(1, 2).key).height, second);
}

// The core has committed it, the disk has not: the search waits for the store.
TEST_F(SubmitDeskTest, SearchesOnceTheStoreHasIt) {
  const hotstuff::BlockPtr before = parent_;
  parent_ = maker_.Extend(before, before->view().Next(), nullptr, {Make(1, 1)});
  const auto sink = Offer({Make(1, 1)}, SubmitVerdict::kCommitted);
  EXPECT_THAT(sink->told, SizeIs(0));
  parent_ = before;
  const Height height = Commit({Make(1, 1)});
  EXPECT_EQ(sink->of(Make(1, 1).key).height, height);
}

TEST_F(SubmitDeskTest, OneSearchServesAllThatCameMeanwhileAndTheyAreBounded) {
  Open({.max_sought_commands = 4});
  const Height height = Commit({Make(1, 1), Make(1, 2)});
  verdict_ = SubmitVerdict::kCommitted;
  std::vector<std::shared_ptr<Recorder>> sinks;
  const auto offer = [&](uint64_t sequence) {
    sinks.push_back(std::make_shared<Recorder>());
    GROAT_EXPECT_OK(desk_->Offer({Make(1, sequence)}, sinks.back()));
    scheduler_.RunFor(milliseconds(1));  // A search takes ten.
  };
  offer(1);
  for (int i = 0; i < 4; ++i) offer(2);
  // One is searched for, three wait, and the fifth has no room.
  EXPECT_EQ(sinks[0]->answers, 0u);
  scheduler_.RunFor(milliseconds(3));
  EXPECT_THAT(sinks[4]->of(Make(1, 2).key).refusal,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("4 other commands")));
  scheduler_.RunFor(milliseconds(5));
  EXPECT_EQ(sinks[0]->of(Make(1, 1).key).height, height);
  // The second search, for all three.
  scheduler_.RunFor(milliseconds(11));
  for (int i = 1; i < 4; ++i) EXPECT_EQ(sinks[i]->of(Make(1, 2).key).index, 1u);
}

TEST_F(SubmitDeskTest, DamageReachesWhoAsks) {
  const Height height = Commit({Make(1, 1)});
  GROAT_ASSERT_OK(
      disk_.Write(storage::StoreBatch().Delete(ByteWriter().U8('c').U64(height.value()).Take()),
                  storage::OrderedStore::Durability::kSynced));
  const auto sink = Offer({Make(1, 1)}, SubmitVerdict::kCommitted);
  EXPECT_THAT(sink->of(Make(1, 1).key).refusal, StatusIs(absl::StatusCode::kDataLoss, _));
}

TEST_F(SubmitDeskTest, TakesNothingBeforeOpenAndAfterClose) {
  SubmitDesk closed({executor_, *store_, answers_, readers_, metrics_}, {});
  const auto sink = std::make_shared<Recorder>();
  EXPECT_THAT(closed.Offer({Make(1, 1)}, sink), StatusIs(absl::StatusCode::kUnavailable, _));
  desk_->Close();
  EXPECT_THAT(desk_->Offer({Make(1, 1), Make(1, 2)}, sink),
              StatusIs(absl::StatusCode::kUnavailable, _));
  Settle();
  EXPECT_EQ(refused(), 3);
  EXPECT_THAT(submitted_, SizeIs(0));
  EXPECT_THAT(sink->told, SizeIs(0));
}

TEST_F(SubmitDeskTest, ADrainAnswersAllWhoWait) {
  Commit({Make(2, 1)});
  const auto waiting_sink = Offer({Make(1, 1)});
  const auto sought_sink = std::make_shared<Recorder>();
  const hotstuff::BlockPtr before = parent_;
  parent_ = maker_.Extend(before, before->view().Next());  // The store never has it.
  verdict_ = SubmitVerdict::kCommitted;
  GROAT_ASSERT_OK(desk_->Offer({Make(2, 1)}, sought_sink));
  desk_->Close();
  desk_->FailWaiting(absl::UnavailableError("draining"));
  Settle();
  EXPECT_THAT(waiting_sink->of(Make(1, 1).key).refusal,
              StatusIs(absl::StatusCode::kUnavailable, "draining"));
  EXPECT_THAT(sought_sink->of(Make(2, 1).key).refusal,
              StatusIs(absl::StatusCode::kUnavailable, "draining"));
  EXPECT_EQ(desk_->unanswered(), 0u);
  EXPECT_TRUE(desk_->WaitUntilAnswered(std::chrono::steady_clock::now()));
  // Its commit comes after all, and finds nobody.
  parent_ = before;
  Commit({Make(1, 1)});
  EXPECT_EQ(waiting_sink->answers, 1u);
  EXPECT_EQ(waiting(), 0);
}

TEST_F(SubmitDeskTest, NoValidatorTakesNothing) {
  is_validator_ = false;
  const auto sink = Offer({Make(1, 1)});
  EXPECT_THAT(sink->of(Make(1, 1).key).refusal,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no validator")));
  EXPECT_THAT(submitted_, SizeIs(0));
}

// What the next epoch's pool took goes on waiting; nobody waits for what it did not.
TEST_F(SubmitDeskTest, AHandoverAnswersForWhatIsNotHandedOver) {
  const Height height = Commit({Make(1, 4)});
  const auto sink = Offer({Make(1, 1), Make(1, 2), Make(1, 3), Make(1, 4)});
  executor_.Run([&] {
    seen_ = {Make(1, 4).key};
    desk_->OnHandedOver({Make(1, 1).key, Make(1, 2).key},
                        {SubmitVerdict::kAccepted, SubmitVerdict::kTooOld});
  });
  Settle();
  EXPECT_EQ(sink->told.count(Make(1, 1).key), 0u);
  EXPECT_THAT(sink->of(Make(1, 2).key).refusal, StatusIs(absl::StatusCode::kOutOfRange, _));
  EXPECT_THAT(sink->of(Make(1, 3).key).refusal, StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(sink->of(Make(1, 4).key).height, height);

  is_validator_ = false;
  executor_.Run([&] { desk_->OnHandedOver({}, {}); });
  Settle();
  EXPECT_THAT(sink->of(Make(1, 1).key).refusal, StatusIs(absl::StatusCode::kFailedPrecondition, _));
  EXPECT_EQ(waiting(), 0);
}

// Clients on threads of their own, the replica on an executor's, answers and reads on others.
TEST(SubmitDeskThreadsTest, AnswersEveryCommandOfManyThreadsOnce) {
  constexpr uint64_t kClients = 4;
  constexpr uint64_t kOffers = 50;
  constexpr uint64_t kCommands = 5;
  ChainMaker maker(4);
  storage::MemoryStore disk;
  const auto store = *BlockStore::Open(std::make_unique<SharedStore>(disk), maker.genesis);
  telemetry::Metrics registry("consensus");
  Metrics metrics(registry);
  p2p::EventLoop executor("desk test");
  executor.Start();
  ThreadOffload answers(executor, 1, "answers");
  ThreadOffload readers(executor, 1, "readers");
  SubmitDesk desk({executor, *store, answers, readers, metrics}, {});
  // Of the executor.
  hotstuff::BlockPtr parent = maker.genesis.Block0();
  DeskReplica replica;
  replica.submit = [&](std::vector<Command> commands) {
    const std::vector<SubmitVerdict> verdicts(commands.size(), SubmitVerdict::kAccepted);
    executor.Post([&, commands = std::move(commands)]() mutable {
      parent = maker.Extend(parent, parent->view().Next(), nullptr, std::move(commands));
      hotstuff::CommittedBlock committed{parent, maker.Certify(*parent), {}};
      committed.fresh.assign(parent->commands().size(), true);
      StoreTurn turn;
      turn.commits.push_back(committed);
      GROAT_EXPECT_OK(store->Write(turn));
      desk.OnCommitted({committed});
    });
    return verdicts;
  };
  replica.look = [](const CommandKey&) { return ClientTable::State::kFresh; };
  replica.committed_height = [&] { return parent->height(); };
  replica.is_validator = [] { return true; };
  executor.RunAndWait([&] { desk.Open(std::move(replica)); });

  std::vector<std::vector<std::shared_ptr<Recorder>>> sinks(kClients);
  std::vector<std::thread> clients;
  for (uint64_t client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      for (uint64_t offer = 0; offer < kOffers; ++offer) {
        std::vector<Command> commands;
        for (uint64_t i = 1; i <= kCommands; ++i) {
          commands.push_back(Make(client + 1, offer * kCommands + i));
        }
        sinks[client].push_back(std::make_shared<Recorder>());
        GROAT_EXPECT_OK(desk.Offer(std::move(commands), sinks[client].back()));
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(desk.WaitUntilAnswered(std::chrono::steady_clock::now() + seconds(60)));
  desk.Close();
  readers.Stop();
  answers.Stop();
  executor.Stop();
  for (const auto& of_client : sinks) {
    for (const auto& sink : of_client) {
      EXPECT_THAT(sink->told, SizeIs(kCommands));
      for (const auto& [key, told] : sink->told) GROAT_EXPECT_OK(told.refusal);
    }
  }
  EXPECT_EQ(metrics.waiting_commands->Value(), 0);
}

}  // namespace
}  // namespace groat::consensus_service
