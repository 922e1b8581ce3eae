#include "p2p/address_book.h"

#include <gmock/gmock.h>

#include <limits>

namespace groat::p2p {
namespace {

using ::testing::Optional;
using namespace std::chrono_literals;
using Verdict = AddressBook::Verdict;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kLifetime = 3'600'000;
constexpr int64_t kSkew = 30'000;

class AddressBookTest : public ::testing::Test {
 protected:
  static Ed25519PrivateKey Key(uint8_t number) {
    Bytes32 seed;
    seed[0] = number;
    return Ed25519PrivateKey(seed);
  }
  static PeerId Id(uint8_t number) { return Key(number).public_key(); }
  PeerRecord Record(uint8_t peer, int64_t timestamp_ms, std::string address) {
    return SignPeerRecord(Key(peer), namespace_, static_cast<uint64_t>(timestamp_ms),
                          std::move(address));
  }
  Verdict Add(uint8_t peer, int64_t timestamp_ms, std::string address, int64_t now_ms = kNow) {
    return book_.Add(Record(peer, timestamp_ms, std::move(address)), now_ms);
  }

  const Hash namespace_ = NamespaceHash("test");
  AddressBook book_{namespace_, {{Id(9), "nine:1"}}, 1h, 30s};
};

TEST_F(AddressBookTest, TellsNewsFromWhatIsKnown) {
  EXPECT_EQ(Add(1, kNow, "a:1"), Verdict::kNew);
  EXPECT_EQ(Add(1, kNow, "a:1"), Verdict::kKnown);
  EXPECT_EQ(Add(1, kNow, "b:1"), Verdict::kKnown);  // As old: what is held stays.
  EXPECT_EQ(book_.Record(Id(1))->address, "a:1");
  EXPECT_EQ(Add(1, kNow - 1, "b:1"), Verdict::kStale);
  EXPECT_EQ(book_.Record(Id(1))->address, "a:1");
  EXPECT_EQ(Add(1, kNow + 1, "a:1"), Verdict::kRefreshed);
  EXPECT_EQ(book_.Record(Id(1))->timestamp_ms, static_cast<uint64_t>(kNow + 1));
  EXPECT_EQ(Add(1, kNow + 2, "b:1"), Verdict::kNew);
  EXPECT_EQ(book_.Record(Id(1))->address, "b:1");
  EXPECT_EQ(Add(2, kNow, "c:1"), Verdict::kNew);
  EXPECT_EQ(book_.size(), 2U);
  EXPECT_EQ(book_.Records().size(), 2U);
  EXPECT_EQ(book_.Record(Id(3)), nullptr);
}

TEST_F(AddressBookTest, RefusesWhatItsClockDoesNotAllow) {
  const struct {
    const char* name;
    int64_t now_ms;
    uint64_t timestamp_ms;
    Verdict verdict;
  } kCases[] = {
      {"as far ahead as allowed", kNow, kNow + kSkew, Verdict::kNew},
      {"further ahead", kNow, kNow + kSkew + 1, Verdict::kRefused},
      {"as old as allowed", kNow, kNow - kLifetime, Verdict::kNew},
      {"older", kNow, kNow - kLifetime - 1, Verdict::kRefused},
      {"the beginning of time", kNow, 0, Verdict::kRefused},
      {"the end of time", kNow, std::numeric_limits<uint64_t>::max(), Verdict::kRefused},
      {"beyond signed numbers", kNow, uint64_t{1} << 63, Verdict::kRefused},
      {"the last signed number", kNow, (uint64_t{1} << 63) - 1, Verdict::kRefused},
      {"a clock at its beginning", 0, 0, Verdict::kNew},
      {"a clock at its beginning, ahead", 0, kSkew, Verdict::kNew},
      {"a clock at its beginning, too far ahead", 0, kSkew + 1, Verdict::kRefused},
      {"a clock before its beginning", -kSkew - 1, 0, Verdict::kNew},
      {"a clock long before its beginning", -kNow, 1, Verdict::kRefused},
      {"a clock younger than the lifetime", kLifetime - 1, 0, Verdict::kNew},
      {"a clock as old as the lifetime", kLifetime, 0, Verdict::kNew},
      {"a clock older than the lifetime", kLifetime + 1, 0, Verdict::kRefused},
  };
  for (const auto& c : kCases) {
    AddressBook book(namespace_, {}, 1h, 30s);
    EXPECT_EQ(book.Add(SignPeerRecord(Key(1), namespace_, c.timestamp_ms, "a:1"), c.now_ms),
              c.verdict)
        << c.name;
    EXPECT_EQ(book.size(), c.verdict == Verdict::kNew ? 1U : 0U) << c.name;
  }
}

TEST_F(AddressBookTest, RefusesBadSignaturesAndKeepsWhatItHas) {
  EXPECT_EQ(Add(1, kNow, "a:1"), Verdict::kNew);
  PeerRecord forged = Record(2, kNow + 1, "evil:1");
  forged.peer = Id(1);
  EXPECT_EQ(book_.Add(forged, kNow), Verdict::kRefused);
  PeerRecord moved = Record(1, kNow, "a:1");
  moved.timestamp_ms = kNow + 1;
  EXPECT_EQ(book_.Add(moved, kNow), Verdict::kRefused);
  const PeerRecord elsewhere =
      SignPeerRecord(Key(1), NamespaceHash("another"), static_cast<uint64_t>(kNow + 1), "a:1");
  EXPECT_EQ(book_.Add(elsewhere, kNow), Verdict::kRefused);
  EXPECT_EQ(book_.Record(Id(1))->address, "a:1");
  EXPECT_EQ(book_.Record(Id(1))->timestamp_ms, static_cast<uint64_t>(kNow));
}

TEST_F(AddressBookTest, PrunesTheExpiredAndTheUnwanted) {
  Add(1, kNow, "a:1");
  Add(2, kNow + 1, "b:1");
  Add(3, kNow + 1, "c:1");
  const auto keep = [](const PeerId& peer) { return peer != Id(3); };
  book_.Prune(keep, kNow);
  EXPECT_EQ(book_.size(), 2U);
  book_.Prune(keep, kNow + kLifetime);
  EXPECT_EQ(book_.size(), 2U);
  book_.Prune(keep, kNow + kLifetime + 1);
  EXPECT_EQ(book_.size(), 1U);
  EXPECT_NE(book_.Record(Id(2)), nullptr);
  // A clock that went back makes nothing expire.
  book_.Prune(keep, 0);
  EXPECT_EQ(book_.size(), 1U);
}

TEST_F(AddressBookTest, AddressesOfBootstrappersTakeTurns) {
  EXPECT_EQ(book_.Address(Id(1), 0), std::nullopt);
  EXPECT_EQ(book_.Address(Id(1), 1), std::nullopt);
  Add(1, kNow, "a:1");
  for (const uint32_t attempt : {0U, 1U, 2U}) {
    EXPECT_THAT(book_.Address(Id(1), attempt), Optional(std::string("a:1")));
    EXPECT_THAT(book_.Address(Id(9), attempt), Optional(std::string("nine:1")));
  }
  Add(9, kNow, "moved:1");
  EXPECT_THAT(book_.Address(Id(9), 0), Optional(std::string("moved:1")));
  EXPECT_THAT(book_.Address(Id(9), 1), Optional(std::string("nine:1")));
  EXPECT_THAT(book_.Address(Id(9), 2), Optional(std::string("moved:1")));
}

TEST_F(AddressBookTest, DoubtLastsUntilThePeerIsReachedOrMoves) {
  book_.Doubt(Id(1));  // Nothing is known of it: nothing to doubt.
  EXPECT_FALSE(book_.Trusts(Id(1)));
  Add(1, kNow, "a:1");
  EXPECT_TRUE(book_.Trusts(Id(1)));
  book_.Doubt(Id(1));
  EXPECT_FALSE(book_.Trusts(Id(1)));
  EXPECT_THAT(book_.Address(Id(1), 0), Optional(std::string("a:1")));  // Tried all the same.
  EXPECT_EQ(Add(1, kNow + 1, "a:1"), Verdict::kRefreshed);
  EXPECT_FALSE(book_.Trusts(Id(1)));
  EXPECT_EQ(Add(1, kNow + 2, "b:1"), Verdict::kNew);
  EXPECT_TRUE(book_.Trusts(Id(1)));
  book_.Doubt(Id(1));
  book_.Trust(Id(1));
  EXPECT_TRUE(book_.Trusts(Id(1)));
  book_.Trust(Id(7));
  EXPECT_FALSE(book_.Trusts(Id(7)));
  // A bootstrapper's configured address is no record.
  EXPECT_FALSE(book_.Trusts(Id(9)));
}

}  // namespace
}  // namespace groat::p2p
