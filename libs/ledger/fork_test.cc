// When a node must stop: a register behind it or beside it, and signatures on two histories.
#include "ledger/fork.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "ledger/sign_guard.h"
#include "ledger/test_chain.h"

namespace groat::ledger {
namespace {

using record::Height;
using ::testing::HasSubstr;

// The id of height h in one history is h in every byte, in the rival one 0x80 + h.
Bytes32 Ours(uint64_t height) { return Filled(static_cast<uint8_t>(height)); }
Bytes32 Theirs(uint64_t height) { return Filled(static_cast<uint8_t>(0x80 + height)); }
ChainPoint OurPoint(uint64_t height) { return {Height(height), Ours(height)}; }

TEST(CompareHeadsTest, TellsAgreementFromForks) {
  const IdAt id_at = [](Height height) { return Ours(height.value()); };
  struct Case {
    const char* name;
    ChainPoint ours;
    ChainPoint theirs;
    std::optional<ForkKind> want;
  };
  for (const Case& c :
       {Case{"both empty", {}, {}, std::nullopt},
        Case{"same head", OurPoint(5), OurPoint(5), std::nullopt},
        Case{"theirs is ahead", OurPoint(5), {Height(6), Theirs(6)}, std::nullopt},
        Case{"went back", OurPoint(5), OurPoint(4), ForkKind::kWentBack},
        Case{"emptied", OurPoint(5), {}, ForkKind::kWentBack},
        Case{"same height, other block",
             OurPoint(5),
             {Height(5), Theirs(5)},
             ForkKind::kOtherHistory},
        Case{"below, other block", OurPoint(5), {Height(3), Theirs(3)}, ForkKind::kOtherHistory}}) {
    EXPECT_EQ(CompareHeads(c.ours, c.theirs, id_at), c.want) << c.name;
  }
}

TEST(ForkTest, ShowsBothHistories) {
  const Fork fork{.kind = ForkKind::kOtherHistory,
                  .reason = "head 3, had applied 3",
                  .ours = {OurPoint(1), OurPoint(2), OurPoint(3)},
                  .theirs = {OurPoint(1), {Height(2), Theirs(2)}},
                  .last_signed = OurPoint(2)};
  EXPECT_EQ(fork.LastCommon(), OurPoint(1));
  const std::string text = fork.Describe();
  for (const std::string& part :
       {std::string("the register shows another history: head 3, had applied 3"),
        "3:" + Ours(3).Hex(), "2:" + Theirs(2).Hex(), std::string("last in common 1"),
        "signed up to 2:" + Ours(2).Hex()}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  Fork emptied = fork;
  emptied.theirs.clear();
  EXPECT_EQ(emptied.LastCommon(), std::nullopt);
  EXPECT_THAT(emptied.Describe(), HasSubstr("theirs [empty]"));
}

class SignGuardTest : public ::testing::Test {
 protected:
  using Chain = std::function<std::optional<Bytes32>(Height)>;
  static Chain OurChain(uint64_t head) {
    return [head](Height h) -> std::optional<Bytes32> {
      if (h.value() > head) return std::nullopt;
      return Ours(h.value());
    };
  }
  static Chain RivalChain(uint64_t common, uint64_t head) {
    return [common, head](Height h) -> std::optional<Bytes32> {
      if (h.value() > head) return std::nullopt;
      return h.value() <= common ? Ours(h.value()) : Theirs(h.value());
    };
  }
  static SignMark Mark(uint64_t height, const Bytes32& id) {
    return {Height(height), id, Filled(0x33)};
  }
  static bool IsFork(const SignGuard::Verdict& verdict) {
    return std::holds_alternative<ForkKind>(verdict);
  }
};

// Safety: no height is signed twice with different ids even if the node restarts in between.
// Method: sign, rebuild from the persisted mark alone, offer a rival chain.
TEST_F(SignGuardTest, NeverSignsTwoHistoriesAcrossRestart) {
  SignGuard before(std::nullopt);
  const auto first = before.Consider(Mark(5, Ours(5)), OurChain(5));
  const auto& allowed = std::get<SignGuard::Allowed>(first);
  ASSERT_TRUE(allowed.persist.has_value());
  absl::StatusOr<SignMark> stored = SignMark::Decode(allowed.persist->Encode());
  GROAT_ASSERT_OK(stored);

  SignGuard after(*stored);
  EXPECT_TRUE(IsFork(after.Consider(Mark(5, Theirs(5)), RivalChain(4, 5)))) << "same height";
  EXPECT_TRUE(IsFork(after.Consider(Mark(9, Theirs(9)), RivalChain(4, 9)))) << "above";
  EXPECT_TRUE(IsFork(after.Consider(Mark(3, Theirs(3)), RivalChain(2, 9)))) << "below";
  EXPECT_TRUE(IsFork(after.Consider(Mark(3, Ours(3)), OurChain(3)))) << "the chain went back";
  EXPECT_FALSE(IsFork(after.Consider(Mark(6, Ours(6)), OurChain(6))));
}

TEST_F(SignGuardTest, LowerHeightsOfTheSameChainNeedNoNewMark) {
  SignGuard guard(Mark(5, Ours(5)));
  const auto lower = guard.Consider(Mark(3, Ours(3)), OurChain(7));
  EXPECT_FALSE(std::get<SignGuard::Allowed>(lower).persist.has_value());
  const auto same = guard.Consider(Mark(5, Ours(5)), OurChain(7));
  EXPECT_FALSE(std::get<SignGuard::Allowed>(same).persist.has_value());
  const auto above = guard.Consider(Mark(7, Ours(7)), OurChain(7));
  EXPECT_EQ(std::get<SignGuard::Allowed>(above).persist, Mark(7, Ours(7)));
}

TEST_F(SignGuardTest, AnotherLogRootAtTheMarkIsAFork) {
  SignGuard guard(Mark(5, Ours(5)));
  SignMark other = Mark(5, Ours(5));
  other.log_root[0] ^= 1;
  EXPECT_TRUE(IsFork(guard.Consider(other, OurChain(5))));
}

TEST_F(SignGuardTest, ACandidateThatIsNotOnTheOwnChainIsAFork) {
  SignGuard guard(std::nullopt);
  EXPECT_TRUE(IsFork(guard.Consider(Mark(5, Theirs(5)), OurChain(5))));
  EXPECT_TRUE(IsFork(guard.Consider(Mark(6, Ours(6)), OurChain(5)))) << "above the head";
}

TEST_F(SignGuardTest, MarkOfWrongLengthIsRefused) {
  Bytes bytes = Mark(5, Ours(5)).Encode();
  EXPECT_EQ(bytes.size(), 72u);
  bytes.pop_back();
  EXPECT_FALSE(SignMark::Decode(bytes).ok());
}

}  // namespace
}  // namespace groat::ledger
