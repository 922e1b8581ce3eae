#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "crypto/ed25519.h"
#include "tools/groat/demo/chain_audit.h"
#include "tools/groat/demo/payment_log.h"
#include "tools/groat/demo/report.h"

namespace groat::demo {
namespace {

using ::groat::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two payments of asset a (the second a double spend), one of asset b.
class PaymentLogTest : public ::testing::Test {
 protected:
  PaymentLogTest() : results_(3) {
    payments_ = {{0, 1, "a", 100, "cafe"},
                 {43'200'000, 2, "b", 100, "cafe"},
                 {86'399'999, 3, "a", 200, "fuel"}};
    for (const payments::Payment& payment : payments_) {
      updates_.push_back(payments::UpdateOf(payment, {}));
    }
    results_[0].outcome = Outcome::kTaken;
    results_[1].outcome = Outcome::kTaken;
    results_[2].outcome = Outcome::kDoubleSpend;
    results_[2].standing_value = updates_[0].value;
  }
  std::vector<std::string> Faults() {
    std::vector<std::string> faults;
    counts_ = CheckPayments(payments_, updates_, results_, faults);
    return faults;
  }

  std::vector<payments::Payment> payments_;
  std::vector<record::Update> updates_;
  std::vector<PaymentResult> results_;
  PaymentCounts counts_;
};

TEST_F(PaymentLogTest, CountsWhatHeld) {
  EXPECT_THAT(Faults(), IsEmpty());
  EXPECT_EQ(counts_.payments, 3u);
  EXPECT_EQ(counts_.taken, 2u);
  EXPECT_EQ(counts_.double_spends_attempted, 1u);
  EXPECT_EQ(counts_.double_spends_caught, 1u);
}

TEST_F(PaymentLogTest, EitherPaymentOfARaceMayWin) {
  std::swap(results_[0], results_[2]);
  results_[0].standing_value = updates_[2].value;
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(PaymentLogTest, NamesAnAssetTakenTwice) {
  results_[2].outcome = Outcome::kTaken;
  EXPECT_THAT(Faults(), ElementsAre("asset not taken exactly once: a 2 times"));
}

TEST_F(PaymentLogTest, NamesAnAssetNeverTaken) {
  results_[1].outcome = Outcome::kDoubleSpend;
  EXPECT_THAT(Faults(), ElementsAre("asset not taken exactly once: b 0 times"));
}

TEST_F(PaymentLogTest, NamesAWrongStandingValue) {
  results_[2].standing_value = updates_[1].value;
  EXPECT_THAT(Faults(),
              ElementsAre("double spend refused with a wrong standing value: id 3 of asset a"));
}

TEST_F(PaymentLogTest, NamesPaymentsWithoutAnAnswerOrWithAnError) {
  results_[1].outcome = Outcome::kUnanswered;
  results_[2].outcome = Outcome::kFailed;
  EXPECT_THAT(Faults(), ::testing::UnorderedElementsAre("asset not taken exactly once: b 0 times",
                                                        "payment answered with an error: id 3",
                                                        "payment without an answer: id 2"));
}

TEST_F(PaymentLogTest, NamesOnlyTheFirstTen) {
  payments_.clear();
  updates_.clear();
  results_.assign(25, {});
  for (uint64_t id = 0; id < 25; ++id) {
    payments_.push_back({0, id, "x" + std::to_string(id), 1, "cafe"});
    updates_.push_back(payments::UpdateOf(payments_.back(), {}));
  }
  const std::vector<std::string> faults = Faults();
  EXPECT_THAT(faults, ::testing::Contains("payment without an answer: 15 more"));
  EXPECT_EQ(faults.size(), 22u);
}

TEST_F(PaymentLogTest, ArrivalsPressTheDay) {
  EXPECT_THAT(ArrivalsNs(payments_, 60), ElementsAre(0, 30'000'000'000, 59'999'999'305));
  EXPECT_EQ(PeakPerSecond({0, 1, 999'999'999, 1'000'000'000, 5'000'000'000}), 3u);
  EXPECT_EQ(PeakPerSecond({}), 0u);
}

TEST_F(PaymentLogTest, SamplesWaitInEqualShares) {
  size_t included = 0;
  size_t anchored = 0;
  for (size_t row = 0; row < 1000; ++row) {
    included += WaitOf(row, 50) == Wait::kIncluded ? 1 : 0;
    anchored += WaitOf(row, 50) == Wait::kAnchored ? 1 : 0;
  }
  EXPECT_EQ(included, 20u);
  EXPECT_EQ(anchored, 20u);
}

class ChainAuditTest : public ::testing::Test {
 protected:
  ChainAuditTest() : key_(Bytes32{}) {
    relay_.relay = record::RelayId(7);
    relay_.period_cycles = 2;
    relay_.public_key = key_.public_key();
    for (uint64_t cycle = 1; cycle <= 4; ++cycle) AddCycle(cycle);
  }

  void AddCycle(uint64_t cycle) {
    record::RootStatement statement;
    statement.relay = relay_.relay;
    statement.cycle = record::Cycle(cycle);
    statement.period = record::PeriodOf(statement.cycle, relay_.period_cycles);
    statement.leaf_count = cycle % 2 == 1 ? 1 : 2;  // One new leaf a cycle, two cycles a period.
    statement.new_leaf_count = 1;
    statement.root.data()[0] = static_cast<uint8_t>(cycle);
    cycles_.push_back(record::SignRoot(statement, key_));
    record::Block block;
    block.height = record::Height(blocks_.size() + 1);
    if (!blocks_.empty()) block.previous_id = blocks_.back().Id();
    block.timestamp_ms = 1000 + cycle;
    block.root = cycles_.back();
    blocks_.push_back(block);
  }

  const Ed25519PrivateKey key_;
  asset::RelayTrust relay_;
  std::vector<record::SignedRoot> cycles_;
  std::vector<record::Block> blocks_;
};

TEST_F(ChainAuditTest, AgreesOnOneStory) {
  GROAT_EXPECT_OK(CheckCycles(cycles_, relay_));
  GROAT_EXPECT_OK(CheckChain(blocks_));
  GROAT_EXPECT_OK(CheckSameBlocks({blocks_, blocks_, {blocks_.begin(), blocks_.begin() + 2}}));
  GROAT_EXPECT_OK(CheckAnchored(cycles_, blocks_));
}

TEST_F(ChainAuditTest, SeesAMissingCycle) {
  cycles_.erase(cycles_.begin() + 1);
  EXPECT_THAT(CheckCycles(cycles_, relay_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cycle")));
  std::vector<record::SignedRoot> late(cycles_.begin() + 1, cycles_.end());
  EXPECT_FALSE(CheckCycles(late, relay_).ok());
}

TEST_F(ChainAuditTest, SeesAWrongSignature) {
  cycles_[2].signature.data()[0] ^= 1;
  EXPECT_THAT(CheckCycles(cycles_, relay_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("")));
}

TEST_F(ChainAuditTest, SeesABrokenChain) {
  blocks_[2].previous_id.data()[0] ^= 1;
  EXPECT_FALSE(CheckChain(blocks_).ok());
}

TEST_F(ChainAuditTest, SeesNodesThatDisagree) {
  std::vector<record::Block> other = blocks_;
  other[3].timestamp_ms += 1;
  EXPECT_THAT(CheckSameBlocks({blocks_, other}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("height 4: ledger-0")));
}

TEST_F(ChainAuditTest, SeesACycleWithoutItsBlock) {
  std::vector<record::Block> fewer(blocks_.begin(), blocks_.end() - 1);
  EXPECT_THAT(CheckAnchored(cycles_, fewer),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("cycle 4 has no block")));
  std::vector<record::Block> twice = blocks_;
  twice.push_back(blocks_[1]);
  EXPECT_THAT(CheckAnchored(cycles_, twice),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cycle 2 has two blocks")));
  blocks_[1].root.statement.root.data()[0] ^= 1;
  EXPECT_THAT(CheckAnchored(cycles_, blocks_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cycle 2 has root")));
}

TEST(ReportTest, SaysWhatHeldOrFailed) {
  DemoReport report;
  report.payments = {1000, 997, 3, 3, 0, 0};
  report.seconds = 10;
  std::vector<PaymentResult> results(3);
  results[0].outcome = Outcome::kTaken;
  results[0].latency_ns = 2'000'000;
  results[1] = results[0];
  results[1].wait = Wait::kIncluded;
  results[1].proof_verified = true;
  results[2].outcome = Outcome::kDoubleSpend;
  RecordLatencies(results, report);
  EXPECT_EQ(report.accepted.count(), 1u);
  EXPECT_EQ(report.answer_proofs, 1u);
  EXPECT_EQ(report.answer_proofs_verified, 1u);

  EXPECT_THAT(FormatReport(report), HasSubstr("Everything held."));
  EXPECT_THAT(FormatReport(report), HasSubstr("3 attempted, 3 caught"));
  EXPECT_EQ(ReportJson(report)["ok"], true);
  EXPECT_EQ(ReportJson(report)["payments_per_s"], 100.0);
  report.faults = {"something"};
  EXPECT_THAT(FormatReport(report), HasSubstr("FAILED:\n  something\n"));
  EXPECT_EQ(ReportJson(report)["ok"], false);
}

}  // namespace
}  // namespace groat::demo
