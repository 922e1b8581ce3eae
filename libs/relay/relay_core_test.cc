// The relay's rules, from outside: verdicts, cycles, periods and recovery from the log.
#include "relay/relay_core.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/status_matchers.h"
#include "relay/log_group.h"

namespace groat::relay {
namespace {

using ::groat::testing::StatusIs;
using record::Cycle;
using record::Period;
using ::testing::_;
using ::testing::HasSubstr;

constexpr record::RelayId kRelay(1);

TrieEntry Entry(uint64_t key, uint64_t value) {
  static const Blake3Context context("groat test key");
  uint8_t seed[8];
  StoreBigEndian(key, seed, 8);
  TrieEntry entry{context(ByteView(seed)), {}};
  StoreBigEndian(value, entry.value.data(), 8);
  return entry;
}

// What a driver would do, without a disk: keeps the log's records.
class Harness {
 public:
  explicit Harness(uint64_t period_cycles)
      : identity_{kRelay, record::Shard(0), period_cycles}, core_(identity_) {}

  std::vector<Verdict> Submit(const std::vector<TrieEntry>& entries) {
    const SubmitEffects effects = core_.Submit(entries);
    if (!effects.persist.empty()) log_.push_back(effects.persist);
    return effects.verdicts;
  }
  Outcome Submit(uint64_t key, uint64_t value) { return Submit({Entry(key, value)})[0].outcome; }
  void Seal() { log_.push_back(core_.Seal(1000)); }
  // One slice; true when the cycle is rooted.
  bool Work(size_t slice) {
    std::optional<RootedCycle> rooted = core_.Work(slice);
    if (!rooted.has_value()) return false;
    roots_.push_back(rooted->statement);
    log_.push_back(Encode(RootedRecord{record::SignRoot(rooted->statement, key_)}));
    return true;
  }
  record::RootStatement Close() {
    Seal();
    while (!Work(SIZE_MAX)) {
    }
    return roots_.back();
  }
  // A core built from the first `records` records of the log.
  absl::StatusOr<std::unique_ptr<RelayCore>> Recovered(size_t records) const {
    auto core = std::make_unique<RelayCore>(identity_);
    for (size_t i = 0; i < records; ++i) {
      absl::StatusOr<JournalRecord> record = DecodeJournalRecord(log_[i]);
      if (!record.ok()) return record.status();
      auto rooted = core->Recover(*record);
      if (!rooted.ok()) return rooted.status();
    }
    return core;
  }

