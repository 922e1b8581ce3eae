// One appender alone: every fate of a transaction, planned again until it is decided.
#include "services/ledger/appender.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <future>

#include "base/status_matchers.h"
#include "bls/testing/test_keys.h"
#include "services/ledger/testing/test_ledger.h"

namespace groat::ledger_service {
namespace {

using ::groat::testing::StatusIs;
using record::Block;
using record::Height;
using storage::CommitFault;
using ::testing::HasSubstr;
using testing::TrieRelay;

// The store follows what is committed at once, as a follower without delay would.
class AppenderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(::testing::TempDir()) / ("appender_" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    absl::StatusOr<std::unique_ptr<BlockStore>> store =
        BlockStore::Open(folder_, context_.ledger_id);
    GROAT_ASSERT_OK(store);
    store_ = *std::move(store);
    context_.store = store_.get();
    context_.timing.retry_backoff = std::chrono::milliseconds(1);
    appender_ = std::make_unique<Appender>(
        context_, /*max_queued=*/2,
        Appender::Callbacks{.check =
                                [this](std::span<const record::SignedRoot> roots) {
                                  return ledger::CheckRoots(roots, context_.rules);
                                },
                            .wait_applied =
                                [this](Height height) {
                                  FollowRegister();
                                  return store_->applied() >= height;
                                },
                            .committed = [](std::vector<Block>) {}});
  }
  void TearDown() override {
    appender_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void FollowRegister() {
    const auto runs = register_.ReadRange(context_.keys.BlockRunsFrom(store_->applied().Next()));
    GROAT_ASSERT_OK(runs);
    for (const storage::KeyValue& item : runs->items) {
      GROAT_ASSERT_OK_AND_ASSIGN(const std::vector<Block> blocks, DecodeBlockRun(item.value));
      store_->Append(blocks);
    }
  }

  std::future<absl::StatusOr<std::vector<Block>>> Enqueue(
      std::vector<record::SignedRoot> roots,
      std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<std::vector<Block>>>>();
    AppendRequest request{std::move(roots), std::chrono::steady_clock::now() + timeout,
                          [promise](absl::StatusOr<std::vector<Block>> blocks) {
                            promise->set_value(std::move(blocks));
                          }};
    if (!appender_->TryEnqueue(request)) request.done(absl::ResourceExhaustedError("full"));
    return promise->get_future();
  }

  // Another node's append.
  void AppendElsewhere(const std::vector<record::SignedRoot>& roots) {
    storage::MemoryRegister* reg = &register_;
    NodeContext other = context_;
    other.reg = reg;
    Appender appender(other, 10,
                      {.check = {},
                       .wait_applied =
                           [this](Height height) {
                             FollowRegister();
                             return store_->applied() >= height;
                           },
                       .committed = [](std::vector<Block>) {}});
    appender.Start();
    std::promise<absl::Status> promise;
    AppendRequest request{roots, std::chrono::steady_clock::now() + std::chrono::seconds(20),
                          [&promise](absl::StatusOr<std::vector<Block>> blocks) {
                            promise.set_value(blocks.status());
                          }};
    ASSERT_TRUE(appender.TryEnqueue(request));
    GROAT_ASSERT_OK(promise.get_future().get());
  }

  std::string folder_;
  TrieRelay relay_{1};
  TrieRelay other_{2};
  storage::MemoryRegister register_;
  storage::FaultyRegister faults_{&register_};
  telemetry::Metrics registry_{"ledger"};
  LedgerMetrics metrics_{registry_};
  telemetry::Logger logger_{
      {.service = "ledger"}, [](std::string_view) {}, [] { return int64_t{0}; }};
  Halt halt_;
  NodeContext context_{.self = record::NodeIndex(0),
                       .ledger_id = testing::Filled(0x1d),
                       .rules = {{relay_.name(), relay_.rule()}, {other_.name(), other_.rule()}},
                       .node_keys = *record::NodeKeys::Create(
                           std::vector<bls::Registration>{bls::testing::TestRegistration(0)}),
                       .keys = RegisterKeys("test/"),
                       .timing = {},
                       .reg = &faults_,
                       .halt = &halt_,
                       .metrics = &metrics_,
                       .logger = &logger_,
                       .now_ms = [] { return uint64_t{1000}; }};
  std::unique_ptr<BlockStore> store_;
  std::unique_ptr<Appender> appender_;
};

TEST_F(AppenderTest, EveryFateOfATransactionIsDecidedOnce) {
  struct Case {
    const char* name;
    std::deque<CommitFault> faults;
    double unknown;
    double lost_races;
  };
  appender_->Start();
  uint64_t height = 0;
  double unknown = 0;
  double races = 0;
  for (const Case& c :
       {Case{"none", {}, 0, 0}, Case{"answer lost", {CommitFault::kAnswerLost}, 1, 0},
        Case{"request lost", {CommitFault::kRequestLost}, 1, 0},
        Case{"request lost twice, then the answer",
             {CommitFault::kRequestLost, CommitFault::kRequestLost, CommitFault::kAnswerLost},
             3,
             0},
        Case{"refused for now", {CommitFault::kUnavailable, CommitFault::kUnavailable}, 0, 0},
        Case{"delayed", {CommitFault::kRequestDelayed}, 1, 0}}) {
    faults_.FailCommits(c.faults);
    const absl::StatusOr<std::vector<Block>> blocks = Enqueue(relay_.Next(2, 1)).get();
    GROAT_ASSERT_OK(blocks);
    height += 2;
    EXPECT_EQ(blocks->back().height, Height(height)) << c.name;
    // What was delayed comes now, and finds another head than it wants.
    for (const auto& late : faults_.ReleaseDelayed()) {
      GROAT_ASSERT_OK(late);
      EXPECT_FALSE(late->committed) << c.name;
    }
    unknown += c.unknown;
    races += c.lost_races;
    EXPECT_EQ(metrics_.unknown_outcomes.Value(), unknown) << c.name;
    EXPECT_EQ(metrics_.lost_races.Value(), races) << c.name;
  }
  FollowRegister();
  EXPECT_EQ(store_->applied(), Height(height));
}

TEST_F(AppenderTest, ADelayedTransactionThatComesFirstIsFound) {
  appender_->Start();
  GROAT_ASSERT_OK(Enqueue({relay_.Next()}).get());
  const record::SignedRoot root = relay_.Next();
  // The first try waits somewhere; it is let go while the second one is turned away.
  faults_.FailCommits({CommitFault::kRequestDelayed, CommitFault::kUnavailable});
  auto answer = Enqueue({root});
  ASSERT_TRUE(testing::Eventually([&] { return faults_.commit_count() >= 3; }));
  faults_.ReleaseDelayed();
  const absl::StatusOr<std::vector<Block>> blocks = answer.get();
  GROAT_ASSERT_OK(blocks);
  EXPECT_EQ(blocks->back().height, Height(2));
  FollowRegister();
  EXPECT_EQ(store_->applied(), Height(2)) << "once, whichever came first";
}

TEST_F(AppenderTest, ARaceIsLostAndPlannedAgain) {
  appender_->Start();
  GROAT_ASSERT_OK(Enqueue({relay_.Next()}).get());
  AppendElsewhere({other_.Next()});
  const absl::StatusOr<std::vector<Block>> blocks = Enqueue({relay_.Next()}).get();
  GROAT_ASSERT_OK(blocks);
  EXPECT_EQ(blocks->back().height, Height(3));
  EXPECT_EQ(metrics_.lost_races.Value(), 1);
}

// A refusal is only given by a state that is current: what looks like a gap to this node may have
// been filled by another.
TEST_F(AppenderTest, AnOutdatedStateRefusesNothing) {
  appender_->Start();
  GROAT_ASSERT_OK(Enqueue({relay_.Next()}).get());
  AppendElsewhere(relay_.Next(3, 1));
  const absl::StatusOr<std::vector<Block>> blocks = Enqueue({relay_.Next()}).get();
  GROAT_ASSERT_OK(blocks);
  EXPECT_EQ(blocks->back().height, Height(5));
  relay_.Next();
  EXPECT_THAT(Enqueue({relay_.Next()}).get(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("want cycle 6")));
}

TEST_F(AppenderTest, WaitingRequestsShareATransaction) {
  auto first = Enqueue({relay_.Next()});
  auto second = Enqueue({other_.Next()});
  auto third = Enqueue({relay_.Next()});
  EXPECT_THAT(third.get(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")));
  appender_->Start();
  GROAT_EXPECT_OK(first.get());
  GROAT_EXPECT_OK(second.get());
  EXPECT_EQ(faults_.commit_count(), 1);
  EXPECT_EQ(metrics_.appended_blocks.Value(), 2);
}

TEST_F(AppenderTest, AnIdleAppenderChecksSignaturesItself) {
  const auto enqueue = [&](record::SignedRoot root, std::promise<absl::Status>& answer) {
    AppendRequest request{
        {root},
        std::chrono::steady_clock::now() + std::chrono::seconds(20),
        [&answer](absl::StatusOr<std::vector<Block>> blocks) { answer.set_value(blocks.status()); },
        ledger::RootSignature::kUnchecked};
    return appender_->TryEnqueueIfIdle(request);
  };
  std::promise<absl::Status> wrong, right, refused;
  record::SignedRoot forged = relay_.Next();
  const record::SignedRoot genuine = forged;
  forged.signature[0] ^= 1;
  EXPECT_TRUE(enqueue(forged, wrong));
  EXPECT_FALSE(enqueue(genuine, refused)) << "there is something to do";
  appender_->Start();
  EXPECT_THAT(wrong.get_future().get(),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("signature")));
  EXPECT_EQ(faults_.commit_count(), 0);
  EXPECT_EQ(metrics_.append_refusals.Value(), 1);
  ASSERT_TRUE(testing::Eventually([&] { return enqueue(genuine, right); }));
  GROAT_EXPECT_OK(right.get_future().get());
  EXPECT_EQ(metrics_.appended_blocks.Value(), 1);
}

// A repetition beside a new root is answered with its block, also if the store is behind: this
// node's own appends are not waited for otherwise.
TEST_F(AppenderTest, ARepetitionWaitsForItsBlock) {
  appender_->Start();
  const record::SignedRoot root = relay_.Next();
  // The appender stands still in the answer until the other two wait together.
  std::promise<void> both_wait;
  std::promise<absl::Status> answered;
  AppendRequest first{{root},
                      std::chrono::steady_clock::now() + std::chrono::seconds(20),
                      [&](absl::StatusOr<std::vector<Block>> blocks) {
                        both_wait.get_future().wait();
                        answered.set_value(blocks.status());
                      }};
  ASSERT_TRUE(appender_->TryEnqueue(first));
  ASSERT_TRUE(testing::Eventually([&] { return metrics_.appended_blocks.Value() == 1; }));
  auto next = Enqueue({other_.Next()});
  auto again = Enqueue({root});
  EXPECT_EQ(store_->applied(), Height(0));
  both_wait.set_value();
  GROAT_EXPECT_OK(answered.get_future().get());
  GROAT_EXPECT_OK(next.get());
  const absl::StatusOr<std::vector<Block>> blocks = again.get();
  GROAT_ASSERT_OK(blocks);
  EXPECT_EQ(blocks->back().height, Height(1));
  EXPECT_EQ(faults_.commit_count(), 2);
}

TEST_F(AppenderTest, WithoutTheRegisterRequestsEndAtTheirDeadline) {
  appender_->Start();
  faults_.SetUnavailable(true);
  EXPECT_THAT(Enqueue({relay_.Next()}, std::chrono::milliseconds(20)).get(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("does not answer")));
}

TEST_F(AppenderTest, StoppingAnswersWhatWaits) {
  auto waiting = Enqueue({relay_.Next()});
  appender_->Stop();
  EXPECT_THAT(waiting.get(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stopping")));
  EXPECT_THAT(Enqueue({relay_.Next()}).get(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("")));
}

TEST_F(AppenderTest, ARelayEntryThatIsNotOurBlockStopsTheNode) {
  appender_->Start();
  GROAT_ASSERT_OK(Enqueue({relay_.Next()}).get());
  ledger::RelayTip tip{Height(1), relay_.Next().statement};
  storage::Transaction transaction;
  transaction.puts = {
      {context_.keys.Relay(relay_.name()), EncodeTip(tip), {}},
      {context_.keys.Head(), register_.Read(context_.keys.Head())->value().value, {}}};
  GROAT_ASSERT_OK(register_.Commit(transaction));
  EXPECT_THAT(Enqueue({other_.Next()}).get(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("names cycle 2 at height 1")));
}

TEST(RefusalStatusTest, EveryKindHasItsCode) {
  using ledger::RefusalKind;
  for (const auto& [kind, code] :
       {std::pair{RefusalKind::kMalformed, absl::StatusCode::kInvalidArgument},
        {RefusalKind::kUnknownRelay, absl::StatusCode::kNotFound},
        {RefusalKind::kWrongSignature, absl::StatusCode::kPermissionDenied},
        {RefusalKind::kGap, absl::StatusCode::kFailedPrecondition},
        {RefusalKind::kDoesNotFollow, absl::StatusCode::kFailedPrecondition},
        {RefusalKind::kOtherRoot, absl::StatusCode::kFailedPrecondition},
        {RefusalKind::kNotApplied, absl::StatusCode::kUnavailable}}) {
    EXPECT_THAT(RefusalStatus({kind, "why"}), StatusIs(code, HasSubstr("why")));
  }
}

}  // namespace
}  // namespace groat::ledger_service