  const Identity identity_;
  RelayCore core_;
  std::vector<Bytes> log_;
  std::vector<record::RootStatement> roots_;
  const Ed25519PrivateKey key_{Bytes32()};
};

TEST(RelayCoreTest, SameValueIsRepeatedAndAnotherIsADoubleSpendAtEveryStage) {
  for (uint64_t period_cycles : {0, 1, 3}) {
    Harness relay(period_cycles);
    EXPECT_EQ(relay.Submit(1, 10), Outcome::kAccepted);
    const auto check = [&](const std::string& stage) {
      EXPECT_EQ(relay.Submit(1, 10), Outcome::kRepeated) << stage;
      const Verdict verdict = relay.Submit({Entry(1, 11)})[0];
      EXPECT_EQ(verdict.outcome, Outcome::kDoubleSpend) << stage;
      EXPECT_EQ(verdict.cycle, Cycle(1)) << stage;
      if (verdict.standing_value.has_value()) {
        EXPECT_EQ(*verdict.standing_value, Entry(1, 10).value) << stage;
      }
    };
    check("open");
    relay.Seal();
    check("sealed");
    while (!relay.Work(1)) check("half in the trie");
    check("rooted");
    for (int i = 0; i < 7; ++i) relay.Close();
    check("periods later");
    EXPECT_EQ(relay.core_.key_count(), 1u);
  }
}

TEST(RelayCoreTest, IntakeGoesOnWhileACycleEntersTheTrie) {
  Harness relay(0);
  std::vector<TrieEntry> many;
  for (uint64_t i = 0; i < 5000; ++i) many.push_back(Entry(i, i));
  relay.Submit(many);
  relay.Seal();
  uint64_t next = 10'000;
  while (!relay.Work(100)) {
    const Verdict verdict = relay.Submit({Entry(next, next)})[0];
    EXPECT_EQ(verdict.outcome, Outcome::kAccepted);
    EXPECT_EQ(verdict.cycle, Cycle(2));
    ++next;
  }
  EXPECT_GT(next, 10'010u) << "the cycle was worked on in slices";
  EXPECT_EQ(relay.roots_.back().new_leaf_count, 5000u);
  EXPECT_EQ(relay.Close().new_leaf_count, next - 10'000);
}

TEST(RelayCoreTest, StatementsFollowOneAnother) {
  for (uint64_t period_cycles : {0, 1, 4}) {
    Harness relay(period_cycles);
    std::mt19937_64 random(period_cycles);
    const record::RootStatement* previous = nullptr;
    std::vector<record::RootStatement> roots;
    for (int cycle = 0; cycle < 12; ++cycle) {
      for (uint64_t i = random() % 40; i > 0; --i) relay.Submit(random(), 1);
      roots.push_back(relay.Close());
    }
    for (const record::RootStatement& root : roots) {
      GROAT_EXPECT_OK(record::CheckFollows(previous, root, period_cycles));
      previous = &root;
    }
  }
}

// The legacy relay: each cycle's trie holds that cycle's updates alone.
TEST(RelayCoreTest, PeriodOfOneCycleStartsAnEmptyTrieEachTime) {
  Harness relay(1);
  relay.Submit(1, 1);
  EXPECT_EQ(relay.Close().leaf_count, 1u);
  relay.Submit(2, 2);
  EXPECT_EQ(relay.Close().leaf_count, 1u);
  EXPECT_TRUE(relay.Close().root.IsZero());
}

// Method: random traffic; a core rebuilt from every prefix of the log agrees with the roots that
// were logged, knows every update of the prefix and goes on from the right cycle.
TEST(RelayCoreTest, RecoversFromEveryPrefixOfItsLog) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const uint64_t period_cycles = seed % 3;
    Harness relay(period_cycles);
    std::mt19937_64 random(seed);
    std::vector<std::pair<size_t, TrieEntry>> accepted;  // With the length of the log after it.
    for (int step = 0; step < 60; ++step) {
      switch (random() % 4) {
        case 0:
          if (relay.core_.can_seal()) relay.Seal();
          break;
        case 1:
          if (relay.core_.has_work()) relay.Work(1 + random() % 64);
          break;
        default:
          const TrieEntry entry = Entry(random() % 50, random() % 3);
          if (relay.Submit({entry})[0].outcome == Outcome::kAccepted) {
            accepted.emplace_back(relay.log_.size(), entry);
          }
      }
    }
    for (size_t records = 0; records <= relay.log_.size(); ++records) {
      auto core = relay.Recovered(records);
      GROAT_ASSERT_OK(core);
      std::vector<TrieEntry> known;
      for (const auto& [size, entry] : accepted) {
        if (size <= records) known.push_back(entry);
      }
      EXPECT_EQ((*core)->key_count(), known.size());
      for (const Verdict& verdict : (*core)->Submit(known).verdicts) {
        EXPECT_EQ(verdict.outcome, Outcome::kRepeated) << "seed " << seed << " at " << records;
      }
    }
  }
}

TEST(RelayCoreTest, RecoveryRefusesALogThatContradictsItself) {
  Harness relay(0);
  relay.Submit(1, 1);
  relay.Close();
  RelayCore core(relay.identity_);
  EXPECT_THAT(core.Recover(SealedRecord{Cycle(2), 0}),
              StatusIs(absl::StatusCode::kDataLoss, "log seals cycle 2, want 1"));
  GROAT_EXPECT_OK(core.Recover(UpdatesRecord{{Entry(1, 1)}}));
  EXPECT_THAT(core.Recover(UpdatesRecord{{Entry(1, 2)}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("twice")));

  RelayCore other(relay.identity_);
  GROAT_EXPECT_OK(other.Recover(UpdatesRecord{{Entry(1, 2)}}));
  GROAT_EXPECT_OK(other.Recover(SealedRecord{Cycle(1), 0}));
  const record::SignedRoot logged = record::SignRoot(relay.roots_[0], relay.key_);
  EXPECT_THAT(other.Recover(RootedRecord{logged}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(relay.roots_[0].root.Hex())));
}

TEST(JournalTest, GoldenBytes) {
  TrieEntry entry;
  entry.key.data_.fill(1);
  entry.value.data_.fill(2);
  EXPECT_EQ(ToHex(EncodeUpdates(std::vector<TrieEntry>{entry})),
            "0100000001" + entry.key.Hex() + entry.value.Hex());
  EXPECT_EQ(ToHex(Encode(SealedRecord{Cycle(7), 8})), "0200000000000000070000000000000008");
  const record::SignedRoot root{{.relay = record::RelayId(1),
                                 .shard = record::Shard(2),
                                 .period = Period(3),
                                 .cycle = Cycle(4),
                                 .root = entry.key,
                                 .leaf_count = 5,
                                 .new_leaf_count = 6},
                                {}};
  EXPECT_EQ(ToHex(Encode(RootedRecord{root})),
            "03000000010000000200000003"
            "0000000000000004" +
                entry.key.Hex() + "00000000000000050000000000000006" + std::string(128, '0'));
}

TEST(JournalTest, DecodesOnlyWhatItEncodes) {
  const std::vector<Bytes> records = {
      EncodeUpdates(std::vector<TrieEntry>{Entry(1, 1), Entry(2, 2)}),
      Encode(SealedRecord{Cycle(7), 8}), Encode(RootedRecord{})};
  for (const Bytes& good : records) {
    GROAT_EXPECT_OK(DecodeJournalRecord(good));
    for (size_t size = 0; size < good.size(); ++size) {
      EXPECT_THAT(DecodeJournalRecord(ByteView(good).first(size)),
                  StatusIs(absl::StatusCode::kInvalidArgument, _));
    }
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_THAT(DecodeJournalRecord(longer), StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  EXPECT_THAT(DecodeJournalRecord(Bytes{9}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("type 9")));
}

TEST(LogGroupTest, ShortPeriodsShareAGroupAndNoneIsCut) {
  EXPECT_EQ(LogGroupOf(Cycle(1'000'000), 0), 0u);
  EXPECT_EQ(LogGroupOf(Cycle(1024), 1), 0u);
  EXPECT_EQ(LogGroupOf(Cycle(1025), 1), 1u);
  EXPECT_EQ(LogGroupOf(Cycle(5000), 5000), 0u);
  EXPECT_EQ(LogGroupOf(Cycle(5001), 5000), 1u);
  for (uint64_t period_cycles : {1, 3, 7, 1000, 1500}) {
    for (uint64_t c = 1; c < 5000; ++c) {
      const Cycle first =
          record::FirstCycleOf(record::PeriodOf(Cycle(c), period_cycles), period_cycles);
      ASSERT_EQ(LogGroupOf(first, period_cycles), LogGroupOf(Cycle(c), period_cycles));
    }
  }
}

}  // namespace
}  // namespace groat::relay
